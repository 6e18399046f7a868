"""Deliveries that are too large for the event loop are read by a process of their own, and handled like others."""

import ast
import json
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

import handlers
from handlers import payloads
from handlers.payloads import KEPT, MAX_KEPT_BYTES, keep, read_payload
from handlers.webhooks import ENVELOPE, MAX_INLINE_BYTES
from tests.handlers.conftest import WebhookClient, headers_for
from tests.world import World

FORM = "application/x-www-form-urlencoded"
PADDING = [{"message": "x" * 100, "added": ["y"] * 10}] * 2_000  # as the commits of a large push


def padded(payload: dict[str, Any]) -> dict[str, Any]:
    """A payload with as much besides as makes it large."""
    large = {**payload, "commits": PADDING}
    assert len(orjson.dumps(large)) > MAX_INLINE_BYTES
    return large


def payload_of(world: World, event: str) -> dict[str, Any]:
    return next(sent.payload for sent in reversed(world.github.deliveries) if sent.event == event)


async def test_a_command_and_a_pushed_tag_and_the_end_of_a_run_in_large_deliveries_are_handled(world: World) -> None:
    number = await world.github.pull_request()
    world.github.faults.webhooks(drop=1.0)
    await world.github.comment(number, f"/release cut 1.4 at {world.github.head()}")
    await world.github.tag("v2.0-rc1")
    await world.settle()
    world.github.faults.clear()
    for event in ("issue_comment", "push"):
        assert await world.github.send(event, padded(payload_of(world, event))) == 202
    await world.settle()
    assert {await world.status("1.4-rc1"), await world.status("2.0-rc1")} <= {"building", "ready", "pending"}
    world.github.faults.webhooks(drop=1.0)
    await world.github.finish(run=1)
    await world.settle()
    world.github.faults.clear()
    assert await world.github.send("workflow_run", padded(payload_of(world, "workflow_run"))) == 202
    await world.settle()
    assert "ready" in {await world.status("1.4-rc1"), await world.status("2.0-rc1")}


async def test_an_installation_on_thousands_of_repositories_is_handled(world: World) -> None:
    payload = {"action": "added", "installation": {"id": world.github.installation.id}, "repositories_removed": []}
    entries = [{"id": 10**9 + number, "name": "x" * 100, "private": True} for number in range(5_000)]
    assert await world.github.send("installation_repositories", {**payload, "repositories_added": entries}) == 202
    await world.settle()
    assert [row["state"] for row in await world.jobs("webhook")][-1] == "done"


@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [
        pytest.param(b"[" * 900_000, "application/json", "not JSON", id="deep"),
        pytest.param(b"[" + b"1," * 10**6 + b"1]", "application/json", "not a JSON object", id="list"),
        pytest.param(b'{"zen": "' + b"z" * 10**6, "application/json", "not JSON", id="truncated"),
        pytest.param(b"a=1&" * 10**5, FORM, "not JSON", id="form"),
        pytest.param(b"payload=%22" + b"%2C" * 2_000_000 + b"%22", FORM, "not a JSON object", id="escapes"),
        pytest.param(b"x" * 10**6, FORM, "not JSON", id="form without payload"),
        pytest.param(
            b'{"repository": {%s}}' % b",".join(b'"%d": 1' % number for number in range(2 * 10**5)),
            *("application/json", "The needed part of the body has more than"),
            id="large all over",
        ),
        pytest.param(
            b'{"a": [' + b"[]," * (8 * 10**6) + b"[]]}",
            "application/json",
            "more than 1,000,000 lists and objects",
            id="bomb",
        ),
    ],
)
async def test_a_large_body_that_cannot_be_read_becomes_a_dead_letter_with_the_reason(
    webhooks: WebhookClient, body: bytes, content_type: str, reason: str
) -> None:
    assert (await webhooks.post(BytesIO(body), headers_for(body, **{"Content-Type": content_type}))).status == 202
    await webhooks.settle()
    (letter,) = await webhooks.dead_letters()
    assert reason in letter.error
    assert letter.attempts == 1


def test_what_is_kept_of_a_payload_is_short_and_has_what_handlers_read() -> None:
    deep: dict[str, Any] = {}
    for _ in range(900):
        deep = {"x": deep}
    payload = {
        "action": "created",
        "comment": {"id": 1, "body": "é" * 70_000, "user": {"login": "alice", "id": 2, "type": "User"}},
        "repositories": [{"id": 1, "name": "x"}, {"id": "2"}, 3],
        "repository": {"id": 1, "topics": ["x"] * 1000, "custom_properties": deep},
        "zen": "z" * 10**6,
        "pages": PADDING,
    }
    kept = orjson.loads(keep(payload))
    assert kept["comment"] == payload["comment"]
    assert kept["repositories"] == [{"id": 1}]
    assert (kept["action"], kept["repository"]["id"], "pages" in kept) == ("created", 1, False)
    assert len(orjson.dumps(kept)) < MAX_KEPT_BYTES


def test_both_texts_of_an_edited_comment_are_kept_however_long_they_are() -> None:
    text = "\U0001f680" * 65_536
    payload = {"action": "edited", "comment": {"id": 1, "body": text}, "changes": {"body": {"from": text}}}
    assert orjson.loads(keep(payload)) == payload


def test_everything_that_handlers_read_of_a_payload_is_kept() -> None:
    read = set(ENVELOPE)
    for path in set(Path(handlers.__file__).parent.glob("*.py")) - {Path(payloads.__file__)}:
        for node in ast.walk(ast.parse(path.read_text())):
            read |= {str(name.value) for name in names_read(node) if isinstance(name, ast.Constant)}
    assert read == set(KEPT)


def names_read(node: ast.AST) -> list[ast.expr]:
    """The name of a field in `payload["…"]`, `payload.get("…")` and in calls such as `part(payload, "…")`."""
    if isinstance(node, ast.Subscript):
        return [node.slice] if is_payload(node.value) else []
    if not isinstance(node, ast.Call) or not node.args:
        return []
    if is_payload(getattr(node.func, "value", None)):
        return node.args[:1]
    return node.args[1:2] if is_payload(node.args[0]) else []


def is_payload(node: ast.AST | None) -> bool:
    return getattr(node, "id", "") == "payload"


def test_forms_and_json_hold_the_same_payload() -> None:
    value = {"zen": "é%2F+& " * 5_000, "a": [1, {"b": None}]}
    encoded = urlencode({"other": "x", "payload": json.dumps(value), "more": "payload="}).encode()
    assert read_payload(encoded, FORM) == read_payload(orjson.dumps(value), "application/json") == value
