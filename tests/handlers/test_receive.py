"""What is delivered to the webhook's route: only what GitHub signed is taken in; whatever else comes is answered."""

import asyncio
import gzip
import hashlib
import hmac
from io import BytesIO
from urllib.parse import urlencode

import pytest

from handlers.receive import MAX_BODY, PATH
from tests.handlers.conftest import PING, SECRET, Door, headers_for, signature

SHA1 = "sha1=" + hmac.new(SECRET.encode(), PING, hashlib.sha1).hexdigest()
GOOD = headers_for(PING)


def without(name: str) -> dict[str, str]:
    """The right headers but for one."""
    return {key: value for key, value in GOOD.items() if key != name}


async def test_a_signed_delivery_is_stored_and_worked_off(door: Door) -> None:
    answer = await door.knock()
    assert (answer.status, answer.json) == (202, None)
    await door.settle()
    assert [(row["key"], row["state"]) for row in await door.stored()] == [("guid-1", "done")]


async def test_the_same_guid_twice_is_one_delivery(door: Door) -> None:
    first, second = await door.knock(), await door.knock()
    assert (first.status, second.status) == (202, 202)
    assert second.json == {"delivery": "known already"}
    await door.settle()
    assert len(await door.stored()) == 1
    assert (await door.knock()).json == {"delivery": "known already"}


async def test_many_of_the_same_guid_at_once_are_one_delivery(door: Door) -> None:
    answers = await asyncio.gather(*(door.knock() for _ in range(20)))
    assert {answer.status for answer in answers} == {202}
    assert sum(answer.json is None for answer in answers) == 1


@pytest.mark.parametrize(
    ("headers", "status", "named"),
    [
        pytest.param(without("X-Hub-Signature-256"), 401, "X-Hub-Signature-256", id="no signature"),
        pytest.param({**GOOD, "X-Hub-Signature-256": ""}, 401, "X-Hub-Signature-256", id="empty signature"),
        pytest.param(
            {**without("X-Hub-Signature-256"), "X-Hub-Signature": SHA1}, 401, "X-Hub-Signature-256", id="sha-1 only"
        ),
        pytest.param({**GOOD, "X-Hub-Signature-256": SHA1}, 401, "X-Hub-Signature-256", id="sha-1 in its place"),
        pytest.param({**GOOD, "X-Hub-Signature-256": signature(PING)[7:]}, 401, "X-Hub-Sign", id="without its prefix"),
        pytest.param({**GOOD, "X-Hub-Signature-256": signature(PING).upper()}, 401, "X-Hub-Sign", id="upper case"),
        pytest.param({**GOOD, "X-Hub-Signature-256": signature(PING, "other")}, 401, "X-Hub", id="another secret"),
        pytest.param({**GOOD, "X-Hub-Signature-256": signature(PING + b" ")}, 401, "X-Hub-Sign", id="another body"),
        pytest.param({**GOOD, "X-Hub-Signature-256": "sha256=ünïcode"}, 401, "X-Hub-Sign", id="non-ascii signature"),
        pytest.param(without("X-GitHub-Event"), 400, "X-GitHub-Event", id="no event"),
        pytest.param(without("X-GitHub-Delivery"), 400, "X-GitHub-Delivery", id="no delivery id"),
        pytest.param({**GOOD, "X-GitHub-Delivery": "ü"}, 400, "headers", id="non-ascii delivery id"),
        pytest.param({**GOOD, "X-GitHub-Delivery": "g" * 101}, 400, "100 characters", id="endless delivery id"),
        pytest.param({**GOOD, "X-GitHub-Event": "e" * 101}, 400, "100 characters", id="endless event"),
        pytest.param(without("Content-Type"), 415, "Content-Type", id="no content type"),
        pytest.param({**GOOD, "Content-Type": "text/plain"}, 415, "Content-Type", id="plain text"),
        pytest.param({**GOOD, "Content-Type": "multipart/form-data"}, 415, "Content-Type", id="multipart"),
    ],
)
async def test_what_github_did_not_send_is_refused_with_a_sentence(
    door: Door, headers: dict[str, str], status: int, named: str
) -> None:
    answer = await door.knock(PING, headers)
    assert answer.status == status
    assert named in answer.json["error"]
    assert await door.stored() == []


async def test_raw_bytes_for_a_signature_are_refused(door: Door) -> None:
    lines = [f"{name}: {value}".encode() for name, value in without("X-Hub-Signature-256").items()]
    status, _ = await raw(door, [*lines, b"X-Hub-Signature-256: sha256=\xff\xfe\x80"], PING)
    assert status == 401


@pytest.mark.parametrize("body", [gzip.compress(PING), PING], ids=["gzip", "what says it is"])
async def test_a_compressed_body_is_refused(door: Door, body: bytes) -> None:
    lines = [f"{name}: {value}".encode() for name, value in {**headers_for(body), "Content-Encoding": "gzip"}.items()]
    status, text = await raw(door, lines, body)
    assert status == 415
    assert b"must not be compressed" in text
    assert await door.stored() == []


async def test_a_body_that_ends_early_leaves_nothing_behind(door: Door) -> None:
    _, writer = await asyncio.open_connection(door.host, door.port)
    head = [f"POST {PATH} HTTP/1.1", "Host: here", "Content-Length: 1000"]
    head += [f"{name}: {value}" for name, value in GOOD.items()]
    writer.write("\r\n".join([*head, "", ""]).encode() + PING)
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await door.knock()).status == 202
    await door.settle()
    assert len(await door.stored()) == 1


@pytest.mark.parametrize(
    ("body", "why"),
    [
        pytest.param(b"", "not JSON", id="nothing"),
        pytest.param(b"hello", "not JSON", id="words"),
        pytest.param(PING[:-1], "not JSON", id="truncated"),
        pytest.param(b"\xff\xfe", "not JSON", id="not utf-8"),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, "not JSON", id="deep nesting"),
        pytest.param(b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "not JSON", id="deep objects"),
        pytest.param(b"[1]", "not a JSON object", id="a list"),
        pytest.param(b"null", "not a JSON object", id="null"),
    ],
)
async def test_signed_nonsense_is_taken_and_becomes_a_dead_letter_with_its_reason(
    door: Door, body: bytes, why: str
) -> None:
    assert (await door.knock(body)).status == 202
    await door.settle()
    (letter,) = await door.given_up()
    assert why in letter.error
    assert letter.attempts == 1


@pytest.mark.parametrize("event", ["issue_comment", "commit_comment", "workflow_run", "push", "repository"])
async def test_an_object_that_is_no_payload_of_its_event_becomes_a_dead_letter_at_once(door: Door, event: str) -> None:
    assert (await door.knock(PING, event=event)).status == 202
    await door.settle()
    (letter,) = await door.given_up()
    assert letter.error.startswith(f"The {event} payload is not as GitHub's are")


async def test_a_run_without_its_fields_becomes_a_dead_letter_at_once(door: Door) -> None:
    assert (
        await door.knock(b'{"repository": {"id": 1}, "workflow_run": {"id": 1}}', event="workflow_run")
    ).status == 202
    await door.settle()
    assert [letter.attempts for letter in await door.given_up()] == [1]


async def test_form_encoded_payloads_work(door: Door) -> None:
    body = urlencode({"payload": PING.decode()}).encode()
    more = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await door.knock(body, headers_for(body, **more))).status == 202
    await door.settle()
    assert [row["state"] for row in await door.stored()] == ["done"]


@pytest.mark.parametrize("body", [b"payload=", b"other=1", b"a=1&" * 50, b"\xff=\xff&payload=%ff"])
async def test_a_form_without_a_payload_becomes_a_dead_letter_at_once(door: Door, body: bytes) -> None:
    more = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await door.knock(body, headers_for(body, **more))).status == 202
    await door.settle()
    (letter,) = await door.given_up()
    assert letter.attempts == 1


async def test_exactly_25_mb_are_taken(door: Door) -> None:
    body = b'{"zen":"' + b"z" * (MAX_BODY - 10) + b'"}'
    assert len(body) == MAX_BODY
    assert (await door.knock(BytesIO(body), headers_for(body))).status == 202
    await door.settle()
    assert [row["state"] for row in await door.stored()] == ["done"]


@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "in chunks"])
async def test_more_than_25_mb_are_refused(door: Door, chunked: bool) -> None:
    body = b"x" * (MAX_BODY + 1)
    length = b"Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}".encode()
    lines = [f"{name}: {value}".encode() for name, value in GOOD.items()]
    sent = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if chunked else body
    status, text = await raw(door, [*lines, length], sent)
    assert status == 413
    assert b"26,214,400 bytes" in text
    assert await door.stored() == []


async def test_commands_are_worked_off_before_the_noise(door: Door) -> None:
    for event in ("issue_comment", "workflow_run", "star"):
        await door.knock(PING, guid=event, event=event)
    urgency = {row["key"]: row["priority"] for row in await door.stored()}
    assert urgency["issue_comment"] > urgency["workflow_run"] > urgency["star"]


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD"])
async def test_only_post_is_answered_there(door: Door, method: str) -> None:
    async with door.session.request(method, f"http://{door.host}:{door.port}{PATH}") as answer:
        assert answer.status == 405


async def raw(door: Door, lines: list[bytes], body: bytes) -> tuple[int, bytes]:
    """Post over a bare socket what a well-behaved client would not send."""
    reader, writer = await asyncio.open_connection(door.host, door.port)
    if not any(line.startswith((b"Content-Length", b"Transfer-Encoding")) for line in lines):
        lines = [*lines, f"Content-Length: {len(body)}".encode()]
    head = b"\r\n".join([f"POST {PATH} HTTP/1.1".encode(), b"Host: here", b"Connection: close", *lines])
    writer.write(head + b"\r\n\r\n")
    sending = asyncio.create_task(_send(writer, body))
    answer = await reader.read()
    writer.close()
    await asyncio.wait([sending])
    return int(answer.split(b" ", 2)[1]), answer


async def _send(writer: asyncio.StreamWriter, body: bytes) -> None:
    try:
        writer.write(body)
        await writer.drain()
    except ConnectionError:
        return  # refused before everything was sent
