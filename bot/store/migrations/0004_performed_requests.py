"""Requests from GitHub are known by their origin in a table of their own, and jobs carry their arguments as objects."""

from collections.abc import Mapping
from typing import Any

import orjson
from tortoise.migrations import Migration as Step
from tortoise.migrations import RunPython

from bot.store.migrations import for_each, statements

TABLE = """
CREATE TABLE performed_requests (
    id {number},
    origin VARCHAR(255) NOT NULL UNIQUE,
    act VARCHAR(60) NOT NULL,
    result_id INT NOT NULL,
    performed_at {time} NOT NULL
);
INSERT INTO performed_requests (origin, act, result_id, performed_at)
    SELECT origin, 'candidate.cut', id, created_at FROM candidates WHERE origin IS NOT NULL
    ON CONFLICT (origin) DO NOTHING;
INSERT INTO performed_requests (origin, act, result_id, performed_at)
    SELECT origin, 'deployment.' || kind, id, created_at FROM deployments WHERE origin IS NOT NULL
    ON CONFLICT (origin) DO NOTHING;
"""
COMMENT = {
    "repository": "repository_id",
    "place": "thread",
    "where": "thread_id",
    "comment": "comment_id",
    "at": "created_at",
}
"""The names of a comment's fields, before and now."""


def comment(said: Mapping[str, Any]) -> dict[str, Any]:
    """A comment under the names that its fields have now."""
    return {COMMENT.get(name, name): value for name, value in said.items()}


def payload(kind: str, old: Mapping[str, Any]) -> dict[str, Any]:
    """The payload of a job that waits, as its kind reads it now."""
    if kind == "command":
        return {"comment": comment(old)}
    if kind == "cut_by_tag":
        return {"push": dict(old)}
    if kind == "cancel":
        return {**old, "forced": True}
    return {"comment": comment(old["said"]), "body": old["body"], "reaction": old["reaction"]}


async def rewrite_payloads(_apps: Any, editor: Any) -> None:
    """Rewrite the payloads of unfinished jobs and dead letters."""
    client, sqlite = editor.client, editor.DIALECT == "sqlite"
    waiting = await client.execute_query_dict(
        "SELECT id, kind, payload FROM jobs WHERE state <> 'done' "
        "AND (kind IN ('command', 'cut_by_tag', 'reply') OR (kind = 'cancel' AND key LIKE 'force-cancel:%'))"
    )
    update = "UPDATE jobs SET payload = ? WHERE id = ?" if sqlite else "UPDATE jobs SET payload = $1 WHERE id = $2"
    for row in waiting:
        new = orjson.dumps(payload(row["kind"], orjson.loads(row["payload"])))
        await client.execute_query(update, [new, row["id"]])


class Migration(Step):
    """`performed_requests`, filled from what candidates and deployments know of their origin."""

    dependencies = [("models", "0003_audit_channel")]  # noqa: RUF012 - tortoise's own form
    operations = [  # noqa: RUF012
        for_each(sqlite=statements("sqlite", TABLE), postgres=statements("postgres", TABLE)),
        RunPython(rewrite_payloads),
    ]
