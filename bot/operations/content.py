"""Columns of content rows that depend on other rows or on each other: composed names, projects, variants.

Each function here is a `changes.Preparer`: it runs inside the transaction of `records.apply`, where the stored rows are
locked, and yields the columns to write for one draft after the other.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tortoise.expressions import Q

from bot.context import FORBIDDEN, Context, authorize
from bot.errors import Forbidden, Refusal
from bot.events.administration import ProjectCreated
from bot.operations import events, projects, releases
from bot.operations.changes import Draft
from bot.rules import content
from bot.rules.projects import default_prefixes
from bot.rules.releases import DEVELOPMENT, release_id
from bot.store.announcements import Announcement
from bot.store.candidates import Candidate
from bot.store.content import ContentRepo, Product, lock_variant
from bot.store.lists import Columns
from bot.store.projects import Project
from bot.store.releases import Release

RELEASE_ID_FIELDS = ("short", "version", "release_type")
REPO_PARENT_FIELDS = ("release_id", "variant_uid", "arch")


async def product_version(context: Context, drafts: Sequence[Draft]) -> AsyncIterator[Columns]:
    """Product versions: `short` defaults to the product's; `product_version_id` is made of `short` and `version`."""
    for draft in drafts:
        values = dict(draft.values)
        if values.get("short", "") is None:
            product = await Product.get_or_none(id=values.get("product_id"))
            values["short"] = product.short if product is not None else draft.get("product")
        short, version = values.get("short", draft.get("short")), draft.get("version")
        yield {**values, "product_version_id": f"{short}-{version}"}


async def sla(context: Context, drafts: Sequence[Draft]) -> AsyncIterator[Columns]:
    """SLAs. Refuses to rename one: schedules made under the old name would change their meaning."""
    for draft in drafts:
        if draft.stored is not None and draft.get("name") != draft.stored["name"]:
            raise Refusal("You may not modify the SLA's name due to policy", field="name")
        yield draft.values


@dataclass(frozen=True)
class _ReleaseNames:
    """Rows that the release ids of a request depend on or collide with, read once for all of its releases.

    Projects by name and by permalink, the releases to be changed by id, releases by release id, and the ids of releases
    whose release id is fixed because they have candidates or an approved announcement.
    """

    projects: dict[str, Project]
    stored: dict[int, Release]
    releases: dict[str, Release]
    fixed: set[int]


async def release(context: Context, drafts: Sequence[Draft]) -> AsyncIterator[Columns]:
    """Releases of the projects whose permalink `short` is; projects that do not exist are created.

    Refuses a new version, short or type for a release that has a candidate or an approved announcement, a new release
    of an archived project, and a release id that a release of another project has. Forbidden for a token of another
    project, whether or not the named one exists, and for what `rules/release_grants.py` and the creation of projects
    need another grant for.
    """
    names = await _release_names(drafts)
    for draft in drafts:
        yield await _release_columns(context, names, draft)


async def _release_names(drafts: Sequence[Draft]) -> _ReleaseNames:
    parts = [_release_id_parts(draft) for draft in drafts]
    shorts, ids = {short for short, _, _ in parts}, [draft.row_id for draft in drafts if draft.row_id is not None]
    # the locks keep permalinks from changing until the transaction ends
    named = Project.filter(Q(permalink__in=shorts) | Q(name__in=shorts))
    projects = await named.order_by("id").select_for_update(no_key=True)  # in order, so that two do not deadlock
    stored = await Release.filter(id__in=ids)
    existing = await Release.filter(release_id__in={release_id(*part) for part in parts}).select_related("project")
    cut = await Candidate.filter(release_id__in=ids).distinct().values_list("release_id", flat=True)
    announced = await Announcement.filter(release_id__in=ids, state="approved").values_list("release_id", flat=True)
    return _ReleaseNames(
        {project.name: project for project in projects} | {project.permalink: project for project in projects},
        {row.id: row for row in stored},
        {row.release_id: row for row in existing},
        {*map(int, cut), *map(int, announced)},  # type: ignore[arg-type]
    )


def _release_id_parts(draft: Draft) -> tuple[str, str, str]:
    """The short, version and type of the release once the draft is written."""
    short, version, release_type = (str(draft.get(name)) for name in RELEASE_ID_FIELDS)
    return short, version, release_type


async def _release_columns(context: Context, names: _ReleaseNames, draft: Draft) -> Columns:
    parts, stored = _release_id_parts(draft), draft.stored
    changed = [
        name for name, part in zip(RELEASE_ID_FIELDS, parts, strict=True) if stored is None or part != stored[name]
    ]
    columns = {name: value for name, value in draft.values.items() if name not in RELEASE_ID_FIELDS}
    columns["updated_at"] = context.now()
    if stored is not None and not changed:
        return columns
    if draft.row_id in names.fixed:
        raise Refusal("This cannot change: the release has candidates or is announced.", field=changed[0])
    releases.authorize_change(context, names.stored.get(draft.row_id or 0), changed)
    short, version, release_type = parts
    project = await _find_or_create_project(context, names, short)
    if "short" in changed:
        projects.refuse_archived(project)
    name = release_id(project.permalink, version, release_type)
    existing = names.releases.get(name)
    if existing is not None and existing.project_id != project.id:  # within the project the unique constraint refuses
        raise releases.release_id_conflict(context, existing)
    columns |= {"project_id": project.id, "version": version, "release_type": release_type, "release_id": name}
    if stored is None:
        columns |= {"status": DEVELOPMENT, "notes": "", "files": {}, "created_at": context.now()}
    return columns


async def _find_or_create_project(context: Context, names: _ReleaseNames, permalink: str) -> Project:
    project, project_id = names.projects.get(permalink), context.actor.project_id
    if project_id is not None and (project is None or project.id != project_id):
        raise Forbidden(FORBIDDEN)
    if project is not None and project.permalink != permalink:
        raise Refusal(f"The project `{permalink}` has another short, `{project.permalink}`.", field="short")
    if project is not None:
        return project
    sentence = f"There is no project `{permalink}`, and creating one needs the grant `project:write`."
    authorize(context.actor, "project:write", everywhere=True, sentence=sentence)
    now = context.now()
    values: dict[str, Any] = {"name": permalink, "permalink": permalink, **default_prefixes(permalink, first=True)}
    project = names.projects[permalink] = await Project.create(created_at=now, updated_at=now, **values)
    await events.record(context, ProjectCreated(project_id=project.id, target=permalink, new=values))
    return project


async def variant(context: Context, drafts: Sequence[Draft]) -> AsyncIterator[Columns]:
    """Variants. Refuses to remove an architecture that the variant has repositories for."""
    for draft in drafts:
        if draft.stored is not None and "arches" in draft.values:
            used = await ContentRepo.filter(variant_id=draft.row_id).distinct().values_list("arch", flat=True)
            if removed := sorted(set(map(str, used)) - set(draft.values["arches"])):
                sentence = f"This variant has repositories for {', '.join(removed)}: delete them first."
                raise Refusal(sentence, field="arches")
        yield draft.values


async def repo(context: Context, drafts: Sequence[Draft]) -> AsyncIterator[Columns]:
    """Repositories. Refuses one for a variant that does not exist, or for an architecture that the variant lacks.

    To a token of one project, variants of other projects do not exist.
    """
    for draft in drafts:
        columns = {name: value for name, value in draft.values.items() if name not in REPO_PARENT_FIELDS}
        parent = {name: draft.get(name) for name in REPO_PARENT_FIELDS}
        if draft.stored is None or any(draft.stored[name] != value for name, value in parent.items()):
            columns |= await _repo_parent_columns(context, parent)
        yield columns


async def _repo_parent_columns(context: Context, parent: Mapping[str, str]) -> Columns:
    # locked, so that the architecture is not removed meanwhile
    row = await lock_variant(parent["release_id"], parent["variant_uid"])
    if row is None or context.actor.project_id not in (None, row.project_id) or parent["arch"] not in row.arches:
        raise Refusal(f"No VariantArch for {', '.join(f'{name}={value}' for name, value in parent.items())}")
    return {"variant_id": row.id, "arch": parent["arch"]}


async def rpm(context: Context, drafts: Sequence[Draft]) -> AsyncIterator[Columns]:
    """Package files. One without an explicit `filename` has the default one, which follows changes of its parts."""
    for draft in drafts:
        merged = {**(draft.stored or {}), **draft.values}
        content.check_rpm(merged)
        stored = draft.stored
        has_default = stored is not None and stored["filename"] == content.default_filename(stored)
        if merged["filename"] is None or (has_default and "filename" not in draft.values):
            yield {**draft.values, "filename": content.default_filename(merged)}
        else:
            yield draft.values
