"""The newest audit entries, as pages that are kept current read them."""

from typing import Any, TypedDict

from bot.store.database import fetch, fetch_as

OVERLAP = 200
"""Entries before the last known one that are read again: on PostgreSQL, one may be committed after a later one."""
MAX_READ = 2000
_SINCE = "SELECT id, at, project_id, act FROM audit_entries WHERE id > $1 ORDER BY id LIMIT $2"


class EntryRow(TypedDict):
    """What an entry is about."""

    id: int
    at: Any
    project_id: int | None
    act: str


async def newest_id() -> int:
    """The id of the newest entry; 0 without any."""
    return int((await fetch("SELECT COALESCE(max(id), 0) AS id FROM audit_entries"))[0]["id"])


async def since(last_id: int) -> list[EntryRow]:
    """Read the entries after one, and again some before it. As many as MAX_READ means that there are more."""
    return await fetch_as(EntryRow, _SINCE, max(0, last_id - OVERLAP), MAX_READ)
