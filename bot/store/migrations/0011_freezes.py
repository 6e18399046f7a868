"""Move the freezes of environments from their JSON column to the table of freezes."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import orjson
from tortoise.migrations import Migration as Step
from tortoise.migrations import RunPython

from bot.store.migrations import for_each

SYSTEM = "longshore"
NO_REASON = "No reason was given."
FROZEN = "SELECT id, project_id, frozen FROM environments WHERE frozen IS NOT NULL ORDER BY id"
STATEMENTS = {
    "sqlite": (
        "SELECT id FROM users WHERE name = ?",
        "INSERT INTO users (name, created_at) VALUES (?, ?)",
        "INSERT INTO freezes (scope, environment_id, project_id, created_by_id, reason, since, until) "
        "VALUES ('environment', ?, ?, ?, ?, ?, ?)",
    ),
    "postgres": (
        "SELECT id FROM users WHERE name = $1",
        "INSERT INTO users (name, created_at) VALUES ($1, $2)",
        "INSERT INTO freezes (scope, environment_id, project_id, created_by_id, reason, since, until) "
        "VALUES ('environment', $1, $2, $3, $4, $5, $6)",
    ),
}


def frozen_record(stored: object) -> Mapping[str, Any] | None:
    """Decode a stored freeze; None for JSON's null. What is no object froze the environment, too."""
    value = orjson.loads(stored) if isinstance(stored, str | bytes) else stored
    return None if value is None else value if isinstance(value, Mapping) else {}


def time(text: object) -> datetime | None:
    """Parse a stored time; None if it is absent or malformed, so that a freeze without a valid end has none."""
    with suppress(ValueError, OverflowError):
        if isinstance(text, str):
            parsed = datetime.fromisoformat(text)
            return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    return None


async def move_freezes(_apps: Any, editor: Any) -> None:
    """Insert a row for each stored freeze, by the user who made it, or else by Longshore itself."""
    client, is_sqlite = editor.client, editor.DIALECT == "sqlite"
    find_user, insert_user, insert = STATEMENTS["sqlite" if is_sqlite else "postgres"]
    now = datetime.now(UTC)

    def stored(moment: datetime | None) -> object:
        return moment.isoformat(" ") if is_sqlite and moment is not None else moment

    async def user_of(name: object) -> int:
        for known in (name, SYSTEM):
            if isinstance(known, str) and (rows := await client.execute_query_dict(find_user, [known])):
                return int(rows[0]["id"])
        await client.execute_query(insert_user, [SYSTEM, stored(now)])
        return int((await client.execute_query_dict(find_user, [SYSTEM]))[0]["id"])

    for row in await client.execute_query_dict(FROZEN):
        if (frozen := frozen_record(row["frozen"])) is None:
            continue
        reason = str(frozen.get("reason") or NO_REASON)
        since, until = time(frozen.get("since")) or now, time(frozen.get("until"))
        by = await user_of(frozen.get("by"))
        await client.execute_query(insert, [row["id"], row["project_id"], by, reason, stored(since), stored(until)])


DROP = ["ALTER TABLE environments DROP COLUMN frozen"]


class Migration(Step):
    """Fill `freezes` from `environments.frozen`, and drop that column."""

    dependencies = [("models", "0010_gates")]  # noqa: RUF012 - as Tortoise declares it
    operations = [RunPython(move_freezes), for_each(sqlite=DROP, postgres=DROP)]  # noqa: RUF012
