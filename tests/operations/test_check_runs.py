"""Check runs of candidates: one each, with buttons that do what a command of the same person would do."""

from datetime import timedelta
from typing import Any

import pytest

from bot.operations import check_runs, view_jobs
from bot.store.candidates import Candidate
from bot.store.database import execute
from bot.store.github_views import GitHubView
from sandbox.records import CheckRun
from tests.world import PROJECT, World

STAGING = f"/api/projects/{PROJECT}/environments/staging"


def check(world: World) -> CheckRun:
    """The only check run at the head of `main`."""
    (found,) = world.github.check_runs()
    return found


def buttons(world: World) -> list[str]:
    return [action["label"] for action in check(world).actions]


def identifier(world: World, label: str) -> str:
    return str(next(action["identifier"] for action in check(world).actions if action["label"] == label))


def summary(world: World) -> str:
    return str(check(world).output["summary"])


async def click(world: World, label: str, by: str = "alice") -> None:
    await world.github.click_button(check(world).id, identifier(world, label), by=by)
    await world.show_all()


async def ready(world: World, version: str = "1.0-rc1") -> None:
    await world.cut(version)
    await world.show_all()


async def test_the_check_run_follows_the_candidate(shown: World) -> None:
    world = shown
    await world.cut("1.0-rc1", build=True)
    await world.show_all()
    assert (check(world).name, check(world).status, buttons(world)) == ("Longshore / site", "in_progress", ["Cancel"])
    await world.github.finish()
    await world.show_all()
    assert (check(world).status, check(world).conclusion) == ("completed", "success")
    assert (check(world).output["title"], buttons(world)) == ("1.0-rc1: Ready", ["Deploy to staging"])
    await world.complete_deployment("1.0-rc1")
    await world.show_all()
    assert (check(world).output["title"], buttons(world)) == ("1.0-rc1: Live on staging", ["Deploy to production"])
    await world.complete_deployment("1.0-rc1", "production", conclusion="failure")
    await world.show_all()
    assert (check(world).conclusion, check(world).output["title"]) == (
        "failure",
        "1.0-rc1: Live on staging; failed on production",
    )


@pytest.mark.parametrize("conclusion, shown_as", [("failure", "failure"), ("cancelled", "cancelled")])
async def test_a_build_that_does_not_succeed_concludes_it(shown: World, conclusion: str, shown_as: str) -> None:
    world = shown
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    await world.github.finish(conclusion=conclusion)
    await world.show_all()
    assert (check(world).status, check(world).conclusion, buttons(world)) == ("completed", shown_as, [])


async def test_two_candidates_at_one_commit_have_a_check_run_each(shown: World) -> None:
    world = shown
    await ready(world)
    await ready(world, "1.0-rc2")
    found = world.github.check_runs()
    assert [each.external_id for each in found] == ["candidate:1", "candidate:2"]
    assert {each.name for each in found} == {"Longshore / site"}


async def test_a_text_that_is_unchanged_is_not_sent_again(shown: World) -> None:
    world = shown
    await ready(world)
    world.github.forget_calls()
    await world.ask("PATCH", f"/api/projects/{PROJECT}", {"build_deadline_minutes": 7})
    await world.show_all()
    assert not [call for call in world.github.calls if "check-runs" in call.path]


async def test_changes_within_seconds_are_one_change(shown: World) -> None:
    world = shown
    await world.cut("1.0-rc1")
    await world.settle()
    later = (await world.context()).now() + timedelta(minutes=10)  # however long this test takes
    await GitHubView.all().update(shown_at=later)
    world.github.forget_calls()
    await world.complete_deployment("1.0-rc1")
    assert not [call for call in world.github.calls if "check-runs" in call.path]
    await world.show_all()
    assert len([call for call in world.github.calls if "check-runs" in call.path]) == 1


@pytest.mark.parametrize("fault", ["lose_answer", "fail"])
async def test_a_lost_answer_creates_no_second_one(shown: World, fault: str) -> None:
    world = shown
    getattr(world.github.faults, fault)(method="POST", path="*/check-runs", times=1)
    await ready(world)
    assert check(world).status == "completed"


async def test_a_process_that_was_killed_after_creating_it_creates_no_second_one(shown: World) -> None:
    world = shown
    await ready(world)
    await execute("UPDATE github_views SET github_id = NULL, digest = NULL, shown_at = NULL, sending = TRUE")
    await check_runs.show(await world.context(), view_jobs.ShowCheckRun((await Candidate.get()).id))
    assert (await GitHubView.get()).github_id == check(world).id


async def test_a_freeze_takes_the_button_away_and_its_end_brings_it_back(shown: World) -> None:
    world = shown
    await ready(world)
    await world.ask("PATCH", STAGING, {"frozen": {"reason": "x"}})
    await world.show_all()
    assert buttons(world) == ["Deploy to production"]
    await world.ask("PATCH", STAGING, {"frozen": None})
    await world.show_all()
    assert buttons(world) == ["Deploy to staging"]


async def test_a_held_release_shows_it(shown: World) -> None:
    world = shown
    await ready(world)
    await world.ask("PATCH", f"/api/projects/{PROJECT}/releases/1.0", {"status": 20})
    await world.show_all()
    assert (check(world).conclusion, buttons(world)) == ("neutral", [])
    assert "Held by `root`" in summary(world)


async def test_the_button_deploys_with_the_authority_of_who_clicks(shown: World) -> None:
    world = shown
    await ready(world)
    await click(world, "Deploy to staging")
    (deployment,) = await world.deployments()
    (entry,) = await world.audit("deployment.deploy")
    assert (deployment["release_candidate_version"], entry.actor, entry.channel) == (
        "1.0-rc1",
        "alice",
        "check button",
    )
    await world.github.finish()
    await world.show_all()
    world.github.person("wendy", "write")
    await click(world, "Deploy to production", by="wendy")
    assert await world.deployments("production") == []
    assert "`wendy`: deploying to `production` was refused" in summary(world)
    assert "maintain" in summary(world)
    world.github.person("mia", "maintain")
    await click(world, "Deploy to production", by="mia")
    assert "was refused" not in summary(world)
    assert await world.statuses("production") == [("1.0-rc1", "pending")]


@pytest.mark.parametrize("role", ["read", "triage"])
async def test_people_below_write_are_refused(shown: World, role: str) -> None:
    world = shown
    await ready(world)
    world.github.person("rita", role)
    await click(world, "Deploy to staging", by="rita")
    assert await world.deployments() == []
    assert "`rita`: deploying to `staging` was refused" in summary(world)


async def test_clicks_that_are_doubled_deploy_once(shown: World) -> None:
    world = shown
    await ready(world)
    button = identifier(world, "Deploy to staging")
    world.github.person("bert", "admin")
    for by in ("alice", "alice", "bert"):
        await world.github.click_button(check(world).id, button, by=by)
    await world.show_all()
    assert len(await world.deployments()) == 1
    assert "was refused" not in summary(world)


async def test_redelivered_and_reordered_clicks_deploy_once(shown: World) -> None:
    world = shown
    await ready(world)
    world.github.faults.webhooks(double=1.0, reorder=True, seed=1)
    await click(world, "Deploy to staging")
    assert len(await world.deployments()) == 1


async def test_a_button_that_shows_what_was_true_some_time_ago_does_nothing(shown: World) -> None:
    world = shown
    await ready(world)
    button = identifier(world, "Deploy to staging")
    await world.complete_deployment("1.0-rc1")
    check(world).actions = [{"label": "x", "description": "x", "identifier": button}]
    await world.github.click_button(check(world).id, button)
    await world.show_all()
    assert len(await world.deployments()) == 1
    assert "some time ago" in summary(world)


async def test_cancel_ends_a_build_and_a_deployment(shown: World) -> None:
    world = shown
    await world.cut("1.0-rc1", build=True)
    await world.show_all()
    await click(world, "Cancel")
    assert await world.status("1.0-rc1") == "canceled"
    await world.cut("1.0-rc2")
    await world.deploy("1.0-rc2")
    await world.show_all()
    second = world.github.check_runs()[1]
    button = next(action["identifier"] for action in second.actions if action["label"] == "Cancel")
    for _ in range(2):
        await world.github.click_button(second.id, button)
    await world.show_all()
    assert await world.statuses() == [("1.0-rc2", "canceled")]
    assert "was refused" not in second.output["summary"]


async def test_to_run_it_again_builds_again(shown: World) -> None:
    world = shown
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    await world.github.finish(conclusion="failure")
    await world.show_all()
    await world.github.rerequest(check(world).id)
    await world.show_all()
    assert (await world.status("1.0-rc1"), check(world).status) == ("building", "in_progress")
    await world.github.finish(run=2)
    await world.show_all()
    assert (await world.status("1.0-rc1"), check(world).conclusion) == ("ready", "success")
    assert len(world.github.dispatches) == 2


async def test_a_run_of_before_changes_nothing_after_it_was_built_again(shown: World) -> None:
    world = shown
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    await world.github.finish(run=1, conclusion="failure")
    await world.settle()
    await world.ask("POST", f"/api/releases/{PROJECT}/releases/1.0-rc1/build", {})
    await world.settle()
    await world.github.rerun(run=1)
    await world.github.finish(run=1, conclusion="failure")
    await world.settle()
    assert await world.status("1.0-rc1") == "building"
    await world.github.finish(run=2)
    await world.show_all()
    assert await world.status("1.0-rc1") == "ready"


async def test_what_is_built_again_is_refused_while_it_is_built_or_once_it_was_deployed(world: World) -> None:
    path = f"/api/releases/{PROJECT}/releases/1.0-rc1/build"
    await world.cut("1.0-rc1", build=True)
    answer = await world.ask("POST", path, {})
    assert (answer.status, answer.error) == (409, "Release candidate is being built")
    await world.settle()
    await world.github.finish()
    await world.settle()
    answer = await world.ask("POST", path, {})
    assert (answer.status, answer.json["status"]) == (202, "pending")
    await world.settle()
    await world.github.finish(run=2)
    await world.settle()
    await world.complete_deployment("1.0-rc1")
    assert (await world.ask("POST", path, {})).status == 409
    assert (await world.ask("POST", path.replace("rc1", "rc9"), {})).status == 404


async def test_a_reader_cannot_have_it_built_again(shown: World) -> None:
    world = shown
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    await world.github.finish(conclusion="failure")
    await world.show_all()
    world.github.person("rita", "read")
    await world.github.rerequest(check(world).id, by="rita")
    await world.show_all()
    assert await world.status("1.0-rc1") == "failed"
    assert "`rita`: building again was refused" in summary(world)


async def payload_of(world: World, **changes: Any) -> dict[str, Any]:
    """A click on the button as GitHub sends it, with some members changed."""
    shown_check, repository = check(world), world.github.repository()
    payload: dict[str, Any] = {
        "action": "requested_action",
        "requested_action": {"identifier": identifier(world, "Deploy to staging")},
        "check_run": {
            "id": shown_check.id,
            "external_id": "candidate:1",
            "app": {"id": world.github.app_id, "client_id": "x"},
        },
        "repository": {"id": repository.id, "full_name": repository.full_name},
        "installation": {"id": world.github.installation_id},
        "sender": {"id": world.github.state.account("alice").id, "login": "alice", "type": "User"},
    }
    return {**payload, **changes}


@pytest.mark.parametrize(
    "changes",
    [
        {"check_run": {"id": 5, "external_id": "candidate:1", "app": {"id": 7, "client_id": "other"}}},
        {"sender": {"id": 9, "login": "ci[bot]", "type": "Bot"}},
        {"repository": {"id": 123456, "full_name": "acme/other"}},
        {"action": "completed"},
        {"action": "created"},
    ],
    ids=["another App", "a bot", "another repository", "completed", "created"],
)
async def test_only_clicks_of_people_on_our_own_check_runs_count(shown: World, changes: dict[str, Any]) -> None:
    world = shown
    await ready(world)
    assert await world.github.send("check_run", await payload_of(world, **changes)) == 202
    await world.show_all()
    assert await world.deployments() == []
    assert await world.github.send("check_run", await payload_of(world)) == 202
    await world.show_all()
    assert len(await world.deployments()) == 1


@pytest.mark.parametrize("external_id", ["candidate:999", "candidate:0", "candidate", "1", "", None])
async def test_an_id_that_is_not_ours_is_ignored(shown: World, external_id: str | None) -> None:
    world = shown
    await ready(world)
    app = {"id": world.github.app_id}
    await world.github.send(
        "check_run", await payload_of(world, check_run={"id": 5, "external_id": external_id, "app": app})
    )
    await world.show_all()
    assert await world.deployments() == []


@pytest.mark.parametrize(
    "text",
    [
        "deploy:1",
        "deploy:2.0",
        "deploy:1.0.0",
        "cancel:1.2",
        "force:1",
        "deploy:-1.0",
        "cancel:77",
        "build:7",
        "x" * 300,
    ],
)
async def test_a_button_that_does_not_exist_does_nothing(shown: World, text: str) -> None:
    world = shown
    await ready(world)
    await world.ask("PATCH", f"/api/projects/{PROJECT}/environments/production", {"frozen": {"reason": "x"}})
    await world.github.send("check_run", await payload_of(world, requested_action={"identifier": text}))
    await world.show_all()
    assert await world.deployments() == await world.deployments("production") == []
    assert "was refused" in summary(world)


async def test_without_the_permission_nothing_is_shown_and_nothing_is_left(shown: World) -> None:
    world = shown
    await world.github.set_permission("checks", None)
    await ready(world)
    assert world.github.check_runs() == []
    await world.github.set_permission("checks", "write")
    await world.ask("PATCH", STAGING, {"frozen": {"reason": "x"}})
    await world.show_all()
    assert buttons(world) == ["Deploy to production"]


async def test_switched_off_nothing_is_shown_and_clicks_do_nothing(shown: World) -> None:
    world = shown
    await ready(world)
    await world.ask("PATCH", f"/api/projects/{PROJECT}", {"show": {"checks": False}})
    await click(world, "Deploy to staging")
    assert await world.deployments() == []
    world.github.forget_calls()
    await world.cut("1.0-rc2")
    await world.show_all()
    assert not [call for call in world.github.calls if "check-runs" in call.path]


async def test_an_archived_repository_leaves_nothing_behind(shown: World) -> None:
    world = shown
    await ready(world)
    await world.github.archive()
    await world.settle()
    await world.ask("PATCH", STAGING, {"frozen": {"reason": "x"}})
    await world.show_all()
    assert await world.unfinished_jobs() == []


async def deploy_later(world: World) -> None:
    """Cut a candidate, and deploy it when its gates are open."""
    await world.cut("1.0-rc1")
    body = {"release_candidate_version": "1.0-rc1", "wait": True}
    answer = await world.ask("POST", f"/api/releases/{PROJECT}/environments/staging/deployments", body)
    assert answer.status == 201, answer.json
    await world.settle()


@pytest.mark.parametrize("by", ["check run", "commit status"])
async def test_what_waits_for_a_check_goes_on_as_soon_as_that_ends(world: World, by: str) -> None:
    await world.ask("PATCH", STAGING, {"checks": ["ci"]})
    await deploy_later(world)
    assert world.github.dispatches == []
    if by == "check run":
        await world.github.report_check("other")
        await world.github.report_check("ci")
    else:
        await world.github.report_status("ci", state="pending")
        await world.github.report_status("ci")
    await world.settle()
    assert len(world.github.dispatches) == 1


async def test_checks_at_other_commits_evaluate_nothing(world: World) -> None:
    await world.ask("PATCH", STAGING, {"checks": ["ci"]})
    await deploy_later(world)
    before = len(await world.jobs("evaluate_waiting"))
    await world.github.commit("Another")
    await world.github.report_check("ci")
    await world.settle()
    assert len(await world.jobs("evaluate_waiting")) == before


ROLES = ("none", "read", "triage", "write", "maintain", "admin")


@pytest.mark.parametrize("role", ROLES)
async def test_who_may_deploy_by_a_button(shown: World, role: str) -> None:
    """The same roles as by a command: write, and maintain on production."""
    world = shown
    world.github.person("pat", role)
    await ready(world)
    await click(world, "Deploy to staging", by="pat")
    may = role in ROLES[3:]
    assert bool(await world.deployments()) == may
    assert ("was refused" in summary(world)) != may
    if not may:
        assert (await world.deploy("1.0-rc1")).status == 201
        await world.settle()
    await world.github.finish()
    await world.show_all()
    await click(world, "Deploy to production", by="pat")
    may = role in ROLES[4:]
    assert bool(await world.deployments("production")) == may
    assert ("was refused" in summary(world)) != may


@pytest.mark.parametrize("hours, deployed", [(0.5, 1), (2, 0)])
async def test_a_click_that_could_not_be_delivered_is_done_soon_or_never(
    shown: World, hours: float, deployed: int
) -> None:
    world = shown
    await ready(world)
    world.github.faults.webhooks(drop=1.0)
    await world.github.click_button(check(world).id, identifier(world, "Deploy to staging"))
    await world.settle()
    world.github.faults.clear()
    world.github.advance(hours * 3600)
    await world.sweep()
    assert len(await world.deployments()) == deployed
