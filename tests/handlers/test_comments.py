"""Commands in comments on pull requests: who may give them, what they do, and the replies."""

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.operations.commands import COMMANDS
from bot.rules.replies import MARKER
from bot.store.candidates import Candidate
from tests.world import PROJECT, World

HELP = "I know these commands:"


async def add_comment(world: World, body: str, by: str = "alice", *, pull: int | None = None) -> tuple[int, int]:
    """Comment on a pull request, by default a new one, and wait; returns the ids of the pull request and comment."""
    number = pull or await world.github.pull_request()
    comment = await world.github.comment(number, body, by=by)
    await world.settle()
    return number, comment


async def reply_to(world: World, body: str, by: str = "alice") -> str:
    """Comment on a new pull request; returns the only reply."""
    number, _ = await add_comment(world, body, by)
    (reply,) = world.replies(number)
    return reply


def reactions(world: World, number: int, comment: int) -> list[str]:
    """The reactions to a comment, in order."""
    return next(row["reactions"] for row in world.github.comments(number) if row["id"] == comment)


def last_payload(world: World, event: str = "issue_comment") -> dict[str, Any]:
    """A copy of the latest payload of an event."""
    return copy.deepcopy(next(sent.payload for sent in reversed(world.github.deliveries) if sent.event == event))


async def versions() -> list[str]:
    """The versions of all candidates, in the order in which they were cut."""
    return [candidate.version for candidate in await Candidate.all().order_by("id")]


# --- each command


async def test_a_merged_pull_request_is_cut_at_its_merge_commit(world: World) -> None:
    number = await world.github.pull_request()
    merged = await world.github.merge(number)
    _, comment = await add_comment(world, "/release cut 1.4.0", pull=number)
    candidate = await world.candidate("1.4.0-rc1")
    assert (candidate["commit"], candidate["status"]) == (merged, "building")
    (reply,) = world.replies(number)
    assert "Cut `1.4.0-rc1`" in reply
    assert f"at `{merged}`" in reply
    assert reactions(world, number, comment) == ["eyes", "rocket"]


async def test_an_unmerged_pull_request_cannot_be_cut(world: World) -> None:
    number, comment = await add_comment(world, "/release cut 1.4.0")
    assert await versions() == []
    (reply,) = world.replies(number)
    assert "not merged: add `at SHA` with a commit of a branch that may be released from" in reply
    assert reactions(world, number, comment) == ["eyes", "-1"]


async def test_a_comment_on_an_unmerged_pull_request_may_name_a_merged_commit(world: World) -> None:
    assert "Cut `1.4.0-rc7`" in await reply_to(world, f"/release cut 1.4.0-rc7 at {world.github.head()}")
    assert (await world.candidate("1.4.0-rc7"))["commit"] == world.github.head()


async def test_a_commit_that_exists_only_in_a_fork_is_refused(world: World) -> None:
    fork_commit = await world.github.fork_commit()
    assert "Invalid commit hash" in await reply_to(world, f"/release cut 1.4.0 at {fork_commit}")
    assert await versions() == []


async def test_a_commit_may_be_abbreviated_to_seven_digits(world: World) -> None:
    head = world.github.head()
    for number, digits in enumerate((7, 8, 39), start=1):
        assert f"Cut `1.4.0-rc{number}` at `{head}`" in await reply_to(world, f"/release cut 1.4.0 at {head[:digits]}")
    assert f"at `{head}`" in await reply_to(world, f"/release cut 1.4.0 at {head[:7].upper()}")
    reply = await reply_to(world, f"/release cut 1.4.0 at {head[:6]}")
    assert "expected: `a commit: its full SHA, or the first 7 digits or more`" in reply


async def test_an_abbreviated_commit_that_is_the_name_of_a_branch_is_refused(world: World) -> None:
    head = world.github.head()
    await world.github.branch(head[:7], at="main~1")
    assert "Invalid commit hash" in await reply_to(world, f"/release cut 1.4.0 at {head[:7]}")
    assert await versions() == []


async def test_an_abbreviated_commit_that_exists_only_in_a_fork_is_refused(world: World) -> None:
    fork_commit = await world.github.fork_commit()
    assert "Invalid commit hash" in await reply_to(world, f"/release cut 1.4.0 at {fork_commit[:10]}")
    assert await versions() == []


async def test_a_commit_must_be_a_sha(world: World) -> None:
    reply = await reply_to(
        world, "/release cut 1.4.0 at main\n/release cut 1.4.0 at abcdef1\n/release cut 1.4.0 at HEAD~1"
    )
    assert reply.count("Invalid commit hash") == 3


async def test_a_candidate_is_deployed(world: World) -> None:
    await world.cut("1.4.0-rc1")
    assert "Deploying `1.4.0-rc1` to `staging`" in await reply_to(world, "/release deploy 1.4.0-rc1 to staging")
    await world.github.finish(run=1)
    await world.settle()
    (deployment,) = await world.deployments()
    assert (deployment["actor"], deployment["status"]) == ("alice", "success")


async def test_status_shows_the_live_candidate_of_each_environment(world: World) -> None:
    await world.cut("1.4.0-rc1")
    await world.complete_deployment("1.4.0-rc1")
    reply = await reply_to(world, "/release status")
    assert "| `staging` | `1.4.0-rc1` |" in reply
    assert "| `production` | – |" in reply


async def test_help_lists_all_commands(world: World) -> None:
    reply = await reply_to(world, "/release help")
    assert HELP in reply
    assert all(f"`/release {word}" in reply for word in COMMANDS)


async def test_help_explains_a_command(world: World) -> None:
    reply = await reply_to(world, "/release help deploy\n/release help CTU")
    for line in (
        "- `CANDIDATE`: a candidate version, as in `1.4.0-rc2`",
        "- for example `/release deploy 1.4.0-rc1 to staging`",
        "- who may: role write; maintain for production",
    ):
        assert line in reply.splitlines()
    usage = (
        "`/release deploy CANDIDATE to ENVIRONMENT [in PROJECT] [--dry-run] [force because REASON]`: deploy a release"
    )
    assert any(line.startswith(usage) for line in reply.splitlines())
    assert "`/release cut [VERSION] [at SHA] [in PROJECT] [--dry-run]`: cut a release candidate." in reply
    assert HELP not in reply


async def test_help_on_an_unknown_command_lists_those_that_there_are(world: World) -> None:
    reply = await reply_to(world, "/release help xyz")
    assert "I know no command `xyz`. Known commands: `cut`, `deploy`, `promote`, " in reply


MISTAKES = {
    "/release ctu 1.4.0": "did you mean `/release cut",
    "/release zzz": "I know `cut`",
    "/release": "say what to do",
    "/release deploy 1-rc1": "write it as `/release deploy CANDIDATE to ENV",
    "/release deploy 1.4.0 to staging": "Invalid release candidate version",
    "/release deploy 9.9-rc1 to staging": "Release not found",
    "/release status in nowhere": "Release project not found",
    "/relase cut 1.4.0": "did you mean `/release cut",
    "/release zzz @everyone `<b>`": "`/release zzz @everyone '<b>'`",
}


async def test_a_mistake_is_answered_with_advice(world: World) -> None:
    number = await world.github.pull_request()
    comments = [await world.github.comment(number, body) for body in MISTAKES]
    await world.settle()
    replies = world.replies(number)
    assert len(replies) == len(MISTAKES)
    for advice in MISTAKES.values():
        assert any(advice in reply for reply in replies), (advice, replies)
    assert [reactions(world, number, comment) for comment in comments] == [["eyes", "-1"]] * len(MISTAKES)


async def test_several_commands_in_one_comment_get_one_reply(world: World) -> None:
    body = f"First:\n/release cut 1.4.0-rc1 at {world.github.head()}\n\nand then\n/release status\n/release ctu"
    number, comment = await add_comment(world, body)
    (reply,) = world.replies(number)
    assert [word in reply for word in ("Cut `1.4.0-rc1`", "newest candidate", "did you mean")] == [True] * 3
    assert reactions(world, number, comment) == ["eyes", "-1"]


# --- what is not a command


NO_COMMANDS = {
    "quoted": "> /release cut 1.4.0",
    "in a fence": "```\n/release cut 1.4.0\n```",
    "in the middle": "Say `/release cut 1.4.0` to cut.",
    "html comment": "<!-- /release cut 1.4.0 -->",
    "another word": "/releases cut 1.4.0",
    "no command": "LGTM",
    "list": "- /release cut 1.4.0",
    "heading": "# /release cut 1.4.0",
    "table": "| a |\n|---|\n/release cut 1.4.0",
    "comment in text": "text <!--\n/release cut 1.4.0\n-->",
    "link": "[a\n/release cut 1.4.0\n](b)",
    "line separator": "text\u2028/release cut 1.4.0",
    "one letter off": "/relase notes are due",
}


async def test_text_that_only_resembles_a_command_gets_no_reply(world: World) -> None:
    number = await world.github.pull_request()
    comments = {name: await world.github.comment(number, body) for name, body in NO_COMMANDS.items()}
    await world.settle()
    assert world.replies(number) == []
    assert [name for name, comment in comments.items() if reactions(world, number, comment)] == []


async def test_comments_by_bots_are_ignored(world: World) -> None:
    world.github.state.account("helper[bot]", "Bot")
    number, _ = await add_comment(world, "/release help", by="helper[bot]")
    assert world.replies(number) == []


async def test_deleted_comments_are_ignored(world: World) -> None:
    number, comment = await add_comment(world, "/release help")
    await world.github.delete_comment(comment)
    await world.settle()
    assert len(world.replies(number)) == 1


async def test_the_command_of_a_comment_that_was_deleted_is_performed_and_answered(world: World) -> None:
    number = await world.github.pull_request()
    await world.settle()
    world.github.faults.webhooks(drop=1.0)
    comment = await world.github.comment(number, f"/release cut 1.4.0 at {world.github.head()}")
    await world.github.settle()
    payload = last_payload(world)
    await world.github.delete_comment(comment)
    await world.github.settle()
    world.github.faults.clear()
    await world.github.send("issue_comment", payload)
    await world.settle()
    assert await versions() == ["1.4.0-rc1"]
    assert "Cut `1.4.0-rc1`" in world.replies(number)[0]


@pytest.mark.parametrize("status", [404, 410])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_reply_to_a_thread_that_is_gone_is_dropped(world: World, method: str, status: int) -> None:
    path, gone = "*/issues/1/comments", '{"message": "Gone"}'
    world.github.faults.fail(method=method, path=path, status=status, times=None, body=gone)
    number, _ = await add_comment(world, f"/release cut 1.4.0 at {world.github.head()}")
    assert await versions() == ["1.4.0-rc1"]
    assert world.replies(number) == []
    assert [row["state"] for row in await world.jobs("reply")] == ["done"]


async def test_comments_on_issues_are_ignored(world: World) -> None:
    number, _ = await add_comment(world, "LGTM")
    payload = last_payload(world)
    del payload["issue"]["pull_request"]
    payload["comment"]["body"] = "/release help"
    assert await world.github.send("issue_comment", payload) == 202
    await world.settle()
    assert world.replies(number) == []


async def test_comments_in_a_repository_without_a_project_are_ignored(world: World) -> None:
    await add_comment(world, "LGTM")
    payload = last_payload(world)
    payload["repository"]["id"] = 1
    payload["comment"] |= {"body": "/release help", "id": 77}
    assert await world.github.send("issue_comment", payload) == 202
    before = len(world.github.calls)
    await world.settle()
    assert len(world.github.calls) == before


# --- permissions


ROLES = {  # role on GitHub: base role, may cut, may deploy to production
    "none": (None, False, False),
    "read": (None, False, False),
    "triage": (None, False, False),
    "write": (None, True, False),
    "maintain": (None, True, True),
    "admin": (None, True, True),
    "captain": ("write", True, False),
    "keeper": ("maintain", True, False),
    "watcher": ("read", False, False),
}


async def test_the_authors_role_on_github_decides(world: World) -> None:
    await world.cut("1.0-rc1")
    for role, (base, cuts, deploys) in ROLES.items():
        world.github.person(f"{role}-bob", role, base=base)
        body = f"/release cut 2.0-{role} at {world.github.head()}\n/release deploy 1.0-rc1 to production"
        reply = await reply_to(world, body, by=f"{role}-bob")
        assert (f"2.0-{role}-rc1" in await versions()) is cuts, role
        permitted = "Deploying `1.0-rc1`" in reply or "`1.0-rc1` waits to be deployed" in reply
        assert permitted is deploys, role
        assert reply.count("You do not have permission to perform this action: ") == (not cuts) + (not deploys), role
        has = {"none": "read", "captain": "write", "keeper": "write", "watcher": "read"}.get(role, role)
        assert (f"it needs write; you have {has}." in reply) is not cuts, role
        assert (f"it needs maintain; you have {has}." in reply) is (cuts and not deploys), role


async def test_the_role_is_looked_up_for_each_command(world: World) -> None:
    world.github.person("bob", "write")
    await add_comment(world, f"/release cut 1.0 at {world.github.head()}", by="bob")
    world.github.person("bob", "read")
    assert "You do not have permission" in await reply_to(world, f"/release cut 1.0 at {world.github.head()}", by="bob")
    assert await versions() == ["1.0-rc1"]


async def test_a_github_user_named_like_a_token_user_has_none_of_its_grants(world: World) -> None:
    world.github.person("root", "read")
    assert "You do not have permission" in await reply_to(
        world, f"/release cut 1.0 at {world.github.head()}", by="root"
    )


# --- exactly once


async def test_a_comment_delivered_twice_cuts_once_and_gets_one_reply(world: World) -> None:
    number, _ = await add_comment(world, f"/release cut 1.4.0 at {world.github.head()}")
    for guid in ("second", "third"):
        assert await world.github.send("issue_comment", last_payload(world), delivery=guid) == 202
    await world.settle()
    assert await versions() == ["1.4.0-rc1"]
    assert len(world.replies(number)) == 1


async def test_a_reply_whose_response_was_lost_is_posted_once(world: World) -> None:
    world.github.faults.lose_answer(path="*/issues/1/comments")
    number = await world.github.pull_request()
    await world.github.comment(number, "/release help")
    await world.settle(skip_delays=True)
    assert len(world.replies(number)) == 1


@pytest.mark.parametrize("by", ["mallory", "helper[bot]"])
async def test_somebody_elses_comment_with_our_mark_is_not_taken_for_our_reply(world: World, by: str) -> None:
    world.github.state.account(by, "Bot" if by.endswith("[bot]") else "User")
    world.github.faults.fail(method="POST", path="*/issues/1/comments", status=502)
    number = await world.github.pull_request()
    comment = await world.github.comment(number, "/release help")
    await world.github.comment(number, f"Done.\n\n{MARKER.format(f'pull-comment:{comment}')}", by=by)
    await world.settle(skip_delays=True)
    (reply,) = world.replies(number)
    assert HELP in reply


async def test_our_reply_is_known_after_the_app_was_renamed(world: World) -> None:
    world.github.faults.lose_answer(path="*/issues/1/comments")
    number = await world.github.pull_request()
    assert await world.service.github.bot_login() == f"{world.github.app_slug}[bot]"
    await world.github.comment(number, "/release help")
    await world.github.settle()
    world.github.state.app_slug = "renamed"
    await world.settle(skip_delays=True)
    assert len(world.github.comments(number)) == 2


async def test_a_reply_that_failed_is_posted_later(world: World) -> None:
    world.github.faults.fail(method="POST", path="*/issues/1/comments", status=502)
    number = await world.github.pull_request()
    await world.github.comment(number, "/release help")
    await world.settle(skip_delays=True)
    assert len(world.replies(number)) == 1


async def test_a_retried_command_cuts_once(world: World) -> None:
    world.github.faults.fail(path="*/pulls/*", status=500, times=3)
    number = await world.github.pull_request()
    await world.github.comment(number, f"/release cut 1.4.0 at {world.github.head()}\n/release cut 2.0")
    await world.settle(skip_delays=True)
    assert await versions() == ["1.4.0-rc1"]
    (reply,) = world.replies(number)
    assert "Cut `1.4.0-rc1`" in reply
    assert "This pull request is not merged" in reply


async def test_a_command_is_performed_even_if_reactions_fail(world: World) -> None:
    world.github.faults.fail(path="*/reactions", status=403, times=None, body='{"message": "No"}')
    number, comment = await add_comment(world, f"/release cut 1.4.0 at {world.github.head()}")
    assert await versions() == ["1.4.0-rc1"]
    assert len(world.replies(number)) == 1
    assert reactions(world, number, comment) == []


async def test_a_late_command_gets_a_reply_and_is_not_performed(world: World) -> None:
    number, comment = await add_comment(world, "LGTM")
    payload = last_payload(world)
    payload["comment"]["body"] = f"/release cut 1.4.0 at {world.github.head()}"
    payload["comment"]["created_at"] = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    await world.github.send("issue_comment", payload)
    await world.settle()
    assert await versions() == []
    (reply,) = world.replies(number)
    assert "please say it again" in reply
    assert reactions(world, number, comment) == ["confused"]


# --- several projects in one repository


async def test_with_several_projects_a_command_must_name_one(world: World) -> None:
    project = {"name": "Web Shop", "repo": "acme/site", "build_workflow": "build.yml"}
    assert (await world.ask("POST", "/api/projects", project)).status == 201
    head = world.github.head()
    reply = await reply_to(world, f"/release cut 1.0 at {head}")
    assert f"This repository holds several projects (`Web Shop` and `{PROJECT}`): add `in PROJECT`" in reply
    await reply_to(world, f"/release cut 1.0 at {head} in web-shop\n/release cut 1.0 at {head} in {PROJECT}")
    candidates = await Candidate.all().order_by("id").select_related("project")
    assert [(candidate.project.name, candidate.tag) for candidate in candidates] == [
        ("Web Shop", "web-shop/rc/1.0-rc1"),
        (PROJECT, "rc/1.0-rc1"),
    ]


async def test_with_several_projects_a_misspelled_version_is_told_together_with_them(world: World) -> None:
    project = {"name": "Web Shop", "repo": "acme/site", "build_workflow": "build.yml"}
    assert (await world.ask("POST", "/api/projects", project)).status == 201
    for command in ("cut 1.4.0-rc.1", "deploy web-shop-v1.4.0-rc.1 to staging"):
        reply = await reply_to(world, f"/release {command}")
        assert "Invalid release candidate version." in reply and "expected: `1.4.0-rc1`" in reply, reply
        assert "several projects ('Web Shop' and 'site'): add 'in PROJECT'" in reply


async def test_the_audit_entry_names_the_author_and_the_channel(world: World) -> None:
    await reply_to(world, f"/release cut 1.4.0 at {world.github.head()}")
    (entry,) = await world.audit("candidate.cut")
    assert (entry.actor, entry.channel, entry.subject) == ("alice", "pull comment", "1.4.0-rc1")
    assert entry.commit == world.github.head()
