"""Environments of jobs: their deployments, and the approvals and protection rules that hold these back."""

from typing import Any

import pytest

from sandbox import SandboxError
from tests.sandbox.conftest import ApiReply, Lab

SHIP = """\
name: ship
on:
  workflow_dispatch:
    inputs:
      environment: {type: string, default: staging}
jobs:
  build:
    steps: []
  ship:
    environment:
      name: ${{ inputs.environment }}
      url: https://${{ inputs.environment }}.example.com
"""


async def _ship(lab: Lab, environment: str = "production", text: str = SHIP) -> int:
    await lab.github.commit("Ship", files={".github/workflows/ship.yml": text})
    response = await lab.dispatch("ship.yml", inputs={"environment": environment} if "inputs:" in text else {})
    assert response.status == 204, response.text
    return len(lab.github.runs)


async def _review(lab: Lab, run: int, **body: Any) -> ApiReply:
    path = f"/actions/runs/{lab.github.runs[run - 1].id}/deployment_protection_rule"
    return await lab.repo("POST", path, json={"environment_name": "production", **body})


async def _states(lab: Lab) -> list[str]:
    await lab.github.settle()
    payloads = [webhook.payload for webhook in lab.received if webhook.event == "deployment_status"]
    return [payload["deployment_status"]["state"] for payload in payloads]


async def _pending(lab: Lab, run: int) -> list[str]:
    path = f"/actions/runs/{lab.github.runs[run - 1].id}/pending_deployments"
    return [each["environment"]["name"] for each in (await lab.repo("GET", path)).json]


async def test_a_job_with_an_environment_makes_its_own_deployment(lab: Lab) -> None:
    run = await _ship(lab, "staging")
    assert lab.github.runs[0].status == "queued"
    assert await lab.events("deployment") == []
    await lab.github.start(run)
    await lab.github.finish(run)
    assert await _states(lab) == ["in_progress", "success"]
    created = await lab.last_payload("deployment")
    assert (created["deployment"]["environment"], created["deployment"]["ref"]) == ("staging", "main")
    assert created["deployment"]["creator"]["login"] == created["sender"]["login"] == "github-actions[bot]"
    assert created["deployment"]["creator"]["id"] == 41_898_282
    assert created["workflow_run"]["id"] == lab.github.runs[0].id and created["workflow"]["name"] == "ship"
    status = (await lab.last_payload("deployment_status"))["deployment_status"]
    assert status["environment_url"] == "https://staging.example.com"
    assert (await lab.repo("GET", "/environments")).json["environments"][0]["protection_rules"] == []


async def test_a_job_without_an_environment_makes_no_deployment(lab: Lab) -> None:
    await lab.dispatch("deploy.yml", inputs={"environment": "staging"})
    await lab.github.start()
    await lab.github.finish()
    await _ship(lab, "")
    await lab.github.finish(2)
    assert await lab.events("deployment", "deployment_status") == []
    assert (await lab.repo("GET", "/environments")).json["total_count"] == 0


async def test_a_run_waits_for_the_protection_rule_of_the_app(lab: Lab) -> None:
    lab.github.environment("production", rule=True)
    run = await _ship(lab)
    events = await lab.events("workflow_run", "deployment", "deployment_status", "deployment_protection_rule")
    assert events == [
        *("workflow_run.requested", "deployment.created", "deployment_status.created"),
        "deployment_protection_rule.requested",
    ]
    assert (await lab.last_payload("workflow_run"))["workflow_run"]["status"] == "waiting"
    request = await lab.last_payload("deployment_protection_rule")
    head, run_id = lab.github.head(), lab.github.runs[run - 1].id
    assert (request["environment"], request["event"]) == ("production", "workflow_dispatch")
    assert (request["sha"], request["ref"], request["pull_requests"]) == (head, "refs/heads/main", [])
    assert not [name for name in request if "run" in name]
    assert request["deployment_callback_url"].endswith(
        f"/repos/acme/site/actions/runs/{run_id}/deployment_protection_rule"
    )
    assert request["deployment"]["environment"] == "production"
    assert await _states(lab) == ["waiting"]
    assert await _pending(lab, run) == ["production"]
    with pytest.raises(SandboxError, match="protection rule of the environment production"):
        await lab.github.start(run)
    with pytest.raises(SandboxError, match="waits"):
        await lab.github.finish(run)
    assert (await _review(lab, run, comment="Looking.")).status == 204
    assert lab.github.runs[run - 1].status == "waiting"
    assert (await _review(lab, run, state="approved", comment="Good.")).status == 204
    assert await _pending(lab, run) == []
    await lab.github.start(run)
    await lab.github.finish(run)
    assert await _states(lab) == ["waiting", "queued", "in_progress", "success"]
    assert [report["state"] for report in lab.github.gate_reports(run)] == [None, "approved"]


async def test_a_rejected_deployment_fails_the_run(lab: Lab) -> None:
    lab.github.environment("production", rule=True)
    run = await _ship(lab)
    assert (await _review(lab, run, state="rejected", comment="Not approved.")).status == 204
    assert lab.github.runs[run - 1].conclusion == "failure"
    assert await _states(lab) == ["waiting", "failure"]
    assert (await lab.events("workflow_run"))[-1] == "workflow_run.completed"
    assert (await _review(lab, run, state="approved")).status == 422


@pytest.mark.parametrize(
    "body",
    [
        {"environment_name": "staging", "state": "approved"},
        {"environment_name": None, "state": "approved"},
        {"state": "maybe"},
        {"comment": "x" * 1_025, "state": "approved"},
        {},
    ],
)
async def test_an_invalid_review_is_refused(lab: Lab, body: dict[str, Any]) -> None:
    lab.github.environment("production", rule=True)
    run = await _ship(lab)
    assert (await _review(lab, run, **body)).status == 422
    assert lab.github.runs[run - 1].status == "waiting"
    assert lab.github.gate_reports(run) == []


async def test_ten_reports_without_a_state_are_allowed(lab: Lab) -> None:
    lab.github.environment("production", rule=True)
    run = await _ship(lab)
    answers = [(await _review(lab, run, comment=f"Still waiting: {number}.")).status for number in range(11)]
    assert answers == [204] * 10 + [422]
    assert (await _review(lab, run, state="approved", comment="x" * 1_024)).status == 204


async def test_a_review_needs_the_deployments_permission(lab: Lab) -> None:
    lab.github.environment("production", rule=True)
    run = await _ship(lab)
    for permissions in ({"deployments": "read"}, {"actions": "write"}):
        lab.token = (await lab.create_token(permissions=permissions)).json["token"]
        assert (await _review(lab, run, state="approved")).status == 403
    assert lab.github.runs[run - 1].status == "waiting"
    await lab.github.set_permission("deployments")
    await _ship(lab)
    assert len(await lab.events("deployment_protection_rule")) == 1


async def test_required_reviewers_approve_for_themselves_or_their_team(lab: Lab) -> None:
    lab.github.team("Operations")
    lab.github.add_team_member("operations", "bob")
    lab.github.add_team_member("operations", "carol", state="pending")
    lab.github.environment("production", reviewers=["dave"], teams=["operations"])
    for reviewer in ("bob", "dave"):
        run = await _ship(lab)
        assert await lab.events("deployment_protection_rule") == []
        assert (await _review(lab, run, state="approved")).status == 422
        for stranger in ("alice", "carol"):
            with pytest.raises(SandboxError, match="not a reviewer"):
                await lab.github.approve_deployment(run, by=stranger)
        await lab.github.approve_deployment(run, by=reviewer)
        await lab.github.start(run)
    run = await _ship(lab)
    await lab.github.reject_deployment(run, by="bob")
    assert lab.github.runs[run - 1].conclusion == "failure"
    with pytest.raises(SandboxError, match="No job"):
        await lab.github.approve_deployment(run, by="bob")
    rules = (await lab.repo("GET", "/environments/production")).json["protection_rules"]
    assert [reviewer["type"] for reviewer in rules[0]["reviewers"]] == ["User", "Team"]


async def test_a_run_waits_for_reviewers_and_the_protection_rule(lab: Lab) -> None:
    lab.github.environment("production", reviewers=["bob"], rule=True)
    run = await _ship(lab)
    await lab.github.approve_deployment(run, by="bob")
    assert lab.github.runs[run - 1].status == "waiting"
    await _review(lab, run, state="approved")
    assert lab.github.runs[run - 1].status == "queued"
    run = await _ship(lab)
    await lab.github.bypass_protection(run)
    assert lab.github.runs[run - 1].status == "queued"


async def test_people_run_workflows_by_hand_and_again(lab: Lab) -> None:
    lab.github.environment("production", rule=True)
    await lab.github.commit("Ship", files={".github/workflows/ship.yml": SHIP})
    run = await lab.github.dispatch("ship.yml", inputs={"environment": "production"}, by="bob")
    assert (await lab.last_payload("deployment_protection_rule"))["sender"]["login"] == "bob"
    await lab.github.finish(run, "cancelled")
    await lab.github.rerun(run, by="carol")
    found = (await lab.repo("GET", f"/actions/runs/{lab.github.runs[0].id}")).json
    assert (found["actor"]["login"], found["triggering_actor"]["login"]) == ("bob", "carol")
    assert (await lab.last_payload("deployment_protection_rule"))["sender"]["login"] == "carol"
    with pytest.raises(SandboxError, match="No ref found"):
        await lab.github.dispatch("ship.yml", ref="unknown")


async def test_who_starts_a_run_may_be_kept_from_approving_it(lab: Lab) -> None:
    bot = f"{lab.github.app_slug}[bot]"
    lab.github.environment("production", reviewers=[bot], prevent_self_review=True)
    run = await _ship(lab)
    with pytest.raises(SandboxError, match="started the run"):
        await lab.github.approve_deployment(run, by=bot)


async def test_a_canceled_run_waits_no_longer(lab: Lab) -> None:
    lab.github.environment("production", rule=True)
    run = await _ship(lab)
    assert (await lab.repo("POST", f"/actions/runs/{lab.github.runs[run - 1].id}/cancel")).status == 202
    assert await _pending(lab, run) == []
    assert (await _review(lab, run, state="approved")).status == 422
    assert await _states(lab) == ["waiting", "failure"]


async def test_each_attempt_of_a_run_asks_again(lab: Lab) -> None:
    lab.github.environment("production", rule=True)
    run = await _ship(lab)
    await _review(lab, run, state="rejected", comment="No.")
    await lab.github.rerun(run)
    assert lab.github.runs[run - 1].status == "waiting"
    assert lab.github.gate_reports(run) == []
    events = await lab.events("workflow_run", "deployment_protection_rule")
    assert events[-1] == "deployment_protection_rule.requested"
    assert events.count("workflow_run.requested") == 1
    assert len((await lab.repo("GET", "/deployments?environment=production")).json) == 2


async def test_a_released_run_succeeds_on_its_own(lab: Lab) -> None:
    lab.github.set_run_seconds((0.01, 0.02))
    lab.github.environment("production", rule=True)
    run = await _ship(lab)
    await lab.github.settle()
    assert lab.github.runs[run - 1].status == "waiting"
    await _review(lab, run, state="approved")
    while lab.github.state.tasks:
        await next(iter(lab.github.state.tasks))
    assert lab.github.runs[run - 1].conclusion == "success"


@pytest.mark.parametrize("rule", [True, False])
async def test_an_environment_can_be_used_without_a_deployment(lab: Lab, rule: bool) -> None:
    lab.github.environment("production", rule=rule)
    text = "on: workflow_dispatch\njobs: {ship: {environment: {name: production, deployment: false}}}\n"
    run = await _ship(lab, text=text)
    await lab.github.finish(run)
    assert await lab.events("deployment", "deployment_status", "deployment_protection_rule") == []


async def test_the_protection_rule_is_listed(lab: Lab) -> None:
    lab.github.environment("eu/production", rule=True)
    lab.github.environment("staging")
    path = "/environments/eu%2Fproduction"
    rules = (await lab.repo("GET", f"{path}/deployment_protection_rules")).json
    assert [rule["app"]["id"] for rule in rules["custom_deployment_protection_rules"]] == [lab.github.app_id]
    assert (await lab.repo("GET", "/environments/staging/deployment_protection_rules")).json["total_count"] == 0
    assert (await lab.repo("GET", "/environments/unknown")).status == 404


async def test_a_request_may_come_without_its_deployment(lab: Lab) -> None:
    lab.github.environment("production", rule=True)
    lab.github.faults.omit_deployment()
    run = await _ship(lab)
    assert (await lab.last_payload("deployment_protection_rule"))["deployment"] is None
    assert (await _review(lab, run, state="approved")).status == 204
    await _ship(lab)
    assert (await lab.last_payload("deployment_protection_rule"))["deployment"] is not None


async def test_the_names_of_environments_have_no_case(lab: Lab) -> None:
    lab.github.environment("Production", rule=True)
    run = await _ship(lab, "production")
    request = await lab.last_payload("deployment_protection_rule")
    assert request["environment"] == request["deployment"]["environment"] == "Production"
    assert (await _review(lab, run, state="approved")).status == 204
    assert (await lab.repo("GET", "/environments/PRODUCTION")).json["name"] == "Production"
    assert (await lab.repo("GET", "/environments")).json["total_count"] == 1


async def test_jobs_that_did_not_begin_make_no_deployment(lab: Lab) -> None:
    lab.github.environment("production", rule=True)
    text = "on: workflow_dispatch\njobs: {a: {environment: staging}, b: {environment: production}}\n"
    run = await _ship(lab, text=text)
    assert (await _review(lab, run, state="rejected")).status == 204
    assert [each["environment"] for each in (await lab.repo("GET", "/deployments")).json] == ["production"]
    run = await _ship(lab, text=text)
    await _review(lab, run, state="approved")
    await lab.github.finish(run)
    states = [each["environment"] for each in (await lab.repo("GET", "/deployments")).json]
    assert states == ["staging", "production", "production"]


STAGES = """\
on: workflow_dispatch
jobs:
  build: {}
  staging: {needs: build, environment: staging}
  production: {needs: [staging], environment: production}
"""


async def test_jobs_that_need_others_wait_when_these_have_finished(lab: Lab) -> None:
    lab.github.environment("production", rule=True)
    lab.github.set_job_checks()
    run = await _ship(lab, text=STAGES)
    assert (await lab.last_payload("workflow_run"))["workflow_run"]["status"] == "queued"
    await lab.github.start(run)
    assert await _states(lab) == []
    with pytest.raises(SandboxError, match="job production needs build, staging"):
        await lab.github.finish(run)
    for early in ("staging", "production"):
        with pytest.raises(SandboxError, match="has not begun"):
            await lab.github.finish_job(early, run)
    await lab.github.finish_job("build", run)
    assert await _states(lab) == ["in_progress"]
    assert (await _review(lab, run, state="approved")).status == 422
    await lab.github.finish_job("staging", run)
    assert lab.github.runs[run - 1].status == "waiting"
    assert await _states(lab) == ["in_progress", "success", "waiting"]
    jobs = (await lab.repo("GET", f"/actions/runs/{lab.github.runs[run - 1].id}/jobs")).json["jobs"]
    assert [job["status"] for job in jobs] == ["completed", "completed", "waiting"]
    checks = (await lab.repo("GET", "/commits/main/check-runs?status=completed")).json["check_runs"]
    assert {check["name"]: check["conclusion"] for check in checks} == {"build": "success", "staging": "success"}
    assert (await _review(lab, run, state="approved")).status == 204
    assert lab.github.runs[run - 1].status == "in_progress"
    with pytest.raises(SandboxError, match="no job build"):
        await lab.github.finish_job("build", run)
    await lab.github.finish(run)
    assert await _states(lab) == [*("in_progress", "success"), *("waiting", "queued", "in_progress", "success")]


async def test_a_job_that_fails_keeps_those_that_need_it_from_deploying(lab: Lab) -> None:
    run = await _ship(lab, text=STAGES)
    await lab.github.start(run)
    await lab.github.finish_job("build", run)
    await lab.github.finish_job("staging", run, conclusion="failure")
    assert lab.github.runs[run - 1].conclusion == "failure"
    assert [each["environment"] for each in (await lab.repo("GET", "/deployments")).json] == ["staging"]


async def test_stages_succeed_on_their_own_up_to_a_gate(lab: Lab) -> None:
    lab.github.set_run_seconds((0.01, 0.02))
    lab.github.environment("production", rule=True)
    run = await _ship(lab, text=STAGES)
    while lab.github.state.tasks:
        await next(iter(lab.github.state.tasks))
    assert lab.github.runs[run - 1].status == "waiting"
    await _review(lab, run, state="approved")
    while lab.github.state.tasks:
        await next(iter(lab.github.state.tasks))
    assert lab.github.runs[run - 1].conclusion == "success"
    assert await _states(lab) == [*("in_progress", "success"), *("waiting", "queued", "in_progress", "success")]


async def test_jobs_that_need_each_other_are_no_problem(lab: Lab) -> None:
    text = "on: workflow_dispatch\njobs: {a: {needs: b, environment: staging}, b: {needs: [a, none]}}\n"
    run = await _ship(lab, text=text)
    await lab.github.finish(run)
    assert lab.github.runs[run - 1].conclusion == "success"
