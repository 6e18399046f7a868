"""Package releases: written down, found, and given files."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tortoise.exceptions import IntegrityError

from bot.context import FORBIDDEN, Context, allowed, by_release, require
from bot.errors import Conflict, Forbidden, NotFound, Refusal
from bot.operations import audit, projects, releases
from bot.rules import packages as rules
from bot.rules.releases import DEVELOPMENT, HOLD, RELEASED, TESTING, release_id
from bot.store import packages, queries
from bot.store.database import transaction
from bot.store.packages import Wanted
from bot.store.projects import Project
from bot.store.releases import Release

LONGEST_NAME = 255  # that the column could hold


async def create(
    context: Context, package: str, version: str, *, status: int, release_date: datetime, **values: Any
) -> Release:
    """Write down a release of a package, which is a project known by its name. With the status HOLD it is held.

    Its values (`notes`, `files`, `signature`) are as `bot.rules.packages` lets them through. Refuses an unknown
    package, one that the caller's token is not for, an archived one, and a release that is there already or whose
    release id another one has.
    """
    require(context.actor, "project:write")
    project = await _package(context, package)
    projects.refuse_archived(project)
    try:
        async with transaction():
            await _refuse_clash(context, project, version)
            return await _insert(context, project, version, status, {"release_date": release_date, **values})
    except IntegrityError as clash:  # somebody else was faster
        await _refuse_clash(context, project, version)
        raise Conflict(f"The release {version} has just been made.") from clash


async def _insert(context: Context, project: Project, version: str, status: int, values: dict[str, Any]) -> Release:
    now = context.now()
    held = releases.hold_record(context, "it was written down with the status 20 (HOLD)") if status == HOLD else None
    release = await Release.create(
        project_id=project.id,
        version=version,
        release_id=release_id(project.permalink, version),
        status=DEVELOPMENT if held else status,
        held=held,
        created_at=now,
        updated_at=now,
        **values,
    )
    after = {"status": status, "release_date": values["release_date"].isoformat()}
    await audit.record(context, "release.create", version, project=project.id, after=after)
    return release


@allowed("project:write", by=by_release)
async def add_files(
    context: Context, project: Project, number: int, files: Mapping[str, list[str]]
) -> dict[str, list[str]]:
    """Add files to a release of a number; gives all that it has then. What it has already is not added again.

    Refuses what would be more than a release may have.
    """
    async with transaction():
        release = await Release.select_for_update().get_or_none(id=number, project_id=project.id, release_type="ga")
        if release is None:
            raise NotFound("Release not found")
        merged = rules.merge_files(release.files, files)
        if merged != release.files:
            release.update_from_dict({"files": merged, "updated_at": context.now()})
            await release.save(update_fields=["files", "updated_at"])
            await audit.record(
                context, "release.add_files", release.version, project=project.id, after={"files": dict(files)}
            )
    return merged


@allowed("project:read", by=by_release)
async def find(context: Context, project: Project, number: int) -> dict[str, Any]:
    """A package release by its number."""
    found = await packages.rows([number])
    if not found:
        raise NotFound("Release not found")
    return found[0]


async def listed(
    context: Context, *, package: str | None, status: int | None, limit: int, offset: int
) -> tuple[list[dict[str, Any]], int]:
    """A page of the package releases that the actor may read, newest first, and how many there are in all."""
    wanted = await _wanted(context, package, status)
    if wanted is None:
        return [], 0
    rows = await packages.page(wanted, limit=limit, offset=offset)
    if len(rows) < limit and (rows or not offset):  # the last page says itself how many there are
        return rows, offset + len(rows)
    return rows, await packages.count(wanted)


async def latest(context: Context, package: str, *, testing: bool = False) -> dict[str, Any]:
    """The released release of a package with the newest date that has come; with `testing` those in testing count too.

    Refuses a package that has none, is unknown, or may not be read by the actor.
    """
    wanted = await _wanted(context, package)
    statuses = (RELEASED, TESTING) if testing else (RELEASED,)
    found = [] if wanted is None else await packages.latest(wanted, statuses, context.now())
    if not found:
        raise NotFound("Release not found")
    return found[0]


async def _wanted(context: Context, package: str | None, status: int | None = None) -> Wanted | None:
    """What is asked for among what the actor may read; None where the package is unknown."""
    require(context.actor, "project:read")
    wanted = Wanted(context.actor.visibility("project:read"), status=status)
    if package is None:
        return wanted
    project = await queries.find_outline(queries.BY_NAME, package) if _is_name(package) else None
    return None if project is None else Wanted(wanted.viewer, project.id, status)


def _is_name(text: str) -> bool:
    """Whether a project may be called so: the database can neither keep nor be asked for everything."""
    return len(text) <= LONGEST_NAME and "\0" not in text


async def _package(context: Context, name: str) -> Project:
    """The project of a package's name. Who acts on some projects only is not told which others there are."""
    project = await queries.find_project(queries.BY_NAME, name) if _is_name(name) else None
    actor = context.actor
    if actor.is_scoped and (project is None or not actor.reaches(project)):
        raise Forbidden(FORBIDDEN)
    if project is None:
        raise Refusal(f"`package` must be the name of a project, and there is no `{name[:100]}`.", field="package")
    return project


async def _refuse_clash(context: Context, project: Project, version: str) -> None:
    """Refuse a version that the project has already, or whose release id another release has."""
    if await Release.exists(project_id=project.id, version=version, release_type="ga"):
        raise Conflict(f"The package `{project.name}` has a release {version} already.")
    await releases.refuse_release_id_conflict(context, project, version)
