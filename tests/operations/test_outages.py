"""Long outages, a removed App and concurrent changes: no work is lost and no change undone."""

import asyncio

import orjson

from bot.store.database import execute
from bot.store.jobs import Job
from bot.store.projects import Environment
from tests.api.helpers import add_freeze
from tests.world import PROJECT, World


async def test_jobs_wait_as_long_as_github_is_unavailable(world: World) -> None:
    await world.cut("1.0-rc1", build=True)
    world.github.faults.down()
    number = await world.github.pull_request()
    await world.github.comment(number, "/release status")
    for _ in range(2):
        await world.settle()
        await execute("UPDATE jobs SET run_at = 0 WHERE state = 'queued'")
    assert await world.attempts("dispatch") == await world.attempts("command") == [0]  # postponed attempts do not count
    world.github.faults.up()
    await world.settle(skip_delays=True)
    assert len(world.github.dispatches) == 1
    assert len(world.replies(number)) == 1


async def test_deadlines_apply_after_the_app_was_removed(world: World) -> None:
    await world.cut("1.0-rc1")
    await world.deploy("1.0-rc1")
    await world.cut("1.1-rc1", build=True)
    await world.settle()
    await world.github.uninstall()
    await world.settle()
    await world.expire_deadlines()
    await world.reconcile()
    assert await world.status("1.1-rc1") == "failed"
    assert await world.statuses() == [("1.0-rc1", "error")]


async def test_a_change_that_waited_for_github_does_not_undo_a_later_one(world: World) -> None:
    world.github.faults.slow(0.3, path="*/installation", times=1)
    slow_change = world.ask("PATCH", f"/api/projects/{PROJECT}", {"repo": "acme/site", "build_deadline_minutes": 5})
    waiting = asyncio.create_task(slow_change)
    await asyncio.sleep(0.1)
    restriction = {"archived": True, "allowed_branches": ["release/safe"]}
    assert (await world.ask("PATCH", f"/api/projects/{PROJECT}", restriction)).status == 200
    assert (await waiting).status == 200
    project = (await world.ask("GET", f"/api/projects/{PROJECT}")).json
    assert (project["archived"], project["allowed_branches"]) == (True, ["release/safe"])
    assert project["build_deadline_minutes"] == 5


async def test_a_project_can_be_archived_when_its_repository_is_unreachable(world: World) -> None:
    await world.github.uninstall()
    await world.settle()
    assert (await world.ask("PATCH", f"/api/projects/{PROJECT}", {"archived": True})).status == 200


async def test_a_freeze_written_by_another_process_stops_a_deployment(world: World) -> None:
    await world.cut("1.0-rc1")
    await add_freeze(await Environment.get(name="staging"))
    assert (await world.deploy("1.0-rc1")).status == 400


async def test_a_late_webhook_with_an_older_name_changes_nothing(world: World) -> None:
    payloads = []
    for name in ("one", "two"):
        await world.github.rename(name)
        await world.settle()
        payloads.append(world.github.deliveries[-1].payload)
    assert await world.github.send("repository", payloads[0]) == 202
    await world.settle()
    assert (await world.ask("GET", f"/api/projects/{PROJECT}")).json["repo"] == "acme/two"


async def test_a_webhook_of_another_installation_removes_no_repository(world: World) -> None:
    repository = {"id": world.github.repository().id, "full_name": "acme/site"}
    payload = {
        "action": "removed",
        "installation": {"id": 4711},
        "repositories_added": [],
        "repositories_removed": [repository],
    }
    assert await world.github.send("installation_repositories", payload) == 202
    await world.settle()
    assert await world.alarms() == []
    assert (await world.cut("1.0-rc1")).status == 201


async def test_a_run_may_be_rerun_many_times(world: World) -> None:
    await world.cut("1.0-rc1")
    await world.complete_deployment("1.0-rc1")
    for _ in range(12):
        await world.github.rerun()
        await world.github.start()
        await world.github.finish()
        await world.settle()
    assert await world.statuses() == [("1.0-rc1", "success")] * 13


async def test_a_new_token_that_is_refused_once_is_retried(world: World) -> None:
    world.github.faults.fail(path="*/git/refs", status=401, body='{"message": "Bad credentials"}', times=1)
    await world.cut("1.0-rc1", build=True)
    await world.settle(skip_delays=True)
    assert await world.status("1.0-rc1") == "building"


async def test_a_command_that_waited_out_a_long_outage_gets_a_reply_and_is_not_performed(world: World) -> None:
    await world.cut("1.0-rc1")
    world.github.faults.down()
    number = await world.github.pull_request()
    await world.github.comment(number, "/release deploy 1.0-rc1 to staging\n/release status")
    await world.settle()
    (row,) = await Job.filter(kind="command")
    payload = orjson.loads(row.payload or b"")
    payload["comment"]["created_at"] = "2026-01-01T00:00:00Z"
    await Job.filter(id=row.id).update(payload=orjson.dumps(payload))
    world.github.faults.up()
    await world.settle(skip_delays=True)
    (reply,) = world.replies(number)
    assert "could not deliver this to me in time" in reply
    assert "newest candidate" in reply
    assert await world.statuses() == []
