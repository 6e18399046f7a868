"""Projects: create, find, list, change, and compute the next version."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

from tortoise.exceptions import IntegrityError

from bot.context import Context, allowed, authorize
from bot.errors import Conflict, Forbidden, Refusal
from bot.events.administration import ProjectChanged, ProjectCreated
from bot.operations import config_guard, events, repositories, tag_prefixes
from bot.operations.tag_prefixes import Claim
from bot.rules import projects as rules
from bot.rules.commits import is_repository_name
from bot.rules.ids import RepositoryId
from bot.rules.releases import make_permalink
from bot.rules.tag_prefixes import FIELDS
from bot.rules.versions import fits_scheme, next_number, next_release
from bot.store import release_queries
from bot.store.candidates import Candidate
from bot.store.database import transaction
from bot.store.lists import Conditions, ModelQuery
from bot.store.projects import Project, Repository
from bot.store.release_queries import Kind
from bot.store.releases import Release

ARCHIVED = "Release project is archived"
PROJECTS = ModelQuery(Project, "id")
KINDS: Mapping[str, Sequence[Kind]] = {"semver": ("semver",), "calver": ("calver", "calver, one digit")}
"""The versions of each scheme on which the next one depends."""
READ_AT_ONCE = 50
"""Versions that are read at once, of which nearly always one follows the scheme."""


class ProjectSettings(TypedDict, total=False):
    """The settings of a project; None in a new project means the default."""

    build_workflow: str | None
    build_inputs: dict[str, str] | None
    build_deadline_minutes: int | None
    allowed_branches: list[str] | None
    tag_prefix: str | None
    trigger_tag_prefix: str | None
    show: dict[str, bool] | None
    tag_candidates: bool | None
    version_scheme: str | None
    promote_on_tag: str | None
    archived: bool
    oneliner: str
    description: str
    license_list: list[str]
    tag_list: list[str]


class ProjectChanges(ProjectSettings, total=False):
    """The fields of a project that callers may change: its settings, name and permalink."""

    name: str
    permalink: str


@dataclass(frozen=True)
class NewProject:
    """A project that may be created: its values, and its repository, as it was written and as it was found."""

    values: Mapping[str, Any]
    repo: str | None
    repository: Repository | None


async def create(
    context: Context,
    name: str,
    repo: str | None = None,
    permalink: str | None = None,
    **settings: Unpack[ProjectSettings],
) -> Project:
    """Create a project. Its repository, if any, is looked up on GitHub first.

    Refuses invalid values, a repository that the App cannot access, and a name, permalink or tag prefix that is taken.
    """
    project = await insert(context, await prepare(context, name, repo, permalink, **settings))
    await project.fetch_related("repository")
    return project


async def prepare(
    context: Context,
    name: str,
    repo: str | None = None,
    permalink: str | None = None,
    **settings: Unpack[ProjectSettings],
) -> NewProject:
    """Do of `create` what needs GitHub: the rest can be a part of a larger transaction."""
    authorize(context.actor, "project:write")
    if context.actor.is_scoped:
        raise Forbidden("This token is for one project only and cannot create another.")
    values: dict[str, Any] = {"name": name, "permalink": permalink or make_permalink(name), **settings}
    rules.check(values, rules.PROJECT)
    return NewProject(values, repo, await _repository(context, repo))


async def insert(context: Context, new: NewProject) -> Project:
    """Create a project that was prepared. Refuses a name, permalink or tag prefix that is taken."""
    authorize(context.actor, "project:write")
    try:
        async with transaction():
            values = await _with_prefixes(context, _without_nulls(new.values), new.repository)
            await _refuse_clashes(context, values)
            now = context.now()
            project = await Project.create(repository=new.repository, created_at=now, updated_at=now, **values)
            recorded = {**values, "repo": new.repo}
            await events.record(context, ProjectCreated(project_id=project.id, target=project.name, new=recorded))
    except IntegrityError as clash:
        raise Conflict("Another project of this name, permalink or tag prefix has just been created.") from clash
    return project


@allowed("project:write")
async def change(
    context: Context, project: Project, /, repo: str | None = None, **settings: Unpack[ProjectChanges]
) -> Project:
    """Change a project's settings; fields that are not passed are kept. A new repository is looked up on GitHub first.

    Refuses a change of nothing.
    An actor scoped to this project may not move it to another repository, which would extend the scope.
    """
    rules.refuse_empty({**settings, **({} if repo is None else {"repo": repo})}, rules.PROJECT_FIELDS)
    rules.check(settings, rules.PROJECT)
    if repo is not None and context.actor.is_scoped:
        _refuse_other_repository(project, repo)
        repo = None
    repository = await _repository(context, repo)
    values: dict[str, Any] = {**settings}
    if repository is not None:
        values["repository_id"] = repository.github_id
    try:
        async with transaction():
            row = await Project.select_for_update(no_key=True).get(id=project.id)
            await config_guard.refuse_project(row, values)
            await _refuse_moving(row, values.get("repository_id", row.repository_id))
            await _refuse_renaming(row, values.get("permalink", row.permalink))
            await _refuse_clashes(context, values, row)
            await _refuse_overlaps(context, values, row)
            before = {name: getattr(row, name) for name in values}
            row.update_from_dict({**values, "updated_at": context.now()})
            await row.save(update_fields=[*values, "updated_at"])
            await events.record(context, ProjectChanged(project_id=row.id, target=row.name, old=before, new=values))
    except IntegrityError as clash:
        raise Conflict("Another project of this name, permalink or tag prefix has just been created.") from clash
    await row.fetch_related("repository")
    return row


@allowed("project:read")
async def find(context: Context, project: Project) -> Project:
    """Find a project by its name."""
    return project


async def find_all(context: Context, *, limit: int | None = None, offset: int = 0) -> list[Project]:
    """List the projects that the actor may read, by name, with their repositories: all of them, or one page."""
    authorize(context.actor, "project:read")
    conditions = Conditions()
    PROJECTS.restrict(conditions, context.actor.visibility("project:read"))
    page = await PROJECTS.rows({}, conditions, [("t.name", False)], limit, offset)
    return await Project.filter(id__in=list(page)).order_by("name").select_related("repository")


@allowed("project:read")
async def next_version(context: Context, project: Project, bump: str = "patch") -> dict[str, str]:
    """Return the release version after the project's highest one, and the version of its first candidate."""
    known = [version for kind in KINDS.get(project.version_scheme, ()) for version in await _highest(project, kind)]
    release = next_release(project.version_scheme, known, bump, context.now().date())
    return {"release_version": release, "release_candidate_version": f"{release}-rc1"}


async def _highest(project: Project, kind: Kind) -> list[str]:
    """The highest of the project's versions that follow its scheme, and no others than those of the first page.

    Each page is ten times as long as the one before: the database sorts all versions for each.
    """
    offset, limit = 0, READ_AT_ONCE
    while found := await release_queries.highest(project.id, kind, limit=limit, offset=offset):
        if fitting := [version for version in found if fits_scheme(version, project.version_scheme)]:
            return fitting
        offset, limit = offset + limit, 10 * limit
    return []


async def next_candidate_number(project: Project, release: str) -> int:
    """Return the number of a release's next candidate."""
    taken = await Candidate.filter(
        project_id=project.id, release__version=release, release__release_type="ga"
    ).values_list("number", flat=True)
    return next_number(map(int, taken))  # type: ignore[arg-type]


def refuse_archived(project: Project) -> None:
    """Refuse to release from an archived project."""
    if project.archived:
        raise Conflict(ARCHIVED, project=project.name)


async def _repository(context: Context, repo: str | None) -> Repository | None:
    if repo is None:
        return None
    if not is_repository_name(repo):
        raise Refusal("`repo` must be a GitHub repository as `owner/name`.", field="repo")
    return await repositories.upsert(context, await repositories.find(context, repo))


async def _with_prefixes(context: Context, values: dict[str, Any], repository: Repository | None) -> dict[str, Any]:
    """Add the default tag prefixes to the values of a new project; refuse those that clash."""
    others = 0
    if repository is not None:
        await tag_prefixes.lock(repository.github_id)
        others = await Project.filter(repository_id=repository.github_id).count()
    defaults = rules.default_prefixes(values["permalink"], first=others == 0)
    unset = [field for field in defaults if field not in values]
    values = {**defaults, **values}
    rules.check(values, rules.PROJECT)  # a default may be too long
    prefixes = {field: values[field] for field in defaults}
    _refuse_equal(prefixes)
    if repository is not None:
        claim = Claim(repository.github_id, values["permalink"], prefixes, unset)
        await tag_prefixes.refuse_overlaps(context, claim)
    return values


async def _refuse_overlaps(context: Context, values: dict[str, Any], row: Project) -> None:
    """Refuse tag prefixes that a change brings into conflict with another project's; old conflicts stay.

    A project brings its prefixes along when it moves to another repository or is no longer archived.
    """
    repository = values.get("repository_id", row.repository_id)
    arrives = repository != row.repository_id or (row.archived and values.get("archived") is False)
    prefixes = {field: values.get(field, getattr(row, field)) for field in FIELDS}
    claimed = {field: prefix for field, prefix in prefixes.items() if arrives or prefix != getattr(row, field)}
    if claimed:
        _refuse_equal(prefixes)
    if claimed and repository is not None:
        await tag_prefixes.lock(repository)
        permalink = values.get("permalink", row.permalink)
        await tag_prefixes.refuse_overlaps(context, Claim(repository, permalink, claimed, project=row.id))


def _refuse_equal(prefixes: dict[str, str]) -> None:
    if len(set(prefixes.values())) < len(prefixes):
        raise Refusal("`tag_prefix` and `trigger_tag_prefix` must differ.", field="trigger_tag_prefix")


def _without_nulls(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


async def _refuse_clashes(context: Context, values: dict[str, Any], own: Project | None = None) -> None:
    others = Project.all() if own is None else Project.exclude(id=own.id)
    for field in ("name", "permalink"):
        if field in values and (other := await others.get_or_none(**{field: values[field]})):
            raise _conflict(context, field, f"`{field}` is taken by {{}}.", other)


def _conflict(context: Context, field: str, sentence: str, other: Project) -> Conflict:
    """Build the error for a value that another project has, which is named only to actors with that project."""
    if context.actor.reaches(other):
        return Conflict(sentence.format(f"the project `{other.name}`"), field=field, project=other.name)
    return Conflict(sentence.format("another project"), field=field)


def _refuse_other_repository(project: Project, repo: str) -> None:
    """Refuse a repository that is not the one stored for the project."""
    if project.repository is None or project.repository.full_name.lower() != repo.lower():
        sentence = "This token is for one project only and cannot move it to another repository."
        raise Forbidden(sentence, field="repo")


async def _refuse_moving(project: Project, new: RepositoryId | None) -> None:
    if project.repository_id not in (None, new) and await Candidate.exists(project_id=project.id):
        raise Conflict(
            "The project has candidates from its repository, so the repository cannot be changed.", field="repo"
        )


async def _refuse_renaming(project: Project, permalink: str) -> None:
    if permalink != project.permalink and await Release.exists(project_id=project.id):
        raise Conflict(
            "The project has releases, whose ids contain its permalink, so the permalink cannot be changed.",
            field="permalink",
        )
