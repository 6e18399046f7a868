"""Announcements of releases: submit, withdraw, approve, reject and read; and the public profile of a project."""

from contextlib import suppress
from dataclasses import dataclass

from tortoise.exceptions import IntegrityError

from bot.context import Context, allowed, allowed_to_read, authorize, by_name, by_permalink, outline_by_permalink
from bot.errors import Conflict, Forbidden, NotFound, Refusal, release_not_found
from bot.events.administration import (
    AnnouncementApproved,
    AnnouncementRejected,
    AnnouncementSubmitted,
    AnnouncementWithdrawn,
)
from bot.events.event import ResultEvent
from bot.operations import events, performed_requests, projects, releases
from bot.rules import announcements as rules
from bot.rules.permissions import Visibility
from bot.store import announcement_queries
from bot.store.announcement_queries import AnnouncementFilter, AnnouncementRow
from bot.store.announcements import Announcement, Link
from bot.store.database import transaction
from bot.store.projects import Outline, Project
from bot.store.releases import Release

READS = ("project:read", "content:read", "announcement:submit", "announcement:approve")
TRIES = 3
"""Attempts to approve while other requests create the same release."""


@dataclass(frozen=True)
class ProjectProfile:
    """A project with its links, oldest first, and its newest approved announcements."""

    project: Project
    links: list[Link]
    recent: list[AnnouncementRow]


@allowed("announcement:submit", by=by_permalink)
async def submit(context: Context, project: Project, /, **values: object) -> AnnouncementRow:
    """Submit a release for approval. Refuses invalid fields, and a version that is already pending or approved."""
    fields = rules.parse_release(values)
    projects.refuse_archived(project)
    if (earlier := await _performed(context, AnnouncementSubmitted.act)) is not None:
        return earlier
    try:
        async with transaction():
            announcement = await Announcement.create(
                project_id=project.id,
                state=rules.PENDING,
                submitted_by_id=context.actor.user_id,
                created_at=context.now(),
                **fields,
            )
            after = {"id": announcement.id, **fields}
            submitted = AnnouncementSubmitted(
                project_id=project.id, target=fields["version"], row=announcement.id, new=after
            )
            await events.record(context, submitted)
    except IntegrityError as clash:
        if (earlier := await _performed(context, AnnouncementSubmitted.act)) is not None:
            return earlier
        raise await _already_announced(project, fields["version"]) from clash
    return await _row(announcement)


@allowed("announcement:submit")
async def submit_notes(context: Context, project: Project, version: str) -> AnnouncementRow:
    """Submit a release for approval, with its notes as the changelog. Refuses one without notes."""
    release = await Release.get_or_none(project_id=project.id, version=version, release_type="ga")
    if release is None:
        raise release_not_found()
    if not release.notes.strip():
        raise Refusal(f"The release {version} has no notes, which its announcement would show: write them first.")
    return await submit(context, project.permalink, version=version, changelog=release.notes)


@allowed("announcement:submit", by=by_permalink)
async def withdraw(context: Context, project: Project, announcement_id: int) -> AnnouncementRow:
    """Withdraw a pending announcement. Refuses one that another user has submitted."""
    async with transaction():
        announcement = await Announcement.select_for_update().get_or_none(id=announcement_id, project_id=project.id)
        if announcement is None or announcement.state == rules.WITHDRAWN:
            raise release_not_found()
        if announcement.submitted_by_id != context.actor.user_id:
            raise Forbidden("Only the user who has submitted a release may withdraw it.")
        await _decide(context, announcement, rules.WITHDRAWN, AnnouncementWithdrawn)
    return await _row(announcement)


@allowed("announcement:approve")
async def approve(
    context: Context, project: Project, version: str, announcement_id: int | None = None
) -> AnnouncementRow:
    """Approve the pending announcement of a version; get or create its release, whose notes are the changelog if it has
    none.

    `announcement_id` names the announcement that the caller has read; a newer one of the same version is refused.
    """
    projects.refuse_archived(project)
    for _ in range(TRIES):
        with suppress(IntegrityError):  # a concurrent request has created the release: the next attempt finds it
            return await _approve(context, project, version, announcement_id)
    raise Conflict("Another request has just created a release of this name: try again.")


async def _approve(context: Context, project: Project, version: str, announcement_id: int | None) -> AnnouncementRow:
    async with transaction():
        announcement = await _lock_newest(project, version, announcement_id)
        if (earlier := await _performed(context, AnnouncementApproved.act)) is not None:
            return earlier
        rules.check_transition(announcement.version, announcement.state, rules.APPROVED)
        release = await releases.get_or_create(context, project, announcement.version)
        await releases.add_notes(context, release, announcement.changelog)
        await _decide(context, announcement, rules.APPROVED, AnnouncementApproved, release_id=release.id)
    return await _row(announcement)


@allowed("announcement:approve")
async def reject(
    context: Context, project: Project, version: str, reason: object, announcement_id: int | None = None
) -> AnnouncementRow:
    """Reject the pending announcement of a version with a reason; `announcement_id` as in `approve`."""
    reason = rules.parse_reason(reason)
    async with transaction():
        announcement = await _lock_newest(project, version, announcement_id)
        if (earlier := await _performed(context, AnnouncementRejected.act)) is not None:
            return earlier
        await _decide(context, announcement, rules.REJECTED, AnnouncementRejected, reason=reason)
    return await _row(announcement)


@allowed_to_read(*READS, by=outline_by_permalink)
async def list_approved(context: Context, project: Outline, *, limit: int, offset: int) -> list[AnnouncementRow]:
    """List approved announcements of a project, newest first."""
    return await announcement_queries.list_approved(project.id, limit=limit, offset=offset)


@allowed(*READS, by=by_permalink)
async def list_pending(context: Context, project: Project, *, limit: int, offset: int) -> list[AnnouncementRow]:
    """List the pending announcements that the actor has submitted for a project, newest first."""
    return await announcement_queries.list_pending(project.id, context.actor.user_id, limit=limit, offset=offset)


@allowed(*READS, by=by_permalink)
async def find(context: Context, project: Project, announcement_id: int) -> AnnouncementRow:
    """Find an approved announcement, or a pending one that the actor has submitted or may approve."""
    row = await announcement_queries.find_announcement(announcement_id, project.id)
    if row is None or not (row["state"] == rules.APPROVED or _may_see_pending(context, project, row)):
        raise release_not_found()
    return row


async def list_by_state(
    context: Context, *, state: str, project: str | None, before: int | None, limit: int
) -> list[AnnouncementRow]:
    """List announcements of a state with ids below `before`, newest first.

    Approved ones are visible to readers, others to approvers and their submitters.
    """
    authorize(context.actor, "announcement:approve", *READS)
    state = rules.parse_state(state)
    actor = context.actor
    filters = AnnouncementFilter(
        state=state,
        user_id=actor.user_id,
        visible=actor.visibility(*READS) if state == rules.APPROVED else actor.visibility("announcement:approve"),
        own=Visibility(not actor.is_scoped, actor.project_id, actor.repository_id),
        project_id=None if project is None else await _project_id(context, project),
        before=before,
    )
    return await announcement_queries.list_by_state(filters, limit=limit)


async def front_page(*, before: int | None = None, limit: int) -> list[AnnouncementRow]:
    """List approved announcements of public projects with ids below `before`, without hidden ones, newest first.

    Everybody may read them who may read anything.
    """
    return await announcement_queries.list_front_page(before=before, limit=limit)


async def _project_id(context: Context, name: str) -> int:
    """Find the id of a project; 0, which matches none, for an unknown name if the actor is scoped to some projects."""
    try:
        return (await by_name(name)).id
    except NotFound:
        if context.actor.is_scoped:
            return 0
        raise


@allowed(*READS, by=by_permalink)
async def get_profile(context: Context, project: Project, *, recent: int) -> ProjectProfile:
    """Read the public profile of a project with its `recent` newest approved announcements."""
    return await _profile(project, recent)


@allowed("project:write", by=by_permalink)
async def change_profile(context: Context, project: Project, /, *, recent: int, **values: object) -> ProjectProfile:
    """Change a project's name, oneliner, description, licenses or tags; fields that are not passed are kept.

    Returns the profile to an actor who may write it, even without a grant to read.
    """
    if fields := rules.parse_description(values):
        project = await projects.change(context, project.name, **fields)
    return await _profile(project, recent)


async def _profile(project: Project, recent: int) -> ProjectProfile:
    return ProjectProfile(
        project,
        await announcement_queries.list_links(project.id),
        await announcement_queries.list_approved(project.id, limit=recent),
    )


def _may_see_pending(context: Context, project: Project, row: AnnouncementRow) -> bool:
    actor = context.actor
    approves = actor.holds("announcement:approve") and actor.reaches(project)
    return row["state"] == rules.PENDING and (approves or row["submitted_by_id"] == actor.user_id)


async def _lock_newest(project: Project, version: str, announcement_id: int | None) -> Announcement:
    """Lock the newest announcement of a version: any older one is rejected or withdrawn."""
    rows = Announcement.select_for_update().filter(project_id=project.id, version=version)
    announcement = await rows.order_by("-id").first()
    if announcement is None:
        raise NotFound("Announcement not found")
    if announcement_id not in (None, announcement.id):
        raise Conflict(
            f"There is a newer announcement of {version}, with the id {announcement.id}.", id=announcement.id
        )
    return announcement


async def _decide(
    context: Context, announcement: Announcement, state: str, event: type[ResultEvent], **fields: object
) -> None:
    rules.check_transition(announcement.version, announcement.state, state)
    decision = {"state": state, "decided_by_id": context.actor.user_id, "decided_at": context.now(), **fields}
    announcement.update_from_dict(decision)
    await announcement.save(update_fields=list(decision))
    decided = event(
        project_id=announcement.project_id,
        target=announcement.version,
        row=announcement.id,
        old={"state": rules.PENDING},
        new={"id": announcement.id, "state": state, **fields},
    )
    await events.record(context, decided)


async def _already_announced(project: Project, version: str) -> Conflict:
    newest = await Announcement.filter(project_id=project.id, version=version).order_by("-id").first()
    state = newest.state if newest and newest.state in (rules.PENDING, rules.APPROVED) else "just submitted"
    return Conflict(f"`version` {version} is {state} already.", field="version")


async def _performed(context: Context, act: str) -> AnnouncementRow | None:
    """Find the announcement that was made or decided when the same message was handled before."""
    announcement_id = await performed_requests.result_of(context, act)
    return None if announcement_id is None else await _row(await Announcement.get(id=announcement_id))


async def _row(announcement: Announcement) -> AnnouncementRow:
    row = await announcement_queries.find_announcement(announcement.id, announcement.project_id)
    if row is None:
        raise release_not_found()
    return row
