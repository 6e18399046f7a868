"""Releases: get or create, read with their candidates and deployments, hold, and change."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict, Unpack

from bot.context import Context, allowed, allowed_to_read, authorize, confirmed
from bot.errors import Conflict, Refusal, release_not_found
from bot.events.administration import ReleaseChanged
from bot.events.event import RowEvent
from bot.events.gates import ReleaseHeld, ReleaseUnheld
from bot.operations import events, performed_requests
from bot.operations.waiting import reevaluate
from bot.rules.blocks import check_reason
from bot.rules.projects import refuse_empty
from bot.rules.release_grants import needed_grants
from bot.rules.releases import HOLD, release_id
from bot.store import queries
from bot.store.candidates import Candidate
from bot.store.database import transaction
from bot.store.projects import Outline, Project, locked_permalink
from bot.store.queries import DeploymentRow, ReleaseRow
from bot.store.releases import Release
from bot.store.runs import Run


@dataclass(frozen=True)
class ReleaseDetails:
    """A release with its candidates and its deployments, newest first, each with its newest run."""

    release: Release
    row: ReleaseRow
    candidates: list[tuple[Candidate, Run | None]]
    deployments: list[tuple[DeploymentRow, Run | None]]


class ReleaseChanges(TypedDict, total=False):
    """The fields of a release that callers may change."""

    status: int
    release_date: datetime | None
    notes: str


class Hold(TypedDict):
    """Who holds a release, why, and since when (ISO 8601)."""

    by: str
    reason: str
    since: str


@allowed("project:read")
async def find(context: Context, project: Project, version: str) -> ReleaseDetails:
    """Find a release of a project by its version."""
    release = await Release.get_or_none(project_id=project.id, version=version, release_type="ga")
    if release is None:
        raise release_not_found()
    return await _details(release)


@allowed_to_read("project:read")
async def find_all(context: Context, project: Outline, *, before: int | None, limit: int) -> list[ReleaseRow]:
    """List releases of a project with ids below `before`, newest first."""
    return await queries.list_releases(project.id, before=before, limit=limit)


async def _details(release: Release) -> ReleaseDetails:
    candidates = (
        await Candidate.filter(release_id=release.id)
        .order_by("-number")
        .select_related("release", "repository", "created_by")
    )
    builds = {run.candidate_id: run for run in await Run.filter(candidate__release_id=release.id).order_by("id")}
    deployments = await queries.list_release_deployments(release.id)
    ids = [deployment["id"] for deployment in deployments]
    runs: dict[int | None, Run] = {
        run.deployment_id: run for run in await Run.filter(deployment_id__in=ids).order_by("id")
    }
    row = (await queries.list_releases(release.project_id, before=release.id + 1, limit=1))[0]
    return ReleaseDetails(
        release,
        row,
        [(candidate, builds.get(candidate.id)) for candidate in candidates],
        [(deployment, runs.get(deployment["id"])) for deployment in deployments],
    )


async def get_or_create(context: Context, project: Project, version: str) -> Release:
    """Return the release of a version, created in the caller's transaction if it does not exist.

    Refuses a version whose release id belongs to another project's release. Of two concurrent callers that create the
    same release, one gets IntegrityError from the unique constraint.
    """
    await refuse_release_id_conflict(context, project, version)
    values: dict[str, Any] = {"project_id": project.id, "version": version, "release_type": "ga"}
    release = await Release.select_for_update().get_or_none(**values)  # locked: its version must not change meanwhile
    if release is not None:
        return release
    now, permalink = context.now(), await locked_permalink(project.id)
    return await Release.create(**values, release_id=release_id(permalink, version), created_at=now, updated_at=now)


async def add_notes(context: Context, release: Release, notes: str) -> None:
    """Give a release that the caller's transaction has locked these notes if it has none."""
    if not release.notes.strip():
        await update(context, release, ReleaseChanged, {"notes": notes})


async def refuse_release_id_conflict(context: Context, project: Project, version: str) -> None:
    """Refuse a version whose release id another release has: joining permalink and version is not injective."""
    other = await Release.get_or_none(release_id=release_id(project.permalink, version)).select_related("project")
    if other is not None and (other.project_id, other.version, other.release_type) != (project.id, version, "ga"):
        raise release_id_conflict(context, other)


def release_id_conflict(context: Context, other: Release) -> Conflict:
    """Build the error for a release id that is taken; the other release is named only to actors with its project."""
    if not context.actor.reaches(other.project):
        return Conflict(f"The release id `{other.release_id}` is that of a release of another project.")
    return Conflict(
        f"The release id `{other.release_id}` is that of the release {other.version} of the project "
        f"`{other.project.name}`.",
        project=other.project.name,
    )


async def amend(context: Context, project: str, version: str, /, **values: Unpack[ReleaseChanges]) -> ReleaseDetails:
    """Apply several changes, each authorized by its own grant, all or none of them.

    The status HOLD holds the release, any other status ends a hold. Setting the status that a held release had before
    only ends the hold.
    """
    status, changed = values.get("status"), None
    context = await confirmed(context, project, "project:write", "release:hold")
    async with transaction():
        existing = await Release.get_or_none(project__name=project, version=version, release_type="ga")
        before = None if existing is None or existing.held is None else existing.status
        if status == HOLD:
            changed = await hold(context, project, version, "its status was set to 20 (HOLD)")
        elif status is not None and before is not None:
            changed = await unhold(context, project, version)
        if status is not None and status in (HOLD, before):
            del values["status"]
        if values or changed is None:
            changed = await change(context, project, version, **values)
    return await _details(changed)


@allowed("release:hold")
async def hold(context: Context, project: Project, version: str, reason: str) -> Release:
    """Block deployments of a release's candidates until it is unheld. An existing hold is kept as it is."""
    reason = check_reason(reason)
    async with transaction():
        release = await lock(project, version)
        if release.held is None and await performed_requests.result_of(context, ReleaseHeld.act) is None:
            authorize_change(context, release, ("held",))
            candidates = Candidate.filter(release_id=release.id).order_by("id")
            await candidates.select_for_update(no_key=True).only("id")  # a deployment of one locks it: none follows
            await update(context, release, ReleaseHeld, {"held": hold_record(context, reason)}, row=release.id)
            await reevaluate(candidate__release_id=release.id)
    return release


@allowed("release:hold")
async def unhold(context: Context, project: Project, version: str) -> Release:
    """Allow deployments of a held release again; its status is shown as it was before."""
    async with transaction():
        release = await lock(project, version)
        if release.held is not None and await performed_requests.result_of(context, ReleaseUnheld.act) is None:
            authorize_change(context, release, ("held",))
            await update(context, release, ReleaseUnheld, {"held": None}, row=release.id)
            await reevaluate(candidate__release_id=release.id)
    return release


@allowed("project:write")
async def change(context: Context, project: Project, version: str, /, **values: Unpack[ReleaseChanges]) -> Release:
    """Change a release's status, date or notes; fields that are not passed are kept.

    A status that is set lasts until a deployment moves the release forward. Refuses HOLD, which `hold` sets, and a
    change of nothing.
    """
    if values.get("status") == HOLD:
        raise Refusal("`status` 20 (HOLD) is set by holding the release.", field="status")
    async with transaction():
        release = await lock(project, version)
        refuse_empty(values, ("status", "release_date", "notes"))
        changed = {name: value for name, value in values.items() if getattr(release, name) != value}
        if changed:
            authorize_change(context, release, changed)
            await update(context, release, ReleaseChanged, changed)
    return release


def hold_record(context: Context, reason: str) -> Hold:
    """Build the record of a hold that the actor places now."""
    return {"by": context.actor.name, "reason": reason.strip()[:1000], "since": context.now().isoformat()}


async def lock(project: Project, version: str) -> Release:
    """Find a release by its version and lock its row, in the caller's transaction."""
    release = await Release.select_for_update().get_or_none(project_id=project.id, version=version, release_type="ga")
    if release is None:
        raise release_not_found()
    return release


def authorize_change(context: Context, release: Release | None, fields: Collection[str]) -> None:
    """Refuse an actor without the grants that changing these fields of a release needs; None is a new release."""
    for needed in needed_grants(release, fields):
        authorize(context.actor, needed.grant, sentence=needed.sentence)


async def update(
    context: Context, release: Release, event: type[RowEvent], values: dict[str, Any], **fields: Any
) -> None:
    """Update a release that the caller's transaction has locked, with an audit entry; `fields` are of the event."""
    before = {name: getattr(release, name) for name in values}
    release.update_from_dict({**values, "updated_at": context.now()})
    await release.save(update_fields=[*values, "updated_at"])
    old, new = _for_audit(before), _for_audit(values)
    of_it = {"project_id": release.project_id, "target": release.version, **fields}
    await events.record(context, event(**of_it, old=old, new=new))


def _for_audit(values: dict[str, Any]) -> dict[str, Any]:
    """Convert times to text, for the JSON of an audit entry."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}
