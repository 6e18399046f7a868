"""Limits on comments with commands: strangers cannot keep maintainers waiting, or have comments posted at will."""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import orjson
import pytest
import structlog

from bot.github import comments as github_comments
from bot.github import workflow_runs
from bot.operations import comment_limits, jobs
from bot.queue.jobs import enqueue
from bot.rules.commands import LEFT_OUT, MAX_COMMANDS
from bot.rules.comments import CommandComment
from bot.rules.ids import CommentId, GitHubUserId, RepositoryId, RunId
from bot.rules.replies import late, too_many
from bot.store.candidates import Candidate
from bot.store.database import fetch
from bot.store.handled_comments import HandledComment
from bot.store.projects import Repository
from handlers import receive
from tests.handlers.test_comments import add_comment, last_payload, reactions, versions
from tests.world import World

STATUS = "/release status"
FIVE = "\n".join([STATUS] * MAX_COMMANDS)
TOO_MANY = too_many(comment_limits.MAX_COMMANDS, "/release")


async def pass_time(seconds: float) -> None:
    """Move everything that limits count into the past."""
    for row in await HandledComment.all():
        await HandledComment.filter(id=row.id).update(at=row.at - timedelta(seconds=seconds))


async def comment_by_readers(world: World, number: int, count: int, people: int, body: str = STATUS) -> None:
    """Comments by some people with the role read."""
    for person in range(people):
        world.github.person(f"reader-{person}", "read")
    for index in range(count):
        await world.github.comment(number, body, by=f"reader-{index % people}")


# --- commands of one person


async def test_a_comment_has_at_most_five_commands_and_the_rest_gets_one_sentence(world: World) -> None:
    head = world.github.head()
    number, comment = await add_comment(world, "\n".join(f"/release cut {minor}.0 at {head}" for minor in range(1, 9)))
    assert await versions() == ["1.0-rc1", "2.0-rc1", "3.0-rc1", "4.0-rc1", "5.0-rc1"]
    (reply,) = world.replies(number)
    assert (reply.count("Cut `"), reply.count(LEFT_OUT)) == (5, 1)
    assert reactions(world, number, comment) == ["eyes", "-1"]


async def test_thousands_of_commands_cost_no_more_than_five(world: World) -> None:
    number, _ = await add_comment(world, STATUS)  # tokens are minted
    await pass_time(61)
    calls = []
    for body in ("/release x\n" * MAX_COMMANDS, "/release x\n" * 5_900):  # GitHub takes no longer comment
        before = len(world.github.calls)
        await add_comment(world, body, pull=number)
        calls.append([(call.method, call.path.rpartition("/")[2]) for call in world.github.calls[before:]])
    few, many = calls
    assert few == many
    assert [row.commands for row in await HandledComment.all().order_by("id")] == [1, MAX_COMMANDS, MAX_COMMANDS]
    assert world.replies(number)[-1].count(LEFT_OUT) == 1


async def test_ten_commands_a_minute_are_performed_then_one_answer_says_so_then_there_is_silence(world: World) -> None:
    number = await world.github.pull_request()
    for _ in range(5):
        await add_comment(world, FIVE, pull=number)
    first, second, third = world.replies(number)
    assert [reply.count("newest candidate") for reply in (first, second)] == [MAX_COMMANDS] * 2
    assert third.startswith(TOO_MANY)
    world.github.person("bob", "write")
    await add_comment(world, STATUS, by="bob", pull=number)
    assert "newest candidate" in world.replies(number)[-1]
    await pass_time(61)
    await add_comment(world, STATUS, pull=number)
    assert ["newest candidate" in reply for reply in world.replies(number)[3:]] == [True, True]


async def test_commands_beyond_the_limit_have_no_effect(world: World) -> None:
    number = await world.github.pull_request()
    for minor in range(12):
        await add_comment(world, f"/release cut {minor}.0 at {world.github.head()}", pull=number)
    assert len(await versions()) == 10
    assert [row.verdict for row in await HandledComment.all().order_by("id")] == ["perform"] * 10 + ["tell", "ignore"]


async def test_a_comment_that_is_handled_twice_counts_once(world: World) -> None:
    number, _ = await add_comment(world, FIVE)
    for guid in ("b1d6f0e6-0d5c-4d3a-9a53-000000000001", "b1d6f0e6-0d5c-4d3a-9a53-000000000002"):
        await world.github.send("issue_comment", last_payload(world), delivery=guid)
    await world.settle()
    world.github.faults.fail(path="*/permission", status=502, times=3)
    await world.github.comment(number, FIVE)
    await world.settle(skip_delays=True)
    assert len(world.replies(number)) == 2
    assert not any(TOO_MANY in reply for reply in world.replies(number))


# --- people below write


async def test_the_role_of_somebody_who_could_not_write_is_asked_before_anything_is_posted(world: World) -> None:
    world.github.person("bob", "read")
    await add_comment(world, "LGTM", by="bob")
    payload = last_payload(world)
    payload["comment"] |= {"body": STATUS, "created_at": (datetime.now(UTC) - timedelta(hours=2)).isoformat()}
    for body in (STATUS, "/release ctu", "/relase status", FIVE):
        before = len(world.github.calls)
        await add_comment(world, body, by="bob")
        await pass_time(3601)
        assert what_happened(world, before)[:2] == ["asked", "posted"], body
    before = len(world.github.calls)
    await world.github.send("issue_comment", payload, delivery="b1d6f0e6-0d5c-4d3a-9a53-000000000003")
    await world.settle()
    assert what_happened(world, before)[:2] == ["asked", "posted"]
    assert late("/release") in world.replies(1)[0]


async def test_commands_of_somebody_who_could_write_are_shown_as_seen_before_the_role_is_asked(world: World) -> None:
    await add_comment(world, STATUS)
    before = len(world.github.calls)
    number, comment = await add_comment(world, STATUS)
    assert what_happened(world, before) == ["posted", "asked", "posted"]
    assert reactions(world, number, comment) == ["eyes", "rocket"]


async def test_commands_are_shown_as_seen_once_however_often_the_role_is_asked(world: World) -> None:
    await add_comment(world, STATUS)
    world.github.faults.fail(path="*/permission", status=502, times=3)
    before = len(world.github.calls)
    number = await world.github.pull_request()
    await world.github.comment(number, STATUS)
    await world.settle(skip_delays=True)
    assert "newest candidate" in world.replies(number)[0]
    assert len([call for call in world.github.calls[before:] if call.path.endswith("/reactions")]) == 2


async def test_somebody_who_lost_the_role_gets_one_refusal_and_no_second_sign_of_being_seen(world: World) -> None:
    world.github.person("bob", "write")
    await add_comment(world, STATUS, by="bob")
    await pass_time(61)
    world.github.person("bob", "read")
    before = len(world.github.calls)
    number, comment = await add_comment(world, f"/release cut 1.0 at {world.github.head()}", by="bob")
    (reply,) = world.replies(number)
    assert "You do not have permission" in reply
    assert reactions(world, number, comment) == ["eyes", "-1"]
    assert len([call for call in world.github.calls[before:] if call.path.endswith("/reactions")]) == 2
    _, second = await add_comment(world, STATUS, by="bob", pull=number)
    assert (len(world.replies(number)), reactions(world, number, second)) == (1, [])


async def test_somebody_who_lost_the_role_while_readers_get_no_more_answers_gets_none(world: World) -> None:
    world.github.person("bob", "write")
    number, _ = await add_comment(world, STATUS, by="bob")
    await comment_by_readers(world, number, comment_limits.MAX_READERS, comment_limits.MAX_READERS)
    await world.settle()
    world.github.person("bob", "read")
    replies = len(world.replies(number))
    await add_comment(world, STATUS, by="bob", pull=number)
    assert len(world.replies(number)) == replies


@pytest.mark.parametrize("body", ["LGTM", f"```\n{STATUS}\n```"])
async def test_a_comment_without_commands_is_not_shown_as_seen(world: World, body: str) -> None:
    await add_comment(world, STATUS)
    number, comment = await add_comment(world, body)
    assert reactions(world, number, comment) == []


async def test_commands_beyond_the_limit_are_not_shown_as_seen(world: World) -> None:
    number = await world.github.pull_request()
    seen = [reactions(world, number, (await add_comment(world, FIVE, pull=number))[1]) for _ in range(4)]
    assert seen == [["eyes", "rocket"], ["eyes", "rocket"], ["confused"], []]


def what_happened(world: World, before: int) -> list[str]:
    """Whether roles were asked for and comments or reactions posted in the latest calls, without repetitions."""
    kinds = {"permission": "asked", "comments": "posted", "reactions": "posted"}
    calls = [call for call in world.github.calls[before:] if call.method == "POST" or "permission" in call.path]
    found = [kinds[end] for call in calls if (end := call.path.rpartition("/")[2]) in kinds]
    return [kind for place, kind in enumerate(found) if found[place - 1 : place] != [kind]]


async def test_a_person_below_write_gets_one_reply_an_hour(world: World) -> None:
    number = await world.github.pull_request()
    world.github.person("bob", "read")
    _, first = await add_comment(world, f"/release cut 1.0 at {world.github.head()}", by="bob", pull=number)
    assert "You do not have permission" in world.replies(number)[0]
    ignored = [(await add_comment(world, body, by="bob", pull=number))[1] for body in (STATUS, "/release ctu", FIVE)]
    assert len(world.replies(number)) == 1
    assert [reactions(world, number, comment) for comment in (first, *ignored)] == [["eyes", "-1"], [], [], []]
    await pass_time(3601)
    await add_comment(world, STATUS, by="bob", pull=number)
    assert len(world.replies(number)) == 2
    assert not await Candidate.exists()


async def test_twenty_people_below_write_get_a_reply_an_hour_in_a_repository(world: World) -> None:
    number = await world.github.pull_request()
    await comment_by_readers(world, number, 25, 25)
    await world.settle()
    assert len(world.replies(number)) == comment_limits.MAX_READERS
    await add_comment(world, STATUS, pull=number)
    assert len(world.replies(number)) == comment_limits.MAX_READERS + 1


async def test_somebody_who_was_refused_and_got_the_role_is_obeyed(world: World) -> None:
    number = await world.github.pull_request()
    world.github.person("bob", "read")
    command = f"/release cut 1.0 at {world.github.head()}"
    await add_comment(world, command, by="bob", pull=number)
    world.github.person("bob", "write")
    await add_comment(world, command, by="bob", pull=number)
    assert await versions() == ["1.0-rc1"]
    assert "Cut `1.0-rc1`" in world.replies(number)[-1]
    assert [row.may_write for row in await HandledComment.all().order_by("id")] == [False, True]


async def test_rows_that_limits_no_longer_count_are_pruned(world: World) -> None:
    await add_comment(world, STATUS)
    await enqueue(jobs.Prune())
    await world.settle()
    assert await HandledComment.all().count() == 1
    await pass_time(9 * 86_400)
    await enqueue(jobs.Prune())
    await world.settle()
    assert await HandledComment.all().count() == 0


# --- the order of work


def _comment(author: int = 7) -> CommandComment:
    return CommandComment(
        repository_id=RepositoryId(1),
        thread="pull",
        thread_id="1",
        comment_id=CommentId(1),
        author_id=GitHubUserId(author),
        author="bob",
        body=STATUS,
        created_at=datetime.now(UTC).isoformat(),
    )


def test_runs_come_first_and_readers_last() -> None:
    def commands(standing: jobs.Standing) -> int:
        return jobs.RunCommands(_comment(), standing=standing).priority

    replies = [jobs.PostReply(_comment(), "", "rocket", standing=each).priority for each in ("writer", "reader")]
    comments, facts = receive.PRIORITIES["issue_comment"], receive.PRIORITIES["workflow_run"]
    assert jobs.DispatchRun.priority == jobs.CancelRun.priority == jobs.CancelStrayRun.priority > commands("writer")
    assert commands("writer") == replies[0] > commands("member") == jobs.MEMBERS > comments > commands("unknown")
    assert commands("unknown") > commands("waiting") > facts
    assert facts > jobs.Reconcile().priority > commands("reader") == replies[1]


ASSOCIATIONS = {"OWNER": 25, "MEMBER": 25, "COLLABORATOR": 25, "CONTRIBUTOR": 20, "NONE": 20, "": 20}


@pytest.mark.parametrize("association", ASSOCIATIONS)
def test_comments_of_people_who_may_have_a_role_pass_those_of_strangers(association: str) -> None:
    written = 'I am "author_association":"OWNER","author_association":"MEMBER"'
    comment = {"id": 1, "author_association": association, "body": written, "user": {"login": "x"}}
    issue = {"author_association": "OWNER", "title": written}
    body = orjson.dumps({"action": "created", "issue": issue, "comment": comment, "sender": {"login": "x"}})
    assert receive.priority_of("issue_comment", body) == ASSOCIATIONS[association]
    assert receive.priority_of("commit_comment", body) == ASSOCIATIONS[association]
    assert receive.priority_of("push", body) == 5


@pytest.mark.parametrize("body", [b"", b'"author_association":"', b'{"author_association":"MEMBER', b"%22MEMBER%22"])
def test_a_comment_that_names_no_association_has_the_usual_priority(body: bytes) -> None:
    assert receive.priority_of("issue_comment", body) == 20


async def test_a_member_who_commands_for_the_first_time_passes_strangers(world: World) -> None:
    world.github.faults.fail(path="*/permission", status=502, times=None)
    number = await world.github.pull_request()
    for person in ("stranger", "alice", "stranger"):
        await world.github.comment(number, STATUS, by=person)
        await world.github.settle()
        await world.service.worker.settle()
    rows = await fetch("SELECT priority FROM jobs WHERE kind = 'command' ORDER BY id")
    world.github.faults.clear()
    assert sorted(row["priority"] for row in rows) == [10, 15, 25]
    await world.settle(skip_delays=True)


def test_one_persons_jobs_share_a_lock_and_so_do_those_of_all_readers() -> None:
    locks = {jobs.RunCommands(_comment(author), standing="unknown").lock for author in (1, 1, 2)}
    locks |= {jobs.PostReply(_comment(1), "", "rocket", standing="writer").lock}
    assert len(locks) == 2
    readers = {jobs.RunCommands(_comment(author), standing="reader").lock for author in (1, 2)}
    assert len(readers) == 1 and not readers & locks


async def test_writes_for_runs_pass_the_reactions_that_wait(world: World) -> None:
    context, repository = await world.context(), await Repository.get()
    client = context.client_for(repository)
    number = await world.github.pull_request()
    comment = await world.github.comment(number, "hello")
    await world.github.settle()
    await github_comments.react(client, "pull", CommentId(comment), "eyes")
    await workflow_runs.cancel(client, RunId(1))
    world.github.faults.slow(0.05)
    before = len(world.github.calls)
    kinds = ("rocket", "heart", "laugh", "hooray", "confused", "+1", "-1", "eyes")
    reacting = [asyncio.create_task(github_comments.react(client, "pull", CommentId(comment), kind)) for kind in kinds]
    await asyncio.sleep(0.01)
    await workflow_runs.cancel(client, RunId(1))
    done = [call.path for call in world.github.calls[before:]]
    await asyncio.gather(*reacting)
    first = next(index for index, path in enumerate(done) if path.endswith("/actions/runs/1/cancel"))
    assert first <= 2  # one reaction was being sent, another one may have been waiting


LATENCY = 0.25  # seconds of each request to GitHub
CROWDS = {"one person": (40, 1, STATUS), "forty people": (40, 40, "> - > - a\n" * 1_000 + f"\n{STATUS}")}


@pytest.mark.parametrize("crowd", CROWDS)
async def test_maintainers_do_not_wait_for_a_crowd(world: World, crowd: str) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    await world.cut("1.0-rc1")
    number = await world.github.pull_request()
    await world.settle()
    world.github.faults.slow(LATENCY)
    await react_and_dispatch(world, number)  # tokens are minted
    await HandledComment.all().delete()
    idle = await react_and_dispatch(world, number)
    await HandledComment.all().delete()  # nothing is known about anybody
    await comment_by_readers(world, number, *CROWDS[crowd])
    busy = await react_and_dispatch(world, number)
    world.github.faults.clear()
    assert all(behind < 7 * alone for behind, alone in zip(busy, idle, strict=True)), (idle, busy)


async def react_and_dispatch(world: World, number: int) -> tuple[float, float]:
    """The seconds until a maintainer's command has its first reaction, and a deployment of that moment its run."""
    comment, dispatched = await world.github.comment(number, STATUS), len(world.github.dispatches)
    started = time.monotonic()
    assert (await world.deploy("1.0-rc1")).status == 201
    seconds = await asyncio.gather(
        _seconds_until(lambda: "eyes" in reactions(world, number, comment), started),
        _seconds_until(lambda: len(world.github.dispatches) > dispatched, started),
    )
    await world.github.finish(run=len(world.github.runs))
    while (await world.statuses())[0] != ("1.0-rc1", "success"):
        await asyncio.sleep(0.01)
    return seconds[0], seconds[1]


async def _seconds_until(condition: Callable[[], bool], started: float) -> float:
    while not condition():
        await asyncio.sleep(0.005)
    return time.monotonic() - started
