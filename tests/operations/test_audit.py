"""Every act leaves an entry: who, through which door, what, on which commit, before and after."""

from typing import Any

import pytest

from bot.store.audit import AuditEntry
from tests.world import PROJECT, World

STAGING = f"/api/projects/{PROJECT}/environments/staging"


def shown(entry: AuditEntry) -> dict[str, Any]:
    """An entry's main columns."""
    return {"actor": entry.actor, "door": entry.channel, "subject": entry.subject, "commit": entry.commit}


async def test_a_candidates_way_is_written_down(world: World) -> None:
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    await world.github.finish(run=1, conclusion="failure")
    await world.settle()
    commit = world.github.head()
    (cut,) = await world.audit("candidate.cut")
    assert shown(cut) == {"actor": "root", "door": "rest", "subject": "1.2-rc1", "commit": commit}
    assert cut.after == {"build": True, "branch": "main"}
    (ended,) = await world.audit("candidate.finish_build")
    assert shown(ended) == {"actor": "longshore", "door": "job", "subject": "1.2-rc1", "commit": commit}
    assert ended.after == {"status": "failed", "reason": "The build run ended with `failure`."}


async def test_a_deployments_way_is_written_down(world: World) -> None:
    await world.cut("1.2-rc1")
    await world.complete_deployment("1.2-rc1")
    entries = [*await world.audit("deployment.deploy"), *await world.audit("deployment.finish")]
    subject, commit = "staging: 1.2-rc1 (deployment 1)", world.github.head()
    assert [shown(entry) for entry in entries] == [
        {"actor": "root", "door": "rest", "subject": subject, "commit": commit},
        {"actor": "longshore", "door": "job", "subject": subject, "commit": commit},
    ]
    assert entries[1].before == {"is": "pending"}
    assert entries[1].after["status"] == "success"


async def test_cancelling_and_rolling_back_are_written_down(world: World) -> None:
    for version in ("1.1-rc1", "1.2-rc1"):
        await world.cut(version)
        await world.complete_deployment(version)
    await world.roll_back()
    await world.settle()
    await world.ask("POST", f"/api/releases/{PROJECT}/environments/staging/deployments/3/cancel")
    await world.settle()
    (rollback,) = await world.audit("deployment.rollback")
    (cancel,) = await world.audit("deployment.cancel")
    assert rollback.subject == cancel.subject == "staging: 1.1-rc1 (deployment 3)"
    assert (cancel.actor, cancel.before, cancel.after["status"]) == ("root", {"is": "pending"}, "canceling")


async def test_a_pipelines_report_is_written_down_once(world: World) -> None:
    await world.cut("1.2-rc1")
    for _ in range(2):
        await world.report("1.2-rc1", "success")
    (entry,) = await world.audit("deployment.report")
    assert (entry.before, entry.after["status"]) == ({"is": "pending"}, "success")


@pytest.mark.parametrize(
    ("act", "path", "body", "before", "after"),
    [
        ("project.change", f"/api/projects/{PROJECT}", {"build_deadline_minutes": 9}, 60, 9),
        ("environment.change", STAGING, {"deploy_deadline_minutes": 9}, 60, 9),
    ],
)
async def test_settings_are_written_down_with_what_they_were(
    world: World, act: str, path: str, body: dict[str, Any], before: int, after: int
) -> None:
    assert (await world.ask("PATCH", path, body)).status == 200
    (entry,) = await world.audit(act)
    assert (list(entry.before.values()), list(entry.after.values())) == ([before], [after])
    assert (entry.actor, entry.channel, entry.project_id) == ("root", "rest", 1)


async def test_freezing_is_written_down_with_its_reason(world: World) -> None:
    await world.ask("PATCH", STAGING, {"frozen": {"reason": "holidays"}})
    await world.ask("PATCH", STAGING, {"frozen": None})
    (frozen,), (thawed,) = await world.audit("environment.freeze"), await world.audit("environment.unfreeze")
    assert frozen.after["frozen"]["reason"] == thawed.before["frozen"]["reason"] == "holidays"


async def test_tokens_are_written_down_without_their_secrets(world: World) -> None:
    secret = await world.create_token("release:cut", project=PROJECT)
    (_, entry) = await world.audit("token.create")
    assert entry.after == {"user": "robot", "grants": ["release:cut"], "prefix": secret[:12]}


async def test_what_was_refused_over_rest_leaves_no_entry(world: World) -> None:
    before = await AuditEntry.all().count()
    assert (await world.cut("1.2-rc1", await world.github.fork_commit())).status == 400
    assert (await world.deploy("9.9-rc1")).status == 404
    assert await AuditEntry.all().count() == before
