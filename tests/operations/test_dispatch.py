"""Dispatching runs exactly once whatever happens to the request, and explaining why GitHub refuses one."""

from collections.abc import Awaitable, Callable

import pytest

from bot.store.runs import Run
from sandbox.use_cases import runs as github_runs
from sandbox.workflows import BUILD, DEPLOY
from tests.world import PROJECT, World

FILE = ".github/workflows/build.yml"
UNTITLED = BUILD.replace('run-name: "build', '# "build')


async def build(world: World, text: str | None = None) -> None:
    """Cut with a build, first replacing the workflow file if `text` is given, and wait."""
    if text is not None:
        await world.github.commit("Change the build", files={FILE: text})
    await world.cut("1.2-rc1", build=True)
    await world.settle(skip_delays=True)


async def reason(world: World) -> str:
    """The reason why the candidate failed."""
    candidate = await world.candidate("1.2-rc1")
    assert candidate["status"] == "failed"
    return str(candidate["reason"])


def posts(world: World, path: str = "/dispatches") -> list[int]:
    """The status codes of the POST requests to a path of GitHub."""
    return [call.status for call in world.github.calls if call.method == "POST" and call.path.endswith(path)]


# --- exactly once


@pytest.mark.parametrize("text", [None, UNTITLED], ids=["by request id", "by tag"])
async def test_a_run_whose_response_was_lost_is_found_and_not_dispatched_again(world: World, text: str | None) -> None:
    world.github.faults.lose_answer(path="*/dispatches")
    await build(world, text)
    assert len(world.github.dispatches) == 1
    assert len(posts(world)) == 1
    await world.github.finish(run=1)
    await world.settle()
    assert await world.status("1.2-rc1") == "ready"


async def test_a_deployment_whose_response_was_lost_is_found(world: World) -> None:
    await world.cut("1.2-rc1")
    world.github.faults.lose_answer(path="*/dispatches")
    await world.deploy("1.2-rc1")
    await world.settle(skip_delays=True)
    assert len(world.github.dispatches) == 1
    await world.github.finish(run=1)
    await world.settle()
    assert await world.statuses() == [("1.2-rc1", "success")]


@pytest.mark.parametrize("fault", ["502", "garbage"])
async def test_a_dispatch_that_started_no_run_is_repeated_after_a_search(world: World, fault: str) -> None:
    if fault == "502":
        world.github.faults.fail(path="*/dispatches", status=502)
    else:
        world.github.faults.garbage(path="*/dispatches")
    await build(world)
    assert len(world.github.dispatches) == 1
    methods = [call.method for call in world.github.calls if call.path.endswith(("/dispatches", "/build.yml/runs"))]
    assert (methods[0], methods[-1], methods.count("POST")) == ("POST", "POST", 2)
    assert "GET" in methods
    assert await world.status("1.2-rc1") == "building"


async def test_while_the_search_fails_nothing_is_dispatched_again(world: World) -> None:
    world.github.faults.lose_answer(path="*/dispatches")
    world.github.faults.fail(path="*/workflows/build.yml/runs", status=500, times=3)
    await build(world)
    assert len(posts(world)) == len(world.github.dispatches) == 1
    assert await world.status("1.2-rc1") == "building"


async def test_of_two_runs_for_one_request_the_newer_is_canceled_with_an_alarm(world: World) -> None:
    world.github.faults.lose_answer(path="*/dispatches")
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    (first,) = world.github.dispatches
    repository = world.github.repository()
    await github_runs.dispatch(
        world.github.state, repository, "build.yml", first.ref, first.inputs, world.github.state.bot
    )
    await world.settle(skip_delays=True)
    older, newer = world.github.runs
    assert (older.conclusion, newer.conclusion) == (None, "cancelled")
    assert await world.alarms() == ["run.stray"]
    await world.github.finish(run=1)
    await world.settle()
    assert await world.status("1.2-rc1") == "ready"


async def test_another_users_run_on_the_candidates_tag_is_not_adopted(world: World) -> None:
    world.github.faults.fail(path="*/dispatches", status=502)
    await world.github.commit("Change the build", files={FILE: UNTITLED})
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    alice = world.github.state.account("alice")
    await github_runs.dispatch(world.github.state, world.github.repository(), "build.yml", "rc/1.2-rc1", {}, alice)
    await world.settle(skip_delays=True)
    assert [run.actor.login for run in world.github.runs] == ["alice", world.github.state.bot.login]
    assert (await Run.get()).github_id == world.github.runs[1].id


async def test_a_tag_whose_response_was_lost_is_used(world: World) -> None:
    world.github.faults.lose_answer(path="*/git/refs")
    await build(world)
    assert len(posts(world, "/git/refs")) == 2
    assert len(world.github.dispatches) == 1
    assert await world.status("1.2-rc1") == "building"


# --- inputs


async def test_only_declared_inputs_are_sent_including_those_of_the_project(world: World) -> None:
    text = BUILD.replace(
        "      commit_sha:", "      flavour: {required: true}\n      aviator_release_cut_id: {}\n      commit_sha:"
    )
    inputs = {"flavour": "vanilla", "colour": "blue"}
    await world.ask("PATCH", f"/api/projects/{PROJECT}", {"build_inputs": inputs})
    await build(world, text)
    (dispatch,) = world.github.dispatches
    request = (await Run.get()).request_id
    assert dispatch.inputs == {
        "flavour": "vanilla",
        "aviator_release_cut_id": request,
        "release_cut_id": request,
        "commit_sha": world.github.head(),
        "release_candidate_version": "1.2-rc1",
    }


AVIATOR = """\
on:
  workflow_dispatch:
    inputs:
      version: {required: true, type: string}
      environment: {required: false, type: string}
      aviator_release_cut_id: {required: false, type: string}
      aviator_deployment_id: {required: false, type: string}
      aviator_release_cut_commit_hash: {required: true, type: string}
      aviator_release_candidate_version: {required: true, type: string}
"""


async def test_workflows_that_were_written_for_aviator_get_the_inputs_that_they_require(world: World) -> None:
    names = (".github/workflows/build.yml", ".github/workflows/deploy.yml")
    await world.github.commit("Use Aviator's workflows", files=dict.fromkeys(names, AVIATOR))
    await build(world)
    await world.github.finish(run=1)
    await world.settle()
    await world.deploy("1.2-rc1")
    await world.settle()
    cut, deployed = [run.request_id for run in await Run.all().order_by("id")]
    both = {
        "version": "1.2-rc1",
        "aviator_release_candidate_version": "1.2-rc1",
        "aviator_release_cut_commit_hash": world.github.head(),
    }
    sent = [{name: text for name, text in each.inputs.items() if text} for each in world.github.dispatches]
    assert sent == [
        {**both, "aviator_release_cut_id": cut},
        {**both, "aviator_deployment_id": deployed, "environment": "staging"},
    ]


async def test_a_version_that_the_project_configures_is_kept_and_other_inputs_of_ours_are_not_replaced(
    world: World,
) -> None:
    text = BUILD.replace("      commit_sha:", "      version: {}\n      commit_sha:")
    inputs = {"version": "24.04", "commit_sha": "main", "release_cut_id": "mine"}
    await world.ask("PATCH", f"/api/projects/{PROJECT}", {"build_inputs": inputs})
    await build(world, text)
    assert world.github.dispatches[0].inputs == {
        "version": "24.04",
        "commit_sha": world.github.head(),
        "release_cut_id": (await Run.get()).request_id,
        "release_candidate_version": "1.2-rc1",
    }


async def test_placeholders_in_inputs_arrive_filled_in(world: World) -> None:
    declared = "      commit_sha:"
    build_file = BUILD.replace(declared, f"      label: {{}}\n{declared}")
    deploy_file = DEPLOY.replace(declared, f"      label: {{}}\n{declared}")
    await world.github.commit("Declare", files={FILE: build_file, ".github/workflows/deploy.yml": deploy_file})
    built = "${{ project.name }} ${{candidate.version}} of ${{ release.version }} at ${{ candidate.commit }}"
    deployed = "${{ candidate.version }} to ${{ environment.name }} by ${{ deployment.id }}"
    environment = f"/api/projects/{PROJECT}/environments/staging"
    assert (await world.ask("PATCH", f"/api/projects/{PROJECT}", {"build_inputs": {"label": built}})).status == 200
    assert (await world.ask("PATCH", environment, {"inputs": {"label": deployed}})).status == 200
    commit = world.github.head()
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    await world.github.finish(run=1)
    await world.settle()
    started = await world.deploy("1.2-rc1")
    await world.settle()
    assert [dispatch.inputs["label"] for dispatch in world.github.dispatches] == [
        f"{PROJECT} 1.2-rc1 of 1.2 at {commit}",
        f"1.2-rc1 to staging by {started.json['id']}",
    ]


@pytest.mark.parametrize("name", ["github.token", "secrets.KEY", "deployment.id"])
async def test_anything_but_a_placeholder_of_a_build_is_refused_in_its_inputs(world: World, name: str) -> None:
    inputs = {"label": f"${{{{ {name} }}}}"}
    answer = await world.ask("PATCH", f"/api/projects/{PROJECT}", {"build_inputs": inputs})
    assert answer.status == 400
    assert f"`{name}` cannot be filled in" in str(answer.json)
    assert "`candidate.version`" in str(answer.json)


async def test_inputs_that_the_candidates_own_file_lacks_are_omitted_on_a_second_attempt(world: World) -> None:
    await world.cut("1.1-rc1", build=True)
    await world.settle()
    world.github.faults.fail(path="*/git/refs", status=502)
    without = "\n".join(line for line in BUILD.splitlines() if "commit_sha" not in line)
    await world.cut("1.2-rc1", await world.github.commit("Declare fewer inputs", files={FILE: without}), build=True)
    await world.settle()
    await world.github.commit("Declare all inputs again", files={FILE: BUILD})
    await world.settle(skip_delays=True)
    assert ["commit_sha" in dispatch.inputs for dispatch in world.github.dispatches] == [True, False]
    assert posts(world) == [200, 422, 200]
    assert await world.status("1.2-rc1") == "building"


async def test_an_input_is_sent_as_soon_as_it_is_declared(world: World) -> None:
    without = "\n".join(line for line in BUILD.splitlines() if "commit_sha" not in line)
    for number, text in enumerate((without, BUILD)):
        commit = await world.github.commit("Change the build", files={FILE: text})
        await world.cut(f"1.2-rc{number}", commit, build=True)
        await world.settle()
    assert ["commit_sha" in dispatch.inputs for dispatch in world.github.dispatches] == [False, True]
    assert posts(world) == [200, 200]


# --- what to correct, and where


UNSTARTABLE = [  # the text of the file, and the reason that is reported
    (None, f"There is no workflow file `{FILE}` at `rc/1.0-rc0`: add it"),
    ("on: push\n", f"`{FILE}` has no `workflow_dispatch` trigger: add"),
    ("", f"`{FILE}` has no `workflow_dispatch` trigger: add"),
    ("on: [", f"`{FILE}` is not valid YAML: correct it"),
    (
        "on: {workflow_dispatch: {inputs: {commit_sha: {type: choice, options: [a]}}}}",
        "for input 'commit_sha' not in the list of allowed values. Change the `inputs`",
    ),
    (
        "on: {workflow_dispatch: {inputs: {flavour: {required: true}}}}",
        f"`{FILE}` refuses the inputs: Required input 'flavour' not provided. Change the `inputs`",
    ),
]


async def test_a_workflow_that_cannot_be_started_is_reported_with_what_to_correct_in_which_file(world: World) -> None:
    for number, (text, expected) in enumerate(UNSTARTABLE):
        await world.github.commit("Change the build", files={FILE: text})
        await world.cut(f"1.0-rc{number}", build=True)
        await world.settle()
        candidate = await world.candidate(f"1.0-rc{number}")
        assert candidate["status"] == "failed"
        assert expected in candidate["reason"]
    assert world.github.dispatches == []


async def test_a_workflow_that_is_missing_on_the_default_branch_is_reported(world: World) -> None:
    await world.github.branch("release/1.2")
    commit = await world.github.commit("Ship", branch="release/1.2", files={".github/workflows/ship.yml": BUILD})
    await world.ask("PATCH", f"/api/projects/{PROJECT}", {"build_workflow": "ship.yml"})
    await world.cut("1.2-rc1", commit, build=True)
    await world.settle()
    assert "no workflow `.github/workflows/ship.yml` on the default branch: add it there" in await reason(world)


async def test_a_disabled_workflow_is_reported_with_how_to_enable_it(world: World) -> None:
    workflow, _ = await github_runs.find_workflow(world.github.state, world.github.repository(), "build.yml")
    workflow.state = "disabled_manually"
    await build(world)
    assert f"The workflow `{FILE}` is disabled on GitHub: enable it" in await reason(world)


async def revoke_actions_permission(world: World) -> None:
    """Revoke the permission to dispatch workflows."""
    world.github.installation.permissions["actions"] = "read"


async def protect_tags(world: World) -> None:
    """Forbid the tags of candidates by a ruleset."""
    world.github.protect_tags("rc/*")


def require_workflows_permission(status: int) -> Callable[[World], Awaitable[None]]:
    """Make tagging the commit need `workflows: write`, because its workflow files differ from the default branch's."""

    async def apply(world: World) -> None:
        await world.github.branch("release/1")
        await world.github.commit("Move on", files={FILE: UNTITLED})
        world.github.require_workflows_permission(status=status)

    return apply


@pytest.mark.parametrize(
    ("restrict", "expected"),
    [
        pytest.param(revoke_actions_permission, "not granted `actions: write`", id="actions"),
        pytest.param(
            protect_tags, "A ruleset of the repository forbids the tag `rc/1.2-rc1`: let the App", id="ruleset"
        ),
        pytest.param(require_workflows_permission(403), "needs the permission `workflows: write`", id="workflows, 403"),
        pytest.param(require_workflows_permission(404), "needs the permission `workflows: write`", id="workflows, 404"),
    ],
)
async def test_a_missing_permission_is_reported_by_name(
    world: World, restrict: Callable[[World], Awaitable[None]], expected: str
) -> None:
    commit = world.github.head()
    await restrict(world)
    await world.cut("1.2-rc1", commit, build=True)
    await world.settle()
    assert expected in await reason(world)


@pytest.mark.parametrize("status", [403, 404])
async def test_the_permission_for_changed_workflows_helps_once_the_app_has_it(world: World, status: int) -> None:
    commit = world.github.head()
    await require_workflows_permission(status)(world)
    world.github.installation.permissions["workflows"] = "write"
    await world.cut("1.2-rc1", commit, build=True)
    await world.settle()
    assert (await world.candidate("1.2-rc1"))["status"] == "building" and len(world.github.dispatches) == 1


FORBIDDEN = [  # what GitHub says, and what the reason has to contain
    ("Resource not accessible by integration", "grant it `actions: write`"),
    (
        "Actor is not allowed to trigger Actions workflows.",
        "Actor is not allowed to trigger Actions workflows. Let the App and `workflow_dispatch` pass the workflow "
        "execution protections.",
    ),
    (
        f"Event 'workflow_dispatch' is not allowed to trigger Actions workflows. Workflow file: '{FILE}'.",
        f"Event 'workflow_dispatch' is not allowed to trigger Actions workflows. Workflow file: '{FILE}'. Let the App",
    ),
    ("Resource protected by organization SAML enforcement.", "Resource protected by organization SAML enforcement."),
    (
        "Although you appear to have the correct authorization credentials, the `acme` organization has an IP allow "
        "list enabled, and 192.0.2.1 is not permitted to access this resource.",
        "192.0.2.1 is not permitted to access this resource.",
    ),
    ("Actions has been disabled for this user.", "Actions has been disabled for this user."),
    ("Repository access blocked", f"GitHub refused to start `{FILE}` on `rc/1.0-rc6`: Repository access blocked."),
    ("Repository was archived so is read-only.", "unarchive it"),
    ("First line.\n\nSecond line", ": First line. Second line."),
]


async def test_a_refusal_is_quoted_and_a_permission_named_only_where_github_says_that_it_is_missing(
    world: World,
) -> None:
    for number, (message, expected) in enumerate(FORBIDDEN):
        world.github.faults.refuse(403, message, path="*/dispatches")
        await world.cut(f"1.0-rc{number}", build=True)
        await world.settle()
        candidate = await world.candidate(f"1.0-rc{number}")
        assert candidate["status"] == "failed"
        assert expected in candidate["reason"]
        assert ("actions: write" in candidate["reason"]) is (number == 0)
        assert "\n" not in candidate["reason"]
    assert world.github.dispatches == []


@pytest.mark.parametrize("rule", ["event", "actor"])
async def test_execution_protections_are_named(world: World, rule: str) -> None:
    world.github.protect_execution(rule)
    await build(world)
    assert "not allowed to trigger Actions workflows" in await reason(world)
    assert "execution protections" in await reason(world)


async def test_a_tag_that_is_refused_is_explained_by_githubs_own_words(world: World) -> None:
    world.github.faults.refuse(403, "Resource protected by organization SAML enforcement.", path="*/git/refs")
    await build(world)
    assert "SAML enforcement" in await reason(world)
    assert "workflows: write" not in await reason(world)


async def test_a_deployment_that_cannot_be_started_ends_in_error_with_the_reason(world: World) -> None:
    await world.github.commit("Drop it", files={".github/workflows/deploy.yml": None})
    await world.cut("1.2-rc1")
    await world.deploy("1.2-rc1")
    await world.settle()
    (deployment,) = await world.deployments()
    assert deployment["status"] == "error"
    assert "no workflow file `.github/workflows/deploy.yml`" in deployment["error_message"]
    assert await world.status("1.2-rc1") == "ready"
    assert (await world.deploy("1.2-rc1")).status == 201
    await world.settle()


# --- which file declares the inputs

DEPLOY_FILE = ".github/workflows/deploy.yml"


async def test_the_candidates_own_file_decides_the_inputs_when_the_tip_declares_fewer(world: World) -> None:
    await world.cut("1.0-rc1")
    fewer = "\n".join(line for line in DEPLOY.splitlines() if "environment" not in line)
    await world.github.commit("Declare fewer inputs", files={DEPLOY_FILE: fewer})
    await world.deploy("1.0-rc1", "production")
    await world.settle()
    assert world.github.dispatches[0].inputs["environment"] == "production"


@pytest.mark.parametrize("text", [None, "on: push\n", "on: ["], ids=["deleted", "no trigger", "invalid YAML"])
async def test_an_older_candidate_is_deployed_whatever_happened_to_the_file_on_its_branch(
    world: World, text: str | None
) -> None:
    await world.github.branch("release/1.0")
    await world.ask("PATCH", f"/api/projects/{PROJECT}", {"allowed_branches": ["release/1.0"]})
    await world.cut("1.0-rc1")
    await world.github.commit("Break it", branch="release/1.0", files={DEPLOY_FILE: text})
    await world.complete_deployment("1.0-rc1")
    await world.github.delete_branch("release/1.0")
    await world.complete_deployment("1.0-rc1", "production")
    assert await world.statuses() == await world.statuses("production") == [("1.0-rc1", "success")]


async def test_nothing_is_dispatched_after_its_deadline(world: World) -> None:
    await world.cut("1.0-rc1")
    world.github.faults.down()
    await world.deploy("1.0-rc1")
    await world.settle()
    await world.expire_deadlines()
    world.github.faults.up()
    await world.settle(skip_delays=True)
    assert world.github.dispatches == []
    (deployment,) = await world.deployments()
    assert (deployment["status"], "before the deadline" in deployment["error_message"]) == ("error", True)
