"""Deployments in GitHub's own list: one of ours for each deployment, or that of the workflow's job, never both."""

from collections.abc import Sequence

import pytest

from bot.operations import github_deployments, view_jobs
from bot.store.database import execute
from bot.store.deployments import Deployment
from sandbox.records import Deployment as Shown
from sandbox.workflows import DEPLOY
from tests.world import PROJECT, World

DEPLOY_FILE = ".github/workflows/deploy.yml"
OURS, JOBS = "longshore-sandbox[bot]", "github-actions[bot]"


def deployments(world: World, environment: str = "staging") -> list[Shown]:
    """The deployments on an environment as GitHub has them, oldest first."""
    found = world.github.repository().deployments.values()
    return [each for each in found if each.environment == environment]


def states(world: World, environment: str = "staging") -> list[list[str]]:
    """All states that each deployment on an environment has had."""
    return [[status.state for status in each.statuses] for each in deployments(world, environment)]


def active(world: World, environment: str) -> list[Shown]:
    """The deployments that GitHub shows as active."""
    return [each for each in deployments(world, environment) if each.statuses and each.statuses[-1].state == "success"]


def calls(world: World) -> list[str]:
    """The requests about deployments, without those for tokens."""
    return [call.method for call in world.github.calls if "/deployments" in call.path]


async def use_workflow(world: World, environment: str) -> None:
    """Let the workflow's job name an environment."""
    job = f"    runs-on: ubuntu-latest\n    environment: {environment}\n"
    await world.github.commit("Use it", files={DEPLOY_FILE: DEPLOY.replace("    runs-on: ubuntu-latest\n", job)})
    await world.settle()


async def start(world: World, version: str = "1.0-rc1", environment: str = "staging") -> int:
    """Deploy, and let the run begin; returns the run's number."""
    assert (await world.deploy(version, environment)).status == 201
    await world.settle()
    run = len(world.github.runs)
    await world.github.start(run=run)
    await world.show_all()
    return run


async def finish(world: World, run: int, conclusion: str = "success") -> None:
    await world.github.finish(run=run, conclusion=conclusion)
    await world.show_all()


@pytest.mark.parametrize("conclusion, state", [("success", "success"), ("failure", "failure"), ("cancelled", "error")])
async def test_a_deployment_is_shown_from_its_start_to_its_end(shown: World, conclusion: str, state: str) -> None:
    world = shown
    await execute("UPDATE environments SET url = 'https://staging.example'")
    await world.cut("1.0-rc1")
    await finish(world, await start(world), conclusion)
    (deployment,) = deployments(world)
    assert states(world) == [["in_progress", state]]
    assert (deployment.sha, deployment.payload, deployment.creator.login) == (
        world.github.head(),
        {"longshore": "1"},
        OURS,
    )
    last = deployment.statuses[-1]
    assert last.log_url == f"https://github.com/acme/site/actions/runs/{world.github.runs[0].id}"
    assert last.environment_url == "https://staging.example"
    assert "1.0-rc1" in last.description
    assert len(calls(world)) == 3


async def test_a_deployment_that_is_over_soon_takes_two_calls(shown: World) -> None:
    world = shown
    await world.cut("1.0-rc1")
    await world.complete_deployment("1.0-rc1")
    await world.show_all()
    assert states(world)[0][-1] == "success"
    assert len(calls(world)) <= 3


async def test_production_shows_one_active_deployment(shown: World) -> None:
    world = shown
    for version in ("1.0-rc1", "1.0-rc2", "1.0-rc3"):
        await world.cut(version)
        world.github.forget_calls()
        await finish(world, await start(world, version, "production"))
        assert len(calls(world)) <= 4
        assert len(active(world, "production")) == 1
    assert [each.production for each in deployments(world, "production")] == [True] * 3
    assert [each[-1] for each in states(world, "production")] == ["inactive", "inactive", "success"]
    await world.roll_back("production")
    await world.settle()
    await finish(world, len(world.github.runs))
    assert [each[-1] for each in states(world, "production")] == ["inactive"] * 3 + ["success"]


async def test_other_environments_are_left_to_github(shown: World) -> None:
    world = shown
    for version in ("1.0-rc1", "1.0-rc2"):
        await world.cut(version)
        world.github.forget_calls()
        await finish(world, await start(world, version))
        assert len(calls(world)) == 3
    assert [each[-1] for each in states(world)] == ["inactive", "success"]


@pytest.mark.parametrize("environment", ["production", "Production", "${{ inputs.environment }}"])
async def test_a_job_with_an_environment_makes_the_only_deployment(shown: World, environment: str) -> None:
    world = shown
    await use_workflow(world, environment)
    await world.cut("1.0-rc1")
    await finish(world, await start(world, environment="production"))
    found = list(world.github.repository().deployments.values())
    assert [each.creator.login for each in found] == [JOBS]
    assert len(calls(world)) <= 1
    assert (await Deployment.get()).github_state == "job's own"


async def test_a_job_of_another_environment_or_without_a_deployment_takes_nothing_from_ours(shown: World) -> None:
    world = shown
    await use_workflow(world, "{name: staging, deployment: false}")
    await world.cut("1.0-rc1")
    await finish(world, await start(world))
    assert [each.creator.login for each in deployments(world)] == [OURS]
    await use_workflow(world, "secrets")
    await world.cut("1.0-rc2")
    await finish(world, await start(world, "1.0-rc2"))
    assert [each.creator.login for each in deployments(world)] == [OURS, OURS]


async def test_ours_is_created_at_the_end_where_only_then_is_known_that_no_job_makes_one(shown: World) -> None:
    world = shown
    await use_workflow(world, "${{ inputs.nothing }}")
    await world.cut("1.0-rc1")
    run = await start(world)
    assert deployments(world) == []
    await finish(world, run)
    assert states(world) == [["success"]]
    assert len(calls(world)) == 3


async def test_when_jobs_begin_to_make_deployments_ours_become_inactive(shown: World) -> None:
    world = shown
    await world.cut("1.0-rc1")
    await finish(world, await start(world, environment="production"))
    await use_workflow(world, "production")
    await world.cut("1.0-rc2")
    await finish(world, await start(world, "1.0-rc2", "production"))
    assert [each.creator.login for each in active(world, "production")] == [JOBS]


async def test_what_never_ran_is_not_shown(shown: World) -> None:
    world = shown
    await world.ask("PATCH", f"/api/projects/{PROJECT}/environments/staging", {"workflow": None})
    await world.cut("1.0-rc1")
    await world.deploy("1.0-rc1")
    await world.report("1.0-rc1", "success")
    await world.show_all()
    assert deployments(world) == []


async def test_a_rerun_is_a_deployment_of_its_own(shown: World) -> None:
    world = shown
    await world.cut("1.0-rc1")
    run = await start(world)
    await finish(world, run, "failure")
    await world.github.rerun(run=run)
    await world.github.start(run=run)
    await finish(world, run)
    assert [each[-1] for each in states(world)] == ["failure", "success"]


LOST: Sequence[tuple[str, str]] = [("POST", "*/deployments"), ("POST", "*/statuses")]


@pytest.mark.parametrize("method, path", LOST)
@pytest.mark.parametrize("fault", ["lose_answer", "fail"])
async def test_a_lost_answer_posts_nothing_twice(shown: World, method: str, path: str, fault: str) -> None:
    world = shown
    await world.cut("1.0-rc1")
    getattr(world.github.faults, fault)(method=method, path=path, times=1)
    run = await start(world)
    getattr(world.github.faults, fault)(method=method, path=path, times=1)
    await finish(world, run)
    assert states(world) == [["in_progress", "success"]]


async def test_a_process_that_was_killed_after_a_request_posts_nothing_twice(shown: World) -> None:
    world = shown
    await world.cut("1.0-rc1")
    run = await start(world)
    await execute("UPDATE deployments SET github_state = NULL, github_deployment_id = NULL, github_sending = 'queued'")
    await finish(world, run)
    assert states(world) == [["in_progress", "success"]]
    await execute("UPDATE deployments SET github_state = 'in_progress', github_sending = 'success'")
    await world.report("1.0-rc1", "success")
    deployment = await Deployment.get()
    context = await world.context()
    await github_deployments.show(context, view_jobs.ShowDeployment(deployment.id, deployment.environment_id))
    assert states(world) == [["in_progress", "success"]]
    assert (await Deployment.get()).github_state == "success"


async def test_webhooks_that_are_doubled_and_reordered_post_nothing_twice(shown: World) -> None:
    world = shown
    await world.cut("1.0-rc1")
    world.github.faults.webhooks(double=1.0, reorder=True, seed=3)
    await finish(world, await start(world))
    assert len(deployments(world)) == 1
    assert states(world)[0][-1] == "success"
    assert len(states(world)[0]) == len(set(states(world)[0]))


async def test_a_deployment_that_somebody_deleted_is_not_made_again(shown: World) -> None:
    world = shown
    await world.cut("1.0-rc1")
    run = await start(world)
    world.github.repository().deployments.clear()
    await finish(world, run)
    assert deployments(world) == []
    assert (await Deployment.get()).github_state == "gone"


async def test_without_the_permission_nothing_is_shown_and_nothing_is_left(shown: World) -> None:
    world = shown
    await world.github.set_permission("deployments", None)
    await world.cut("1.0-rc1")
    await finish(world, await start(world))
    assert deployments(world) == []
    assert await world.statuses() == [("1.0-rc1", "success")]


async def test_switched_off_nothing_is_asked(shown: World) -> None:
    world = shown
    await world.ask("PATCH", f"/api/projects/{PROJECT}", {"show": {"deployments": False}})
    await world.cut("1.0-rc1")
    await finish(world, await start(world))
    assert deployments(world) == []
    assert calls(world) == []
    assert await world.jobs("show_deployment") == []
