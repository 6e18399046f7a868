"""Attempts to deploy to production without the approval that it needs, through every channel: none of them does.

A deployment of `1.0-rc1` waits for the approval of one person with the role maintain. Each attempt leaves it waiting,
and the approval of `ada` then starts it, which shows that it was the attempt that failed, and nothing else.
"""

from collections.abc import Awaitable, Callable

import pytest

from bot.operations import gate_jobs, personal_tokens, users
from bot.operations.users import NewToken
from bot.queue.jobs import enqueue
from bot.store.database import execute
from bot.store.deployments import Deployment
from bot.store.gates import Approval
from tests.world import PROJECT, Response, World

APPROVE = "/release approve 1.0-rc1 for production"
DEPLOY = "/release deploy 1.0-rc1 to production"
PRODUCTION = f"/api/projects/{PROJECT}/environments/production"
RULE = {"approvals": {"count": 1, "from": ["role:maintain"]}}
NOREPLY = "users.noreply.github.com"

Attempt = Callable[[World, int], Awaitable[object]]
"""Tries to open the gate, by whatever means; the number is that of the pull request."""


@pytest.fixture
async def guarded(world: World) -> World:
    """A world in which `mia` has cut 1.0-rc1, with a commit of `carl`, and her deployment of it waits."""
    for person, role in (("mia", "maintain"), ("ada", "maintain"), ("carl", "maintain"), ("wim", "write")):
        world.github.person(person, role)
    await world.cut("0.9-rc1")
    await world.report("0.9-rc1", "success", "production")
    assert (await world.ask("PATCH", f"/api/projects/{PROJECT}", {"build_workflow": None})).status == 200
    assert (await world.ask("PATCH", PRODUCTION, RULE)).status == 200
    number = await world.github.pull_request(by="carl")
    await world.github.merge(number, by="carl")
    for command in ("/release cut 1.0", DEPLOY):
        await world.github.comment(number, command, by="mia")
        await world.settle()
    assert await waits(world)
    return world


async def waits(world: World) -> bool:
    """Whether the deployment still waits, and nothing was started."""
    return await Deployment.exists(environment__name="production", waiting=True) and not world.github.dispatches


async def evaluate(world: World) -> None:
    """Evaluate the waiting deployment as if a minute had passed."""
    await execute("UPDATE deployments SET evaluate_at = created_at WHERE waiting")
    await enqueue(gate_jobs.SweepWaiting())
    await world.settle()


async def personal_token(world: World, login: str, *grants: str) -> str:
    new = NewToken(f"{login}-laptop", list(grants or ("project:read",)))
    return (await personal_tokens.create_for(await world.context(), login, new))[1]


async def approve_by_rest(world: World, token: str) -> Response:
    return await world.ask("POST", f"{PRODUCTION}/approvals", {"candidate": "1.0-rc1"}, token=token)


def says(text: str, by: str) -> Attempt:
    """Comment on the pull request."""

    async def attempt(world: World, pull: int) -> None:
        await world.github.comment(pull, text, by=by)

    return attempt


def says_at_commit(text: str, by: str) -> Attempt:
    """Comment on the candidate's commit."""

    async def attempt(world: World, pull: int) -> None:
        await world.github.commit_comment(world.github.head(), text, by=by)

    return attempt


def edits(by: str, original: str = "Looks good") -> Attempt:
    """Edit a command into a comment of `ada`."""

    async def attempt(world: World, pull: int) -> None:
        comment = await world.github.comment(pull, original, by="ada")
        await world.settle()
        await world.github.edit_comment(comment, f"{original}\n\n{APPROVE}", by=by)

    return attempt


async def from_a_fork(world: World, pull: int) -> None:
    fork = await world.github.pull_request("Approve it", by="mallory", fork=True)
    await world.github.comment(fork, APPROVE, by="mallory")


async def with_a_machines_token(world: World, pull: int) -> None:
    answer = await approve_by_rest(world, world.token)
    assert answer.status == 403, answer.json


async def with_the_requesters_token(world: World, pull: int) -> None:
    answer = await approve_by_rest(world, await personal_token(world, "mia"))
    assert answer.status == 403, answer.json


async def with_a_writers_token(world: World, pull: int) -> None:
    answer = await approve_by_rest(world, await personal_token(world, "wim"))
    assert answer.status == 403, answer.json


async def by_a_tags_message(world: World, pull: int) -> None:
    message, tagger = f"Yes\n\n{APPROVE}", f"wim <wim@{NOREPLY}>"
    await world.github.tag("yes-1", annotated=True, by="wim", message=message, tagger=tagger)


async def by_the_message_of_somebody_elses_tag(world: World, pull: int) -> None:
    message, tagger = f"Yes\n\n{APPROVE}", f"ada <ada@{NOREPLY}>"
    await world.github.tag("yes-1", annotated=True, by="wim", message=message, tagger=tagger)


async def by_a_report(world: World, pull: int) -> None:
    answer = await world.report("1.0-rc1", "in_progress", "production")
    assert answer.status == 200, answer.json
    assert (await world.report("1.0-rc1", "failure", "production")).status == 200


async def by_a_file_in_a_pull_request(world: World, pull: int) -> None:
    environment = "production: {tier: production, workflow: deploy.yml}"
    text = f"version: 1\nprojects:\n  site:\n    environments:\n      {environment}\n"
    proposal = await world.github.pull_request("Weaken it", by="wim")
    await world.github.push_to_pull_request(proposal, files={".github/longshore.yml": text})
    await world.github.comment(proposal, APPROVE, by="wim")


async def for_another_environment(world: World, pull: int) -> None:
    assert (await world.ask("PATCH", PRODUCTION.replace("production", "staging"), RULE)).status == 200
    await world.github.comment(pull, "/release approve 1.0-rc1 for staging", by="ada")
    await world.settle()
    assert await Approval.all().count() == 1


async def for_another_candidate_of_the_same_commit(world: World, pull: int) -> None:
    await world.cut("1.0-rc2")
    await world.github.comment(pull, "/release approve 1.0-rc2 for production", by="ada")
    await world.settle()
    assert await Approval.all().count() == 1


TEXTS: dict[str, str] = {
    "quoted": f"> {APPROVE}\n\nShould I?",
    "in a code block": f"```\n{APPROVE}\n```",
    "in indented code": f"So:\n\n    {APPROVE}",
    "hidden in an HTML comment": f"Fine <!--\n{APPROVE}\n-->",
    "in an HTML block": f"<details>\n{APPROVE}\n</details>",
    "in a list": f"- {APPROVE}",
    "in a link": f"[{APPROVE}](https://example.com)",
    "with a Cyrillic letter": APPROVE.replace("e", "\u0435"),
    "with a fullwidth slash": APPROVE.replace("/", "\uff0f"),
    "with a zero-width space": APPROVE.replace("release", "rel\u200bease"),
    "with a reversing mark": f"\u202e{APPROVE}",
    "a version of look-alike digits": APPROVE.replace("1.0", "\u0661.0"),
}
"""Texts that are no command, although people may take them for one, or may not see it."""
ATTEMPTS: dict[str, Attempt] = {
    "edited in by the author": edits("ada"),
    "edited in by somebody else": edits("wim"),
    "edited into a command": edits("ada", original="/release status"),
    "a bot": says(APPROVE, "helper[bot]"),
    "somebody without a role": says(APPROVE, "mallory"),
    "somebody below the role": says(APPROVE, "wim"),
    "somebody below the role, at the commit": says_at_commit(APPROVE, "wim"),
    "who cut it and asked for it": says(APPROVE, "mia"),
    "the author of a commit": says(APPROVE, "carl"),
    "a pull request of a fork": from_a_fork,
    "the token of a machine": with_a_machines_token,
    "the token of who asked": with_the_requesters_token,
    "the token of somebody below the role": with_a_writers_token,
    "the message of a tag": by_a_tags_message,
    "the message of a tag in another name": by_the_message_of_somebody_elses_tag,
    "a report": by_a_report,
    "a file in a pull request": by_a_file_in_a_pull_request,
    "another environment": for_another_environment,
    "another candidate of the same commit": for_another_candidate_of_the_same_commit,
    "somebody else deploys it again": says(DEPLOY, "carl"),
    "force": says(f"{DEPLOY} force because we must", "alice"),
}


@pytest.mark.parametrize("name", ATTEMPTS)
async def test_an_attempt_leaves_the_deployment_waiting(guarded: World, name: str) -> None:
    world = guarded
    await ATTEMPTS[name](world, 1)
    await world.settle()
    await evaluate(world)
    assert await waits(world)
    await world.github.comment(1, APPROVE, by="ada")
    await world.settle()
    assert len(world.github.dispatches) == 1
    assert not await Deployment.exists(waiting=True)


async def test_a_text_that_is_no_command_leaves_the_deployment_waiting(guarded: World) -> None:
    for name, text in TEXTS.items():
        await guarded.github.comment(1, text, by="ada")
        await guarded.settle()
        assert await waits(guarded), name
    await execute("DELETE FROM handled_comments")  # as if it were a minute later
    await guarded.github.comment(1, APPROVE, by="ada")
    await guarded.settle()
    assert len(guarded.github.dispatches) == 1


async def test_ten_thousand_approvals_in_a_comment_cost_no_more_than_five_and_open_nothing(guarded: World) -> None:
    guarded.github.forget_calls()
    await guarded.github.comment(1, f"{APPROVE}\n" * 1500, by="wim")
    await guarded.settle()
    assert await waits(guarded)
    assert len(guarded.github.calls) < 25
    assert len(guarded.replies(1)) == 3


# --- between the request and the dispatch

TWO = {"approvals": {"count": 2, "from": ["role:maintain", "team:acme/release"]}}


@pytest.fixture
async def half_approved(guarded: World) -> World:
    """A world in which two have to approve, and `ada` has."""
    guarded.github.person("ben", "maintain")
    guarded.github.team("Release")
    assert (await guarded.ask("PATCH", PRODUCTION, TWO)).status == 200
    await guarded.github.comment(1, APPROVE, by="ada")
    await guarded.settle()
    assert await Approval.all().count() == 1
    return guarded


def demote(world: World, login: str) -> None:
    world.github.person(login, "read")


def delete(world: World, login: str) -> None:
    world.github.delete_person(login)


def recycle(world: World, login: str) -> None:
    world.github.delete_person(login)
    world.github.person(login, "admin")


def rename(world: World, login: str) -> None:
    world.github.rename_person(login, f"{login}-2")


def rename_and_recycle(world: World, login: str) -> None:
    rename(world, login)
    world.github.person(login, "admin")


LOSSES: list[Callable[[World, str], None]] = [demote, delete, recycle]
RENAMES: list[Callable[[World, str], None]] = [rename, rename_and_recycle]


@pytest.mark.parametrize("loss", LOSSES)
async def test_an_approver_who_has_lost_the_role_counts_no_more(
    half_approved: World, loss: Callable[[World, str], None]
) -> None:
    loss(half_approved, "ada")
    await half_approved.github.comment(1, APPROVE, by="ben")
    await half_approved.settle()
    assert await Approval.all().count() == 2
    assert await waits(half_approved)


@pytest.mark.parametrize("change", RENAMES)
async def test_an_approver_who_was_renamed_still_counts(
    half_approved: World, change: Callable[[World, str], None]
) -> None:
    change(half_approved, "ada")
    await half_approved.github.comment(1, APPROVE, by="ben")
    await half_approved.settle()
    assert len(half_approved.github.dispatches) == 1


async def test_who_took_over_the_login_of_an_approver_is_somebody_else(half_approved: World) -> None:
    recycle(half_approved, "ada")
    await half_approved.github.comment(1, APPROVE, by="ada")
    await half_approved.settle()
    await evaluate(half_approved)
    assert await Approval.all().count() == 2
    assert await waits(half_approved)


async def test_approving_twice_counts_once(half_approved: World) -> None:
    await half_approved.github.commit_comment(half_approved.github.head(), APPROVE, by="ada")
    await half_approved.settle()
    await approve_by_rest(half_approved, await personal_token(half_approved, "ada"))
    await half_approved.settle()
    await evaluate(half_approved)
    assert await waits(half_approved)


async def test_an_approver_who_was_removed_from_the_team_counts_no_more(half_approved: World) -> None:
    world = half_approved
    world.github.person("tom", "write")
    world.github.add_team_member("release", "tom")
    assert (await world.ask("PATCH", PRODUCTION, {"approvals": {**TWO["approvals"], "count": 3}})).status == 200
    await world.github.comment(1, APPROVE, by="tom")
    await world.settle()
    assert await Approval.all().count() == 2
    world.github.remove_team_member("release", "tom")
    await world.github.comment(1, APPROVE, by="ben")
    await world.settle()
    assert await waits(world)
    world.github.add_team_member("release", "tom")
    await evaluate(world)
    assert len(world.github.dispatches) == 1


@pytest.mark.parametrize("loss", LOSSES)
async def test_a_requester_who_has_lost_the_role_deploys_nothing_and_is_told(
    guarded: World, loss: Callable[[World, str], None]
) -> None:
    loss(guarded, "mia")
    await guarded.github.comment(1, APPROVE, by="ada")
    await guarded.settle()
    row = await Deployment.get(environment__name="production", kind="deploy", reported=False)
    assert (row.waiting, row.wait_outcome) == (False, "refused")
    assert row.error_message is not None and "mia" in row.error_message
    assert not guarded.github.dispatches


@pytest.mark.parametrize("change", RENAMES)
async def test_a_requester_who_was_renamed_still_deploys(guarded: World, change: Callable[[World, str], None]) -> None:
    change(guarded, "mia")
    await guarded.github.comment(1, APPROVE, by="ada")
    await guarded.settle()
    assert len(guarded.github.dispatches) == 1


@pytest.mark.parametrize("end", ["revoked", "expired"])
async def test_a_deployment_whose_token_has_ended_is_refused(guarded: World, end: str) -> None:
    world = guarded
    await world.github.comment(1, "/release cancel production", by="mia")
    await world.settle()
    token = await personal_token(world, "carl", "project:read", "deployment:start", "deployment:production")
    body = {"release_candidate_version": "1.0-rc1", "wait": True}
    path = f"/api/releases/{PROJECT}/environments/production/deployments"
    assert (await world.ask("POST", path, body, token=token)).status == 201
    if end == "revoked":
        await users.revoke_token(await world.context(), "carl-laptop")
    else:
        await execute("UPDATE api_tokens SET expires_at = created_at WHERE name = 'carl-laptop'")
    await world.github.comment(1, APPROVE, by="ada")
    await world.settle()
    row = await Deployment.all().order_by("-id").first()
    assert row is not None
    assert (row.wait_outcome, row.error_message) == ("refused", "The token of carl is no longer valid.")
    assert not world.github.dispatches


async def test_a_candidate_whose_tag_has_moved_is_neither_approved_nor_deployed(guarded: World) -> None:
    world = guarded
    await world.complete_deployment("1.0-rc1")  # that makes the tag
    dispatched = len(world.github.dispatches)
    await world.github.tag("rc/1.0-rc1", at="main~1", move=True, by="wim")
    await world.settle()
    await world.github.comment(1, APPROVE, by="ada")
    await world.settle()
    assert "banned" in world.replies(1)[-1]
    assert not await Approval.exists()
    row = await Deployment.get(environment__name="production", kind="deploy", reported=False)
    assert (row.waiting, row.wait_outcome) == (False, "refused")
    assert len(world.github.dispatches) == dispatched


async def test_a_sync_call_about_a_waiting_deployment_is_refused(guarded: World) -> None:
    row = await Deployment.get(waiting=True)
    body = {"deployment_id": str(row.id), "workflow_run_id": 4711}
    answer = await guarded.ask("POST", "/api/v1/sync-deploy-github-action", body)
    assert answer.status == 409, answer.json
    assert await waits(guarded)


async def test_who_cannot_be_told_from_others_is_told_so_at_once(guarded: World) -> None:
    unknown_team = {"approvals": {"count": 1, "from": ["team:acme/nobody"]}}
    assert (await guarded.ask("PATCH", PRODUCTION, unknown_team)).status == 200
    await guarded.github.comment(1, APPROVE, by="ada")
    await guarded.settle()
    assert await waits(guarded)
    last = guarded.replies(1)[-1]
    assert "GitHub is unavailable" in last
    assert "GitHub has no team" in last
