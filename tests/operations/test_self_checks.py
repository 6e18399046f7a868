"""`longshore check`: each thing that can be set up wrongly is one line, which says what to do."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import pytest

from bot.errors import Forbidden
from bot.operations import self_checks
from bot.operations.self_checks import CHECKS, NOT_CHECKED, ServiceFacts
from bot.rules.self_checks import Line, SignInFacts
from bot.store.database import execute
from sandbox.workflows import BUILD, DEPLOY
from server.self_check import service_facts
from tests.world import World

BUILD_PATH, DEPLOY_PATH = ".github/workflows/build.yml", ".github/workflows/deploy.yml"


def facts_of(world: World) -> ServiceFacts:
    """What the settings of a service with everything say."""
    facts = service_facts(world.service.settings, world.service.identity)
    return replace(facts, public_url=world.url, names_url=True, sign_in=SignInFacts(True, True))


async def look(world: World, **changes: object) -> list[Line]:
    """Perform the checks for an operator."""
    return list(await self_checks.examine(await world.context(), replace(facts_of(world), **changes)))  # type: ignore[arg-type]


def texts(lines: Sequence[Line], check: str = "") -> list[str]:
    """What is not in order, of one check or of all."""
    return [
        f"{line.state} {line.check}: {line.sentence} {line.remedy} {line.url}".rstrip()
        for line in lines
        if line.state != "ok" and check in ("", line.check)
    ]


async def arrange(world: World) -> None:
    """Let everything be right: a webhook has arrived, and the job of it was performed."""
    await world.github.ping()
    await world.settle()


async def test_a_service_that_is_set_up_well_gets_only_good_lines_with_few_requests(world: World) -> None:
    await arrange(world)
    calls = len(world.github.calls)
    lines = await look(world)
    assert texts(lines) == []
    assert {line.check for line in lines} == {check.name for check in CHECKS} - {"secret key"}
    assert len(world.github.calls) - calls <= 12


async def test_what_a_failure_makes_useless_is_not_asked_and_a_check_that_breaks_is_a_failure(world: World) -> None:
    async def broken() -> Line:
        raise ValueError("odd")

    calls = len(world.github.calls)
    lines = await look(world, problem="LONGSHORE_GITHUB_APP_ID must be set.", no_database="There is no database.")
    assert [line.check for line in lines] == ["settings", "database", NOT_CHECKED]
    assert "`webhook`" in lines[-1].sentence
    assert len(world.github.calls) == calls
    await arrange(world)
    world.github.faults.fail(path="/app/hook/config", times=None)
    found = texts(await look(world, key=broken))
    assert found == [
        "failure webhook: GitHub is unavailable. GitHub answered 502",
        "failure secret key: The check itself failed: ValueError('odd'). Please report it.",
    ]


async def test_what_was_found_out_in_time_is_kept_and_a_warning_counts_the_rest(world: World) -> None:
    await arrange(world)
    context, facts = await world.context(), facts_of(world)
    world.github.faults.time_out(path="*deploy.yml*", times=None)
    lines = await self_checks.examine(context, facts, time_limit=1.0)
    assert any(line.state == "ok" and "build.yml" in line.sentence for line in lines), lines
    assert texts(lines) == [
        "warning workflows: GitHub did not answer about 1 of 2 workflow files in time. "
        "They were not checked. Try again later."
    ]
    world.github.faults.time_out(path="*build.yml*", times=None)
    (failure,) = texts(await self_checks.examine(context, facts, time_limit=1.0))
    assert failure.startswith("failure workflows: GitHub did not answer about 2 of 2 workflow files in time.")
    world.github.faults.clear()


async def test_only_operators_may_look(world: World) -> None:
    context = await world.context()
    context = replace(context, actor=replace(context.actor, grants=frozenset({"project:write"})))
    with pytest.raises(Forbidden):
        await self_checks.examine(context, facts_of(world))


Break = Callable[[World], Awaitable[None] | None]


def commit(path: str, text: str | None) -> Break:
    """Change a workflow file on the default branch."""

    async def change(world: World) -> None:
        await world.github.commit("Change a workflow", files={path: text})

    return change


async def wrong_secret(world: World) -> None:
    world.github.configure_webhook(secret="another secret of the webhook")
    await world.github.ping()
    await world.github.settle()


async def undeployed(world: World) -> None:
    world.github.environment("staging", rule=True)
    text = DEPLOY.replace("runs-on", 'environment: {name: "${{ inputs.environment }}", deployment: false}\n    runs-on')
    await world.github.commit("Use an environment", files={DEPLOY_PATH: text})


async def dead_letter(_: World) -> None:
    sql = "INSERT INTO jobs (kind, keep, priority, headers, state, attempts, run_at, created_at, finished_at)"
    await execute(f"{sql} VALUES ('webhook', $1, 0, '{{}}', 'dead', 9, 0, 0, 1)", False)


async def no_worker(_: World) -> None:
    await execute("UPDATE jobs SET finished_at = 1 WHERE state = 'done'")


async def old_job(_: World) -> None:
    sql = "INSERT INTO jobs (kind, keep, lock, priority, headers, state, attempts, run_at, created_at)"
    for state in ("running", "queued"):  # the first one keeps the worker from the other
        await execute(f"{sql} VALUES ('webhook', $1, 'x', 0, '{{}}', $2, 0, 1, 1)", False, state)


Fault = tuple[Break, str, tuple[str, ...]]
WORLDS: dict[str, list[Fault]] = {
    "what an owner of the App changes": [
        (lambda world: world.github.skew(120), "clock", ("warning", "seconds behind GitHub's", "NTP")),
        (
            lambda world: world.github.set_app_permission("contents", "read"),
            "permissions",
            ("failure", "lacks `contents: write`", "/organizations/acme/settings/apps/longshore-sandbox/permissions"),
        ),
        (
            lambda world: world.github.set_app_permission("members"),
            "permissions",
            ("warning", "lacks `members: read`: what needs it is off", "gates"),
        ),
        (
            lambda world: world.github.set_app_events(["push", "issue_comment", "workflow_run"]),
            "events",
            ("warning", "`check_run`, `commit_comment`", "/permissions"),
        ),
        (
            lambda world: world.github.set_permission("checks", None),
            "installations",
            ("warning", "acme has not accepted `checks: write`", "/settings/installations/"),
        ),
        (wrong_secret, "deliveries", ("failure", "1 × 401", "secret", "/advanced")),
        (
            lambda world: world.github.configure_webhook("http://127.0.0.1:9/webhooks/github"),
            "webhook",
            ("failure", "http://127.0.0.1:9/webhooks/github", "which is not this service: http"),
        ),
        (commit(BUILD_PATH, None), "workflows", ("failure", "no workflow file `.github/workflows/build.yml`")),
        (
            commit(DEPLOY_PATH, "on: push\njobs: {}"),
            "workflows",
            ("failure", "no `workflow_dispatch` trigger", "It deploys site to `staging` and `production`"),
        ),
        (dead_letter, "queue", ("warning", "1 job failed for good", "longshore deliveries list")),
        (no_worker, "queue", ("warning", "No worker has finished a job", "longshore work")),
    ],
    "what suspends it": [
        (lambda world: world.github.skew(-4000), "clock", ("failure", "seconds ahead of GitHub's")),
        (lambda world: world.github.set_app_events(["push"]), "events", ("failure", "`workflow_run`")),
        (
            lambda world: world.github.suspend(),
            "installations",
            ("failure", "acme has suspended the App", "Unsuspend it"),
        ),
        (lambda world: None, "repositories", ("failure", "acme/site")),
        (old_job, "queue", ("failure", "The oldest due job has waited for")),
    ],
    "what is wrong in workflows": [
        (
            commit(BUILD_PATH, BUILD.replace("release_cut_id:", "other:")),
            "workflows",
            ("warning", "does not declare the input `release_cut_id`"),
        ),
        (undeployed, "protection rule", ("failure", "does not ask Longshore about `staging`", "`deployment: false`")),
    ],
    "what is missing in workflows": [
        (
            commit(BUILD_PATH, "\n".join(line for line in BUILD.splitlines() if "run-name" not in line)),
            "workflows",
            ("warning", "no `run-name` with the request id", "run-name: build ${{ inputs.release_cut_id }}"),
        ),
        (
            commit(DEPLOY_PATH, DEPLOY.replace("      environment:", "      elsewhere:")),
            "workflows",
            ("failure", "deploys to `staging` and `production`, but does not declare the input `environment`"),
        ),
    ],
    "no installation": [
        (
            lambda world: world.github.uninstall(),
            "installations",
            ("failure", "not installed anywhere", "/apps/longshore-sandbox/installations/new"),
        ),
    ],
    "a repository out of reach, and no key": [
        (
            lambda world: world.github.remove_repository(),
            "repositories",
            ("failure", "acme/site", "the installation"),
        ),
        (lambda world: world.github.delete_key(), "app", ("failure", "App id or key", "PRIVATE_KEY")),
    ],
}


@pytest.mark.parametrize("faults", WORLDS.values(), ids=WORLDS)
async def test_each_fault_is_a_line_that_says_what_to_do(world: World, faults: list[Fault]) -> None:
    world.expect_unfinished("webhook")
    await arrange(world)
    for fault, check, fragments in faults:
        if (done := fault(world)) is not None:
            await done
        found = texts(await look(world), check)
        assert any(all(fragment in text for fragment in fragments) for text in found), (fragments, found)
    await execute("UPDATE jobs SET state = 'done' WHERE state IN ('queued', 'running')")
