"""Change sets and the audit entries that refer to them, written together."""

from datetime import datetime
from typing import NamedTuple

from bot.store.database import dialect, fetch

_CHANGE_SET = (
    "INSERT INTO changesets (author, requested_on, committed_on, comment, resource, changes) "
    "VALUES ($1, $2, $3, $4, $5, $6) RETURNING id"
)
_ENTRY = "INSERT INTO audit_entries (at, actor, channel, act, alarm, subject, after)"
_BOTH = " ".join(
    [
        *("WITH made AS (", _CHANGE_SET, "), noted AS (", _ENTRY, "SELECT $3, $1, $7, $8, false,"),
        "'change set ' || made.id || $9, jsonb_build_object('changeset', made.id) FROM made) SELECT id FROM made",
    ]
)


class ChangeSetColumns(NamedTuple):
    """The columns of a change set, in the order of their parameters; `changes` is JSON."""

    author: str
    requested_on: datetime
    committed_on: datetime
    comment: str | None
    resource: str
    changes: str


async def add(change_set: ChangeSetColumns, channel: str, act: str, remark: str) -> int:
    """Insert a change set, and an audit entry whose subject is its number with a remark; return the number."""
    if dialect() == "postgres":
        return int((await fetch(_BOTH, *change_set, channel, act, remark))[0]["id"])
    number = int((await fetch(_CHANGE_SET, *change_set))[0]["id"])
    entry = (change_set.committed_on, change_set.author, channel, act, f"change set {number}{remark}")
    await fetch(f"{_ENTRY} VALUES ($1, $2, $3, $4, false, $5, json_object('changeset', $6))", *entry, number)
    return number
