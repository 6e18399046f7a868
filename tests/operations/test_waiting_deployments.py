"""Deployments that wait for gates: asked for over REST, evaluated again, dispatched once, or ended with a reason."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.operations import gate_jobs, personal_tokens, users, waiting_deployments
from bot.operations.users import NewToken
from bot.queue.jobs import enqueue
from bot.rules.ids import DeploymentId, GitHubUserId
from bot.store.database import execute
from bot.store.deployments import Deployment
from bot.store.projects import Environment
from bot.store.users import User
from tests.world import Response, World

DEPLOYMENTS = "/api/releases/site/environments/{}/deployments"
ENVIRONMENTS = "/api/projects/site/environments"


async def set_gates(environment: str = "staging", **settings: Any) -> None:
    """Set the gates' settings of an environment in its row."""
    assert await Environment.filter(name=environment).update(gate_settings=settings)


async def ask_for(
    world: World, version: str, environment: str = "staging", token: str | None = None, **body: Any
) -> Response:
    """Ask for a deployment with options."""
    path, fields = DEPLOYMENTS.format(environment), {"release_candidate_version": version, **body}
    return await world.ask("POST", path, fields, token=token)


async def wait_for(world: World, version: str, environment: str = "staging", token: str | None = None) -> int:
    """Ask for a deployment that has to wait; returns its id."""
    answer = await ask_for(world, version, environment, token, wait=True)
    assert (answer.status, answer.json["status"]) == (201, "pending"), answer.json
    assert answer.json["waits_for"], answer.json
    return int(answer.json["id"])


async def shown(world: World, deployment: int, environment: str = "staging") -> dict[str, Any]:
    """A deployment as it is shown."""
    return dict((await world.ask("GET", f"{DEPLOYMENTS.format(environment)}/{deployment}")).json)


async def sweep(world: World) -> None:
    """Evaluate the waiting deployments that are due."""
    await enqueue(gate_jobs.SweepWaiting())
    await world.settle()


def gate(answer: Response, name: str) -> dict[str, Any]:
    """One gate of a refused request."""
    (found,) = [each for each in answer.json["details"]["gates"] if each["gate"] == name]
    return dict(found)


@pytest.fixture
async def site(world: World) -> World:
    """A world with two candidates, of which the second has the newer commit, and an environment without workflow."""
    assert (await world.cut("1.0-rc1")).status == 201
    await world.github.commit()
    assert (await world.cut("1.0-rc2")).status == 201
    return world


# --- waiting


async def test_who_does_not_wait_is_refused_and_who_does_gets_a_row_that_waits(site: World) -> None:
    await set_gates("production", after=["staging"])
    refused = await ask_for(site, "1.0-rc1", "production")
    assert (refused.status, refused.error) == (403, "Deployment is gated")
    order = gate(refused, "order")
    assert (order["verdict"], order["waits_for"]) == ("wait", order["sentence"])
    deployment = await wait_for(site, "1.0-rc1", "production")
    assert not site.github.dispatches
    row = await shown(site, deployment, "production")
    assert (row["status"], row["waits_for"], row["run"], row["wait_outcome"]) == ("pending", ["order"], None, None)
    assert row["expires_at"] > row["decision"]["gates"][0]["facts"].get("at", "")
    (entry,) = await site.audit("deployment.wait")
    assert entry.after["waits_for"] == ["order"]


async def test_it_is_dispatched_once_the_commit_was_deployed_where_it_comes_after(site: World) -> None:
    await set_gates("production", after=["staging"])
    deployment = await wait_for(site, "1.0-rc1", "production")
    await site.complete_deployment("1.0-rc2")
    assert (await shown(site, deployment, "production"))["waits_for"] == ["order"]
    await site.complete_deployment("1.0-rc1")
    row = await shown(site, deployment, "production")
    assert (row["status"], row["wait_outcome"], row["waits_for"]) == ("pending", "dispatched", None)
    await site.github.finish(run=len(site.github.runs))
    await site.settle()
    assert (await shown(site, deployment, "production"))["status"] == "success"


async def test_a_deployment_that_fails_on_the_way_opens_no_gate(site: World) -> None:
    await set_gates("production", after=["staging"])
    await site.complete_deployment("1.0-rc1")
    await site.complete_deployment("1.0-rc1", conclusion="failure")
    answer = await ask_for(site, "1.0-rc1", "production")
    assert answer.status == 403
    assert "failed on `staging`" in gate(answer, "order")["sentence"]


async def test_a_soak_ends_by_itself(site: World) -> None:
    await set_gates("production", after=["staging"], soak="1h")
    await site.complete_deployment("1.0-rc1")
    deployment = await wait_for(site, "1.0-rc1", "production")
    (order,) = [each for each in (await shown(site, deployment, "production"))["decision"]["gates"] if each["until"]]
    assert order["gate"] == "order"
    earlier = (await Deployment.filter(environment__name="staging").get()).deploy_end_at
    assert earlier is not None
    await Deployment.filter(environment__name="staging").update(deploy_end_at=earlier - timedelta(hours=1))
    await Deployment.filter(id=deployment).update(evaluate_at=earlier)
    await sweep(site)
    assert (await shown(site, deployment, "production"))["wait_outcome"] == "dispatched"


async def test_nothing_is_evaluated_before_it_is_due(site: World) -> None:
    await set_gates(after=["production"])
    deployment = await wait_for(site, "1.0-rc1")
    await set_gates()
    await sweep(site)
    assert (await shown(site, deployment))["waits_for"] == ["order"]
    await execute("UPDATE deployments SET evaluate_at = created_at")
    await sweep(site)
    assert (await shown(site, deployment))["wait_outcome"] == "dispatched"


async def test_an_older_commit_is_refused_on_production_even_to_who_waits(site: World) -> None:
    await site.complete_deployment("1.0-rc2", "production")
    answer = await ask_for(site, "1.0-rc1", "production", wait=True)
    assert (answer.status, answer.error) == (403, "Deployment is gated")
    assert gate(answer, "downgrade")["verdict"] == "refuse"
    assert (await ask_for(site, "1.0-rc2", "production")).status == 201
    await site.settle()


async def test_a_required_check_is_waited_for_and_a_failed_one_refuses(site: World) -> None:
    await set_gates(checks=["test"])
    commit = (await site.candidate("1.0-rc1"))["commit"]
    deployment = await wait_for(site, "1.0-rc1")
    await site.github.report_check("test", sha=commit)
    await execute("UPDATE deployments SET evaluate_at = created_at")
    await sweep(site)
    assert (await shown(site, deployment))["wait_outcome"] == "dispatched"
    await site.github.report_check("test", sha=site.github.head(), conclusion="failure")
    answer = await ask_for(site, "1.0-rc2", wait=True)
    assert (answer.status, gate(answer, "checks")["verdict"]) == (409, "refuse")  # busy takes precedence
    assert answer.error == "Another deployment is in progress"


async def test_a_lock_with_an_end_is_waited_for_and_its_owner_passes(site: World) -> None:
    carol = await site.create_token("deployment:start", user="carol")
    path = f"{ENVIRONMENTS}/staging/lock"
    assert (await site.ask("POST", path, {"reason": "looking", "for": "1h"}, token=carol)).status == 201
    answer = await ask_for(site, "1.0-rc1")
    assert (answer.status, gate(answer, "lock")["who_can_help"]) == (403, ["carol"])
    deployment = await wait_for(site, "1.0-rc2")
    assert (await ask_for(site, "1.0-rc1", token=carol)).status == 201
    assert (await shown(site, deployment))["wait_outcome"] == "superseded"
    await site.settle()


async def test_the_end_of_a_lock_lets_the_deployment_go(site: World) -> None:
    carol = await site.create_token("deployment:start", user="carol")
    path = f"{ENVIRONMENTS}/staging/lock"
    await site.ask("POST", path, {"reason": "looking", "for": "1h"}, token=carol)
    deployment = await wait_for(site, "1.0-rc1")
    assert (await site.ask("DELETE", path, token=carol)).status == 204
    await site.settle()
    assert (await shown(site, deployment))["wait_outcome"] == "dispatched"


async def test_the_end_of_the_deployment_under_way_lets_the_next_one_go(site: World) -> None:
    assert (await ask_for(site, "1.0-rc1")).status == 201
    refused = await ask_for(site, "1.0-rc2")
    assert (refused.status, refused.error) == (409, "Another deployment is in progress")
    deployment = await wait_for(site, "1.0-rc2")
    await site.settle()
    await site.github.finish(run=1)
    await site.settle()
    assert len(site.github.dispatches) == 2
    assert (await shown(site, deployment))["wait_outcome"] == "dispatched"


async def test_a_waiting_deployment_does_not_make_the_environment_busy(site: World) -> None:
    await set_gates(checks=["test"])
    commit = (await site.candidate("1.0-rc2"))["commit"]
    waiting = await wait_for(site, "1.0-rc1")
    await site.github.report_check("test", sha=commit)
    assert (await ask_for(site, "1.0-rc2")).status == 201
    assert (await shown(site, waiting))["error_message"] == "Superseded by 1.0-rc2."
    await site.settle()


# --- the same again, and another one


async def test_the_same_candidate_again_finds_the_row_that_waits(site: World) -> None:
    await set_gates(after=["production"])
    first = await ask_for(site, "1.0-rc1", wait=True)
    again = await ask_for(site, "1.0-rc1", wait=True)
    assert (first.status, again.status) == (201, 200)
    assert first.json == again.json
    assert len(await site.deployments()) == 1


async def test_another_candidate_supersedes_the_one_that_waits(site: World) -> None:
    await set_gates(after=["production"])
    first = await wait_for(site, "1.0-rc1")
    second = await wait_for(site, "1.0-rc2")
    row = await shown(site, first)
    assert (row["status"], row["wait_outcome"], row["error_message"]) == (
        "canceled",
        "superseded",
        "Superseded by 1.0-rc2.",
    )
    assert [row.id for row in await Deployment.filter(waiting=True)] == [second]


async def test_a_refused_request_supersedes_nothing(site: World) -> None:
    await set_gates(after=["production"])
    first = await wait_for(site, "1.0-rc1")
    assert (await ask_for(site, "1.0-rc2")).status == 403
    assert (await shown(site, first))["waits_for"] == ["order"]


# --- ends


async def test_it_expires_and_says_what_it_waited_for(site: World) -> None:
    await set_gates(after=["production"], wait_at_most="1h")
    deployment = await wait_for(site, "1.0-rc1")
    await execute("UPDATE deployments SET expires_at = created_at, evaluate_at = created_at")
    await sweep(site)
    row = await shown(site, deployment)
    assert (row["status"], row["wait_outcome"]) == ("error", "expired")
    assert row["error_message"] == "It waited too long for: order."
    assert (await site.audit("deployment.wait_ended"))[-1].after["outcome"] == "expired"


async def test_it_can_be_canceled_at_once(site: World) -> None:
    await set_gates(after=["production"])
    deployment = await wait_for(site, "1.0-rc1")
    answer = await site.ask("POST", f"{DEPLOYMENTS.format('staging')}/{deployment}/cancel", {})
    assert (answer.status, answer.json["status"], answer.json["wait_outcome"]) == (202, "canceled", "canceled")
    await set_gates()
    await execute("UPDATE deployments SET evaluate_at = created_at")
    await sweep(site)
    assert not site.github.dispatches


async def test_a_candidate_that_is_banned_meanwhile_is_refused(site: World) -> None:
    await set_gates(after=["production"])
    deployment = await wait_for(site, "1.0-rc1")
    ban = await site.ask("POST", "/api/projects/site/candidates/1.0-rc1/ban", {"reason": "leaks"})
    assert ban.status == 200, ban.json
    await site.settle()
    row = await shown(site, deployment)
    assert (row["status"], row["wait_outcome"]) == ("error", "refused")
    assert "leaks" in row["error_message"]


async def test_whose_token_is_revoked_does_not_deploy_any_more(site: World) -> None:
    await set_gates(after=["production"])
    carol = await site.create_token("deployment:start", user="carol")
    deployment = await wait_for(site, "1.0-rc1", token=carol)
    await users.revoke_token(await site.context(), "carol")
    await set_gates()
    await execute("UPDATE deployments SET evaluate_at = created_at")
    await sweep(site)
    row = await shown(site, deployment)
    assert (row["wait_outcome"], row["error_message"]) == ("refused", "The token of carol is no longer valid.")
    assert not site.github.dispatches


async def test_a_requester_whose_role_github_does_not_tell_waits_and_is_told_why(site: World) -> None:
    site.github.person("alice", "write")
    new = NewToken("alice-laptop", ["project:read", "deployment:start"])
    _, alice = await personal_tokens.create_for(await site.context(), "alice", new)
    path = f"{ENVIRONMENTS}/staging/lock"
    assert (await site.ask("POST", path, {"reason": "looking", "for": "1h"})).status == 201
    deployment = await wait_for(site, "1.0-rc1", token=alice)
    site.github.faults.fail(path="*/collaborators/*", status=503, times=None)
    assert (await site.ask("DELETE", path)).status == 204
    await site.settle()
    row = await shown(site, deployment)
    assert (row["status"], row["waits_for"]) == ("pending", ["deployers"])
    (deployers,) = [each for each in row["decision"]["gates"] if each["gate"] == "deployers"]
    assert deployers["facts"]["error"]
    await execute("UPDATE deployments SET expires_at = created_at, evaluate_at = created_at")
    await sweep(site)
    assert (await shown(site, deployment))["error_message"] == "It waited too long for: deployers."


async def test_the_token_of_an_operator_deploys_as_far_as_their_role_reaches(site: World) -> None:
    site.github.person("alice", "write")
    new = NewToken("alice-laptop", ["project:read", "deployment:start"])
    token, alice = await personal_tokens.create_for(await site.context(), "alice", new)
    await set_gates(after=["production"])
    deployment = await wait_for(site, "1.0-rc1", token=alice)
    site.github.person("alice", "read")
    await set_gates()
    context = await site.context()
    account = GitHubUserId((await User.get(id=token.user_id)).github_id or 0)
    job = gate_jobs.EvaluateWaiting(DeploymentId(deployment), (await Deployment.get(id=deployment)).environment_id)
    await waiting_deployments.evaluate(replace(context, operators=frozenset({account})), job)
    row = await shown(site, deployment)
    assert (row["wait_outcome"], "the role in the repository is read now" in row["error_message"]) == ("refused", True)


async def test_a_project_that_is_archived_meanwhile_deploys_nothing(site: World) -> None:
    await set_gates(after=["production"])
    deployment = await wait_for(site, "1.0-rc1")
    assert (await site.ask("PATCH", "/api/projects/site", {"archived": True})).status == 200
    await set_gates()
    await execute("UPDATE deployments SET evaluate_at = created_at")
    await sweep(site)
    assert (await shown(site, deployment))["error_message"] == "The project is archived."


async def test_a_report_never_starts_or_ends_a_waiting_deployment(site: World) -> None:
    await set_gates(after=["production"])
    deployment = await wait_for(site, "1.0-rc1")
    assert (await site.report("1.0-rc1", "success")).status == 200
    assert (await shown(site, deployment))["waits_for"] == ["order"]
    assert await site.statuses() == [("1.0-rc1", "success"), ("1.0-rc1", "pending")]
    assert "deployment.reported_against_gates" in await site.alarms()


async def test_a_rollback_cancels_what_waits(site: World) -> None:
    await site.complete_deployment("1.0-rc1")
    await site.complete_deployment("1.0-rc2")
    await set_gates(after=["production"])
    deployment = await wait_for(site, "1.0-rc1")
    assert (await site.roll_back()).status == 201
    assert (await shown(site, deployment))["wait_outcome"] == "canceled"
    await site.settle()


# --- force


async def test_force_opens_the_gates_that_may_be_overridden_and_is_shown(site: World) -> None:
    await set_gates(after=["production"], checks=["test"])
    await site.ask("POST", f"{ENVIRONMENTS}/staging/freezes", {"reason": "moving"})
    answer = await ask_for(site, "1.0-rc1", force=True, reason="the site is down")
    assert answer.status == 201, answer.json
    row = await shown(site, answer.json["id"])
    assert row["force_reason"] == "the site is down"
    overridden = {each["gate"] for each in row["decision"]["gates"] if each["verdict"] == "overridden"}
    assert overridden == {"order", "checks", "freeze"}
    (entry,) = await site.audit("deployment.deploy")
    assert (set(entry.after["overridden"]), entry.after["reason"]) == (overridden, "the site is down")
    await site.settle()


async def test_force_opens_no_gate_that_closes_while_the_deployment_waits(site: World) -> None:
    await set_gates(after=["production"])
    assert (await ask_for(site, "1.0-rc2")).status == 403
    await site.complete_deployment("1.0-rc1", "production")
    assert (await ask_for(site, "1.0-rc1")).status == 201
    answer = await ask_for(site, "1.0-rc2", wait=True, force=True, reason="it burns")
    assert answer.json["waits_for"] == ["busy"]
    path = f"{ENVIRONMENTS}/staging/freezes"
    frozen = await site.ask("POST", path, {"reason": "moving", "for": "1h"})
    await site.settle()
    await site.github.finish(run=2)
    await site.settle()
    deployment = int(answer.json["id"])
    row = await shown(site, deployment)
    verdicts = {each["gate"]: each["verdict"] for each in row["decision"]["gates"]}
    assert (row["waits_for"], verdicts["order"], verdicts["freeze"]) == (["freeze"], "overridden", "wait")
    assert (await site.ask("DELETE", f"{path}/{frozen.json['id']}")).status == 204
    await site.settle()
    row = await shown(site, deployment)
    assert (row["wait_outcome"], row["force_reason"]) == ("dispatched", "it burns")


async def test_force_needs_a_reason_and_its_grant_and_an_environment_that_allows_it(site: World) -> None:
    await set_gates(after=["production"], force=False)
    for body in ({"force": True}, {"force": True, "reason": "  "}):
        answer = await ask_for(site, "1.0-rc1", **body)
        assert (answer.status, answer.json["details"]["field"]) == (400, "reason")
    starter = await site.create_token("deployment:start")
    assert (await ask_for(site, "1.0-rc1", token=starter, force=True, reason="x")).status == 403
    answer = await ask_for(site, "1.0-rc1", force=True, reason="x")
    assert answer.status == 403
    assert "does not allow `force`" in gate(answer, "order")["sentence"]


@pytest.mark.parametrize("closed", ["approvals", "hold", "busy", "candidate"])
async def test_force_never_opens_what_others_must_say_yes_to(site: World, closed: str) -> None:
    if closed == "approvals":
        await set_gates(approvals={"count": 1})
    elif closed == "hold":
        await execute("""UPDATE releases SET held = '{"by": "x", "reason": "y"}'""")
    elif closed == "busy":
        assert (await ask_for(site, "1.0-rc2")).status == 201
    else:
        await execute("UPDATE candidates SET status = 'failed'")
    answer = await ask_for(site, "1.0-rc1", force=True, reason="the site is down")
    assert answer.status in (403, 409)
    assert gate(answer, closed)["verdict"] in ("wait", "refuse")
    await site.settle()


# --- dry runs


async def test_a_dry_run_says_what_would_happen_and_writes_nothing(site: World) -> None:
    counted = await execute("UPDATE jobs SET kind = kind")
    path = DEPLOYMENTS.format("production")
    body = {"release_candidate_version": "1.0-rc1", "dry_run": True}
    free = await site.ask("POST", path, body)
    assert (free.status, free.json["dry_run"]) == (200, True)
    assert free.json["would"] == ["Deploy 1.0-rc1 to production: dispatch deploy.yml."]
    assert free.json["decision"]["verdict"] == "pass"
    await set_gates("production", after=["staging"])
    waits = [(await site.ask("POST", path, {**body, "wait": wait})).json["would"] for wait in (False, True)]
    assert waits == [
        ["Refuse to deploy 1.0-rc1 to production now: it would have to wait for order."],
        ["Wait for order, then deploy 1.0-rc1 to production."],
    ]
    assert not await site.deployments("production")
    assert await execute("UPDATE jobs SET kind = kind") == counted
    assert (await site.ask("POST", path, {**body, "release_candidate_version": "9.0-rc1"})).status == 404


async def test_a_dry_run_says_what_becomes_of_the_deployment_that_waits(site: World) -> None:
    await set_gates(after=["production"])
    waiting = await wait_for(site, "1.0-rc1")
    same, other, refused = [
        (await ask_for(site, version, wait=wait, dry_run=True)).json["would"]
        for version, wait in (("1.0-rc1", True), ("1.0-rc2", True), ("1.0-rc2", False))
    ]
    assert same == [f"Nothing: deployment {waiting} of 1.0-rc1 waits there already."]
    assert other[1:] == [f"Supersede deployment {waiting} of 1.0-rc1, which waits there."]
    assert len(refused) == 1
    assert (await shown(site, waiting))["status"] == "pending"


async def test_a_dry_run_of_a_rollback_names_its_target(site: World) -> None:
    await site.complete_deployment("1.0-rc1")
    await site.complete_deployment("1.0-rc2")
    answer = await site.roll_back(dry_run=True)
    assert (answer.status, answer.json["would"]) == (200, ["Roll staging back to 1.0-rc1."])
    assert len(await site.deployments()) == 2


async def test_a_dry_run_of_a_cut_refuses_what_the_cut_refuses_and_makes_nothing(world: World) -> None:
    head = world.github.head()
    answer = await world.cut("1.0-rc1", build=True, dry_run=True)
    assert (answer.status, answer.json["decision"]) == (200, None)
    assert answer.json["would"] == [
        f"Cut 1.0-rc1 at {head} of the branch main.",
        "Create the tag rc/1.0-rc1.",
        "Dispatch build.yml to build it.",
    ]
    refused = await world.cut("1.0-rc1", "0" * 40, dry_run=True)
    assert (refused.status, refused.error) == (400, "Invalid commit hash")
    assert (await world.ask("GET", "/api/releases/site/releases/1.0-rc1")).status == 404
    assert (await world.cut("1.0-rc1")).status == 201
    assert (await world.cut("1.0-rc1", dry_run=True)).json["would"] == ["Nothing: 1.0-rc1 exists."]
    assert (await world.cut("1.0-rc1", build=True, dry_run=True)).json["would"] == ["Build 1.0-rc1."]
    await world.github.commit()
    conflict = await world.cut("1.0-rc1", dry_run=True)
    assert conflict.status == 409
    await world.settle()
    assert not world.github.dispatches
