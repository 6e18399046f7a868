"""How much memory callers of the webhook route can take from a running service."""

import hashlib
import hmac
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest

from bot.bodies import UNPROVEN_BYTES
from handlers.receive import MAX_BODY
from tests.cli.conftest import SECRET, Cli, Process, http_request, wait_until

MB = 1_000_000
BODY = b'{"zen": "' + b"z" * (MAX_BODY - 11) + b'"}'
SIGNATURE = hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()


def resident(process: Process, field: str = "VmRSS") -> int:
    """The bytes of memory that a process has, or with `VmHWM` had at most."""
    status = Path(f"/proc/{process.popen.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(field))


def deliver(process: Process, signature: str | None, length: int = MAX_BODY) -> tuple[int, bool]:
    """Send a delivery of 25 MB; the status of the response, and whether it says when to come again."""
    lines = ["POST /webhooks/github HTTP/1.1", "Host: here", f"Content-Length: {length}", "X-GitHub-Event: ping"]
    lines += ["Content-Type: application/json", f"X-GitHub-Delivery: {uuid4()}"]
    lines += [] if signature is None else [f"X-Hub-Signature-256: sha256={signature}"]
    with socket.create_connection(("127.0.0.1", process.port), timeout=30) as connection:
        with suppress(ConnectionError):
            connection.sendall("\r\n".join([*lines, "", ""]).encode() + BODY[:length])
        head = connection.recv(2000)
    return int(head.split(b" ", 2)[1]), b"\r\nRetry-After: " in head


@pytest.mark.parametrize(
    ("signature", "limit"), [(None, 10 * MB), ("0" * 64, UNPROVEN_BYTES + 50 * MB)], ids=["unsigned", "wrongly signed"]
)
def test_sixteen_strangers_with_25_megabytes_each_leave_memory_flat(
    cli: Cli, signature: str | None, limit: float
) -> None:
    service = cli.serve()
    before = resident(service)
    with ThreadPoolExecutor(16) as callers:
        answers = list(callers.map(lambda _: deliver(service, signature), range(16)))
    assert {status for status, _ in answers} <= {401, 503}
    most = resident(service, "VmHWM") - before
    assert most < limit, f"{most / MB:.0f} MB"
    assert resident(service) - before < 30 * MB
    assert http_request(f"{service.url}/readyz")[0] == 200


def test_twenty_signed_deliveries_of_25_megabytes_at_once_are_stored_or_told_to_come_again(cli: Cli) -> None:
    service = cli.serve("--no-worker")
    before = resident(service)
    with ThreadPoolExecutor(20) as callers:
        answers = list(callers.map(lambda _: deliver(service, SIGNATURE), range(20)))
    statuses = [status for status, _ in answers]
    assert set(statuses) <= {202, 503}
    assert all(says_when for status, says_when in answers if status == 503)
    assert len(cli.select("SELECT id FROM jobs WHERE kind = 'webhook'")) == statuses.count(202) >= 1
    most = resident(service, "VmHWM") - before
    assert most < 250 * MB, f"{most / MB:.0f} MB"
    assert deliver(service, SIGNATURE)[0] == 202
    service.stop()
    worker = cli.start("work")
    wait_until(lambda: not cli.select("SELECT id FROM jobs WHERE kind = 'webhook' AND state <> 'done'"), worker.popen)
