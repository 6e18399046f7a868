"""Projects: made, changed, and asked for their next version."""

from typing import Any

from tortoise.exceptions import IntegrityError

from bot.context import Context, allowed, require
from bot.errors import Conflict, Forbidden, Refusal
from bot.operations import audit, repositories
from bot.rules import projects as rules
from bot.rules.commits import is_repository_name
from bot.rules.releases import make_permalink
from bot.rules.versions import next_number, next_release
from bot.store.candidates import Candidate
from bot.store.database import transaction
from bot.store.lists import Conditions, ModelQuery
from bot.store.projects import Project, Repository
from bot.store.releases import Release

ARCHIVED = "Release project is archived"
PROJECTS = ModelQuery(Project, "id")


async def create(context: Context, name: str, repo: str | None = None, **values: Any) -> Project:
    """Make a project. Its repository, if it has one, is asked of GitHub first.

    Refuses a malformed value, a repository that GitHub does not show us, and a name, permalink or tag prefix that
    another project has.
    """
    require(context.actor, "project:write")
    if context.actor.is_scoped:
        raise Forbidden("This token is for one project only and cannot create another.")
    values = {"name": name, "permalink": values.pop("permalink", None) or make_permalink(name), **values}
    rules.check(values, rules.PROJECT)
    repository = await _repository(context, repo)
    try:
        async with transaction():
            values = {**await _default_prefixes(values["permalink"], repository), **_given(values)}
            await _refuse_clashes(context, values, repository)
            now = context.now()
            project = await Project.create(repository=repository, created_at=now, updated_at=now, **values)
            await audit.record(context, "project.create", name, project=project.id, after={**values, "repo": repo})
    except IntegrityError as clash:
        raise Conflict("Another project of this name, permalink or tag prefix has just been created.") from clash
    await project.fetch_related("repository")
    return project


@allowed("project:write", hides=True)
async def change(context: Context, project: Project, /, repo: str | None = None, **values: Any) -> Project:
    """Change a project's settings; what is not given stays. A repository that is given is asked of GitHub first.

    Who acts for this project only does not move it to another repository, which would be one more to act on.
    """
    rules.check(values, rules.PROJECT)
    if repo is not None and context.actor.is_scoped:
        _refuse_another(project, repo)
        repo = None
    repository = project.repository if repo is None else await _repository(context, repo)
    new: dict[str, Any] = {} if repository is None or repo is None else {"repository_id": repository.github_id}
    try:
        async with transaction():
            row = await Project.select_for_update().get(id=project.id)
            await _refuse_moving(row, repository)
            await _refuse_renaming(row, values.get("permalink", row.permalink))
            await _refuse_clashes(context, values, repository, row)
            before = {name: getattr(row, name) for name in {**values, **new}}
            row.update_from_dict({**values, **new, "updated_at": context.now()})
            await row.save(update_fields=[*values, *new, "updated_at"])
            after = {**values, **new}
            await audit.record(context, "project.change", row.name, project=row.id, before=before, after=after)
    except IntegrityError as clash:
        raise Conflict("Another project of this name, permalink or tag prefix has just been created.") from clash
    await row.fetch_related("repository")
    return row


@allowed("project:read", hides=True)
async def find(context: Context, project: Project) -> Project:
    """A project by its name."""
    return project


async def listed(context: Context, *, limit: int | None = None, offset: int = 0) -> list[Project]:
    """The projects that the actor may read, with their repositories, by name: all, or some from an offset on."""
    require(context.actor, "project:read")
    conditions = Conditions()
    PROJECTS.restrict(conditions, context.actor.visibility("project:read"))
    page = await PROJECTS.rows({}, conditions, [("t.name", False)], limit, offset)
    return await Project.filter(id__in=list(page)).order_by("name").select_related("repository")


@allowed("project:read", hides=True)
async def next_version(context: Context, project: Project, bump: str = "patch") -> dict[str, str]:
    """The release version that follows the highest one of the project, and its first candidate."""
    known = await Release.filter(project_id=project.id, release_type="ga").values_list("version", flat=True)
    release = next_release(project.version_scheme, map(str, known), bump, context.now().date())
    return {"release_version": release, "release_candidate_version": f"{release}-rc1"}


async def next_candidate_number(project: Project, release: str) -> int:
    """The number of a release's next candidate."""
    taken = await Candidate.filter(
        project_id=project.id, release__version=release, release__release_type="ga"
    ).values_list("number", flat=True)
    return next_number(map(int, taken))  # type: ignore[arg-type]


def refuse_archived(project: Project) -> None:
    """Refuse to release from a project that was archived."""
    if project.archived:
        raise Conflict(ARCHIVED, project=project.name)


async def _repository(context: Context, repo: str | None) -> Repository | None:
    if repo is None:
        return None
    if not is_repository_name(repo):
        raise Refusal("`repo` must be a GitHub repository as `owner/name`.", field="repo")
    return await repositories.upsert(context, await repositories.find(context, repo))


async def _default_prefixes(permalink: str, repository: Repository | None) -> dict[str, str]:
    others = 0 if repository is None else await Project.filter(repository_id=repository.github_id).count()
    return rules.default_prefixes(permalink, first=others == 0)


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


async def _refuse_clashes(
    context: Context, values: dict[str, Any], repository: Repository | None, own: Project | None = None
) -> None:
    others = Project.all() if own is None else Project.exclude(id=own.id)
    for field in ("name", "permalink"):
        if field in values and (other := await others.get_or_none(**{field: values[field]})):
            raise _conflict(context, field, f"`{field}` is taken by {{}}.", other)
    if repository is None:
        return
    taken: dict[str, Project] = {}
    for other in await others.filter(repository_id=repository.github_id):
        taken |= {other.tag_prefix: other, other.trigger_tag_prefix: other}
    mine = {name: getattr(own, name) for name in ("tag_prefix", "trigger_tag_prefix")} if own else {}
    mine |= {name: values[name] for name in ("tag_prefix", "trigger_tag_prefix") if name in values}
    for field, prefix in mine.items():
        if prefix in taken:
            sentence = f"`{field}` `{prefix}` is used in this repository by {{}}: choose another."
            raise _conflict(context, field, sentence, taken[prefix])
    if len(set(mine.values())) < len(mine):
        raise Refusal("`tag_prefix` and `trigger_tag_prefix` must differ.", field="trigger_tag_prefix")


def _conflict(context: Context, field: str, sentence: str, other: Project) -> Conflict:
    """What a project stands in the way of; it is named for those who act on it too."""
    if context.actor.reaches(other):
        return Conflict(sentence.format(f"the project `{other.name}`"), field=field, project=other.name)
    return Conflict(sentence.format("another project"), field=field)


def _refuse_another(project: Project, repo: str) -> None:
    """Refuse a repository that is not the project's, as we know it; then there is none to be set."""
    if project.repository is None or project.repository.full_name.lower() != repo.lower():
        sentence = "This token is for one project only and cannot move it to another repository."
        raise Forbidden(sentence, field="repo")


async def _refuse_moving(project: Project, repository: Repository | None) -> None:
    new = None if repository is None else repository.github_id
    if project.repository_id not in (None, new) and await Candidate.exists(project_id=project.id):
        raise Conflict("The project has candidates of its repository: another cannot be set.", field="repo")


async def _refuse_renaming(project: Project, permalink: str) -> None:
    if permalink != project.permalink and await Release.exists(project_id=project.id):
        raise Conflict("The project has releases, which are known by its permalink: it stays.", field="permalink")
