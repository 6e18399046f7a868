"""The webhook route: it stores what GitHub signed, and refuses everything else with a reason."""

import asyncio
import gzip
import hashlib
import hmac
import re
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import pytest

from bot.errors import Unavailable
from bot.github.workflow_runs import run_fact
from handlers import fields
from handlers.receive import MAX_BODY, PATH
from tests.handlers.conftest import PING, SECRET, WebhookClient, headers_for, signature

SHA1 = "sha1=" + hmac.new(SECRET.encode(), PING, hashlib.sha1).hexdigest()
VALID_HEADERS = headers_for(PING)
KEY = f"webhook:{VALID_HEADERS['X-GitHub-Delivery']}"
GUID = "72d3162e-cc78-11e3-81ab-4c9367dc0958"


def without(name: str) -> dict[str, str]:
    """The valid headers without one of them."""
    return {key: value for key, value in VALID_HEADERS.items() if key != name}


async def test_a_signed_delivery_is_stored_and_processed(webhooks: WebhookClient) -> None:
    response = await webhooks.post()
    assert (response.status, response.json) == (202, None)
    await webhooks.settle()
    assert [(row["key"], row["state"]) for row in await webhooks.stored()] == [(KEY, "done")]


async def test_the_same_guid_twice_is_one_delivery(webhooks: WebhookClient) -> None:
    first, second = await webhooks.post(), await webhooks.post()
    assert (first.status, second.status) == (202, 202)
    assert second.json == {"delivery": "known already"}
    await webhooks.settle()
    assert len(await webhooks.stored()) == 1
    assert (await webhooks.post()).json == {"delivery": "known already"}


async def test_concurrent_deliveries_with_one_guid_are_one_delivery(webhooks: WebhookClient) -> None:
    responses = await asyncio.gather(*(webhooks.post() for _ in range(20)))
    assert {response.status for response in responses} == {202}
    assert sum(response.json is None for response in responses) == 1


@pytest.mark.parametrize(
    ("headers", "status", "fragment"),
    [
        pytest.param(without("X-Hub-Signature-256"), 401, "X-Hub-Signature-256", id="no signature"),
        pytest.param({**VALID_HEADERS, "X-Hub-Signature-256": ""}, 401, "X-Hub-Signature-256", id="empty signature"),
        pytest.param(
            {**without("X-Hub-Signature-256"), "X-Hub-Signature": SHA1}, 401, "X-Hub-Signature-256", id="sha-1 only"
        ),
        pytest.param({**VALID_HEADERS, "X-Hub-Signature-256": SHA1}, 401, "X-Hub-Signature-256", id="sha-1 as sha-256"),
        pytest.param(
            {**VALID_HEADERS, "X-Hub-Signature-256": signature(PING)[7:]}, 401, "X-Hub-Sign", id="without its prefix"
        ),
        pytest.param(
            {**VALID_HEADERS, "X-Hub-Signature-256": signature(PING).upper()}, 401, "X-Hub-Sign", id="upper case"
        ),
        pytest.param(
            {**VALID_HEADERS, "X-Hub-Signature-256": signature(PING, "other")}, 401, "X-Hub", id="another secret"
        ),
        pytest.param(
            {**VALID_HEADERS, "X-Hub-Signature-256": signature(PING + b" ")}, 401, "X-Hub-Sign", id="another body"
        ),
        pytest.param(
            {**VALID_HEADERS, "X-Hub-Signature-256": "sha256=ünïcode"}, 401, "X-Hub-Sign", id="non-ascii signature"
        ),
        pytest.param(without("X-GitHub-Event"), 400, "X-GitHub-Event", id="no event"),
        pytest.param(without("X-GitHub-Delivery"), 400, "X-GitHub-Delivery", id="no delivery id"),
        *(
            pytest.param({**VALID_HEADERS, "X-GitHub-Delivery": guid}, 400, "X-GitHub-Delivery", id=f"guid {guid[:50]}")
            for guid in ("ü", "g" * 101, "dispatch:1", "reconcile", GUID[:-1], GUID + "0", GUID.replace("-", ""))
        ),
        pytest.param({**VALID_HEADERS, "X-GitHub-Event": "ü"}, 400, "X-GitHub-Event", id="non-ascii event"),
        pytest.param({**VALID_HEADERS, "X-GitHub-Event": "e" * 101}, 400, "100 characters", id="long event"),
        pytest.param(without("Content-Type"), 415, "Content-Type", id="no content type"),
        pytest.param({**VALID_HEADERS, "Content-Type": "text/plain"}, 415, "Content-Type", id="plain text"),
        pytest.param({**VALID_HEADERS, "Content-Type": "multipart/form-data"}, 415, "Content-Type", id="multipart"),
    ],
)
async def test_an_invalid_request_is_refused_with_a_reason(
    webhooks: WebhookClient, headers: dict[str, str], status: int, fragment: str
) -> None:
    response = await webhooks.post(PING, headers)
    assert response.status == status
    assert fragment in response.json["error"]
    assert await webhooks.stored() == []


async def test_a_signature_of_raw_bytes_is_refused(webhooks: WebhookClient) -> None:
    lines = [f"{name}: {value}".encode() for name, value in without("X-Hub-Signature-256").items()]
    status, _ = await post_raw(webhooks, [*lines, b"X-Hub-Signature-256: sha256=\xff\xfe\x80"], PING)
    assert status == 401


@pytest.mark.parametrize("body", [gzip.compress(PING), PING], ids=["gzip", "gzip in name only"])
async def test_a_compressed_body_is_refused(webhooks: WebhookClient, body: bytes) -> None:
    lines = [f"{name}: {value}".encode() for name, value in {**headers_for(body), "Content-Encoding": "gzip"}.items()]
    status, text = await post_raw(webhooks, lines, body)
    assert status == 415
    assert b"must not be compressed" in text
    assert await webhooks.stored() == []


async def test_a_truncated_request_stores_nothing(webhooks: WebhookClient) -> None:
    _, writer = await asyncio.open_connection(webhooks.host, webhooks.port)
    head = [f"POST {PATH} HTTP/1.1", "Host: here", "Content-Length: 1000"]
    head += [f"{name}: {value}" for name, value in VALID_HEADERS.items()]
    writer.write("\r\n".join([*head, "", ""]).encode() + PING)
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await webhooks.post()).status == 202
    await webhooks.settle()
    assert len(await webhooks.stored()) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(b"", "not JSON", id="empty"),
        pytest.param(b"hello", "not JSON", id="text"),
        pytest.param(PING[:-1], "not JSON", id="truncated"),
        pytest.param(b"\xff\xfe", "not JSON", id="not utf-8"),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, "not JSON", id="deep nesting"),
        pytest.param(b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "not JSON", id="deep objects"),
        pytest.param(b"[1]", "not a JSON object", id="a list"),
        pytest.param(b"null", "not a JSON object", id="null"),
    ],
)
async def test_a_signed_but_unreadable_body_becomes_a_dead_letter_with_the_reason(
    webhooks: WebhookClient, body: bytes, reason: str
) -> None:
    assert (await webhooks.post(body)).status == 202
    await webhooks.settle()
    (letter,) = await webhooks.dead_letters()
    assert reason in letter.error
    assert letter.attempts == 1


@pytest.mark.parametrize("event", ["issue_comment", "commit_comment", "workflow_run", "push", "repository"])
async def test_a_payload_of_the_wrong_shape_becomes_a_dead_letter_at_once(webhooks: WebhookClient, event: str) -> None:
    assert (await webhooks.post(PING, event=event)).status == 202
    await webhooks.settle()
    (letter,) = await webhooks.dead_letters()
    assert letter.error.startswith(f"The {event} payload does not have the form that GitHub sends")
    assert not PYTHON.search(letter.error)


PYTHON = re.compile(r"Error\b|\bNone\b|\bstr\b|'int'|isoformat|literal|object has no")
MALFORMED: list[tuple[str, dict[str, Any]]] = [
    ("workflow_run", {"id": 1}),
    ("workflow_run", {"id": 1, "status": "queued", "head_sha": "a", "created_at": "yesterday"}),
    ("workflow_run", {"id": 1, "status": "queued", "head_sha": "a", "created_at": "2026-11-03", "run_attempt": "x"}),
    ("workflow_run", {"id": 1, "status": [], "head_sha": "a", "created_at": "2026-11-03"}),
]


@pytest.mark.parametrize(("name", "value"), [("id", None), ("id", "7"), ("number", "x"), ("created_at", "yesterday")])
def test_a_member_of_the_wrong_type_is_described_without_python(name: str, value: object) -> None:
    reader = fields.timestamp if name == "created_at" else fields.number
    with pytest.raises(ValueError, match=f"`{name}` must be") as raised:
        reader({name: value}, name)
    assert not PYTHON.search(str(raised.value)), raised.value


@pytest.mark.parametrize(("event", "subject"), MALFORMED)
def test_a_run_of_the_wrong_shape_is_described_without_python(event: str, subject: dict[str, Any]) -> None:
    with pytest.raises(Unavailable) as raised:
        run_fact(subject)
    assert not PYTHON.search(str(raised.value.details["reason"])), raised.value.details


async def test_form_encoded_payloads_are_processed(webhooks: WebhookClient) -> None:
    body = urlencode({"payload": PING.decode()}).encode()
    more = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await webhooks.post(body, headers_for(body, **more))).status == 202
    await webhooks.settle()
    assert [row["state"] for row in await webhooks.stored()] == ["done"]


@pytest.mark.parametrize("body", [b"payload=", b"other=1", b"a=1&" * 50, b"\xff=\xff&payload=%ff"])
async def test_a_form_without_a_payload_becomes_a_dead_letter_at_once(webhooks: WebhookClient, body: bytes) -> None:
    more = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await webhooks.post(body, headers_for(body, **more))).status == 202
    await webhooks.settle()
    (letter,) = await webhooks.dead_letters()
    assert letter.attempts == 1


async def test_a_body_of_exactly_25_mb_is_accepted(webhooks: WebhookClient) -> None:
    body = b'{"zen":"' + b"z" * (MAX_BODY - 10) + b'"}'
    assert len(body) == MAX_BODY
    assert (await webhooks.post(BytesIO(body), headers_for(body))).status == 202
    await webhooks.settle()
    assert [row["state"] for row in await webhooks.stored()] == ["done"]


@pytest.mark.parametrize("chunked", [False, True], ids=["content length", "chunked"])
async def test_a_body_over_25_mb_is_refused(webhooks: WebhookClient, chunked: bool) -> None:
    body = b"x" * (MAX_BODY + 1)
    length = b"Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}".encode()
    lines = [f"{name}: {value}".encode() for name, value in VALID_HEADERS.items()]
    content = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if chunked else body
    status, text = await post_raw(webhooks, [*lines, length], content)
    assert status == 413
    assert b"26,214,400 bytes" in text
    assert await webhooks.stored() == []


async def test_comments_have_priority_over_runs_and_runs_over_other_events(webhooks: WebhookClient) -> None:
    for event in ("issue_comment", "workflow_run", "star", "check_run"):
        await webhooks.post(PING, guid=event, event=event)
    priorities = [row["priority"] for row in await webhooks.stored()]
    assert priorities == sorted(set(priorities), reverse=True)


async def test_clicks_on_check_runs_have_the_priority_of_comments_and_reports_of_checks_the_lowest(
    webhooks: WebhookClient,
) -> None:
    for action in ("requested_action", "rerequested", "completed"):
        await webhooks.post(b'{"action":"%b","check_run":{}}' % action.encode(), guid=action, event="check_run")
    for event in ("issue_comment", "status"):
        await webhooks.post(PING, guid=event, event=event)
    clicked, rerequested, completed, comment, status = [row["priority"] for row in await webhooks.stored()]
    assert clicked == rerequested == comment > completed == status < 0


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD"])
async def test_only_post_is_allowed(webhooks: WebhookClient, method: str) -> None:
    async with webhooks.session.request(method, f"http://{webhooks.host}:{webhooks.port}{PATH}") as response:
        assert response.status == 405


async def post_raw(webhooks: WebhookClient, lines: list[bytes], body: bytes) -> tuple[int, bytes]:
    """Post over a plain socket what an HTTP client would not send; returns the status and the whole response."""
    reader, writer = await asyncio.open_connection(webhooks.host, webhooks.port)
    if not any(line.startswith((b"Content-Length", b"Transfer-Encoding")) for line in lines):
        lines = [*lines, f"Content-Length: {len(body)}".encode()]
    head = b"\r\n".join([f"POST {PATH} HTTP/1.1".encode(), b"Host: here", b"Connection: close", *lines])
    writer.write(head + b"\r\n\r\n")
    sending = asyncio.create_task(_send(writer, body))
    response = await reader.read()
    writer.close()
    await asyncio.wait([sending])
    return int(response.split(b" ", 2)[1]), response


async def _send(writer: asyncio.StreamWriter, body: bytes) -> None:
    try:
        writer.write(body)
        await writer.drain()
    except ConnectionError:
        return  # refused before the whole body was sent
