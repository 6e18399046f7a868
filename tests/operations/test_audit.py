"""The audit log: who did what through which channel, on which commit, with the fields before and after."""

from typing import Any

import pytest

from bot.store.audit import AuditEntry
from tests.world import PROJECT, World

STAGING = f"/api/projects/{PROJECT}/environments/staging"


def summary(entry: AuditEntry) -> dict[str, Any]:
    """The main columns of an entry."""
    return {"actor": entry.actor, "channel": entry.channel, "subject": entry.subject, "commit": entry.commit}


async def test_cutting_and_the_end_of_the_build_are_audited(world: World) -> None:
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    await world.github.finish(run=1, conclusion="failure")
    await world.settle()
    commit = world.github.head()
    (cut,) = await world.audit("candidate.cut")
    assert summary(cut) == {"actor": "root", "channel": "rest", "subject": "1.2-rc1", "commit": commit}
    assert cut.after == {"build": True, "branch": "main"}
    (ended,) = await world.audit("candidate.finish_build")
    assert summary(ended) == {"actor": "longshore", "channel": "job", "subject": "1.2-rc1", "commit": commit}
    assert ended.after == {"status": "failed", "reason": "The build run ended with `failure`."}


async def test_a_deployment_is_audited_when_it_starts_and_ends(world: World) -> None:
    await world.cut("1.2-rc1")
    await world.complete_deployment("1.2-rc1")
    entries = [*await world.audit("deployment.deploy"), *await world.audit("deployment.finish")]
    subject, commit = "staging: 1.2-rc1 (deployment 1)", world.github.head()
    assert [summary(entry) for entry in entries] == [
        {"actor": "root", "channel": "rest", "subject": subject, "commit": commit},
        {"actor": "longshore", "channel": "job", "subject": subject, "commit": commit},
    ]
    assert entries[1].before == {"is": "pending"}
    assert entries[1].after["status"] == "success"


async def test_canceling_and_rolling_back_are_audited(world: World) -> None:
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


async def test_a_repeated_report_is_audited_once(world: World) -> None:
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
async def test_changes_of_settings_are_audited_with_the_old_value(
    world: World, act: str, path: str, body: dict[str, Any], before: int, after: int
) -> None:
    assert (await world.ask("PATCH", path, body)).status == 200
    (entry,) = await world.audit(act)
    assert (list(entry.before.values()), list(entry.after.values())) == ([before], [after])
    assert (entry.actor, entry.channel, entry.project_id) == ("root", "rest", 1)


async def test_freezing_and_unfreezing_are_audited_with_the_reason(world: World) -> None:
    await world.ask("PATCH", STAGING, {"frozen": {"reason": "holidays"}})
    await world.ask("PATCH", STAGING, {"frozen": None})
    (frozen,), (unfrozen,) = await world.audit("environment.freeze"), await world.audit("environment.unfreeze")
    assert frozen.after["frozen"]["reason"] == unfrozen.before["frozen"]["reason"] == "holidays"


async def test_tokens_are_audited_without_their_secrets(world: World) -> None:
    secret = await world.create_token("release:cut", project=PROJECT)
    (_, entry) = await world.audit("token.create")
    assert entry.after == {"user": "robot", "grants": ["release:cut"], "prefix": secret[:12]}


async def test_requests_refused_over_rest_are_not_audited(world: World) -> None:
    before = await AuditEntry.all().count()
    assert (await world.cut("1.2-rc1", await world.github.fork_commit())).status == 400
    assert (await world.deploy("9.9-rc1")).status == 404
    assert await AuditEntry.all().count() == before
