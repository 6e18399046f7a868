"""Deploying from the command line: exit codes and words through success, failure, refusal, waiting and outages."""

import asyncio
import json
from contextlib import suppress
from datetime import timedelta

import pytest

from cli.client import deployments
from cli.client.caller import Caller
from cli.client.exits import DONE, FAILED, REFUSED, WAITS, Outcome, Refused, Unreachable, Usage
from cli.client.options import RollbackOptions, StartOptions
from tests.cli.client.conftest import IMPATIENT, Client, Line, said, when
from tests.world import World

VERSION = "1.4.0-rc1"
WAIT = StartOptions(wait=True)
AGAIN = "`longshore watch staging --deployment 1 --project site` follows it"

HINT = "With --wait, the deployment waits until it may start."


async def deploying(caller: Caller, environment: str = "staging", options: StartOptions = WAIT) -> Outcome:
    return await deployments.deploy(caller, VERSION, environment, options)


async def need_approval(world: World) -> None:
    """Cut a candidate that needs an approval for production."""
    await world.cut(VERSION)
    world.github.person("bob", "maintain")
    rule = {"approvals": {"count": 1, "from": ["user:bob"]}}
    assert (await world.ask("PATCH", "/api/projects/site/environments/production", rule)).status == 200


@pytest.mark.parametrize(
    ("conclusion", "code", "words"),
    [
        ("success", DONE, f"{VERSION} on staging is live, after "),
        (
            "failure",
            FAILED,
            f"{VERSION} on staging ended with `failure`: The deployment run ended with `failure`. See http",
        ),
    ],
)
async def test_a_deployment_is_followed_to_its_end(
    world: World, client: Client, conclusion: str, code: int, words: str
) -> None:
    await world.cut(VERSION)
    task = asyncio.create_task(deploying(await client.caller()))
    await when(lambda: bool(client.told.lines))
    await world.settle()
    await world.github.start(run=1)
    await world.settle()
    await when(lambda: client.told.count("in progress (http") == 1)
    await world.github.finish(run=1, conclusion=conclusion)
    await world.settle()
    outcome = await task
    (line,) = said(outcome)
    assert outcome.code == code and line.startswith(words)
    assert client.told.lines[0] == f"{VERSION} on staging is pending"
    assert json.loads(json.dumps(outcome.value))["status"] == conclusion


async def test_what_is_not_followed_is_started_and_says_how_to_follow_it(world: World, client: Client) -> None:
    await world.cut(VERSION)
    caller = await client.caller()
    outcome = await deploying(caller, options=StartOptions())
    assert (outcome.code, said(outcome)) == (
        DONE,
        [f"Deployment 1: {VERSION} on staging is pending.", f"{AGAIN}."],
    )
    await world.settle()
    unfinished = await deployments.watch(caller, "staging", None, timedelta(seconds=0))
    assert unfinished.code == WAITS and said(unfinished)[0].endswith(f", after 0s. {AGAIN} again.")
    await world.github.finish(run=1, conclusion="success")
    await world.settle()
    assert (await deployments.watch(caller, "staging", None, None)).code == DONE
    assert said(await deployments.watch(caller, "production", None, None)) == [
        "Nothing was deployed to production yet."
    ]


async def test_a_refusal_shows_the_closed_gates_and_who_can_help(world: World, client: Client) -> None:
    await need_approval(world)
    result = await client.run("deploy", VERSION, "production")
    lines = result.err.splitlines()
    assert (result.code, result.out, lines[0]) == (REFUSED, "", f"longshore: Deployment is gated. {HINT}")
    assert lines[1].split() == ["gate", "verdict", "why", "who", "can", "help"]
    assert lines[2].startswith("approvals  wait") and lines[2].endswith("user:bob") and len(lines) == 3
    as_json = await client.run("deploy", VERSION, "production", "--json")
    refused = json.loads(as_json.out)
    assert (as_json.code, refused["error"], refused["status"]) == (REFUSED, "Deployment is gated", 403)
    assert len(refused["details"]["gates"]) == 10 and as_json.err == result.err


async def test_a_refusal_without_gates_has_its_reason_in_its_sentence(world: World, client: Client) -> None:
    caller = await client.caller()
    with pytest.raises(Refused, match=r"Release environment not found. Did you mean `staging`\? Known environments: "):
        await world.cut(VERSION)
        await deploying(caller, "stagin")
    reader = await client.caller(token=await world.create_token("project:read"))
    with pytest.raises(
        Refused, match=r"permission to perform this action \(it needs `deployment:start`; the token has"
    ):
        await deploying(reader)
    with pytest.raises(Refused, match=r"^Invalid token. Log in again with `longshore login`.$"):
        await deploying(await client.caller(token="lsh_wrong"))


async def test_what_waits_for_a_gate_is_told_until_the_time_is_over_and_starts_when_it_opens(
    world: World, client: Client
) -> None:
    await need_approval(world)
    caller = await client.caller()
    outcome = await deploying(caller, "production", StartOptions(wait=True, timeout="0s"))
    *table, problem = said(outcome)
    assert outcome.code == WAITS and table[0].startswith("gate ") and table[1].startswith("approvals ")
    assert problem.startswith(f"{VERSION} on production waits (approvals: ") and "after 0s" in problem
    client.told.lines.clear()
    task = asyncio.create_task(deploying(caller, "production"))
    await when(lambda: client.told.count("waits (approvals") == 1)
    await world.ask("PATCH", "/api/projects/site/environments/production", {"approvals": None})
    await world.settle()
    await world.github.finish(run=1, conclusion="success")
    await world.settle()
    assert (await task).code == DONE


async def test_what_is_refused_while_it_waits_ends_as_a_refusal(world: World, client: Client) -> None:
    await need_approval(world)
    task = asyncio.create_task(deploying(await client.caller(), "production"))
    await when(lambda: client.told.count("waits (approvals") == 1)
    await world.ask("POST", f"/api/projects/site/candidates/{VERSION}/ban", {"reason": "It loses data."})
    await world.settle()
    outcome = await task
    assert outcome.code == REFUSED and "It loses data" in " ".join(said(outcome))


async def test_an_outage_is_sat_out_for_a_while_and_then_told(world: World, client: Client, line: Line) -> None:
    await world.cut(VERSION)
    caller = await client.caller(line.url, pace=IMPATIENT)
    task = asyncio.create_task(deploying(caller))
    await when(lambda: bool(client.told.lines))
    line.down = True
    with pytest.raises(Unreachable, match=rf"closed\)\. It may go on: {AGAIN} again\.$"):
        await task
    assert (
        client.told.lines[-1] == f"{line.url} does not answer (the connection was closed): trying again for 0 seconds."
    )
    task = asyncio.create_task(deployments.watch(await client.caller(line.url), "staging", 1, None))
    await asyncio.sleep(0.1)
    line.down = False
    await world.settle()
    await world.github.finish(run=1, conclusion="success")
    await world.settle()
    assert (await task).code == DONE


async def test_a_service_that_is_not_there_is_unreachable(client: Client) -> None:
    caller = await client.caller("http://127.0.0.1:9", pace=IMPATIENT)
    with pytest.raises(Unreachable, match=r"^http://127.0.0.1:9 does not answer \(connection refused\)\.$"):
        await deploying(caller)


async def test_a_request_whose_answer_is_lost_takes_effect_once(world: World, client: Client, line: Line) -> None:
    await world.cut(VERSION)
    line.lost = 2
    outcome = await deploying(await client.caller(line.url), options=StartOptions())
    await world.settle()
    assert outcome.code == DONE and await world.statuses() == [(VERSION, "pending")]
    assert len(line.passed) == 3 and len(set(line.passed)) == 1 and line.passed[0][2]


async def test_a_followed_deployment_is_asked_about_only_as_far_as_it_has_changed(
    world: World, client: Client, line: Line
) -> None:
    await world.cut(VERSION)
    await deploying(await client.caller(), options=StartOptions())
    await world.settle()
    task = asyncio.create_task(deployments.watch(await client.caller(line.url), "staging", 1, None))
    await when(lambda: len(line.headers) > 2)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    conditional = ["If-None-Match" in headers for headers in line.headers]
    assert conditional == [False, *[True] * (len(conditional) - 1)]


async def test_ctrl_c_leaves_the_deployment_alone_and_says_so(world: World, client: Client) -> None:
    await world.cut(VERSION)
    task = asyncio.create_task(deploying(await client.caller()))
    await when(lambda: bool(client.told.lines))
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert client.told.lines[-1] == f"It goes on without you: {AGAIN} again."
    await world.settle()
    assert await world.statuses() == [(VERSION, "pending")]


async def test_a_dry_run_says_what_would_happen_and_exits_as_the_request_would(world: World, client: Client) -> None:
    await need_approval(world)
    caller = await client.caller()
    codes = []
    for environment, wait in (("staging", False), ("production", False), ("production", True)):
        outcome = await deploying(caller, environment, StartOptions(dry_run=True, wait=wait))
        codes.append((outcome.code, said(outcome)[0]))
    assert codes == [
        (DONE, f"Deploy {VERSION} to staging: dispatch deploy.yml."),
        (REFUSED, f"Refuse to deploy {VERSION} to production now: it would have to wait for approvals."),
        (WAITS, f"Wait for approvals, then deploy {VERSION} to production."),
    ]
    assert await world.deployments() == [] == await world.deployments("production")


async def test_gates_are_overridden_with_a_reason(world: World, client: Client) -> None:
    await world.cut(VERSION)
    await world.ask("POST", "/api/projects/site/freezes", {"reason": "Holidays."})
    caller = await client.caller()
    with pytest.raises(Refused, match=r"Environment is frozen \(Holidays\.\)"):
        await deploying(caller)
    assert (await deploying(caller, options=StartOptions(force=True, reason="The fix cannot wait."))).code == DONE
    await world.settle()


async def test_promoting_and_rolling_back_start_deployments(world: World, client: Client) -> None:
    caller = await client.caller()
    for version in ("1.4.0-rc1", "1.4.0-rc2"):
        await world.cut(version)
        await world.complete_deployment(version)
    promoted = await deployments.promote(caller, "1.4.0-rc2", StartOptions())
    assert said(promoted)[0] == "Deployment 3: 1.4.0-rc2 on production is pending."
    back = await deployments.roll_back(caller, "staging", RollbackOptions(reason="It is slow.", dry_run=True))
    assert back.code == DONE and "1.4.0-rc1" in said(back)[0]
    await world.ask("POST", "/api/projects/site/freezes", {"reason": "Holidays.", "for": "2h"})
    back = await deployments.roll_back(caller, "staging", RollbackOptions(wait=True, dry_run=True))
    assert back.code == REFUSED and said(back)[0].startswith("Refuse to roll")
    override = RollbackOptions(reason="It is slow.", force=True)
    back = await deployments.roll_back(caller, "staging", override)
    assert said(back)[0] == "Deployment 4: 1.4.0-rc1 on staging is pending."
    await world.settle()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (StartOptions(force=True), "--force needs a --reason"),
        (StartOptions(force=True, reason=" "), "--force needs a --reason"),
        (StartOptions(reason="Because."), "it needs --force"),
        (StartOptions(timeout="5m"), "it needs --wait"),
        (StartOptions(wait=True, timeout="soon"), "--timeout: `soon` is not a duration: write a number and a unit"),
    ],
)
async def test_options_that_make_no_sense_are_refused_before_anything_is_sent(
    client: Client, options: StartOptions, words: str
) -> None:
    with pytest.raises(Usage, match=words):
        await deploying(await client.caller("http://127.0.0.1:9"), options=options)
