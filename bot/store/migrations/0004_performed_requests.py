"""Add a table of performed requests by origin, and store the arguments of jobs as objects."""

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
"""The new names of a comment's fields, by their old ones."""
RUN = {"attempt": "run_attempt", "workflow": "path", "title": "display_title", "url": "html_url"}
"""GitHub's names of a run's fields, by those in old jobs."""
UNFINISHED = """
SELECT id, kind, payload FROM jobs WHERE state <> 'done' AND (
    kind IN ('command', 'cut_by_tag', 'observe', 'reply') OR (kind = 'cancel' AND key LIKE 'force-cancel:%')
)
"""
STATEMENTS = {
    "sqlite": ("SELECT repository_id FROM runs WHERE id = ?", "UPDATE jobs SET payload = ? WHERE id = ?"),
    "postgres": ("SELECT repository_id FROM runs WHERE id = $1", "UPDATE jobs SET payload = $1 WHERE id = $2"),
}
OBSERVE = """
UPDATE jobs SET kind = 'webhook', lock = NULL, headers = '{"event":"workflow_run","content_type":"application/json"}'
WHERE state <> 'done' AND kind = 'observe'
"""


def comment(old: Mapping[str, Any]) -> dict[str, Any]:
    """Rename the fields of a comment."""
    return {COMMENT.get(name, name): value for name, value in old.items()}


def workflow_run(fact: Mapping[str, Any], repository: int) -> dict[str, Any]:
    """Convert a fact about a run back to the webhook payload that it came from."""
    run = {RUN.get(name, name): value for name, value in fact.items()}
    return {"repository": {"id": repository}, "workflow_run": {**run, "actor": {"login": fact["actor"]}}}


def payload(kind: str, old: Mapping[str, Any], repository: int) -> dict[str, Any]:
    """Convert the payload of a waiting job to the form that its kind reads now."""
    if kind == "command":
        return {"comment": comment(old)}
    if kind == "observe":
        return workflow_run(old["fact"], repository)
    if kind == "cut_by_tag":
        return {"push": dict(old)}
    if kind == "cancel":
        return {**old, "forced": True}
    return {"comment": comment(old["said"]), "body": old["body"], "reaction": old["reaction"]}


async def rewrite_jobs(_apps: Any, editor: Any) -> None:
    """Rewrite unfinished jobs and dead letters: their payloads, and `observe` as the webhook that it came from."""
    client, (repository_of, update) = editor.client, STATEMENTS["sqlite" if editor.DIALECT == "sqlite" else "postgres"]
    for row in await client.execute_query_dict(UNFINISHED):
        old, repository = orjson.loads(row["payload"]), 0
        if row["kind"] == "observe":
            [run] = await client.execute_query_dict(repository_of, [old["run"]])
            repository = run["repository_id"]
        new = orjson.dumps(payload(row["kind"], old, repository))
        await client.execute_query(update, [new, row["id"]])
    await client.execute_query(OBSERVE)


class Migration(Step):
    """Create `performed_requests`, filled from the origins of candidates and deployments."""

    dependencies = [("models", "0003_audit_channel")]  # noqa: RUF012 - as Tortoise declares it
    operations = [  # noqa: RUF012
        for_each(sqlite=statements("sqlite", TABLE), postgres=statements("postgres", TABLE)),
        RunPython(rewrite_jobs),
    ]
