"""Migrations create exactly the schema of the models, and lose no rows."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import pytest
from tortoise.exceptions import BaseORMException

from bot.errors import Misconfigured
from bot.github.workflow_runs import run_fact
from bot.operations import jobs
from bot.queue.intake import WebhookDelivery
from bot.queue.jobs import Job
from bot.queue.leases import claim
from bot.rules.comments import CommandComment
from bot.rules.ids import CandidateId, CommentId, CommitSha, GitHubUserId, RepositoryId, RunId, RunRowId
from bot.rules.runs import RunFact
from bot.rules.tags import TagPush
from bot.store.database import execute, fetch, open_database
from bot.store.gates import Freeze
from bot.store.migrate import known_migrations, migrate, pending_migrations
from bot.store.performed_requests import PerformedRequest
from tests.conftest import SERVER, execute_on_server, postgres
from tests.schemas import counts, execute_at, fill, schema

PARTIAL = {
    *("jobs_key", "jobs_lock", "jobs_due", "jobs_lease", "jobs_finished"),
    *("deployments_active", "deployments_deadline", "deployments_waiting", "deployments_due"),
    *("protection_requests_commit", "protection_requests_due", "audit_entries_weakened"),
    *("approvals_open", "environment_locks_open", "freezes_open", "bans_open"),
    *("config_changes_environment", "config_changes_project"),
    *("announcements_open", "releases_status", "releases_project_status", "releases_held"),
    "users_lower_name",  # of an expression
}
EXAMPLE = "tests.store.example.migrations"
BROKEN = "tests.store.broken.migrations"


@pytest.fixture
async def empty_url(tmp_path: Path) -> AsyncIterator[str]:
    """The URL of a database without tables."""
    if not postgres():
        yield f"sqlite://{tmp_path}/empty.db"
        return
    name = f"longshore_empty_{os.getpid()}"
    await execute_on_server(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await execute_on_server(f"CREATE DATABASE {name}")
    yield urlsplit(SERVER)._replace(path=f"/{name}").geturl()
    await execute_on_server(f"DROP DATABASE {name} WITH (FORCE)")


async def test_the_migrated_schema_is_the_models_schema(empty_url: str, tmp_path: Path) -> None:
    await migrate(empty_url)
    migrated = await schema(empty_url)
    if postgres():
        await execute_at(empty_url, "CREATE SCHEMA models")
        expected = await schema(f"{empty_url}?options=-csearch_path%3Dmodels", of_models=True)
    else:
        expected = await schema(f"sqlite://{tmp_path}/models.db", of_models=True)
    assert migrated.keys() == expected.keys()
    for name, table in migrated.items():
        assert table._replace(partial=set()) == expected[name], f"the migrations and the model differ: {name}"
    assert {index for table in migrated.values() for index in table.partial} == PARTIAL


async def test_migrating_again_does_nothing_and_is_fast(empty_url: str) -> None:
    assert await migrate(empty_url) == known_migrations()
    started = time.monotonic()
    assert await migrate(empty_url) == []
    assert time.monotonic() - started < 0.2


async def test_pending_migrations_are_listed(empty_url: str) -> None:
    database = await open_database(empty_url)
    try:
        assert await pending_migrations() == known_migrations()
        await migrate(empty_url)
        assert await pending_migrations() == []
    finally:
        await database.close()


MIGRATOR = """
import asyncio, sys
from bot.store.migrate import migrate
print(len(asyncio.run(migrate(sys.argv[1]))))
"""


async def test_of_several_concurrent_migrators_one_migrates_and_all_succeed(empty_url: str) -> None:
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", MIGRATOR, empty_url, stdout=asyncio.subprocess.PIPE)
        for _ in range(4)
    ]
    applied = [int((await process.communicate())[0]) for process in processes]
    assert sorted(applied) == [0, 0, 0, len(known_migrations())]


async def test_a_database_that_a_newer_version_has_migrated_is_refused(empty_url: str) -> None:
    await migrate(empty_url)
    newer = "INSERT INTO tortoise_migrations (app, name, applied_at) VALUES ('models', '9999_new', '2026-11-30')"
    await execute_at(empty_url, newer)
    with pytest.raises(Misconfigured, match="newer version of Longshore \\(9999_new\\): start that version"):
        await migrate(empty_url)


async def test_a_failed_migration_is_rolled_back(empty_url: str) -> None:
    with pytest.raises(BaseORMException):
        await migrate(empty_url, BROKEN)
    assert "halves" not in await schema(empty_url)


async def test_rebuilding_a_table_keeps_the_rows_that_reference_it(empty_url: str) -> None:
    await assert_rows_survive(empty_url, EXAMPLE)
    database = await open_database(empty_url)
    try:
        assert await fetch("SELECT parent_id FROM children ORDER BY id") == [{"parent_id": 1}, {"parent_id": 2}]
        with pytest.raises(BaseORMException):
            await execute("INSERT INTO parents (id, name) VALUES (3, (SELECT name FROM parents WHERE id = 1))")
        with pytest.raises(BaseORMException):
            await execute("INSERT INTO children (id, parent_id) VALUES (3, 3)")
    finally:
        await database.close()


async def test_every_migration_keeps_existing_rows(empty_url: str) -> None:
    await assert_rows_survive(empty_url, "bot.store.migrations")


async def test_audit_entries_keep_the_channel_that_they_were_written_with(empty_url: str) -> None:
    await migrate(empty_url, to="0002_dialects")
    await execute_at(
        empty_url,
        "INSERT INTO audit_entries (at, actor, door, act, alarm, subject) "
        "VALUES ('2026-01-01 00:00:00+00:00', 'alice', 'pull comment', 'candidate.cut', FALSE, '1.0-rc1')",
    )
    await migrate(empty_url)
    database = await open_database(empty_url)
    try:
        assert await fetch("SELECT channel FROM audit_entries") == [{"channel": "pull comment"}]
    finally:
        await database.close()


OLD_COMMENT = {
    "repository": 1,
    "place": "pull",
    "where": "7",
    "comment": 2,
    "author_id": 3,
    "author": "alice",
    "body": "/release status",
    "at": "2026-11-21T12:00:00Z",
}
OLD_PUSH = {
    "repository": 1,
    "tag": "v1.0-rc1",
    "commit": "a" * 40,
    "sender_id": 3,
    "sender": "alice",
    "delivery": "guid",
}
COMMENT = CommandComment(
    repository_id=RepositoryId(1),
    thread="pull",
    thread_id="7",
    comment_id=CommentId(2),
    author_id=GitHubUserId(3),
    author="alice",
    body="/release status",
    created_at="2026-11-21T12:00:00Z",
)
PUSH = TagPush(RepositoryId(1), "v1.0-rc1", CommitSha("a" * 40), GitHubUserId(3), "alice", "guid")
OLD_FACT = {
    "id": 4,
    "attempt": 2,
    "status": "completed",
    "conclusion": "success",
    "head_sha": "a" * 40,
    "head_branch": "v1.0-rc1",
    "workflow": ".github/workflows/build.yml",
    "title": "cut-1-0123456789",
    "url": "https://github.example/runs/4",
    "event": "workflow_dispatch",
    "actor": "longshore[bot]",
    "created_at": "2026-11-21T12:00:00+00:00",
}
FACT = RunFact(
    id=RunId(4),
    attempt=2,
    status="completed",
    conclusion="success",
    head_sha=CommitSha("a" * 40),
    head_branch="v1.0-rc1",
    workflow=".github/workflows/build.yml",
    title="cut-1-0123456789",
    url="https://github.example/runs/4",
    event="workflow_dispatch",
    actor="longshore[bot]",
    created_at=datetime(2026, 11, 21, 12, tzinfo=UTC),
)
OLD_PAYLOADS: list[tuple[dict[str, object], Job]] = [
    (OLD_COMMENT, jobs.RunCommands(COMMENT)),
    ({"said": OLD_COMMENT, "body": "Done.", "reaction": "rocket"}, jobs.PostReply(COMMENT, "Done.", "rocket")),
    (OLD_PUSH, jobs.CutByTag(PUSH)),
    ({"run": 1}, jobs.DispatchRun(RunRowId(1))),
    ({"candidate": 1, "by": "alice"}, jobs.CheckTag(CandidateId(1), "alice")),
    ({"run": 2}, jobs.CancelRun(RunRowId(2), forced=True)),
]
INSERT_JOB = """
INSERT INTO jobs (kind, key, keep, priority, payload, state, attempts, run_at, created_at)
VALUES ($1, $4, 1 = 0, 0, $2, $3, 0, 0, 0)
"""


@pytest.mark.parametrize("state", ["queued", "dead"])
async def test_waiting_jobs_are_readable_after_their_payloads_became_objects(empty_url: str, state: str) -> None:
    await migrate(empty_url, to="0003_audit_channel")
    for payload, job in OLD_PAYLOADS:
        await execute_at(empty_url, INSERT_JOB, job.kind, orjson.dumps(payload), state, job.key)
        await execute_at(empty_url, INSERT_JOB, job.kind, None, "done", None)
    await migrate(empty_url)
    database = await open_database(empty_url)
    try:
        assert await fetch("SELECT payload FROM jobs WHERE state = 'done' AND payload IS NOT NULL") == []
        await execute("UPDATE jobs SET state = 'queued' WHERE state = 'dead'")
        rows = {row.kind: row for row in await claim(len(OLD_PAYLOADS), "tester", 60_000)}
        for _, job in OLD_PAYLOADS:
            assert type(job).read(rows[job.kind]) == job
    finally:
        await database.close()


@pytest.mark.parametrize("state", ["queued", "dead"])
async def test_a_waiting_fact_about_a_run_becomes_the_webhook_that_it_came_from(empty_url: str, state: str) -> None:
    await migrate(empty_url, to="0003_audit_channel")
    await fill(empty_url, await schema(empty_url))
    await execute_at(empty_url, "DELETE FROM jobs")
    payload = orjson.dumps({"run": 2, "fact": OLD_FACT})
    await execute_at(empty_url, INSERT_JOB, "observe", payload, state, None)
    await migrate(empty_url)
    database = await open_database(empty_url)
    try:
        await execute("UPDATE jobs SET state = 'queued'")
        [row] = await claim(5, "tester", 60_000)
        delivery = WebhookDelivery.read(row)
        body = orjson.loads(delivery.body)
        assert (row.kind, row.lock, delivery.event) == ("webhook", None, "workflow_run")
        assert delivery.content_type == "application/json"
        assert run_fact(body["workflow_run"]) == FACT
        assert (
            body["repository"]["id"] == (await fetch("SELECT repository_id FROM runs WHERE id = 2"))[0]["repository_id"]
        )
    finally:
        await database.close()


@pytest.mark.parametrize("state", ["queued", "running", "done", "dead"])
async def test_stored_deliveries_are_known_by_their_guids_after_their_keys_got_a_prefix(
    empty_url: str, state: str
) -> None:
    guid = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
    await migrate(empty_url, to="0004_performed_requests")
    for kind, key in (("webhook", guid), ("webhook", "dispatch:1"), ("reconcile", "reconcile"), ("check_tag", None)):
        await execute_at(empty_url, INSERT_JOB, kind, b"{}", state, key)
    await migrate(empty_url)
    database = await open_database(empty_url)
    try:
        keys = [row["key"] for row in await fetch("SELECT key FROM jobs ORDER BY id")]
        assert keys == [f"webhook:{guid}", "webhook:dispatch:1", "reconcile", None]
        assert WebhookDelivery(guid, "push", "application/json", b"{}").key == keys[0]
        await execute("UPDATE jobs SET state = 'queued', run_at = 0, headers = '{}' WHERE id = 1")
        rows = {row.key: row for row in await claim(5, "tester", 60_000)}
        assert WebhookDelivery.read(rows[keys[0]]).guid == guid
    finally:
        await database.close()


async def test_the_origins_of_candidates_and_deployments_become_performed_requests(empty_url: str) -> None:
    await migrate(empty_url, to="0003_audit_channel")
    await fill(empty_url, await schema(empty_url))
    for statement in (
        "UPDATE candidates SET origin = CASE id WHEN 1 THEN 'pull-comment:1:0' END",
        "UPDATE deployments SET origin = 'commit-comment:' || id || ':1'",
        "UPDATE deployments SET kind = CASE id WHEN 1 THEN 'deploy' ELSE 'rollback' END",
    ):
        await execute_at(empty_url, statement)
    await migrate(empty_url)
    database = await open_database(empty_url)
    try:
        rows = await PerformedRequest.all().order_by("act")
        assert [(row.origin, row.act, row.result_id) for row in rows] == [
            ("pull-comment:1:0", "candidate.cut", 1),
            ("commit-comment:1:1", "deployment.deploy", 1),
            ("commit-comment:2:1", "deployment.rollback", 2),
        ]
        assert [row.performed_at for row in rows] == [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 1, 2)]
    finally:
        await database.close()


async def test_repositories_out_of_sight_become_private_and_others_stay_as_they_are(empty_url: str) -> None:
    await migrate(empty_url, to="0004_performed_requests")
    columns = "github_id, full_name, default_branch, private, archived, installation_id, checked_at"
    for github_id, private, installation in ((1, "1 = 0", "NULL"), (2, "1 = 0", "7"), (3, "1 = 1", "7")):
        values = f"{github_id}, 'acme/x', 'main', {private}, 1 = 0, {installation}, '2026-01-01T00:00:00Z'"
        await execute_at(empty_url, f"INSERT INTO repositories ({columns}) VALUES ({values})")
    assert await migrate(empty_url, to="0005_unseen_repositories") == ["0005_unseen_repositories"]
    database = await open_database(empty_url)
    try:
        rows = await fetch("SELECT github_id, private FROM repositories ORDER BY github_id")
        assert [(row["github_id"], bool(row["private"])) for row in rows] == [(1, True), (2, False), (3, True)]
    finally:
        await database.close()


FROZEN: dict[str, tuple[str, str, str, str | None]] = {
    '{"by": "v1", "reason": "a", "since": "2026-01-02T03:04:05+00:00", "until": "2026-02-03T04:05:06.000007+01:00"}': (
        *("v1", "a", "2026-01-02T03:04:05+00:00"),
        "2026-02-03T03:05:06.000007+00:00",
    ),
    '{"by": "gone", "reason": "b", "since": "2026-01-02T03:04:05", "until": null}': (
        *("longshore", "b", "2026-01-02T03:04:05+00:00"),
        None,
    ),
    '{"by": "v2", "reason": "c", "since": "2026-01-02T03:04:05Z", "until": "tomorrow"}': (
        *("v2", "c", "2026-01-02T03:04:05+00:00"),
        None,
    ),
    '{"by": 7, "since": "2026-01-02T03:04:05+00:00"}': (
        *("longshore", "No reason was given.", "2026-01-02T03:04:05+00:00"),
        None,
    ),
}
"""Stored freezes, with the user, the reason, the beginning and the end of the row that each becomes."""


@pytest.mark.parametrize("stored", FROZEN)
async def test_the_freeze_of_an_environment_becomes_a_row(empty_url: str, stored: str) -> None:
    await migrate(empty_url, to="0009_queue_vacuum")
    await fill(empty_url, await schema(empty_url))
    await execute_at(empty_url, "UPDATE environments SET frozen = NULL WHERE id = 2")
    await execute_at(empty_url, "UPDATE environments SET frozen = $1 WHERE id = 1", stored)
    await migrate(empty_url)
    database = await open_database(empty_url)
    try:
        (row,) = await Freeze.all().select_related("created_by")
        assert (row.scope, row.environment_id, row.project_id, row.ended_at) == ("environment", 1, 1, None)
        assert (row.created_by.name, *list(row.record.values())[1:]) == FROZEN[stored]
    finally:
        await database.close()


async def assert_rows_survive(url: str, module: str) -> None:
    """Fill every table after the first migration; assert that each later one keeps the rows."""
    first, *others = known_migrations(module)
    assert await migrate(url, module, first) == [first]
    before = await schema(url)
    await fill(url, before)
    for name in others:
        assert await migrate(url, module, name) == [name]
        tables = await schema(url)
        expected = dict.fromkeys(before.keys() & tables.keys(), 2)
        if name >= "0011":
            expected["users"] = 3  # Longshore's own, in whose name freezes of nobody are kept
        assert await counts(url, expected) == expected
