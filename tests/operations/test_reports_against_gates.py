"""Reports of deployments that a gate would have refused: recorded as facts, with an alarm."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from bot.operations import external_deployments
from bot.store.candidates import Candidate
from bot.store.deployments import Deployment
from bot.store.releases import Release
from tests.world import PROJECT, World

ALARM = "deployment.reported_against_gates"
STAGING = f"/api/projects/{PROJECT}/environments/staging"
HELD = {"by": "ada", "reason": "a leak", "since": "2026-11-21T12:00:00+00:00"}

Act = Callable[[World], Awaitable[object]]
CLOSED = {
    "Environment is frozen": "freeze",
    "Deployment is gated": "hold",
    "Release candidate is not ready": "candidate",
}


def freeze(**fields: object) -> Act:
    """Freeze the environment."""
    return lambda world: world.ask("PATCH", STAGING, {"frozen": {"reason": "holidays", **fields}})


def set_status(status: str) -> Act:
    """Set the status of all candidates."""
    return lambda world: Candidate.all().update(status=status)


TOMORROW = (datetime.now(UTC) + timedelta(days=1)).isoformat()
REFUSED: dict[str, tuple[Act, str, dict[str, object]]] = {
    "frozen": (freeze(), "Environment is frozen", {"by": "root", "reason": "holidays"}),
    "frozen until tomorrow": (freeze(until=TOMORROW), "Environment is frozen", {"reason": "holidays"}),
    "held": (
        lambda world: Release.all().update(held=HELD),
        "Deployment is gated",
        {},
    ),
    **{
        status: (set_status(status), "Release candidate is not ready", {"status": status})
        for status in ("pending", "building", "failed", "canceled", "banned")
    },
}


@pytest.mark.parametrize(("close_gate", "refusal", "details"), REFUSED.values(), ids=list(REFUSED))
async def test_a_new_deployment_that_a_gate_would_have_refused_raises_the_alarm(
    world: World, close_gate: Act, refusal: str, details: dict[str, object]
) -> None:
    await world.cut("1.0-rc1")
    await close_gate(world)
    response = await world.report("1.0-rc1", "in_progress")
    assert (response.status, response.json["status"]) == (200, "in_progress")
    (entry,) = await world.audit(ALARM)
    assert (entry.alarm, entry.actor, entry.channel) == (True, "root", "rest")
    assert (entry.subject, entry.commit, entry.project_id) == ("staging: 1.0-rc1", world.github.head(), 1)
    assert entry.after["refusal"] == refusal
    assert {name: entry.after.get(name) for name in details} == details
    assert [gate["gate"] for gate in entry.after["gates"] if "waits_for" in gate] == [CLOSED[refusal]]


async def test_a_new_deployment_through_open_gates_raises_no_alarm(world: World) -> None:
    await world.cut("1.0-rc1")
    await world.report("1.0-rc1", "success")
    await world.report("1.0-rc1", "in_progress")
    assert await world.statuses() == [("1.0-rc1", "in_progress"), ("1.0-rc1", "success")]
    assert await world.alarms() == []


async def test_a_busy_environment_raises_no_alarm(world: World) -> None:
    for version in ("1.0-rc1", "1.0-rc2"):
        await world.cut(version)
    await world.deploy("1.0-rc1")
    await world.settle()
    await world.report("1.0-rc2", "in_progress")
    assert await world.statuses() == [("1.0-rc2", "in_progress"), ("1.0-rc1", "pending")]
    assert await world.alarms() == []


async def test_a_busy_environment_does_not_hide_a_freeze(world: World) -> None:
    for version in ("1.0-rc1", "1.0-rc2"):
        await world.cut(version)
    await world.deploy("1.0-rc1")
    await world.settle()
    await freeze()(world)
    await world.report("1.0-rc2", "in_progress")
    (entry,) = await world.audit(ALARM)
    assert entry.after["refusal"] == "Environment is frozen"


async def test_a_report_about_an_existing_deployment_raises_no_alarm(world: World) -> None:
    await world.cut("1.0-rc1")
    await world.report("1.0-rc1", "in_progress")
    await freeze()(world)
    await world.report("1.0-rc1", "success")
    await world.report("1.0-rc1", "success")
    assert await world.alarms() == []
    await world.report("1.0-rc1", "in_progress")
    assert await world.alarms() == [ALARM]


async def test_a_refused_report_raises_no_alarm(world: World) -> None:
    await world.cut("1.0-rc1")
    await freeze()(world)
    assert (await world.report("1.0-rc1", "succeeded")).status == 400
    assert (await world.report("9.9-rc1", "success")).status == 404
    assert await world.alarms() == []


@pytest.mark.parametrize("status", ["in_progress", "success"])
async def test_a_report_of_an_older_commit_raises_the_alarm_also_once_it_is_live(world: World, status: str) -> None:
    await world.cut("1.0-rc1")
    await world.github.commit()
    await world.cut("1.0-rc2")
    await world.report("1.0-rc2", "success", "production")
    await world.report("1.0-rc1", status, "production")
    await world.settle()
    (entry,) = await world.audit(ALARM)
    assert [gate["gate"] for gate in entry.after["gates"] if "waits_for" in gate] == ["downgrade"]


@pytest.fixture
async def checked(world: World) -> World:
    """A world in which `staging` requires a check, which GitHub shows as green, but does not answer about at first."""
    await world.cut("1.0-rc1")
    await world.ask("PATCH", STAGING, {"checks": ["test"]})
    await world.github.report_check("test")
    await world.settle()
    world.github.faults.refuse(path="*/check-runs*", times=None)
    return world


async def test_while_github_does_not_answer_about_gates_it_is_asked_again_before_the_alarm(checked: World) -> None:
    world = checked
    await world.report("1.0-rc1", "in_progress")
    await world.settle()
    (job,) = await world.jobs("judge_deployment")
    assert (job["state"], job["attempts"]) == ("queued", 0)
    assert "The checks could not be read" in job["error"]
    assert await world.alarms() == []
    world.github.faults.api.clear()
    await world.settle(skip_delays=True)
    assert [job["state"] for job in await world.jobs("judge_deployment")] == ["done"]
    assert await world.alarms() == []


async def test_once_github_has_not_answered_for_long_the_alarm_says_what_is_not_known(checked: World) -> None:
    world = checked
    await world.report("1.0-rc1", "in_progress")
    await world.settle()
    long_ago = datetime.now(UTC) - external_deployments.MAX_UNKNOWN
    await Deployment.all().update(created_at=long_ago)
    await world.settle(skip_delays=True)
    (entry,) = await world.audit(ALARM)
    assert entry.after["refusal"].startswith("The checks could not be read: ")
    assert [gate["gate"] for gate in entry.after["gates"] if "error" in gate["facts"]] == ["checks"]


async def test_what_is_known_raises_the_alarm_although_github_does_not_answer_about_the_rest(checked: World) -> None:
    world = checked
    world.github.person("mia")
    await world.ask("PATCH", STAGING, {"deployers": ["user:mia"]})
    await world.report("1.0-rc1", "in_progress")
    await world.settle()
    (entry,) = await world.audit(ALARM)
    assert [gate["gate"] for gate in entry.after["gates"] if "waits_for" in gate] == ["checks", "deployers"]
