"""Events: the audit entry, the metric and the log line come from one event, once it is committed."""

from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from bot.context import Context
from bot.events.event import Event
from bot.events.releases import BuildFinished, CandidateInvalidated, DeploymentFinished
from bot.operations import candidates, events
from bot.rules.ids import CommitSha, DeploymentId, ProjectId
from bot.store.audit import AuditEntry
from bot.store.candidates import Candidate
from bot.store.database import transaction
from tests.world import World

SHA = CommitSha("a" * 40)
BUILT = BuildFinished(
    project_id=ProjectId(1), commit=SHA, version="1.0-rc1", project="site", status="ready", reason=None, seconds=90.0
)
INVALIDATED = CandidateInvalidated(commit=SHA, version="1.0-rc1", old_status="ready", reason="The tag was moved.")
DEPLOYED = DeploymentFinished(
    commit=SHA,
    environment="staging",
    version="1.0-rc1",
    deployment_id=DeploymentId(7),
    old_status="in_progress",
    status="failure",
    message="no space",
    project="site",
    seconds=20.0,
)
BUILDS = 'longshore_builds_total{outcome="ready"}'
DEPLOYMENTS = 'longshore_deployments_total{outcome="failure"}'


async def recording_context(world: World) -> tuple[Context, list[Event]]:
    """A context whose published events are collected."""
    published: list[Event] = []
    return replace(await world.context(), publish=published.append), published


def metric(world: World, sample: str) -> float:
    """The value of a sample of the metrics; 0 if there is none."""
    lines = (line.rpartition(" ") for line in world.service.metrics.exposition(by_project=False).decode().splitlines())
    return next((float(value) for name, _, value in lines if name == sample), 0.0)


async def test_one_event_gives_an_audit_entry_a_metric_and_a_log_line(world: World) -> None:
    context = await world.context()
    with capture_logs() as logs:
        async with transaction():
            for event in (BUILT, DEPLOYED):
                await events.record(context, event)
    built, deployed = [await AuditEntry.get(act=event.name) for event in (BUILT, DEPLOYED)]
    assert (built.actor, built.channel, built.project_id, built.commit) == ("longshore", "test", 1, SHA)
    assert (built.subject, built.before, built.after) == (BUILT.subject, None, {"status": "ready", "reason": None})
    assert (deployed.subject, deployed.alarm) == ("staging: 1.0-rc1 (deployment 7)", False)
    assert (deployed.before, deployed.after) == ({"is": "in_progress"}, {"status": "failure", "message": "no space"})
    assert (metric(world, BUILDS), metric(world, DEPLOYMENTS)) == (1, 1)
    assert [(line["event"], line["log_level"], line["act"], line["subject"]) for line in logs] == [
        ("event", "info", event.name, event.subject) for event in (BUILT, DEPLOYED)
    ]
    assert [line["commit"] for line in logs] == [built.commit, deployed.commit]
    assert not [line for line in logs if {"before", "after"} & line.keys()], "settings stay in the audit log"


async def test_an_alarm_is_logged_as_an_error_with_its_details_and_marked_in_the_audit_log(world: World) -> None:
    with capture_logs() as logs:
        await events.record(await world.context(), INVALIDATED)
    (line,) = logs
    assert (line["event"], line["log_level"], line["alarm"]) == ("alarm", "error", "candidate.spoiled")
    assert (line["before"], line["after"]) == ("ready", "The tag was moved.")
    assert await world.alarms() == ["candidate.spoiled"]


async def test_an_event_is_published_only_once_its_transaction_commits(world: World) -> None:
    context, published = await recording_context(world)
    async with transaction():
        async with transaction():
            await events.record(context, BUILT)
        assert await AuditEntry.exists(act=BUILT.name)
        assert published == []
    assert published == [BUILT]


async def test_a_transaction_that_is_rolled_back_publishes_nothing_and_is_not_audited(world: World) -> None:
    context, published = await recording_context(world)
    with pytest.raises(ZeroDivisionError):
        async with transaction():
            await events.record(context, BUILT)
            raise ZeroDivisionError
    assert published == []
    assert not await AuditEntry.exists(act=BUILT.name)


async def test_an_operation_that_is_rolled_back_counts_and_logs_nothing(world: World) -> None:
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    candidate, context = await Candidate.get(), await world.context()
    with capture_logs() as logs, pytest.raises(ZeroDivisionError):
        async with transaction():
            await candidates.finish_build(context, candidate, "ready", None)
            raise ZeroDivisionError
    assert (logs, metric(world, BUILDS), await world.audit("candidate.finish_build")) == ([], 0, [])
    with capture_logs() as logs:
        async with transaction():
            await candidates.finish_build(context, await Candidate.get(), "ready", None)
    assert ([line["act"] for line in logs], metric(world, BUILDS)) == (["candidate.finish_build"], 1)


async def test_events_are_published_in_the_order_in_which_they_were_recorded(world: World) -> None:
    context, published = await recording_context(world)
    async with transaction():
        for event in (DEPLOYED, BUILT, INVALIDATED):
            await events.record(context, event)
    assert published == [DEPLOYED, BUILT, INVALIDATED]


NOT_COUNTED: dict[str, Event] = {
    "the same final status again": replace(DEPLOYED, old_status="failure"),
    "a status that is not final": replace(DEPLOYED, status="in_progress", old_status="pending"),
}


@pytest.mark.parametrize("event", NOT_COUNTED.values(), ids=list(NOT_COUNTED))
async def test_only_the_end_of_a_deployment_is_counted(world: World, event: Event) -> None:
    await events.record(await world.context(), event)
    assert "longshore_deployments_total{" not in world.service.metrics.exposition(by_project=False).decode()
