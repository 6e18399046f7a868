"""Commands about candidates and deployments: what they do, and what their replies say."""

from typing import Any

import pytest

from bot.store.deployments import Deployment
from bot.store.projects import Environment
from tests.handlers.prepared import PROJECTS, deployed_twice, must
from tests.handlers.test_comments import add_comment, reactions, reply_to, versions
from tests.handlers.test_commit_comments import comment_on
from tests.world import PROJECT, World

FREEZE = {"reason": "holidays"}


async def deployed(world: World, version: str, environment: str = "staging") -> None:
    """A pipeline reports that a candidate is live."""
    assert (await world.report(version, "success", environment)).status == 200


@pytest.fixture(autouse=True)
def admin(world: World) -> None:
    """Alice, who gives the commands, may give all of them."""
    world.github.person("alice", "admin")


# --- cut


async def test_without_a_version_the_next_one_of_the_scheme_is_cut(world: World) -> None:
    await must(world, "PATCH", PROJECTS, {"version_scheme": "semver"})
    await world.cut("1.4.0-rc1")
    for expected in ("1.4.1-rc1", "1.4.2-rc1"):
        reply = await reply_to(world, f"/release cut at {world.github.head()}")
        assert f"Cut `{expected}`" in reply


async def test_without_a_version_and_a_scheme_a_cut_is_refused(world: World) -> None:
    assert "version scheme is `any`" in await reply_to(world, f"/release cut at {world.github.head()}")
    assert await versions() == []


async def test_a_dry_run_of_a_cut_says_what_it_would_do(world: World) -> None:
    reply = await reply_to(world, f"/release cut 1.4.0 --dry-run at {world.github.head()}")
    assert "This is a dry run: nothing was done.\nI would:\n- Cut 1.4.0-rc1 at" in reply
    assert await versions() == []
    assert world.github.dispatches == []


# --- promote


async def test_a_candidate_is_promoted_through_the_environments_in_their_order(world: World) -> None:
    await world.cut("1.4.0-rc1")
    assert "Deploying `1.4.0-rc1` to `staging`" in await reply_to(world, "/release promote 1.4.0-rc1")
    await world.github.finish(run=1)
    await world.settle()
    assert "Deploying `1.4.0-rc1` to `production`" in await reply_to(world, "/release promote 1.4.0-rc1")
    await world.github.finish(run=2)
    await world.settle()
    reply = await reply_to(world, "/release promote 1.4.0-rc1")
    assert "1.4.0-rc1 is live on `production`, which is the last environment" in reply


async def test_the_next_environment_is_that_after_the_last_one_where_the_commit_is_live(world: World) -> None:
    for version in ("1.4.0-rc1", "1.4.0-rc2"):
        await world.cut(version)
    await must(world, "POST", f"{PROJECTS}/environments", {"name": "canary", "tier": "production", "order": 0})
    await deployed(world, "1.4.0-rc1", "staging")
    await must(world, "PATCH", f"{PROJECTS}/environments/staging", {"order": 1})
    await must(world, "PATCH", f"{PROJECTS}/environments/production", {"order": 2})
    reply = await reply_to(world, "/release promote 1.4.0-rc2 --dry-run")
    assert "Deploy 1.4.0-rc2 to production" in reply


async def test_an_environment_that_takes_no_deployments_is_skipped(world: World) -> None:
    await world.cut("1.4.0-rc1")
    await Environment.filter(name="staging").update(closed="It is gone from the file.")
    assert "to `production`" in await reply_to(world, "/release promote 1.4.0-rc1")
    await world.github.finish(run=1)
    await world.settle()


async def test_promote_may_name_the_environment(world: World) -> None:
    await world.cut("1.4.0-rc1")
    assert "to `production`" in await reply_to(world, "/release promote 1.4.0-rc1 to production")
    await world.github.finish(run=1)
    await world.settle()


# --- waiting


async def test_a_waiting_deployment_says_what_it_waits_for_and_keeps_the_eyes_until_it_starts(world: World) -> None:
    await world.cut("1.4.0-rc1", build=True)
    number, comment = await add_comment(world, "/release deploy 1.4.0-rc1 to staging")
    (reply,) = world.replies(number)[:1]
    assert "`1.4.0-rc1` waits to be deployed to `staging` (deployment 1):\n- **candidate** waits: " in reply
    assert reactions(world, number, comment) == ["eyes"]
    await world.github.finish(run=1)
    await world.settle()
    assert reactions(world, number, comment) == ["eyes", "rocket"]
    await world.github.finish(run=2)
    await world.settle()


@pytest.mark.parametrize("end", ["canceled", "superseded"])
async def test_a_waiting_deployment_that_ends_gets_a_thumb_down(world: World, end: str) -> None:
    await world.cut("1.4.0-rc1", build=True)
    await world.cut("1.4.0-rc2")
    number, comment = await add_comment(world, "/release deploy 1.4.0-rc1 to staging")
    if end == "canceled":
        assert "Canceled on `staging`: `1.4.0-rc1` (deployment 1)." in await reply_to(world, "/release cancel staging")
    else:
        await reply_to(world, "/release deploy 1.4.0-rc2 to staging")
    await world.settle()
    assert reactions(world, number, comment) == ["eyes", "-1"]
    assert (await Deployment.get(id=1)).wait_outcome == end


async def test_an_override_is_told_with_the_gate_that_it_opened(world: World) -> None:
    await world.cut("1.4.0-rc1")
    await must(world, "POST", f"{PROJECTS}/environments/staging/freezes", FREEZE)
    refused = await reply_to(world, "/release deploy 1.4.0-rc1 to staging")
    assert "Environment is frozen" in refused
    reply = await reply_to(world, "/release deploy 1.4.0-rc1 to staging force because of an outage")
    assert "Overridden, because `of an outage`:\n- **freeze** is overridden: " in reply
    await world.github.finish(run=1)
    await world.settle()


# --- rollback and cancel


async def test_a_rollback_deploys_what_was_live_before(world: World) -> None:
    await world.cut("1.4.0-rc1")
    await deployed_twice(world, "staging")
    assert "Rolling `staging` back to `1.3.0-rc1`" in await reply_to(
        world, "/release rollback staging because it is slow"
    )
    await world.github.finish(run=1)
    await world.settle()
    assert (await world.statuses())[0] == ("1.3.0-rc1", "success")


async def test_cancel_ends_what_is_under_way_and_what_waits(world: World) -> None:
    for version in ("1.4.0-rc1", "1.4.0-rc2"):
        await world.cut(version)
    await reply_to(world, "/release deploy 1.4.0-rc1 to staging")
    await reply_to(world, "/release deploy 1.4.0-rc2 to staging")
    reply = await reply_to(world, "/release cancel staging")
    assert "Canceled on `staging`: `1.4.0-rc1` (deployment 1) and `1.4.0-rc2` (deployment 2)." in reply
    await world.settle()
    await world.github.settle()
    assert {status for _, status in await world.statuses()} <= {"canceled", "canceling"}
    assert (await Deployment.get(id=2)).wait_outcome == "canceled"
    again = await reply_to(world, "/release cancel staging")
    assert "No deployment is under way on `staging`, and none waits." in again


async def test_cancel_ends_the_build_of_a_candidate(world: World) -> None:
    await world.cut("1.4.0-rc1", build=True)
    await world.settle()
    reply = await reply_to(world, "/release cancel 1.4.0-rc1")
    assert "Canceled the build of `1.4.0-rc1`. It ends once GitHub has stopped its run." in reply
    await world.settle()
    assert await world.status("1.4.0-rc1") == "canceled"


# --- why


async def test_why_says_every_gate_and_which_commits_would_come(world: World) -> None:
    await world.cut("1.3.0-rc1")
    await deployed(world, "1.3.0-rc1")
    await world.github.commit("Fix the login\n\nAt last.")
    await world.github.commit("Add @everyone to the list")
    await world.cut("1.4.0-rc1")
    await must(world, "POST", f"{PROJECTS}/environments/staging/freezes", FREEZE)
    reply = await reply_to(world, "/release why 1.4.0-rc1 for staging")
    for part in (
        "**`1.4.0-rc1` for `staging`**: it cannot be deployed.",
        "- **candidate** passes",
        "- **freeze** refuses: ",
        "- off: ",
        "It would bring 2 commits, compared with what is live there (`1.3.0-rc1`):",
        "`Fix the login` by `alice`",
        "`Add @everyone to the list` by `alice`",
    ):
        assert part in reply, (part, reply)
    assert "At last" not in reply
    assert await Deployment.filter(candidate__version="1.4.0-rc1").count() == 0


async def test_why_says_so_when_github_does_not_answer(world: World) -> None:
    await world.cut("1.3.0-rc1", world.github.resolve("main~1"))
    await deployed(world, "1.3.0-rc1")
    await world.cut("1.4.0-rc1")
    world.github.faults.fail(path="*/compare/*", status=502, times=None)
    reply = await reply_to(world, "/release why 1.4.0-rc1 for staging")
    assert "How it differs from what is live there (`1.3.0-rc1`) is not known: " in reply


# --- comments on commits


COMMANDS = {
    "deploy 1.4.0-rc1 to staging": "Deploying `1.4.0-rc1`",
    "promote 1.4.0-rc1": "Deploying `1.4.0-rc1` to `staging`",
    "approve 1.4.0-rc1 for staging": "Approved `1.4.0-rc1` for `staging`",
    "why 1.4.0-rc1 for staging": "it can be deployed",
    "ban 1.4.0-rc1 because it loses data": "Banned `1.4.0-rc1`",
    "where": "Candidates at this commit: `1.4.0-rc1`.",
}


@pytest.mark.parametrize("command", COMMANDS)
async def test_commands_work_on_the_commit_of_a_candidate(world: World, command: str) -> None:
    await world.cut("1.4.0-rc1")
    world.github.person("mia", "maintain")
    rule: dict[str, Any] = {"approvals": {"count": 1}} if command.startswith("approve") else {}
    await Environment.filter(name="staging").update(gate_settings=rule)
    posted = await comment_on(world, world.github.head(), f"/release {command}", by="mia")
    assert any(COMMANDS[command] in reply for reply in posted), posted
    for run in range(1, len(world.github.runs) + 1):
        await world.github.finish(run=run)
    await world.settle()


@pytest.mark.parametrize(
    "message", ["Unable to create comment because issue is locked.", "Repository was archived so is read-only."]
)
async def test_a_conversation_that_is_closed_to_us_gets_no_reply_and_no_dead_letter(world: World, message: str) -> None:
    body = f'{{"message": "{message}"}}'
    world.github.faults.fail(method="POST", path="*/issues/*/comments", status=403, times=None, body=body)
    number, _ = await add_comment(world, f"/release cut 1.4.0 at {world.github.head()}")
    assert await versions() == ["1.4.0-rc1"]
    assert world.replies(number) == []
    assert [row["state"] for row in await world.jobs("reply")] == ["done"]


async def test_the_permalink_of_a_project_names_it(world: World) -> None:
    await world.cut("1.4.0-rc1")
    assert f"**`{PROJECT}`**" in await reply_to(world, f"/release status in {PROJECT}")
