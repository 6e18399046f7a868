"""Webhook payloads with something missing: they are looked at only as far as they concern us."""

import copy
import logging
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import pytest
import structlog

from bot.queue.dead_letters import dead_letters
from handlers.webhooks import EVENTS
from sandbox.workflows import DEPLOY
from tests.world import PROJECT, World

Path = tuple[str, ...]

MISSING = object()
READ = {
    *("comment.id", "comment.body", "comment.created_at", "comment.commit_id", "comment.user", "comment.user.id"),
    *("comment.user.login", "comment.user.type", "issue.number", "issue.pull_request", "repository.id", "sender.id"),
    *("sender.login", "head_commit.id", "installation.id", "workflow_run.actor.login", "requested_action.identifier"),
    *("pull_request.number", "pull_request.head", "pull_request.head.repo"),
    *("pull_request.head.repo.id", "pull_request.base", "pull_request.base.ref", "repository.default_branch"),
    *(
        "check_run.id",
        "check_run.external_id",
        "check_run.app",
        "check_run.app.id",
        "check_run.name",
        "check_run.status",
    ),
    "check_run.head_sha",
}
"""What is read of the objects in payloads; of a run, every field is tried."""
COMMENT = {"comment.id", "comment.created_at", "comment.user.login"}
RUN = ("status", "head_sha", "created_at", "conclusion", "head_branch", "path", "display_title", "html_url", "event")
UNREADABLE: Mapping[str, set[str]] = {
    "check_run": {"check_run.id", "requested_action", "requested_action.identifier", "sender.login"},
    "deployment_protection_rule": {"environment", "sha", "deployment_callback_url"},
    "issue_comment": {*COMMENT, "issue.number"},
    "commit_comment": {*COMMENT, "comment.commit_id"},
    "pull_request": {
        *("pull_request", "pull_request.number", "pull_request.base", "pull_request.base.ref"),
    },
    "workflow_run": {f"workflow_run.{name}" for name in (*RUN, "run_attempt", "actor", "actor.login", "updated_at")},
}
"""The fields of payloads that concern us without which some cannot be read."""


def paths(payload: Mapping[str, Any], above: Path = ()) -> Iterator[Path]:
    """The paths of a payload's fields, and of what is read of its objects."""
    for name, value in payload.items():
        path = (*above, name)
        if not above or above == ("workflow_run",) or ".".join(path) in READ:
            yield path
        if isinstance(value, dict):
            yield from paths(value, path)


def changed(payload: Mapping[str, Any], path: Path, value: object) -> dict[str, Any]:
    """A copy of a payload with one field set to a value, or taken away."""
    result = copy.deepcopy(dict(payload))
    holder = result
    for name in path[:-1]:
        holder = holder[name]
    if value is MISSING:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return result


def wrong(value: object) -> list[object]:
    """Values of other types than a field has."""
    return [other for other in ("wrong", 5, [7]) if type(other) is not type(value)]


async def sample_payloads(world: World) -> dict[str, dict[str, Any]]:
    """A payload of each event that concerns us, none of which has taken effect."""
    await world.ask("PATCH", f"/api/projects/{PROJECT}", {"show": {"comments": False, "deployments": False}})
    world.github.environment("staging", rule=True)
    deploy = DEPLOY.replace("    runs-on: ubuntu-latest\n", "    runs-on: ubuntu-latest\n    environment: staging\n")
    await world.github.commit("Use an environment", files={".github/workflows/deploy.yml": deploy})
    await world.cut("1.0-rc1", build=True)
    await world.show_all()
    world.github.faults.webhooks(drop=1.0)
    await world.github.dispatch("deploy.yml")
    await world.github.report_status("ci")
    (check,) = world.github.check_runs()
    await world.github.click_button(check.id, check.actions[0]["identifier"])
    number = await world.github.pull_request()
    await world.github.comment(number, "/release help")
    await world.github.commit_comment(world.github.head(), "/release help")
    await world.github.tag("v3.0-rc1")
    await world.github.report_status("ci")
    await world.github.finish(run=1)
    await world.github.rename("renamed")
    await world.github.remove_repository("acme/renamed")
    await world.github.add_repository("acme/renamed")
    await world.github.suspend()
    await world.github.unsuspend()
    await world.github.revoke_authorization("alice")
    await world.settle()
    world.github.faults.clear()
    return {sent.event: sent.payload for sent in world.github.deliveries if sent.event in EVENTS}


@pytest.fixture
def quiet() -> None:
    """No log lines: there would be thousands."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


@pytest.mark.parametrize("event", sorted(set(EVENTS) - {"ping"}))
@pytest.mark.usefixtures("quiet")
async def test_a_payload_without_one_of_its_fields_is_dead_only_if_it_concerns_us_and_cannot_be_read(
    world: World, event: str
) -> None:
    world.expect_unfinished("webhook")
    payload = (await sample_payloads(world))[event]
    sent: dict[str, str] = {}
    for path in paths(payload):
        value: Any = payload
        for name in path:
            value = value[name]
        for other in (MISSING, None, *wrong(value)):
            guid = str(uuid4())
            sent[guid] = ".".join(path)
            assert await world.github.send(event, changed(payload, path, other), delivery=guid) == 202
    await world.settle()
    letters = [letter for letter in await dead_letters() if letter.kind == "webhook"]
    assert all(letter.attempts == 1 for letter in letters)
    assert {sent[str(letter.key).removeprefix("webhook:")] for letter in letters} == UNREADABLE.get(event, set())
    assert not [job for job in await world.unfinished_jobs() if job == "webhook"]


@pytest.mark.parametrize("field", ["sender", "installation", "organization", "repository", "head_commit", "action"])
@pytest.mark.parametrize("value", [MISSING, None], ids=["missing", "null"])
@pytest.mark.usefixtures("quiet")
async def test_no_event_needs_what_may_have_been_deleted(world: World, field: str, value: object) -> None:
    for event, payload in (await sample_payloads(world)).items():
        if field in payload:
            guid = str(uuid4())
            assert await world.github.send(event, changed(payload, (field,), value), delivery=guid) == 202
    await world.settle()
    assert await dead_letters() == []


async def test_a_comment_by_a_deleted_account_is_ignored(world: World) -> None:
    payload = (await sample_payloads(world))["issue_comment"]
    for value in (None, MISSING):
        await world.github.send("issue_comment", changed(payload, ("comment", "user"), value), delivery=str(uuid4()))
    await world.settle()
    assert await dead_letters() == []
    assert world.replies(1) == []


@pytest.mark.parametrize("body", ["", "LGTM", None, 5, "> /release help"])
async def test_a_comment_without_a_command_is_not_read_any_further(world: World, body: object) -> None:
    payload = {"action": "created", "repository": {"id": 1}, "issue": {"pull_request": {}}, "comment": {"body": body}}
    await world.github.send("issue_comment", payload, delivery=str(uuid4()))
    await world.settle()
    assert await dead_letters() == []


async def test_a_run_that_is_not_ours_never_fails(world: World) -> None:
    payload = (await sample_payloads(world))["workflow_run"]
    for number, value in enumerate((7, 2**64 - 1, -1, True, 1.5)):
        other = changed(changed(payload, ("workflow_run", "id"), value), ("workflow_run", "head_sha"), number)
        await world.github.send("workflow_run", other, delivery=str(uuid4()))
    await world.settle()
    assert await dead_letters() == []


async def test_a_candidates_tag_is_checked_whoever_changed_it(world: World) -> None:
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    world.github.faults.webhooks(drop=1.0)
    await world.github.delete_tag("rc/1.0-rc1")
    await world.settle()
    world.github.faults.clear()
    payload = next(sent.payload for sent in reversed(world.github.deliveries) if sent.event == "push")
    for value in (MISSING, None, {}):
        await world.github.send("push", changed(payload, ("sender",), value), delivery=str(uuid4()))
    await world.settle()
    assert set(await world.alarms()) == {"tag.deleted"}


async def test_a_tag_that_nobody_pushed_cuts_nothing(world: World) -> None:
    payload = (await sample_payloads(world))["push"]
    before = len(await world.audit("candidate.cut"))
    await world.github.send("push", changed(payload, ("sender",), None), delivery=str(uuid4()))
    await world.settle()
    assert len(await world.audit("candidate.cut")) == before
