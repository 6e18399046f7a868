"""Status comments: one for each candidate where it was asked for, edited in place, and never a second one."""

from datetime import datetime, timedelta

import pytest

from bot.operations import showing, status_comments, view_jobs
from bot.queue.jobs import RetryLater
from bot.store.database import execute
from bot.store.github_views import GitHubView
from tests.world import PROJECT, STATUS_COMMENT, World

STAGING = f"/api/projects/{PROJECT}/environments/staging"
FREEZE = {"reason": "later", "until": "2099-01-01T00:00:00Z"}


async def merged(world: World) -> int:
    """Open a pull request and merge it; returns its number."""
    number = await world.github.pull_request()
    await world.github.merge(number)
    return number


async def say(world: World, number: int, text: str, by: str = "alice") -> None:
    await world.github.comment(number, text, by=by)
    await world.show_all()


async def cut(world: World, version: str = "1.0") -> int:
    """Cut a candidate by a comment on a pull request, whose number is returned."""
    number = await merged(world)
    await say(world, number, f"/release cut {version}")
    return number


def statuses(world: World, number: int) -> list[str]:
    """The status comments on a pull request."""
    return [body for body in world.comments(number) if STATUS_COMMENT in body]


def status(world: World, number: int) -> str:
    (found,) = statuses(world, number)
    return found


async def just_shown(world: World) -> None:
    """Let everything have been changed a moment ago, however long this test takes."""
    later = (await world.context()).now() + timedelta(minutes=10)
    await GitHubView.all().update(shown_at=later)


def writes(world: World) -> list[str]:
    """The requests that write comments, by their methods."""
    paths = [(call.method, call.path) for call in world.github.calls if "reactions" not in call.path]
    return [method for method, path in paths if method != "GET" and "/comments" in path]


async def test_the_comment_tells_how_the_build_goes_on_and_ends(shown: World) -> None:
    world = shown
    number = await cut(world)
    head = world.github.head()
    assert f"**`1.0-rc1`** of `site` at [`{head}`](" in status(world, number)
    assert f"/acme/site/commit/{head}), cut by `alice`." in status(world, number)
    run = world.github.runs[0]
    assert "Build: [in progress](http" in status(world, number)
    assert f"/acme/site/actions/runs/{run.id})" in status(world, number)
    await world.github.finish(conclusion="failure")
    await world.show_all()
    assert "Build: [failed](" in status(world, number)
    assert "The build run ended with `failure`." in status(world, number)
    assert len(world.comments(number)) == 2


async def test_the_comment_tells_where_the_candidate_is(shown: World) -> None:
    world = shown
    number = await cut(world)
    await world.github.finish()
    await world.show_all()
    await say(world, number, "/release deploy 1.0-rc1 to staging")
    assert "| `staging` | [requested](" in status(world, number)
    await world.github.start(run=2)
    await world.show_all()
    assert "| `staging` | [is being deployed](" in status(world, number)
    await world.github.finish(run=2)
    await world.show_all()
    assert "| `staging` | [live](" in status(world, number)
    assert "| `alice` |" in status(world, number)
    await world.complete_deployment("1.0-rc1", "production", conclusion="failure")
    await world.show_all()
    assert "| `production` | [failed](" in status(world, number)
    assert "`production`:\n- The deployment run ended with `failure`." in status(world, number)


async def test_the_comment_tells_what_a_deployment_waits_for_and_how_that_ends(shown: World) -> None:
    world = shown
    await world.ask("POST", f"{STAGING}/lock", {"reason": "@bob [tests](http://x) <b>it</b>", "for": "2h"})
    number = await cut(world)
    await world.github.finish()
    await world.show_all()
    body = {"release_candidate_version": "1.0-rc1", "wait": True}
    other = await world.create_token("deployment:start", "project:read", user="robot")
    answer = await world.ask("POST", f"/api/releases/{PROJECT}/environments/staging/deployments", body, token=other)
    assert answer.status == 201, answer.json
    await world.show_all()
    text = status(world, number)
    assert "| `staging` | waits |" in text
    assert "- **lock**: The environment is locked by root" in text
    assert "; until 2" in text
    assert "Who can help: `root`" in text
    assert "Otherwise it expires on " in text
    assert "@\u200bbob \\[tests\\]" in text
    assert "<b>" not in text
    deployment = (await world.deployments())[0]["id"]
    await world.ask("POST", f"/api/releases/{PROJECT}/environments/staging/deployments/{deployment}/cancel", {})
    await world.show_all()
    assert "| `staging` | canceled |" in status(world, number)
    assert "Canceled by root while it waited." in status(world, number)


async def test_the_comment_tells_that_another_candidate_has_replaced_it_and_that_it_was_rolled_back(
    shown: World,
) -> None:
    world = shown
    first = await cut(world)
    await world.github.finish()
    await world.settle()
    await world.complete_deployment("1.0-rc1")
    second = await cut(world)
    await world.github.finish(run=len(world.github.runs))
    await world.settle()
    await world.complete_deployment("1.0-rc2")
    await world.show_all()
    assert "was live, replaced by another candidate" in status(world, first)
    await world.roll_back()
    await world.settle()
    await world.github.finish(run=len(world.github.runs))
    await world.show_all()
    assert "[live](" in status(world, first)
    assert "was live, rolled back" in status(world, second)


async def test_holds_and_bans_are_told(shown: World) -> None:
    world = shown
    number = await cut(world)
    await world.github.finish()
    await world.show_all()
    await world.ask("POST", f"/api/projects/{PROJECT}/releases/1.0/hold", {"reason": "`x` @bob"})
    await world.show_all()
    assert "Held by `root`: `'x' @bob`" in status(world, number)
    await world.ask("DELETE", f"/api/projects/{PROJECT}/releases/1.0/hold")
    await world.ask("POST", f"/api/projects/{PROJECT}/candidates/1.0-rc1/ban", {"reason": "it burns"})
    await world.show_all()
    assert "Held by" not in status(world, number)
    assert "Banned: `it burns`" in status(world, number)


async def test_every_thread_where_it_was_asked_for_has_one(shown: World) -> None:
    world = shown
    first = await cut(world)
    await world.github.finish()
    await world.show_all()
    second = await merged(world)
    await say(world, second, "/release deploy 1.0-rc1 to staging")
    sha = world.github.head()
    await world.github.finish(run=2)
    await world.github.commit_comment(sha, "/release cut 1.1", by="alice")
    await world.show_all()
    assert "[live](" in status(world, first)
    assert status(world, second) == status(world, first)
    on_commit = [each["body"] for each in world.github.commit_comments(sha) if STATUS_COMMENT in each["body"]]
    assert ["`1.1-rc1`" in body for body in on_commit] == [True]
    assert await GitHubView.filter(kind="status_comment").count() == 3


async def test_what_nobody_asked_for_in_a_thread_is_not_told_there(shown: World) -> None:
    world = shown
    number = await merged(world)
    await world.cut("1.0-rc1")
    await say(world, number, "/release status")
    world.github.person("rita", "read")
    await say(world, number, "/release cut 1.1", by="rita")
    assert statuses(world, number) == []


async def test_it_is_edited_at_most_once_in_some_seconds_and_not_when_nothing_changed(shown: World) -> None:
    world = shown
    number = await merged(world)
    await world.github.comment(number, "/release cut 1.0", by="alice")
    await world.settle()
    await just_shown(world)
    world.github.forget_calls()
    await world.github.finish()
    await world.settle(skip_delays=True)
    await world.complete_deployment("1.0-rc1")
    assert writes(world) == []
    await world.show_all()
    assert writes(world) == ["PATCH"]
    assert "[live](" in status(world, number)
    view = await GitHubView.get(kind="status_comment")
    context = await world.context()
    await status_comments.show(context, view_jobs.ShowComment(view.id))
    assert writes(world) == ["PATCH"]
    await GitHubView.filter(id=view.id).update(digest=None, shown_at=context.now())
    with pytest.raises(RetryLater) as later:
        await status_comments.show(context, view_jobs.ShowComment(view.id))
    assert later.value.at <= context.now() + showing.INTERVAL


async def test_a_comment_that_somebody_deleted_is_made_again_with_the_next_news(shown: World) -> None:
    world = shown
    number = await cut(world)
    view = await GitHubView.get(kind="status_comment")
    await world.github.delete_comment(int(view.github_id or 0))
    assert statuses(world, number) == []
    await world.github.finish()
    await world.show_all()
    assert "[succeeded](" in status(world, number)


@pytest.mark.parametrize("fault", ["lose_answer", "fail"])
async def test_a_lost_answer_makes_no_second_comment(shown: World, fault: str) -> None:
    world = shown
    number = await merged(world)
    getattr(world.github.faults, fault)(method="POST", path=f"*/issues/{number}/comments", times=2)
    await say(world, number, "/release cut 1.0")
    getattr(world.github.faults, fault)(method="PATCH", path="*/issues/comments/*", times=1)
    await world.github.finish()
    await world.show_all()
    assert "[succeeded](" in status(world, number)
    assert len(world.comments(number)) == 2


async def test_a_process_that_was_killed_after_posting_makes_no_second_comment(shown: World) -> None:
    world = shown
    number = await cut(world)
    await execute(
        "UPDATE github_views SET github_id = NULL, digest = NULL, sending = TRUE WHERE kind = 'status_comment'"
    )
    await world.github.finish()
    await world.show_all()
    assert "[succeeded](" in status(world, number)


async def test_a_copy_of_its_marker_by_somebody_else_is_left_alone(shown: World) -> None:
    world = shown
    number = await merged(world)
    await say(world, number, "<!-- longshore:status:1 -->")
    world.github.faults.lose_answer(method="POST", path=f"*/issues/{number}/comments", times=1)
    await say(world, number, "/release cut 1.0")
    assert len(statuses(world, number)) == 1


async def test_a_command_that_is_delivered_twice_has_one_comment(shown: World) -> None:
    world = shown
    world.github.faults.webhooks(double=1.0, reorder=True, seed=5)
    number = await cut(world)
    await world.github.finish()
    await world.show_all()
    assert "[succeeded](" in status(world, number)


async def test_a_pull_request_that_is_gone_leaves_nothing_behind(shown: World) -> None:
    world = shown
    number = await cut(world)
    view = await GitHubView.get(kind="status_comment")
    await world.github.delete_comment(int(view.github_id or 0))
    del world.github.repository().pulls[number]
    await world.github.finish()
    await world.show_all()
    assert (await GitHubView.get(id=view.id)).gone
    assert await world.unfinished_jobs() == []


async def test_switched_off_there_is_none(shown: World) -> None:
    world = shown
    await world.ask("PATCH", f"/api/projects/{PROJECT}", {"show": {"comments": False}})
    number = await cut(world)
    assert statuses(world, number) == []
    assert len(world.comments(number)) == 1


async def test_without_the_permission_there_is_none_and_nothing_is_left_behind(shown: World) -> None:
    world = shown
    number = await cut(world)
    world.github.faults.refuse(method="PATCH", path="*/issues/comments/*", times=None)
    await world.github.finish()
    await world.show_all()
    assert "[in progress](" in status(world, number)
    assert await world.unfinished_jobs() == []


async def test_a_time_is_told_in_utc(shown: World) -> None:
    world = shown
    number = await cut(world)
    await world.github.finish()
    await world.settle()
    await world.complete_deployment("1.0-rc1")
    await world.show_all()
    row = next(line for line in status(world, number).splitlines() if line.startswith("| `staging`"))
    datetime.strptime(row.split("|")[3].strip(), "%Y-%m-%d %H:%M UTC")  # noqa: DTZ007 - it has a zone


async def test_who_asks_for_what_waits_already_sees_there_what_becomes_of_it(shown: World) -> None:
    world = shown
    await world.cut("1.0-rc1")
    assert (await world.ask("POST", f"/api/projects/{PROJECT}/freezes", FREEZE)).status == 201
    numbers = [await world.github.pull_request() for _ in range(2)]
    for number in numbers:
        await world.github.comment(number, "/release deploy 1.0-rc1 to staging")
        await world.settle()
    for freeze in (await world.ask("GET", f"/api/projects/{PROJECT}/freezes")).json:
        await world.ask("DELETE", f"/api/projects/{PROJECT}/freezes/{freeze['id']}")
    await world.settle(skip_delays=True)
    await world.github.finish(run=1)
    await world.show_all()
    for number in numbers:
        (status,) = [body for body in world.comments(number) if "longshore:status" in body]
        assert "| `staging` | [live]" in status
    repeated = [sent.payload for sent in world.github.deliveries if sent.event == "issue_comment"][-1]
    await execute("DELETE FROM jobs WHERE kind IN ('commands', 'run_commands', 'reply')")
    await world.github.send("issue_comment", repeated)
    await world.settle(skip_delays=True)
    assert len(await world.deployments()) == 1
