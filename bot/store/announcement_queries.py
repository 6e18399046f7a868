"""Announcements, read by plain SQL, and links: pages are found on an index, and only their rows are read whole."""

from typing import Any

from bot.rules.permissions import Visibility
from bot.store import visibility
from bot.store.announcements import Link
from bot.store.database import fetch

_WHOLE = """
SELECT a.id, a.project_id, a.submitted_by_id, p.name AS project, p.permalink, a.version, a.changelog, a.tag_list,
    a.hidden_from_frontpage, a.state, s.name AS submitted_by, a.created_at, d.name AS decided_by, a.decided_at,
    CASE WHEN a.state = 'approved' THEN a.decided_at END AS approved_at, a.reason, r.release_id
FROM announcements a
JOIN projects p ON p.id = a.project_id
JOIN users s ON s.id = a.submitted_by_id
LEFT JOIN users d ON d.id = a.decided_by_id
LEFT JOIN releases r ON r.id = a.release_id
"""


async def approved(project: int, *, limit: int, offset: int = 0) -> list[dict[str, Any]]:
    """Approved announcements of a project, newest approval first."""
    page = """
        SELECT id FROM announcements WHERE project_id = $1 AND state = 'approved'
        ORDER BY decided_at DESC, id DESC LIMIT $2 OFFSET $3
        """
    return await _whole(await fetch(page, project, limit, offset))


async def pending(project: int, user: int, *, limit: int, offset: int = 0) -> list[dict[str, Any]]:
    """What a user has submitted for a project and nobody has decided yet, newest first."""
    page = """
        SELECT id FROM announcements WHERE project_id = $1 AND state = 'pending' AND submitted_by_id = $2
        ORDER BY id DESC LIMIT $3 OFFSET $4
        """
    return await _whole(await fetch(page, project, user, limit, offset))


async def queue(
    state: str, seen: Visibility, *, user: int, own: Visibility, project: int | None, before: int | None, limit: int
) -> list[dict[str, Any]]:
    """Announcements of a state, newest first, from before an id on: of the projects seen, and within `own` a user's.

    A project that is asked for, or the only one that is seen, is a condition by itself: an index finds its rows.
    """
    args: list[Any] = [state, 2**31 - 1 if before is None else before, limit]
    conditions = ["a.state = $1", "a.id < $2"]
    for number in {project, None if seen.public else own.project_id} - {None}:
        args.append(number)
        conditions.append(f"a.project_id = ${len(args)}")
    if not seen.everything:
        conditions.append(_visible_or_own(seen, user, own, args))
    page = f"SELECT a.id FROM announcements a WHERE {' AND '.join(conditions)} ORDER BY a.id DESC LIMIT $3"  # noqa: S608
    return await _whole(await fetch(page, *args))


def _visible_or_own(seen: Visibility, user: int, own: Visibility, args: list[Any]) -> str:
    others = "" if seen == Visibility() else f"{visibility.condition(seen, 'a.project_id', args)} OR "
    args.append(user)
    mine = f"a.submitted_by_id = ${len(args)}"
    within = visibility.condition(own, "a.project_id", args)
    return f"({others}({mine}{' AND ' if within else ''}{within}))"


async def links(project: int) -> list[Link]:
    """The links of a project, oldest first."""
    return await Link.filter(project_id=project).order_by("id")


async def one(number: int, project: int) -> dict[str, Any] | None:
    """An announcement of a project by its id, if there is one."""
    rows = await fetch(f"{_WHOLE} WHERE a.id = $1 AND a.project_id = $2", number, project)
    return rows[0] if rows else None


async def _whole(page: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of a page, in its order."""
    places = ", ".join(f"${number}" for number in range(1, len(page) + 1))
    numbers = [row["id"] for row in page]
    rows = await fetch(f"{_WHOLE} WHERE a.id IN ({places})", *numbers) if page else []
    return sorted(rows, key=lambda row: numbers.index(row["id"]))
