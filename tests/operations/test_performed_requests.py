"""A request from GitHub, or a form, that took effect as one act is never taken for another one."""

from collections.abc import Awaitable, Callable

import pytest

from bot.context import Context
from bot.errors import Conflict
from bot.operations import (
    announcements,
    approvals,
    bans,
    cancellations,
    candidates,
    deploying,
    freezes,
    locks,
    performed_requests,
    releases,
    rollbacks,
)
from bot.operations.candidates import CutRequest
from bot.operations.deploying import DeployRequest
from bot.operations.performed_requests import OTHER_ACT
from bot.rules.versions import parse_candidate_version
from bot.store.audit import AuditEntry
from bot.store.performed_requests import PerformedRequest
from tests.api.rest.announcement_helpers import submit
from tests.world import World

RC1 = parse_candidate_version("1.0.0-rc1")
HERE = ("site", "staging")
ACTS: dict[str, Callable[[Context], Awaitable[object]]] = {
    "announce": lambda context: announcements.submit(context, "site", version="1.0", changelog="Faster."),
    "approve an announcement": lambda context: announcements.approve(context, "site", "1.0"),
    "reject an announcement": lambda context: announcements.reject(context, "site", "1.0", "no"),
    "withdraw an approval": lambda context: approvals.withdraw_own(context, *HERE, RC1),
    "ban": lambda context: bans.ban(context, "site", RC1, "a bug"),
    "unban": lambda context: bans.unban(context, "site", RC1),
    "cancel a build": lambda context: cancellations.cancel_build(context, "site", RC1),
    "cancel": lambda context: cancellations.cancel_on(context, *HERE),
    "cut": lambda context: candidates.cut(context, "site", CutRequest("1.0.0", "0" * 40, None)),
    "deploy": lambda context: deploying.deploy(context, *HERE, DeployRequest(RC1)),
    "roll back": lambda context: rollbacks.roll_back(context, *HERE),
    "freeze": lambda context: freezes.freeze_environment(context, *HERE, "a test"),
    "freeze a project": lambda context: freezes.freeze_project(context, "site", "a test"),
    "unfreeze": lambda context: freezes.end_all_of_environment(context, *HERE),
    "unfreeze a project": lambda context: freezes.end_all_of_project(context, "site"),
    "lock": lambda context: locks.lock(context, *HERE, "a test"),
    "unlock": lambda context: locks.unlock(context, *HERE),
    "hold": lambda context: releases.hold(context, "site", "1.0.0", "a bug"),
    "unhold": lambda context: releases.unhold(context, "site", "1.0.0"),
}


@pytest.fixture
async def asked(world: World) -> Context:
    """A context whose request has taken effect before, as an act that is none of these."""
    await world.cut("1.0.0-rc1")
    await world.complete_deployment("1.0.0-rc1")
    context = (await world.context()).with_origin("pull-comment:1:0")
    await performed_requests.record(context, "package.release", 1)
    return context


@pytest.mark.parametrize("act", ACTS)
async def test_an_act_is_refused_whose_request_took_effect_as_another_one(
    world: World, asked: Context, act: str
) -> None:
    if act == "unhold":
        await releases.hold(await world.context(), "site", "1.0.0", "a bug")
    if act.endswith("an announcement"):
        await submit(world, "1.0")
    before = await AuditEntry.all().count()
    with pytest.raises(Conflict, match=OTHER_ACT) as refused:
        await ACTS[act](asked)
    assert refused.value.details["act"] == "package.release"
    assert await AuditEntry.all().count() == before
    assert await PerformedRequest.all().count() == 1


async def test_the_same_act_again_has_the_same_result(world: World) -> None:
    await world.cut("1.0.0-rc1")
    context = (await world.context()).with_origin("pull-comment:1:0")
    first, is_new = await locks.lock(context, *HERE, "a test")
    second, is_new_again = await locks.lock(context, *HERE, "another test")
    assert (first.id, is_new, second.reason, is_new_again) == (second.id, True, "a test", False)
