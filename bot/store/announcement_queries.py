"""Announcements and links, read by plain SQL: a page of ids is found on an index, then its rows are fetched."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict

from bot.rules.ids import ProjectId, UserId
from bot.rules.permissions import Visibility
from bot.store import visibility
from bot.store.announcements import Link
from bot.store.database import fetch_as
from bot.store.placeholders import placeholder_list
from bot.store.queries import MAX_ID, IdRow

_ANNOUNCEMENT = """
SELECT a.id, a.project_id, a.submitted_by_id, p.name AS project, p.permalink, a.version, a.changelog, a.tag_list,
    a.hidden_from_frontpage, a.state, s.name AS submitted_by, a.created_at, d.name AS decided_by, a.decided_at,
    CASE WHEN a.state = 'approved' THEN a.decided_at END AS approved_at, a.reason, r.release_id
FROM announcements a
JOIN projects p ON p.id = a.project_id
JOIN users s ON s.id = a.submitted_by_id
LEFT JOIN users d ON d.id = a.decided_by_id
LEFT JOIN releases r ON r.id = a.release_id
"""
_APPROVED_PAGE = """
SELECT id FROM announcements WHERE project_id = $1 AND state = 'approved'
ORDER BY decided_at DESC, id DESC LIMIT $2 OFFSET $3
"""
_PENDING_PAGE = """
SELECT id FROM announcements WHERE project_id = $1 AND state = 'pending' AND submitted_by_id = $2
ORDER BY id DESC LIMIT $3 OFFSET $4
"""


_FRONT_PAGE = """
SELECT a.id FROM announcements a
WHERE a.state = 'approved' AND NOT a.hidden_from_frontpage AND a.id < $1 AND {public} ORDER BY a.id DESC LIMIT $2
"""


class AnnouncementRow(TypedDict):
    """An announcement as dialects show it. On SQLite, times are text and `tag_list` is JSON."""

    id: int
    project_id: ProjectId
    submitted_by_id: UserId
    project: str
    permalink: str
    version: str
    changelog: str
    tag_list: list[str] | str
    hidden_from_frontpage: bool
    state: str
    submitted_by: str
    created_at: datetime | str
    decided_by: str | None
    decided_at: datetime | str | None
    approved_at: datetime | str | None
    reason: str | None
    release_id: str | None


@dataclass(frozen=True, slots=True)
class AnnouncementFilter:
    """Which announcements to list: those in a state, of one project or of all, with ids below `before`.

    From projects in `visible`, all of them; from projects in `own`, those that the user has submitted.
    """

    state: str
    user_id: int
    visible: Visibility
    own: Visibility
    project_id: int | None = None
    before: int | None = None

    def condition(self, args: list[Any]) -> str:
        """Return the condition on the rows `a` of announcements; its arguments are added to `args`.

        The requested project, and the only one that may be visible, are separate conditions, so that an index is used.
        """
        args.extend((self.state, MAX_ID if self.before is None else self.before))
        conditions = [f"a.state = ${len(args) - 1}", f"a.id < ${len(args)}"]
        for project_id in {self.project_id, None if self.visible.public else self.own.project_id} - {None}:
            args.append(project_id)
            conditions.append(f"a.project_id = ${len(args)}")
        if not self.visible.everything:
            conditions.append(self._visible_or_own(args))
        return " AND ".join(conditions)

    def _visible_or_own(self, args: list[Any]) -> str:
        others = visibility.condition(self.visible, "a.project_id", args) if self.visible != Visibility() else ""
        args.append(self.user_id)
        submitted = f"a.submitted_by_id = ${len(args)}"
        within = visibility.condition(self.own, "a.project_id", args)
        own = f"({submitted} AND {within})" if within else f"({submitted})"
        return f"({others} OR {own})" if others else own


async def list_approved(project_id: int, *, limit: int, offset: int = 0) -> list[AnnouncementRow]:
    """Return one page of a project's approved announcements, newest approval first."""
    return await _fetch_page(await fetch_as(IdRow, _APPROVED_PAGE, project_id, limit, offset))


async def list_pending(project_id: int, user_id: int, *, limit: int, offset: int = 0) -> list[AnnouncementRow]:
    """Return one page of the pending announcements that a user has submitted for a project, newest first."""
    return await _fetch_page(await fetch_as(IdRow, _PENDING_PAGE, project_id, user_id, limit, offset))


async def list_by_state(filters: AnnouncementFilter, *, limit: int) -> list[AnnouncementRow]:
    """Return the announcements that pass a filter, newest first."""
    args: list[Any] = [limit]
    page = f"SELECT a.id FROM announcements a WHERE {filters.condition(args)} ORDER BY a.id DESC LIMIT $1"  # noqa: S608
    return await _fetch_page(await fetch_as(IdRow, page, *args))


async def list_front_page(*, before: int | None, limit: int) -> list[AnnouncementRow]:
    """Return approved announcements of public projects that are not hidden from the front page, newest first."""
    args: list[Any] = [MAX_ID if before is None else before, limit]
    public = visibility.condition(Visibility(public=True), "a.project_id", args)
    return await _fetch_page(await fetch_as(IdRow, _FRONT_PAGE.format(public=public), *args))


async def find_announcements(ids: Iterable[int]) -> list[AnnouncementRow]:
    """Find announcements by their ids, in the order of these."""
    return await _fetch_page(IdRow(id=each) for each in ids)


async def list_links(project_id: int) -> list[Link]:
    """Return the links of a project, oldest first."""
    return await Link.filter(project_id=project_id).order_by("id")


async def find_announcement(announcement_id: int, project_id: int) -> AnnouncementRow | None:
    """Find an announcement of a project by its id."""
    rows = await fetch_as(
        AnnouncementRow, f"{_ANNOUNCEMENT} WHERE a.id = $1 AND a.project_id = $2", announcement_id, project_id
    )
    return rows[0] if rows else None


async def _fetch_page(page: Iterable[IdRow]) -> list[AnnouncementRow]:
    """Fetch the rows of a page by their ids, in the page's order."""
    ids = [row["id"] for row in page]
    if not ids:
        return []
    rows = await fetch_as(AnnouncementRow, f"{_ANNOUNCEMENT} WHERE a.id IN ({placeholder_list(len(ids))})", *ids)
    return sorted(rows, key=lambda row: ids.index(row["id"]))
