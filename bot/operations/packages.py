"""Package releases: create, find, list, and add files."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import NotRequired, TypedDict, TypeVar, Unpack

from tortoise.exceptions import IntegrityError

from bot.context import FORBIDDEN, Context, allowed, authorize, by_release, confirmed, with_known_projects
from bot.errors import Conflict, Forbidden, Refusal, project_not_found, release_not_found
from bot.events.administration import ReleaseCreated, ReleaseFilesAdded, ReleaseFilesReplaced
from bot.operations import events, projects, releases
from bot.rules import packages as rules
from bot.rules.names import advice
from bot.rules.releases import DEVELOPMENT, HOLD, RELEASED, TESTING, release_id
from bot.store import packages, queries
from bot.store.database import transaction
from bot.store.packages import PackageFilter, PackageRow
from bot.store.projects import Project
from bot.store.releases import Release

T = TypeVar("T")

MAX_NAME_LENGTH = 255  # characters of the column


class PackageFields(TypedDict):
    """The fields of a package release besides its version and status, as `bot.rules.packages` has validated them."""

    release_date: datetime
    notes: NotRequired[str]
    files: NotRequired[dict[str, list[str]]]
    signature: NotRequired[str | None]


async def create(
    context: Context, package: str, version: str, *, status: int, **fields: Unpack[PackageFields]
) -> tuple[Project, Release]:
    """Create a release of a package, which is the name or permalink of a project; returns the project and the release.

    The status HOLD holds it, as `releases.hold` does. Refuses an unknown package, one outside the scope of the caller's
    token, an archived one, an existing version, and a release id that is taken.
    """
    authorize(context.actor, "project:write")
    releases.authorize_change(context, None, ("status", *(["held"] if status == HOLD else []), *fields))
    context, project = await _package(context, package)
    projects.refuse_archived(project)
    try:
        async with transaction():
            await _refuse_clash(context, project, version)
            return project, await _insert(context, project, version, status, fields)
    except IntegrityError as clash:  # of a concurrent request
        await _refuse_clash(context, project, version)
        raise Conflict(f"The release {version} has just been created.") from clash


async def _insert(context: Context, project: Project, version: str, status: int, fields: PackageFields) -> Release:
    now = context.now()
    held = releases.hold_record(context, "it was created with the status 20 (HOLD)") if status == HOLD else None
    release = await Release.create(
        project_id=project.id,
        version=version,
        release_id=release_id(project.permalink, version),
        status=DEVELOPMENT if held else status,
        held=held,
        created_at=now,
        updated_at=now,
        **fields,
    )
    after = {"status": status, "release_date": fields["release_date"].isoformat()}
    await events.record(context, ReleaseCreated(project_id=project.id, target=version, new=after))
    return release


@allowed("project:write", by=by_release)
async def add_files(
    context: Context, project: Project, package_release_id: int, files: Mapping[str, list[str]]
) -> dict[str, list[str]]:
    """Add files to a package release and return all its files. Paths that it already has are not added again.

    Refuses more files than a release may have.
    """
    async with transaction():
        release = await Release.select_for_update().get_or_none(
            id=package_release_id, project_id=project.id, release_type="ga"
        )
        if release is None:
            raise release_not_found()
        merged = rules.merge_files(release.files, files)
        if merged != release.files:
            releases.authorize_change(context, release, ("files",))
            release.update_from_dict({"files": merged, "updated_at": context.now()})
            await release.save(update_fields=["files", "updated_at"])
            added = ReleaseFilesAdded(project_id=project.id, target=release.version, new={"files": dict(files)})
            await events.record(context, added)
    return merged


@allowed("project:write")
async def replace_files(
    context: Context, project: Project, version: str, files: dict[str, list[str]]
) -> dict[str, list[str]]:
    """Replace all files of a release, and return them."""
    async with transaction():
        release = await releases.lock(project, version)
        if files != release.files:
            releases.authorize_change(context, release, ("files",))
            await releases.update(context, release, ReleaseFilesReplaced, {"files": files})
    return files


@allowed("project:read", by=by_release)
async def find(context: Context, project: Project, package_release_id: int) -> PackageRow:
    """Find a package release by its id."""
    rows = await packages.find_by_ids([package_release_id])
    if not rows:
        raise release_not_found()
    return rows[0]


async def find_all(
    context: Context, *, package: str | None, status: int | None, limit: int, offset: int
) -> tuple[list[PackageRow], int]:
    """List a page of the package releases that the actor may read, newest first, and count all of them."""
    filters = await _filter(context, package, status)
    if filters is None:
        return [], 0
    rows = await packages.list_page(filters, limit=limit, offset=offset)
    if len(rows) < limit and (rows or not offset):  # the last page: no need to count
        return rows, offset + len(rows)
    return rows, await packages.count(filters)


async def latest(context: Context, package: str, *, testing: bool = False) -> PackageRow:
    """Find the released release of a package with the latest date that has come; `testing` includes those in testing.

    Refuses a package that is unknown, has none, or may not be read by the actor.
    """
    filters = await _filter(context, package)
    statuses = (RELEASED, TESTING) if testing else (RELEASED,)
    row = None if filters is None else await packages.find_latest(filters, statuses, context.now())
    if row is None:
        raise release_not_found()
    return row


async def _filter(context: Context, package: str | None, status: int | None = None) -> PackageFilter | None:
    """Build the filter for the package releases that the actor may read; None for an unknown package."""
    authorize(context.actor, "project:read")
    visible = context.actor.visibility("project:read")
    if package is None:
        return PackageFilter(visible, status=status)
    project = await _find_by_name_or_permalink(queries.find_outline, package)
    return None if project is None else PackageFilter(visible, project.id, status)


def _is_name(text: str) -> bool:
    """Return whether a project can have this name: PostgreSQL can neither store nor compare a NUL."""
    return len(text) <= MAX_NAME_LENGTH and "\0" not in text


async def _find_by_name_or_permalink(find: Callable[[str, str], Awaitable[T | None]], package: str) -> T | None:
    """Find the project that a package stands for: the one of that name or else the one of that permalink."""
    if not _is_name(package):
        return None
    return await find(queries.BY_NAME, package) or await find(queries.BY_PERMALINK, package)


async def _package(context: Context, name: str) -> tuple[Context, Project]:
    """Find the project of a package, with the context in which it is written there.

    An actor scoped to some projects does not learn which others exist. About the owner of a personal token, GitHub is
    asked.
    """
    project = await _find_by_name_or_permalink(queries.find_project, name)
    if project is not None:
        context = await confirmed(context, project.name, "project:write")
    actor = context.actor
    if actor.is_scoped and (project is None or not actor.reaches(project)):
        raise Forbidden(FORBIDDEN)
    if project is None:
        sentence = f"`package` must be the name or permalink of a project, and there is no `{name[:100]}`."
        known = await with_known_projects(actor, name, project_not_found())
        raise Refusal(f"{sentence} {advice(known.details)}".rstrip(), field="package")
    return context, project


async def _refuse_clash(context: Context, project: Project, version: str) -> None:
    """Refuse a version that the project already has, or whose release id another release has."""
    if await Release.exists(project_id=project.id, version=version, release_type="ga"):
        raise Conflict(f"The package `{project.name}` has a release {version} already.")
    await releases.refuse_release_id_conflict(context, project, version)
