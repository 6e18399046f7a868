"""Environments of GitHub that ask whether a job may deploy: answered by the gates, and by nothing else."""

from typing import Any

import pytest

from bot.operations import gate_jobs, waiting_deployments
from bot.store.database import execute
from bot.store.github_views import ProtectionRequest
from sandbox.workflows import BUILD, DEPLOY
from tests.world import PROJECT, World

DEPLOY_FILE, BUILD_FILE = ".github/workflows/deploy.yml", ".github/workflows/build.yml"
CD_FILE = ".github/workflows/cd.yml"
CD = """\
name: cd
on: workflow_dispatch
jobs:
  deploy:
    runs-on: ubuntu-latest
    environment: %s
    steps:
      - run: echo "deploy"
"""
STAGING, PRODUCTION = (f"/api/projects/{PROJECT}/environments/{name}" for name in ("staging", "production"))


def with_environment(text: str, name: str) -> str:
    return text.replace("    runs-on: ubuntu-latest\n", f"    runs-on: ubuntu-latest\n    environment: {name}\n")


async def guard(world: World, name: str = "production", file: str = DEPLOY_FILE, text: str = DEPLOY) -> None:
    """Let the App guard an environment, and let a workflow's job use it."""
    world.github.environment(name, rule=True)
    await world.github.commit("Use it", files={file: with_environment(text, name)})
    await world.settle()


async def lock(world: World, reason: str = "tests") -> str:
    """Have somebody else lock production for two hours; returns their token."""
    token = await world.create_token("deployment:production", "deployment:start", "project:read", user="robot")
    await world.ask("POST", f"{PRODUCTION}/lock", {"reason": reason, "for": "2h"}, token=token)
    return token


def reports(world: World, run: int) -> list[tuple[str | None, str]]:
    return [(each["state"], each["comment"]) for each in world.github.gate_reports(run)]


async def test_the_run_of_our_own_deployment_is_approved(shown: World) -> None:
    world = shown
    await guard(world)
    await world.cut("1.0-rc1")
    await world.deploy("1.0-rc1", "production")
    await world.settle(skip_delays=True)  # the question may arrive before the answer to the dispatch
    assert reports(world, 1) == [("approved", "`1.0-rc1` of `site` may be deployed to `production`.")]
    await world.github.finish(run=1)
    await world.show_all()
    assert await world.statuses("production") == [("1.0-rc1", "success")]
    request = await ProtectionRequest.get()
    assert (request.state, request.run_id) == ("approved", world.github.runs[0].id)


async def test_the_override_of_our_own_deployment_counts(shown: World) -> None:
    world = shown
    await guard(world)
    await world.ask("POST", f"{PRODUCTION}/freezes", {"reason": "Friday"})
    await world.cut("1.0-rc1")
    answer = await world.deploy("1.0-rc1", "production")
    assert answer.status == 400
    body = {"release_candidate_version": "1.0-rc1", "force": True, "reason": "it burns"}
    answer = await world.ask("POST", f"/api/releases/{PROJECT}/environments/production/deployments", body)
    assert answer.status == 201, answer.json
    await world.settle(skip_delays=True)  # the question may arrive before the answer to the dispatch
    assert [state for state, _ in reports(world, 1)] == ["approved"]
    assert "(overridden: freeze)" in reports(world, 1)[0][1]


async def test_what_has_changed_since_the_dispatch_is_rejected_with_every_refusing_gate(shown: World) -> None:
    world = shown
    await guard(world)
    world.github.faults.hold()
    await world.cut("1.0-rc1")
    await world.deploy("1.0-rc1", "production")
    await world.settle()
    await world.ask("POST", f"{PRODUCTION}/freezes", {"reason": "@all stop"})
    await world.ask("POST", f"/api/projects/{PROJECT}/releases/1.0/hold", {"reason": "later"})
    world.github.faults.release()
    await world.settle(skip_delays=True)
    ((state, comment),) = reports(world, 1)
    assert state == "rejected"
    assert "- **hold**: The release is held by root: later" in comment
    assert "- **freeze**: " in comment
    assert "@all" not in comment
    assert len(comment) <= 1024


async def test_a_job_waits_while_a_gate_does_and_is_told_why_once(shown: World) -> None:
    world = shown
    await guard(world)
    world.github.faults.hold()
    await world.cut("1.0-rc1")
    await world.deploy("1.0-rc1", "production")
    await world.settle()
    other = await lock(world)
    world.github.faults.release()
    await world.settle(skip_delays=True)
    ((state, comment),) = reports(world, 1)
    assert state is None
    assert "waits for `production`:" in comment
    assert "- **lock**: The environment is locked by robot: tests" in comment
    await world.ask("POST", f"/api/projects/{PROJECT}/freezes", {"reason": "x", "until": "2099-01-01T00:00:00Z"})
    await world.settle(skip_delays=True)
    assert [state for state, _ in reports(world, 1)] == [None, None]
    await world.ask("DELETE", f"{PRODUCTION}/lock", token=other)
    for freeze in (await world.ask("GET", f"/api/projects/{PROJECT}/freezes")).json:
        await world.ask("DELETE", f"/api/projects/{PROJECT}/freezes/{freeze['id']}")
    await world.settle(skip_delays=True)
    assert reports(world, 1)[-1][0] == "approved"
    comments = [comment for _, comment in reports(world, 1)]
    assert len(set(comments)) == len(comments)
    assert len(comments) in (3, 4)  # two blocks that end at almost the same time may be one change


async def test_it_is_told_at_most_ten_times(shown: World) -> None:
    world = shown
    await guard(world)
    world.github.faults.hold()
    await world.cut("1.0-rc1")
    await world.deploy("1.0-rc1", "production")
    await world.settle()
    other = await lock(world, "0")
    world.github.faults.release()
    await world.settle(skip_delays=True)
    for number in range(1, 14):
        await world.ask("POST", f"{PRODUCTION}/lock", {"reason": str(number), "for": "2h"}, token=other)
        await world.settle(skip_delays=True)
    assert [state for state, _ in reports(world, 1)] == [None] * 10
    await world.ask("DELETE", f"{PRODUCTION}/lock", token=other)
    await world.settle(skip_delays=True)
    assert reports(world, 1)[-1][0] == "approved"


async def foreign_run(world: World, environment: str = "production", by: str = "mia", role: str = "maintain") -> int:
    """A run that a person starts by hand, whose job uses an environment that the App guards; returns its number."""
    world.github.person(by, role)
    world.github.environment(environment, rule=True)
    await world.github.commit("CD", files={CD_FILE: CD % environment})
    return await world.github.dispatch(CD_FILE, by=by)


async def held_run(world: World, version: str | None = "1.0-rc1", **options: Any) -> int:
    """Such a run, of which the question arrives when there is a candidate at its commit."""
    world.github.faults.hold()
    run = await foreign_run(world, **options)
    if version is not None:
        assert (await world.cut(version)).status == 201
        await world.settle()
    return run


async def arrive(world: World) -> None:
    world.github.faults.release()
    await world.settle(skip_delays=True)


async def test_a_run_that_somebody_else_started_is_approved_for_a_ready_candidate(shown: World) -> None:
    world = shown
    run = await held_run(world)
    await arrive(world)
    assert reports(world, run) == [("approved", "`1.0-rc1` of `site` may be deployed to `production`.")]
    request = await ProtectionRequest.get()
    assert (request.requester, request.requester_id) == ("mia", world.github.state.account("mia").id)


async def test_whoever_triggered_the_run_needs_the_grant(shown: World) -> None:
    world = shown
    run = await held_run(world, by="wendy", role="write")
    await arrive(world)
    ((state, comment),) = reports(world, run)
    assert state == "rejected"
    assert "may not be deployed to `production`" in comment
    assert "maintain" in comment


async def test_a_commit_without_a_candidate_is_rejected(shown: World) -> None:
    world = shown
    run = await held_run(world, version=None)
    await arrive(world)
    assert reports(world, run) == [("rejected", "Rejected: no release candidate is at this commit.")]


async def test_an_environment_that_we_do_not_know_is_rejected(shown: World) -> None:
    world = shown
    run = await held_run(world, environment="canary")
    await arrive(world)
    assert reports(world, run) == [("rejected", "Rejected: Longshore knows no environment `canary`.")]


async def test_the_case_of_an_environment_is_ignored_as_github_does(shown: World) -> None:
    world = shown
    run = await held_run(world, environment="Production")
    await arrive(world)
    assert [state for state, _ in reports(world, run)] == ["approved"]


async def test_all_projects_with_a_candidate_at_the_commit_have_to_agree(shown: World) -> None:
    world = shown
    await world.ask("POST", "/api/projects", {"name": "docs", "repo": "acme/site"})
    body = {"name": "production", "tier": "production"}
    await world.ask("POST", "/api/projects/docs/environments", body)
    run = await held_run(world)
    head = world.github.head()
    answer = await world.ask("POST", "/api/releases/docs/releases/2.0-rc1", {"repo": "acme/site", "commit": head})
    assert answer.status == 201, answer.json
    await world.ask("POST", "/api/projects/docs/environments/production/freezes", {"reason": "no"})
    await arrive(world)
    ((state, comment),) = reports(world, run)
    assert state == "rejected"
    assert "`1.0-rc1` of `site` may be deployed" in comment
    assert "`2.0-rc1` of `docs` may not be deployed" in comment


async def test_a_build_run_need_not_wait_for_itself(shown: World) -> None:
    world = shown
    await guard(world, "staging", BUILD_FILE, BUILD)
    await world.cut("1.0-rc1", build=True)
    await world.settle(skip_delays=True)
    assert [state for state, _ in reports(world, 1)] == ["approved"]


async def test_a_run_of_ours_that_asks_about_another_environment_is_judged_for_that_one(shown: World) -> None:
    world = shown
    await guard(world, "production")
    await world.ask("POST", f"{PRODUCTION}/freezes", {"reason": "no"})
    await world.cut("1.0-rc1")
    await world.deploy("1.0-rc1", "staging")
    await world.settle(skip_delays=True)
    assert [state for state, _ in reports(world, 1)] == ["rejected"]
    await world.show_all()
    assert await world.statuses("staging") == [("1.0-rc1", "failure")]


async def by_comment(world: World, text: str, role: str) -> None:
    """Give a command as a person with a role."""
    world.github.person("wendy", role)
    number = await world.github.pull_request()
    await world.github.merge(number)
    await world.github.comment(number, text, by="wendy")
    await world.settle(skip_delays=True)


@pytest.mark.parametrize("role, state", [("write", "rejected"), ("maintain", "approved")])
async def test_a_deployment_elsewhere_does_not_open_production_to_somebody_without_the_role(
    shown: World, role: str, state: str
) -> None:
    world = shown
    await guard(world, "production")
    await world.cut("1.0-rc1")
    await by_comment(world, "/release deploy 1.0-rc1 to staging", role)
    assert [each for each, _ in reports(world, 1)] == [state]


@pytest.mark.parametrize("role, state", [("write", "rejected"), ("maintain", "approved")])
async def test_a_build_does_not_open_production_to_somebody_without_the_role(
    shown: World, role: str, state: str
) -> None:
    world = shown
    await guard(world, "production", BUILD_FILE, BUILD)
    await by_comment(world, "/release cut 1.0", role)
    assert [each for each, _ in reports(world, 1)] == [state]


async def test_a_token_without_the_grant_does_not_open_production(shown: World) -> None:
    world = shown
    await guard(world, "production")
    await world.cut("1.0-rc1")
    token = await world.create_token("deployment:start", "project:read")
    assert (await world.deploy("1.0-rc1", token=token)).status == 201
    await world.settle(skip_delays=True)
    ((state, comment),) = reports(world, 1)
    assert state == "rejected"
    assert "may not be deployed to `production`" in comment


@pytest.mark.parametrize("fault", ["lose_answer", "fail"])
async def test_a_lost_answer_is_sent_again_and_taken_once(shown: World, fault: str) -> None:
    world = shown
    await guard(world)
    getattr(world.github.faults, fault)(method="POST", path="*/deployment_protection_rule", times=1)
    await world.cut("1.0-rc1")
    await world.deploy("1.0-rc1", "production")
    await world.settle(skip_delays=True)
    assert [state for state, _ in reports(world, 1)] == ["approved"]
    assert (await ProtectionRequest.get()).state == "approved"


async def test_a_report_whose_answer_was_lost_is_not_sent_twice(shown: World) -> None:
    world = shown
    run = await held_run(world)
    await lock(world)
    world.github.faults.lose_answer(method="POST", path="*/deployment_protection_rule", times=1)
    await arrive(world)
    assert [state for state, _ in reports(world, run)] == [None]


async def test_questions_that_are_doubled_are_answered_once(shown: World) -> None:
    world = shown
    world.github.faults.webhooks(double=1.0, reorder=True, seed=2)
    await guard(world)
    await world.cut("1.0-rc1")
    await world.deploy("1.0-rc1", "production")
    await world.settle(skip_delays=True)
    assert [state for state, _ in reports(world, 1)] == ["approved"]


async def test_a_question_is_evaluated_by_what_concerns_it_until_its_run_has_ended(shown: World) -> None:
    world = shown
    run = await held_run(world)
    token = await lock(world)
    await arrive(world)
    assert [state for state, _ in reports(world, run)] == [None]
    await world.ask("POST", "/api/projects", {"name": "elsewhere"})
    await world.ask("POST", "/api/projects/elsewhere/environments", {"name": "production", "tier": "production"})
    before = len(await world.jobs("answer_protection"))
    assert (await world.ask("POST", "/api/projects/elsewhere/freezes", {"reason": "x"})).status == 201
    path = "/api/projects/elsewhere/environments/production/lock"
    assert (await world.ask("POST", path, {"reason": "y"})).status == 201
    assert len(await world.jobs("answer_protection")) == before
    later = {"reason": "z", "until": "2099-01-01T00:00:00Z"}
    assert (await world.ask("POST", f"/api/projects/{PROJECT}/freezes", later)).status == 201
    await world.settle(skip_delays=True)
    assert [state for state, _ in reports(world, run)] == [None, None]
    assert (await ProtectionRequest.get()).state == "waiting"
    await world.github.finish(run=run, conclusion="cancelled")
    await world.settle()
    assert (await ProtectionRequest.get()).state == "closed"
    await world.ask("DELETE", f"{PRODUCTION}/lock", token=token)
    await world.settle()
    assert [state for state, _ in reports(world, run)] == [None, None]


async def test_a_rerun_asks_anew(shown: World) -> None:
    world = shown
    run = await held_run(world, version=None)
    await arrive(world)
    assert [state for state, _ in reports(world, run)] == ["rejected"]
    await world.cut("1.0-rc1")
    await world.github.rerun(run=run)
    await world.settle(skip_delays=True)
    assert [state for state, _ in reports(world, run)] == ["approved"]


ADDRESSES = [
    "https://evil.example/repos/acme/site/actions/runs/1/deployment_protection_rule",
    "{api}/repos/acme/other/actions/runs/1/deployment_protection_rule",
    "{api}/repos/acme/site/actions/runs/1/deployment_protection_rule?x=1",
    "{api}/repos/acme/site/actions/runs/0/deployment_protection_rule",
    "{api}@evil.example/repos/acme/site/actions/runs/1/deployment_protection_rule",
    "x",
]


@pytest.mark.parametrize("address", ADDRESSES)
async def test_a_callback_address_that_is_not_githubs_is_never_used(shown: World, address: str) -> None:
    world = shown
    api = world.github.state.api_url.rstrip("/")
    payload = {
        "action": "requested",
        "environment": "production",
        "sha": world.github.head(),
        "deployment": None,
        "deployment_callback_url": address.format(api=api),
        "repository": {"id": world.github.repository().id, "full_name": "acme/site"},
        "sender": {"id": 1, "login": "x"},
    }
    world.github.forget_calls()
    assert await world.github.send("deployment_protection_rule", payload) == 202
    await world.settle(skip_delays=True)
    assert await ProtectionRequest.all().count() == 0
    assert world.github.calls == []


async def test_switched_off_nothing_is_answered(shown: World) -> None:
    world = shown
    await world.ask("PATCH", f"/api/projects/{PROJECT}", {"show": {"protection": False}})
    run = await held_run(world)
    await arrive(world)
    assert reports(world, run) == []
    assert await ProtectionRequest.all().count() == 0
    await world.github.bypass_protection(run=run)


async def test_without_the_permission_nothing_is_answered_and_nothing_is_left_behind(shown: World) -> None:
    world = shown
    run = await held_run(world)
    await world.github.set_permission("deployments", None)
    await arrive(world)
    assert reports(world, run) == []
    assert await world.unfinished_jobs() == []
    await world.github.set_permission("deployments", "write")
    assert (await ProtectionRequest.get()).evaluate_at is not None
    await execute("UPDATE protection_requests SET evaluate_at = requested_at")
    await waiting_deployments.sweep(await world.context(), gate_jobs.SweepWaiting())
    await world.settle()
    assert [state for state, _ in reports(world, run)] == ["approved"]


async def test_while_github_holds_a_run_for_its_reviewers_the_deadline_does_not_run(world: World) -> None:
    world.github.environment("production", reviewers=["alice"])
    await world.github.commit("Use it", files={DEPLOY_FILE: with_environment(DEPLOY, "production")})
    await world.cut("1.0-rc1")
    await world.deploy("1.0-rc1", "production")
    await world.settle()
    await world.expire_deadlines()
    await world.reconcile()
    assert await world.statuses("production") == [("1.0-rc1", "pending")]
    await world.expire_deadlines()
    await world.github.approve_deployment(run=1)
    await world.github.start(run=1)
    await world.settle()
    await world.reconcile()
    assert await world.statuses("production") == [("1.0-rc1", "in_progress")]
    await world.expire_deadlines()
    await world.reconcile()
    assert await world.statuses("production") == [("1.0-rc1", "error")]


@pytest.mark.parametrize("role, state", [("write", "rejected"), ("maintain", "approved")])
async def test_a_run_of_ours_that_is_started_again_is_judged_by_who_did_so(shown: World, role: str, state: str) -> None:
    world = shown
    await guard(world)
    await world.cut("1.0-rc1")
    await world.deploy("1.0-rc1", "production")
    await world.settle(skip_delays=True)  # the question may arrive before the answer to the dispatch
    assert [each for each, _ in reports(world, 1)] == ["approved"]
    await world.github.finish(run=1, conclusion="failure")
    await world.show_all()
    world.github.person("wendy", role)
    await world.github.rerun(run=1, by="wendy")
    await world.settle(skip_delays=True)
    assert [each for each, _ in reports(world, 1)] == [state]
    if state == "rejected":
        assert "it needs maintain; you have write" in reports(world, 1)[0][1]


@pytest.mark.parametrize("is_known", [True, False])
async def test_the_override_of_a_deployment_does_not_count_once_its_run_is_started_again(
    shown: World, is_known: bool
) -> None:
    world = shown
    await guard(world)
    await world.ask("POST", f"{PRODUCTION}/freezes", {"reason": "Friday"})
    await world.cut("1.0-rc1")
    body = {"release_candidate_version": "1.0-rc1", "force": True, "reason": "it burns"}
    await world.ask("POST", f"/api/releases/{PROJECT}/environments/production/deployments", body)
    await world.settle(skip_delays=True)  # the question may arrive before the answer to the dispatch
    assert [each for each, _ in reports(world, 1)] == ["approved"]
    await world.github.finish(run=1)
    await world.show_all()
    if not is_known:  # that it has ended
        await execute("UPDATE runs SET state = 'running', status = 'queued'")
        await execute("UPDATE deployments SET status = 'pending'")
    world.github.person("mia", "maintain")
    await world.github.rerun(run=1, by="mia")
    await world.settle(skip_delays=True)
    assert [each for each, _ in reports(world, 1)] == ["rejected"]
