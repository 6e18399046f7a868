"""What some rows of the content network need besides being written: names made from parts, and what they rest on.

Each function here prepares one row inside the transaction of `records.apply`: it is given the row as it is shown, if
there is one (it is locked), and its new values, and gives the columns to write.
"""

from typing import Any

from bot.context import Context
from bot.errors import Conflict, Refusal
from bot.operations import audit, projects, releases
from bot.operations.records import Row
from bot.rules import content
from bot.rules.projects import default_prefixes
from bot.rules.releases import DEVELOPMENT, release_id
from bot.store.announcements import Announcement
from bot.store.candidates import Candidate
from bot.store.content import ContentRepo, Product, locked_variant
from bot.store.projects import Project

NAMING = ("short", "version", "release_type")


async def product_version(context: Context, before: Row | None, values: Row) -> Row:
    """A product version; its `short` is its product's unless given. `product_version_id` follows both parts."""
    if values.get("short", "") is None:
        product = await Product.get_or_none(id=values.get("product_id"))
        values["short"] = product.short if product is not None else (before or {})["product"]
    parts = {name: values.get(name, (before or {}).get(name)) for name in ("short", "version")}
    return {**values, "product_version_id": f"{parts['short']}-{parts['version']}"}


async def sla(context: Context, before: Row | None, values: Row) -> Row:
    """An SLA. Refuses another name: what was promised under it would change its meaning."""
    if before is not None and values.get("name", before["name"]) != before["name"]:
        raise Refusal("You may not modify the SLA's name due to policy", field="name")
    return values


async def release(context: Context, before: Row | None, values: Row) -> Row:
    """A release of the project that `short` names by permalink, which is made if there is none.

    Refuses another version, short or type for a release that has a candidate or an approved announcement, a new
    release of an archived project, and a release id that another project's release has.
    """
    parts = {name: values.pop(name, (before or {}).get(name)) for name in NAMING}
    changed = [name for name in NAMING if before is None or parts[name] != before[name]]
    if before is not None and not changed:
        return {**values, "updated_at": context.now()}
    if before is not None and await _is_bound(before["#"]):
        raise Refusal("This cannot change: the release has candidates or is announced.", field=changed[0])
    project = await _project(context, str(parts["short"]))
    if "short" in changed:
        projects.refuse_archived(project)
    version, release_type = str(parts["version"]), str(parts["release_type"])
    await _refuse_namesake(project, version, release_type)
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


async def variant(context: Context, before: Row | None, values: Row) -> Row:
    """A variant. Refuses to leave out an architecture that it has repositories for."""
    if before is None or "arches" not in values:
        return values
    used = await ContentRepo.filter(variant_id=before["#"]).distinct().values_list("arch", flat=True)
    if lost := sorted(set(map(str, used)) - set(values["arches"])):
        raise Refusal(f"This variant has repositories for {', '.join(lost)}: delete them first.", field="arches")
    return values


async def repo(context: Context, before: Row | None, values: Row) -> Row:
    """A repository of the content network. Refuses one for a variant or architecture that the release has not."""
    key = {name: values.pop(name, (before or {}).get(name)) for name in ("release_id", "variant_uid", "arch")}
    if before is not None and all(before[name] == value for name, value in key.items()):
        return values
    found = await locked_variant(key["release_id"], key["variant_uid"])  # lest the architecture is taken from it
    if found is None or key["arch"] not in found["arches"]:
        named = ", ".join(f"{name}={value}" for name, value in key.items())
        raise Refusal(f"No VariantArch for {named}")
    return {**values, "variant_id": found["id"], "arch": key["arch"]}


async def rpm(context: Context, before: Row | None, values: Row) -> Row:
    """A package file; it is called as usual, and goes on to be when it changes, unless a name is given."""
    whole: dict[str, Any] = {**(before or {}), **values}
    content.check_rpm(whole)
    usual = before is not None and before["filename"] == content.filename(before)
    if whole["filename"] is None or (usual and "filename" not in values):
        values["filename"] = content.filename(whole)
    return values


async def _is_bound(number: int) -> bool:
    """Whether a release is known by its name to others: it has candidates, and so deployments, or is announced."""
    announced = Announcement.filter(release_id=number, state="approved")
    return await Candidate.exists(release_id=number) or await announced.exists()


async def _refuse_namesake(project: Project, version: str, release_type: str) -> None:
    """Refuse the release id of another project's release; one of the same project is seen to be no unique one."""
    try:
        await releases.refuse_namesake(project, version, release_type)
    except Conflict as conflict:
        if conflict.details["project"] != project.name:
            raise


async def _project(context: Context, permalink: str) -> Project:
    project = await Project.get_or_none(permalink=permalink) or await Project.get_or_none(name=permalink)
    if project is not None and project.permalink != permalink:
        raise Refusal(f"The project `{permalink}` is known by another short, `{project.permalink}`.", field="short")
    if project is not None:
        return project
    now = context.now()
    values: Row = {"name": permalink, "permalink": permalink, **default_prefixes(permalink, first=True)}
    project = await Project.create(created_at=now, updated_at=now, **values)
    await audit.record(context, "project.create", permalink, project=project.id, after=values)
    return project
