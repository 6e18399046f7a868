"""Releases: found or made, read whole, held, and changed by what somebody says of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.context import Context, allowed, allowed_to_read
from bot.errors import Conflict, NotFound, Refusal
from bot.operations import audit
from bot.rules.releases import HOLD, release_id
from bot.store import queries
from bot.store.candidates import Candidate
from bot.store.database import transaction
from bot.store.projects import Outline, Project, locked_permalink
from bot.store.releases import Release
from bot.store.runs import Run


@dataclass(frozen=True)
class Whole:
    """A release with its candidates, newest first, each with its newest build, and its deployments."""

    release: Release
    line: dict[str, Any]
    candidates: list[tuple[Candidate, Run | None]]
    deployments: list[dict[str, Any]]


@allowed("project:read", hides=True)
async def find(context: Context, project: Project, version: str) -> Whole:
    """A release of a project by its version."""
    release = await Release.get_or_none(project_id=project.id, version=version, release_type="ga")
    if release is None:
        raise NotFound("Release not found")
    return await _whole(release)


@allowed_to_read("project:read", hides=True)
async def listed(context: Context, project: Outline, *, before: int | None, limit: int) -> list[dict[str, Any]]:
    """Releases of a project, newest first, from before an id on."""
    return await queries.releases(project.id, before=before, limit=limit)


async def _whole(release: Release) -> Whole:
    candidates = (
        await Candidate.filter(release_id=release.id)
        .order_by("-number")
        .select_related("release", "repository", "created_by")
    )
    runs = await Run.filter(candidate__release_id=release.id).order_by("id")
    newest = {run.candidate_id: run for run in runs}
    line = (await queries.releases(release.project_id, before=release.id + 1, limit=1))[0]
    pairs = [(candidate, newest.get(candidate.id)) for candidate in candidates]
    return Whole(release, line, pairs, await queries.release_deployments(release.id))


async def get_or_create(context: Context, project: Project, version: str) -> Release:
    """The release of a version, made in the caller's transaction if it is new.

    Refuses a version whose release id is that of another project's release. Two that make one at once meet the
    constraint: IntegrityError.
    """
    await refuse_namesake(context, project, version)
    values: dict[str, Any] = {"project_id": project.id, "version": version, "release_type": "ga"}
    release = await Release.select_for_update().get_or_none(**values)  # lest it is called otherwise meanwhile
    if release is not None:
        return release
    now, permalink = context.now(), await locked_permalink(project.id)
    return await Release.create(**values, release_id=release_id(permalink, version), created_at=now, updated_at=now)


async def refuse_namesake(context: Context, project: Project, version: str) -> None:
    """Refuse a version whose release id another release has: two texts may become one where they are joined."""
    other = await Release.get_or_none(release_id=release_id(project.permalink, version)).select_related("project")
    if other is not None and (other.project_id, other.version, other.release_type) != (project.id, version, "ga"):
        raise namesake(context, other)


def namesake(context: Context, other: Release) -> Conflict:
    """That another release has the release id; it is named for those who act on its project too."""
    if not context.actor.reaches(other.project):
        return Conflict(f"The release id `{other.release_id}` is that of a release of another project.")
    return Conflict(
        f"The release id `{other.release_id}` is that of the release {other.version} of the project "
        f"`{other.project.name}`.",
        project=other.project.name,
    )


async def amend(context: Context, project: str, version: str, /, **values: Any) -> Whole:
    """Change what is given, each by its own grant: all or nothing.

    The status HOLD holds the release, any other unholds it where it is held. Giving a held release the status that it
    had before is unholding it, and nothing more.
    """
    status, changed = values.get("status"), None
    async with transaction():
        row = await Release.get_or_none(project__name=project, version=version, release_type="ga")
        before = None if row is None or row.held is None else row.status
        if status == HOLD:
            changed = await hold(context, project, version, "its status was set to 20 (HOLD)")
        elif status is not None and before is not None:
            changed = await unhold(context, project, version)
        if status is not None and status in (HOLD, before):
            del values["status"]
        if values or changed is None:
            changed = await change(context, project, version, **values)
    return await _whole(changed)


@allowed("release:hold", hides=True)
async def hold(context: Context, project: Project, version: str, reason: str) -> Release:
    """Let no candidate of a release be deployed until it is unheld. Who holds it already goes on holding it."""
    if not reason.strip():
        raise Refusal("`reason` must say why, for those who are stopped by it.", field="reason")
    async with transaction():
        release = await _locked(project, version)
        if release.held is None:
            await _write(context, release, "release.hold", {"held": holding(context, reason)})
    return release


@allowed("release:hold", hides=True)
async def unhold(context: Context, project: Project, version: str) -> Release:
    """Let a release that is held be deployed again; it shows the status that it had before."""
    async with transaction():
        release = await _locked(project, version)
        if release.held is not None:
            await _write(context, release, "release.unhold", {"held": None})
    return release


@allowed("project:write", hides=True)
async def change(context: Context, project: Project, version: str, /, **values: Any) -> Release:
    """Change a release's status, date or notes; what is not given stays.

    A status is kept until a deployment moves the release forward.
    """
    if values.get("status") == HOLD:
        raise Refusal("`status` 20 (HOLD) is said by holding the release.", field="status")
    async with transaction():
        release = await _locked(project, version)
        new = {name: value for name, value in values.items() if getattr(release, name) != value}
        if new:
            await _write(context, release, "release.change", new)
    return release


def holding(context: Context, reason: str) -> dict[str, Any]:
    """The fact that somebody holds a release from now on, and why."""
    return {"by": context.actor.name, "reason": reason.strip()[:1000], "since": context.now().isoformat()}


async def _locked(project: Project, version: str) -> Release:
    release = await Release.select_for_update().get_or_none(project_id=project.id, version=version, release_type="ga")
    if release is None:
        raise NotFound("Release not found")
    return release


async def _write(context: Context, release: Release, act: str, values: dict[str, Any]) -> None:
    """Write down what is new of a release that the caller's transaction has locked."""
    before = {name: getattr(release, name) for name in values}
    release.update_from_dict({**values, "updated_at": context.now()})
    await release.save(update_fields=[*values, "updated_at"])
    project = release.project_id
    await audit.record(context, act, release.version, project=project, before=_said(before), after=_said(values))


def _said(values: dict[str, Any]) -> dict[str, Any]:
    """Values as an audit entry keeps them."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}
