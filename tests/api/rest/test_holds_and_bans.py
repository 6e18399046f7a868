"""Holds of releases and bans of candidates over REST."""

import pytest

from bot.operations import bans, freezes, releases
from bot.rules.versions import CandidateVersion
from bot.store.candidates import Candidate
from bot.store.gates import Ban, Freeze
from tests.api.helpers import change_project
from tests.world import World

HOLD = "/api/projects/site/releases/1.0/hold"
BAN = "/api/projects/site/candidates/1.0-rc1/ban"
WHY = {"reason": "it loses sessions"}
DEPLOYMENTS = "/api/releases/site/environments/staging/deployments"


async def waiting_deployment(world: World) -> None:
    """Let a deployment of 1.0-rc1 wait for the end of a freeze."""
    await world.cut("1.0-rc1")
    path = "/api/projects/site/environments/staging/freezes"
    assert (await world.ask("POST", path, {"reason": "holidays", "for": "2h"})).status == 201
    answer = await world.ask("POST", DEPLOYMENTS, {"release_candidate_version": "1.0-rc1", "wait": True})
    assert answer.json["status"] == "pending", answer.json


async def test_a_held_release_is_not_deployed_until_it_is_unheld(world: World) -> None:
    await world.cut("1.0-rc1")
    held = await world.ask("POST", HOLD, WHY)
    assert (held.status, held.json["release_version"]) == (200, "1.0")
    assert (held.json["held"]["by"], held.json["held"]["reason"]) == ("root", "it loses sessions")
    assert (await world.ask("GET", HOLD.removesuffix("/hold"))).json["held"] == held.json["held"]
    refused = await world.deploy("1.0-rc1")
    assert (refused.status, refused.error) == (403, "Deployment is gated")
    assert (await world.ask("POST", HOLD, {"reason": "another"})).json == held.json, "the first hold is kept"
    for _ in range(2):
        assert (await world.ask("DELETE", HOLD)).status == 204
    assert (await world.deploy("1.0-rc1")).status == 201
    assert len(await world.audit("release.hold")) == len(await world.audit("release.unhold")) == 1


async def test_a_hold_refuses_what_waits(world: World) -> None:
    await waiting_deployment(world)
    await world.ask("POST", HOLD, WHY)
    await world.settle()
    (deployment,) = await world.deployments()
    assert deployment["status"] != "pending" and "it loses sessions" in str(deployment["error_message"])


async def test_a_ban_refuses_what_waits(world: World) -> None:
    await waiting_deployment(world)
    assert (await world.ask("POST", BAN, WHY)).status == 200
    await world.settle()
    (deployment,) = await world.deployments()
    assert deployment["status"] != "pending" and "it loses sessions" in str(deployment["error_message"])
    assert world.github.dispatches == []


async def test_a_banned_candidate_is_not_deployed_until_it_is_unbanned(world: World) -> None:
    await world.cut("1.0-rc1")
    banned = await world.ask("POST", BAN, WHY)
    assert (banned.status, banned.json["status"], banned.json["reason"]) == (200, "banned", "it loses sessions")
    refused = await world.deploy("1.0-rc1")
    assert (refused.status, refused.error) == (409, "Release candidate is not ready")
    assert refused.json["details"]["status"] == "banned"
    assert (await world.ask("DELETE", BAN)).status == 204
    candidate = await world.candidate("1.0-rc1")
    assert (candidate["status"], candidate["reason"]) == ("ready", None)
    assert (await world.deploy("1.0-rc1")).status == 201
    ban = await Ban.get()
    assert (ban.reason, ban.tag_moved, ban.ended_at is None) == ("it loses sessions", False, False)
    acts = [(await world.audit(act))[0].actor for act in ("candidate.ban", "candidate.unban")]
    assert acts == ["root", "root"]


async def test_a_banned_candidate_that_is_live_stays_live_and_is_shown_as_banned(world: World) -> None:
    await world.cut("1.0-rc1")
    await world.complete_deployment("1.0-rc1")
    await world.ask("POST", BAN, WHY)
    await world.settle()
    assert await world.statuses() == [("1.0-rc1", "success")]
    assert (await world.candidate("1.0-rc1"))["status"] == "banned"
    number = await world.github.pull_request()
    await world.github.comment(number, "/release status")
    await world.settle()
    assert "`1.0-rc1` (banned)" in world.replies(number)[-1]


async def test_a_candidate_that_is_banned_already_or_not_ready_is_not_banned(world: World) -> None:
    await world.cut("1.0-rc1")
    await world.ask("POST", BAN, WHY)
    again = await world.ask("POST", BAN, {"reason": "again"})
    assert (again.status, again.json["candidate_status"]) == (409, "banned")
    assert again.json["detail"].startswith("The candidate is banned by root since ")
    assert again.json["detail"].endswith(": it loses sessions.")
    await world.cut("1.0-rc2", build=True)
    building = await world.ask("POST", BAN.replace("rc1", "rc2"), WHY)
    assert building.status == 409
    assert building.json["detail"] == "The candidate is pending: only one that is ready can be banned."
    await world.settle()
    assert await Ban.all().count() == 1


async def test_a_candidate_that_is_not_banned_is_not_unbanned(world: World) -> None:
    await world.cut("1.0-rc1")
    answer = await world.ask("DELETE", BAN)
    assert (answer.status, answer.json["detail"]) == (409, "Release candidate is not banned")


async def test_without_tags_github_is_not_asked_about_a_ban(world: World) -> None:
    await change_project(world, tag_candidates=False)
    await world.cut("1.0-rc1")
    await world.ask("POST", BAN, WHY)
    world.github.faults.down()
    assert (await world.ask("DELETE", BAN)).status == 204
    world.github.faults.up()


@pytest.mark.parametrize("path", [HOLD, BAN])
async def test_a_reason_is_required_and_nothing_else_is_taken(world: World, path: str) -> None:
    await world.cut("1.0-rc1")
    for body, pointer in (({}, "#/reason"), ({"reason": " "}, "#/reason"), ({**WHY, "until": None}, "#/until")):
        answer = await world.ask("POST", path, body)
        assert (answer.status, answer.json["pointer"]) == (400, pointer)
    assert await world.status("1.0-rc1") == "ready"


async def test_what_does_not_exist_is_not_found(world: World) -> None:
    for method in ("POST", "DELETE"):
        body = WHY if method == "POST" else None
        for path in (HOLD, BAN):
            answer = await world.ask(method, path, body)
            assert (answer.status, answer.json["detail"]) == (404, "Release not found"), (method, path)
        assert (await world.ask(method, BAN.replace("-rc1", ""), body)).status == 400


async def test_one_message_that_is_handled_twice_takes_effect_once(world: World) -> None:
    await world.cut("1.0-rc1")
    context, version = await world.context(), CandidateVersion("1.0", 1)

    async def by_message(act: str) -> None:
        asked = context.with_origin(f"pull-comment:{act}:0")
        if act == "ban":
            await bans.ban(asked, "site", version, "a leak")
        elif act == "hold":
            await releases.hold(asked, "site", "1.0", "a leak")
        else:
            await freezes.freeze_environment(asked, "site", "staging", "a leak")

    for act in ("ban", "hold", "freeze"):
        await by_message(act)
    await bans.unban(context, "site", version)
    await releases.unhold(context, "site", "1.0")
    await freezes.end_all_of_environment(context, "site", "staging")
    for act in ("ban", "hold", "freeze"):
        await by_message(act)
    assert (await Candidate.get()).status == "ready"
    assert (await world.ask("GET", "/api/projects/site/releases/1.0")).json["held"] is None
    assert await Freeze.filter(ended_at=None).count() == 0
