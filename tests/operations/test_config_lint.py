"""The check run of pull requests that change the configuration file."""

from typing import Any

import pytest

from bot.operations.config_lint import NAME
from bot.store.config_files import StoredConfigFile
from bot.store.projects import Project
from tests.operations.configured import FILE, GATED, PRODUCTION, SITE, STAGING, START, UNCHECKED, gated, push
from tests.world import PROJECT, World


async def propose(world: World, files: dict[str, str | None], by: str = "alice") -> str:
    """Open a pull request that changes these files; returns its head."""
    number = await world.github.pull_request("Propose", by=by, files=files)
    await world.settle()
    return str(world.github.repository().pulls[number].head_sha)


def check(world: World, sha: str) -> Any:
    """The only check run of ours at a commit."""
    (found,) = world.github.check_runs(sha)
    assert found.name == NAME
    return found


def annotations(world: World, sha: str) -> list[tuple[int, str, str]]:
    return [(each["start_line"], each["annotation_level"], each["message"]) for each in check(world, sha).annotations]


async def test_what_will_change_is_summarized_and_what_is_weaker_is_marked(world: World) -> None:
    await gated(world)
    sha = await propose(world, {FILE: SITE + STAGING + UNCHECKED})
    run = check(world, sha)
    assert (run.status, run.conclusion, run.output["title"]) == ("completed", "success", "1 change, 1 weaker")
    assert run.output["summary"] == (
        '- `site`, `production`: `checks` is unset instead of `["ci"]` (**weaker**: takes effect once approved)'
    )
    assert annotations(world, sha) == []


async def test_everything_that_is_wrong_is_annotated_on_its_line(world: World) -> None:
    text = SITE + STAGING + f"{PRODUCTION}, soak: 3, chekcs: []}}\n"
    sha = await propose(world, {FILE: text})
    run = check(world, sha)
    assert (run.conclusion, run.output["title"]) == ("failure", "2 errors")
    assert [(line, level) for line, level, _ in annotations(world, sha)] == [(7, "failure"), (7, "failure")]
    assert not await StoredConfigFile.exists()
    assert not (await Project.get(name="site")).managed


async def test_workflows_that_could_not_be_started_are_warnings_on_their_lines(world: World) -> None:
    missing = "      b: {tier: staging, workflow: missing.yml}\n"
    by_push = "      c: {tier: staging, workflow: push.yml}\n"
    needs = "      d:\n        tier: staging\n        workflow: deploy.yml\n        inputs:\n          target: eu\n"
    files: dict[str, str | None] = {
        FILE: SITE + STAGING + missing + by_push + needs,
        ".github/workflows/push.yml": "on: push\njobs: {}\n",
    }
    sha = await propose(world, files)
    assert check(world, sha).conclusion == "success"
    found = annotations(world, sha)
    assert [(line, level) for line, level, _ in found] == [(7, "warning"), (8, "warning"), (13, "warning")]
    assert "There is no workflow file" in found[0][2]
    assert "workflow_dispatch" in found[1][2]
    assert "`deploy.yml` does not declare the input `target`" in found[2][2]


async def test_other_pull_requests_get_no_check_run(world: World) -> None:
    sha = await propose(world, {"README.md": "Hello"})
    assert world.github.check_runs(sha) == []


async def test_a_second_delivery_makes_no_second_check_run(world: World) -> None:
    sha = await propose(world, {FILE: SITE + STAGING + GATED})
    delivery = next(each for each in world.github.deliveries if each.event == "pull_request")
    await world.github.redeliver(delivery.guid)
    await world.settle()
    assert check(world, sha).conclusion == "success"


async def test_a_removed_file_is_summarized(world: World) -> None:
    await gated(world)
    sha = await propose(world, {FILE: None})
    assert check(world, sha).output["summary"] == (
        "- `site`: the project is removed (**weaker**: takes effect once approved)"
    )


async def test_a_project_that_belongs_elsewhere_is_annotated(world: World) -> None:
    assert (await world.ask("POST", "/api/projects", {"name": "elsewhere"})).status == 201
    sha = await propose(world, {FILE: START + "  elsewhere:\n"})
    assert [(line, level) for line, level, _ in annotations(world, sha)] == [(3, "failure")]


async def propose_from_fork(world: World, files: dict[str, str | None]) -> str:
    """Open a pull request as if its branch were in a fork, which the sandbox does not have; returns its head."""
    world.github.faults.webhooks(drop=1.0)
    number = await world.github.pull_request(by="mallory", files=files)
    await world.settle()
    world.github.faults.webhooks(drop=0.0)
    payload = {
        "action": "opened",
        "repository": {"id": world.github.repository().id, "full_name": "acme/site"},
        "pull_request": {"number": number, "head": {"repo": {"id": 1}}, "base": {"ref": "main"}},
    }
    await world.github.send("pull_request", payload)
    await world.settle()
    return str(world.github.repository().pulls[number].head_sha)


async def test_strangers_do_not_learn_which_projects_exist(world: World) -> None:
    assert (await world.ask("POST", "/api/projects", {"name": "elsewhere"})).status == 201
    sha = await propose_from_fork(world, {FILE: START + "  elsewhere:\n"})
    assert check(world, sha).conclusion == "success"


async def test_of_a_strangers_pull_request_only_the_first_files_are_looked_at(world: World) -> None:
    files: dict[str, str | None] = {f".a/{number:03}": "x" for number in range(300)}
    sha = await propose_from_fork(world, {**files, FILE: START + "  shop:\n"})
    assert world.github.check_runs(sha) == []
    assert len([call for call in world.github.calls if call.path.endswith("/files")]) == 3


async def test_a_new_head_gets_a_check_run_of_its_own(world: World) -> None:
    number = await world.github.pull_request(files={FILE: START + "  shop:\n    paths: a\n"})
    await world.settle()
    pull = world.github.repository().pulls[number]
    first = str(pull.head_sha)
    second = await world.github.commit("Correct it", pull.head, files={FILE: START + "  shop:\n    paths: [a]\n"})
    await world.settle()
    assert (check(world, first).conclusion, check(world, second).conclusion) == ("failure", "success")


async def test_text_of_the_file_cannot_mention_or_mark_up_in_the_summary(world: World) -> None:
    name = "'@everyone <b>`'"
    sha = await propose(world, {FILE: f"{SITE}{STAGING}      {name}: {{tier: staging}}\n"})
    outside = "".join(check(world, sha).output["summary"].split("`")[::2])
    assert "@" not in outside and "<" not in outside


@pytest.mark.parametrize("permission", ["checks"])
async def test_without_the_permission_nothing_is_shown_and_nothing_fails(world: World, permission: str) -> None:
    await world.github.set_permission(permission)
    sha = await propose(world, {FILE: SITE + STAGING + GATED})
    assert world.github.check_runs(sha) == []
    await push(world, SITE + STAGING + GATED)
    assert (await StoredConfigFile.get()).state == "applied"


async def test_a_check_run_whose_response_was_lost_is_not_made_again(world: World) -> None:
    world.github.faults.lose_answer(path="*/check-runs")
    number = await world.github.pull_request(files={FILE: SITE + STAGING + GATED})
    await world.settle(skip_delays=True)
    assert check(world, str(world.github.repository().pulls[number].head_sha)).conclusion == "success"


async def show_all(world: World) -> None:
    """Let GitHub show everything of the sample project, as a file does that does not say otherwise."""
    shown = dict.fromkeys(("comments", "deployments", "checks", "protection"), True)
    assert (await world.ask("PATCH", f"/api/projects/{PROJECT}", {"show": shown})).status == 200


async def test_a_first_file_is_compared_with_what_was_set_over_rest(world: World) -> None:
    await show_all(world)
    production = f"/api/projects/{PROJECT}/environments/production"
    assert (await world.ask("PATCH", production, {"checks": ["ci"], "soak": "1h", "after": ["staging"]})).status == 200
    staging = STAGING.replace("}", ", checks: [ci]}")
    sha = await propose(world, {FILE: SITE + staging + f"{PRODUCTION}, after: [staging], soak: 2h}}\n"})
    assert check(world, sha).output["summary"].splitlines() == [
        '- `site`, `staging`: `checks` is `["ci"]` instead of unset',
        "- `site`, `production`: `soak` is `2h` instead of `1h`",
        '- `site`, `production`: `checks` is unset instead of `["ci"]` (**weaker**: takes effect once approved)',
    ]
    assert not (await Project.get(name="site")).managed


async def test_what_the_file_leaves_to_rest_is_not_said_to_change(world: World) -> None:
    await show_all(world)
    sha = await propose(world, {FILE: SITE + STAGING})
    assert check(world, sha).output["title"] == "No changes"


async def test_a_check_run_that_github_refuses_leaves_nothing_behind(world: World) -> None:
    body = '{"message": "No commit found for SHA: abc"}'
    world.github.faults.fail(method="POST", path="*/check-runs", status=422, times=None, body=body)
    await propose(world, {FILE: SITE + STAGING + GATED})
    assert await world.attempts("lint_configuration") == [1]
