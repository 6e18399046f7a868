"""What some rows of the content network need besides being written: names made from parts, and what they rest on.

What is here prepares rows inside the transaction of `records.apply`: it is given each row as it is shown, if there is
one (it is locked), and its new values, and gives the columns to write.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tortoise.expressions import Q

from bot.context import FORBIDDEN, Context
from bot.errors import Forbidden, Refusal
from bot.operations import audit, projects, releases
from bot.operations.records import Prepare, PrepareOne, Row
from bot.rules import content
from bot.rules.projects import default_prefixes
from bot.rules.releases import DEVELOPMENT, release_id
from bot.store.announcements import Announcement
from bot.store.candidates import Candidate
from bot.store.content import ContentRepo, Product, lock_variant
from bot.store.projects import Project
from bot.store.releases import Release

NAMING = ("short", "version", "release_type")


def one_by_one(prepare: Callable[[Context, Row | None, Row], Awaitable[Row]]) -> Prepare:
    """Prepare rows of which each needs to know of itself alone."""

    async def begin(context: Context, _: Sequence[tuple[Row | None, Row]]) -> PrepareOne:
        return partial(prepare, context)

    return begin


@one_by_one
async def product_version(context: Context, before: Row | None, values: Row) -> Row:
    """A product version; its `short` is its product's unless given. `product_version_id` follows both parts."""
    if values.get("short", "") is None:
        product = await Product.get_or_none(id=values.get("product_id"))
        values["short"] = product.short if product is not None else (before or {})["product"]
    parts = {name: values.get(name, (before or {}).get(name)) for name in ("short", "version")}
    return {**values, "product_version_id": f"{parts['short']}-{parts['version']}"}


@one_by_one
async def sla(context: Context, before: Row | None, values: Row) -> Row:
    """An SLA. Refuses another name: what was promised under it would change its meaning."""
    if before is not None and values.get("name", before["name"]) != before["name"]:
        raise Refusal("You may not modify the SLA's name due to policy", field="name")
    return values


@dataclass(frozen=True)
class Names:
    """What the names of releases meet, read for all of a request at once.

    Projects by the `short` that they are asked for by, releases by their release id, and the numbers of those that keep
    their names, since others know them by these: they have candidates, and so deployments, or are announced.
    """

    projects: dict[str, Project]
    taken: dict[str, Release]
    bound: set[int]


async def release(context: Context, pairs: Sequence[tuple[Row | None, Row]]) -> PrepareOne:
    """Releases of the projects that `short` names by permalink, which are made if there are none.

    Refuses another version, short or type for a release that has a candidate or an approved announcement, a new
    release of an archived project, and a release id that another project's release has. Forbidden for a token of
    another project, whether there is the one that is named or not.
    """
    return partial(_release, context, await _names(pairs))


async def _names(pairs: Sequence[tuple[Row | None, Row]]) -> Names:
    parts = [_parts(before, values) for before, values in pairs]
    shorts, rows = {short for short, _, _ in parts}, [before["#"] for before, _ in pairs if before is not None]
    # nobody gives a project another permalink until the transaction ends
    projects = await Project.filter(Q(permalink__in=shorts) | Q(name__in=shorts)).select_for_update(no_key=True)
    taken = await Release.filter(release_id__in={release_id(*each) for each in parts}).select_related("project")
    cut = await Candidate.filter(release_id__in=rows).distinct().values_list("release_id", flat=True)
    told = await Announcement.filter(release_id__in=rows, state="approved").values_list("release_id", flat=True)
    return Names(
        {each.name: each for each in projects} | {each.permalink: each for each in projects},
        {each.release_id: each for each in taken},
        {*map(int, cut), *map(int, told)},  # type: ignore[arg-type]
    )


def _parts(before: Row | None, values: Row) -> tuple[str, str, str]:
    """The short, version and type that a release is to have."""
    short, version, release_type = (str(values.get(name, (before or {}).get(name))) for name in NAMING)
    return short, version, release_type


async def _release(context: Context, names: Names, before: Row | None, values: Row) -> Row:
    parts = _parts(before, values)
    changed = [name for name, part in zip(NAMING, parts, strict=True) if before is None or part != before[name]]
    values = {name: value for name, value in values.items() if name not in NAMING}
    if before is not None and not changed:
        return {**values, "updated_at": context.now()}
    if before is not None and before["#"] in names.bound:
        raise Refusal("This cannot change: the release has candidates or is announced.", field=changed[0])
    short, version, release_type = parts
    project = await _project(context, names, short)
    if "short" in changed:
        projects.refuse_archived(project)
    name = release_id(project.permalink, version, release_type)
    other = names.taken.get(name)
    if other is not None and other.project_id != project.id:  # one of the same project is seen to be no unique one
        raise releases.release_id_conflict(context, other)
    columns: Row = {
        **values,
        "project_id": project.id,
        "version": version,
        "release_type": release_type,
        "release_id": name,
        "updated_at": context.now(),
    }
    if before is None:
        columns |= {"status": DEVELOPMENT, "notes": "", "files": {}, "created_at": context.now()}
    return columns


@one_by_one
async def variant(context: Context, before: Row | None, values: Row) -> Row:
    """A variant. Refuses to leave out an architecture that it has repositories for."""
    if before is None or "arches" not in values:
        return values
    used = await ContentRepo.filter(variant_id=before["#"]).distinct().values_list("arch", flat=True)
    if lost := sorted(set(map(str, used)) - set(values["arches"])):
        raise Refusal(f"This variant has repositories for {', '.join(lost)}: delete them first.", field="arches")
    return values


@one_by_one
async def repo(context: Context, before: Row | None, values: Row) -> Row:
    """A repository of the content network. Refuses one for a variant or architecture that the release has not.

    A token of one project knows no variants of others.
    """
    key = {name: values.pop(name, (before or {}).get(name)) for name in ("release_id", "variant_uid", "arch")}
    if before is not None and all(before[name] == value for name, value in key.items()):
        return values
    variant = await lock_variant(key["release_id"], key["variant_uid"])  # lest the architecture is taken from it
    if (
        variant is None
        or context.actor.project_id not in (None, variant.project_id)
        or key["arch"] not in variant.arches
    ):
        named = ", ".join(f"{name}={value}" for name, value in key.items())
        raise Refusal(f"No VariantArch for {named}")
    return {**values, "variant_id": variant.id, "arch": key["arch"]}


@one_by_one
async def rpm(context: Context, before: Row | None, values: Row) -> Row:
    """A package file; it is called as usual, and goes on to be when it changes, unless a name is given."""
    whole: dict[str, Any] = {**(before or {}), **values}
    content.check_rpm(whole)
    usual = before is not None and before["filename"] == content.filename(before)
    if whole["filename"] is None or (usual and "filename" not in values):
        values["filename"] = content.filename(whole)
    return values


async def _project(context: Context, names: Names, permalink: str) -> Project:
    project = names.projects.get(permalink)
    mine = context.actor.project_id
    if mine is not None and (project is None or project.id != mine):
        raise Forbidden(FORBIDDEN)
    if project is not None and project.permalink != permalink:
        raise Refusal(f"The project `{permalink}` is known by another short, `{project.permalink}`.", field="short")
    if project is not None:
        return project
    now = context.now()
    values: Row = {"name": permalink, "permalink": permalink, **default_prefixes(permalink, first=True)}
    project = names.projects[permalink] = await Project.create(created_at=now, updated_at=now, **values)
    await audit.record(context, "project.create", permalink, project=project.id, after=values)
    return project
