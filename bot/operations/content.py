"""What some rows of the content network need besides being written: names made from parts, and what they rest on.

Each function here prepares one row inside the transaction of `records.apply`: it is given the row as it is shown, if
there is one, and its new values, and gives the columns to write.
"""

from typing import Any

from bot.context import Context
from bot.errors import Conflict, Refusal
from bot.operations import audit, releases
from bot.operations.records import Row
from bot.rules import content
from bot.rules.projects import default_prefixes
from bot.rules.releases import DEVELOPMENT, release_id
from bot.store.announcements import Announcement
from bot.store.candidates import Candidate
from bot.store.content import Product, Variant
from bot.store.projects import Project

NAMING = ("short", "version", "release_type")


async def product_version(context: Context, before: Row | None, values: Row) -> Row:
    """A product version; its `short` is its product's unless given. `product_version_id` follows both parts."""
    if values.get("short", "") is None:
        values["short"] = (await Product.get(id=values["product_id"])).short
    parts = {name: values.get(name, (before or {}).get(name)) for name in ("short", "version")}
    return {**values, "product_version_id": f"{parts['short']}-{parts['version']}"}


async def sla(context: Context, before: Row | None, values: Row) -> Row:
    """An SLA. Refuses another name: what was promised under it would change its meaning."""
    if before is not None and values.get("name", before["name"]) != before["name"]:
        raise Refusal("You may not modify the SLA's name due to policy", field="name")
    return values


async def release(context: Context, before: Row | None, values: Row) -> Row:
    """A release of the project that `short` names by permalink, which is made if there is none.

    Refuses another version, short or type for a release that has a candidate or an approved announcement, and a
    release id that another release has.
    """
    if before is not None:
        changed = [name for name in NAMING if values.get(name, before[name]) != before[name]]
        if changed and await _is_bound(before["#"]):
            raise Refusal("This cannot change: the release has candidates or is announced.", field=changed[0])
    parts = {name: values.pop(name, (before or {}).get(name)) for name in NAMING}
    project = await _project(context, str(parts["short"]))
    version, release_type = str(parts["version"]), str(parts["release_type"])
    try:
        await releases.refuse_namesake(project, version, release_type, own=before["#"] if before else None)
    except Conflict as conflict:
        raise Refusal(conflict.sentence) from conflict
    columns: Row = {
        **values,
        "project_id": project.id,
        "version": version,
        "release_type": release_type,
        "release_id": release_id(project.permalink, version, release_type),
        "updated_at": context.now(),
    }
    if before is None:
        columns |= {"status": DEVELOPMENT, "notes": "", "files": {}, "created_at": context.now()}
    return columns


async def repo(context: Context, before: Row | None, values: Row) -> Row:
    """A repository of the content network. Refuses one for a variant or architecture that the release has not."""
    key = {name: values.pop(name, (before or {}).get(name)) for name in ("release_id", "variant_uid", "arch")}
    variant = await Variant.get_or_none(release__release_id=key["release_id"], uid=key["variant_uid"])
    if variant is None or key["arch"] not in variant.arches:
        named = ", ".join(f"{name}={value}" for name, value in key.items())
        raise Refusal(f"No VariantArch for {named}")
    return {**values, "variant_id": variant.id, "arch": key["arch"]}


async def rpm(context: Context, before: Row | None, values: Row) -> Row:
    """A package file; it is called as usual unless a name is given."""
    whole: dict[str, Any] = {**(before or {}), **values}
    content.check_rpm(whole)
    if whole["filename"] is None:
        values["filename"] = content.filename(whole)
    return values


async def _is_bound(number: int) -> bool:
    """Whether a release is known by its name to others: it has candidates, and so deployments, or is announced."""
    announced = Announcement.filter(release_id=number, state="approved")
    return await Candidate.exists(release_id=number) or await announced.exists()


async def _project(context: Context, permalink: str) -> Project:
    project = await Project.get_or_none(permalink=permalink)
    if project is not None:
        return project
    if await Project.exists(name=permalink):
        raise Refusal(f"The project `{permalink}` is known by another short.", field="short")
    now = context.now()
    values: Row = {"name": permalink, "permalink": permalink, **default_prefixes(permalink, first=True)}
    project = await Project.create(created_at=now, updated_at=now, **values)
    await audit.record(context, "project.create", permalink, project=project.id, after=values)
    return project
