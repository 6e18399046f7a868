"""Announcements: submitted, withdrawn, approved or rejected, and read; and what a project tells of itself."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tortoise.exceptions import IntegrityError

from bot.context import Context, allowed, allowed_to_read, by_name, by_permalink, outline_by_permalink, require
from bot.errors import Conflict, Forbidden, NotFound
from bot.operations import audit, projects, releases
from bot.rules import announcements as rules
from bot.rules.permissions import Visibility
from bot.store import announcement_queries
from bot.store.announcements import Announcement, Link
from bot.store.database import transaction
from bot.store.projects import Outline, Project

READS = ("project:read", "content:read", "announcement:submit", "announcement:approve")
MISSING = "Release not found"
TRIES = 3  # of an approval that somebody else's release was faster than

Row = dict[str, Any]


@dataclass(frozen=True)
class Described:
    """A project with its links, oldest first, and its newest approved announcements."""

    project: Project
    links: list[Link]
    recent: list[Row]


@allowed("announcement:submit", by=by_permalink)
async def submit(context: Context, project: Project, /, **values: Any) -> Row:
    """Submit a release for approval. Refuses what does not fit, and a version that is pending or approved."""
    given = rules.read_release(values)
    projects.refuse_archived(project)
    try:
        async with transaction():
            row = await Announcement.create(
                project_id=project.id,
                state=rules.PENDING,
                submitted_by_id=context.actor.user_id,
                created_at=context.now(),
                **given,
            )
            after = {"id": row.id, **given}
            await audit.record(context, "announcement.submit", given["version"], project=project.id, after=after)
    except IntegrityError as clash:
        raise await _taken(project, given["version"]) from clash
    return await _shown(row)


@allowed("announcement:submit", by=by_permalink)
async def withdraw(context: Context, project: Project, number: int) -> Row:
    """Take back what the same user has submitted, while nobody has decided it."""
    async with transaction():
        row = await Announcement.select_for_update().get_or_none(id=number, project_id=project.id)
        if row is None or row.state == rules.WITHDRAWN:
            raise NotFound(MISSING)
        if row.submitted_by_id != context.actor.user_id:
            raise Forbidden("Only the user who has submitted a release may withdraw it.")
        await _move(context, row, rules.WITHDRAWN, "withdraw")
    return await _shown(row)


@allowed("announcement:approve", hides=True)
async def approve(context: Context, project: Project, version: str, number: int | None = None) -> Row:
    """Approve the pending announcement of a version; its release is found, or made.

    `number` is that of the announcement that the caller has seen: another one of the same version is refused.
    """
    projects.refuse_archived(project)
    for _ in range(TRIES):
        with suppress(IntegrityError):  # somebody has just made the release: next time it is found
            return await _approve(context, project, version, number)
    raise Conflict("Somebody else has just made a release of this name: try again.")


async def _approve(context: Context, project: Project, version: str, number: int | None) -> Row:
    async with transaction():
        row = await _newest(project, version, number)
        rules.check_move(row.version, row.state, rules.APPROVED)
        release = await releases.get_or_create(context, project, row.version)
        await _move(context, row, rules.APPROVED, "approve", release_id=release.id)
    return await _shown(row)


@allowed("announcement:approve", hides=True)
async def reject(context: Context, project: Project, version: str, reason: Any, number: int | None = None) -> Row:
    """Reject the pending announcement of a version, telling why; `number` as with approval."""
    reason = rules.read_reason(reason)
    async with transaction():
        row = await _newest(project, version, number)
        await _move(context, row, rules.REJECTED, "reject", reason=reason)
    return await _shown(row)


@allowed_to_read(*READS, by=outline_by_permalink)
async def approved(context: Context, project: Outline, *, limit: int, offset: int) -> list[Row]:
    """Approved announcements of a project, newest first."""
    return await announcement_queries.approved(project.id, limit=limit, offset=offset)


@allowed(*READS, by=by_permalink)
async def pending(context: Context, project: Project, *, limit: int, offset: int) -> list[Row]:
    """What the caller has submitted for a project and nobody has decided yet, newest first."""
    return await announcement_queries.pending(project.id, context.actor.user_id, limit=limit, offset=offset)


@allowed(*READS, by=by_permalink)
async def find(context: Context, project: Project, number: int) -> Row:
    """An approved announcement; a pending one for who has submitted it and for those who approve."""
    row = await announcement_queries.one(number, project.id)
    if row is None or not (row["state"] == rules.APPROVED or _sees(context, project, row)):
        raise NotFound(MISSING)
    return row


async def queue(context: Context, *, state: str, project: str | None, before: int | None, limit: int) -> list[Row]:
    """Announcements of a state, newest first: approved ones for readers, others for approvers and their submitters."""
    require(context.actor, "announcement:approve", *READS)
    state = rules.parse_state(state)
    actor, number = context.actor, None if project is None else await _asked(context, project)
    return await announcement_queries.queue(
        state,
        actor.visibility(*READS) if state == rules.APPROVED else actor.visibility("announcement:approve"),
        user=actor.user_id,
        own=Visibility(not actor.is_scoped, actor.project_id, actor.repository_id),
        project=number,
        before=before,
        limit=limit,
    )


async def _asked(context: Context, name: str) -> int:
    """The number of a project; 0, which none has, for who acts for one project and is not told of others."""
    try:
        return (await by_name(name)).id
    except NotFound:
        if context.actor.is_scoped:
            return 0
        raise


@allowed(*READS, by=by_permalink)
async def described(context: Context, project: Project, *, recent: int) -> Described:
    """A project by its permalink, with what there is to tell of it."""
    return await _described(project, recent)


@allowed("project:write", by=by_permalink)
async def describe(context: Context, project: Project, /, *, recent: int, **values: Any) -> Described:
    """Change what a project tells of itself: its name, oneliner, description, licenses and tags; only what is given.

    Who may write it is told what it tells then, with or without a grant to read.
    """
    if given := rules.read_description(values):
        project = await projects.change(context, project.name, **given)
    return await _described(project, recent)


async def _described(project: Project, recent: int) -> Described:
    return Described(
        project,
        await announcement_queries.links(project.id),
        await announcement_queries.approved(project.id, limit=recent),
    )


def _sees(context: Context, project: Project, row: Row) -> bool:
    actor = context.actor
    approves = actor.holds("announcement:approve") and actor.reaches(project)
    return row["state"] == rules.PENDING and (approves or row["submitted_by_id"] == actor.user_id)


async def _newest(project: Project, version: str, number: int | None) -> Announcement:
    """The announcement of a version that counts, locked: those before it were rejected or withdrawn."""
    rows = Announcement.select_for_update().filter(project_id=project.id, version=version)
    row = await rows.order_by("-id").first()
    if row is None:
        raise NotFound("Announcement not found")
    if number not in (None, row.id):
        raise Conflict(f"The announcement of {version} is another one now, of the id {row.id}.", id=row.id)
    return row


async def _move(context: Context, row: Announcement, to: str, act: str, **more: Any) -> None:
    rules.check_move(row.version, row.state, to)
    decided = {"state": to, "decided_by_id": context.actor.user_id, "decided_at": context.now(), **more}
    row.update_from_dict(decided)
    await row.save(update_fields=list(decided))
    before, after = {"state": rules.PENDING}, {"id": row.id, "state": to, **more}
    await audit.record(context, f"announcement.{act}", row.version, project=row.project_id, before=before, after=after)


async def _taken(project: Project, version: str) -> Conflict:
    row = await Announcement.filter(project_id=project.id, version=version).order_by("-id").first()
    state = row.state if row is not None and row.state in (rules.PENDING, rules.APPROVED) else "just submitted"
    return Conflict(f"`version` {version} is {state} already.", field="version")


async def _shown(row: Announcement) -> Row:
    shown = await announcement_queries.one(row.id, row.project_id)
    if shown is None:
        raise NotFound(MISSING)
    return shown
