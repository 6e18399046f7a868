"""The route that GitHub delivers webhooks to: verify, store, respond. Nothing is parsed here.

Until the signature over its body is proven, a delivery is a stranger's: what its head shows to be wrong is refused
before the body is read, and bodies are bounded together (`bot.bodies`).

https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
"""

import hmac
import re
import time

from aiohttp import web
from prometheus_client import Counter

from bot.bodies import TooLarge, TooSlow, UnprovenBodies
from bot.errors import Refusal, Unavailable
from bot.metrics import Metrics
from bot.queue.intake import Intake
from bot.rules.ids import parse_guid
from handlers.signatures import SignatureWatch

PATH = "/webhooks/github"
MAX_BODY = 25 * 1024 * 1024  # bytes; GitHub sends no larger payload
CONTENT_TYPES = ("application/json", "application/x-www-form-urlencoded")
SIGNATURE = re.compile(r"sha256=[0-9a-f]{64}")
UNSIGNED = "X-Hub-Signature-256 is missing or is not that of this body and secret."
TOO_LARGE = f"A delivery may have at most {MAX_BODY:,} bytes."
PRIORITIES = {
    "issue_comment": 20,
    "commit_comment": 20,
    "workflow_run": 5,
    "push": 5,
}


class Receiver:
    """Stores deliveries that carry the App's signature."""

    def __init__(
        self, secret: str, intake: Intake, bodies: UnprovenBodies, metrics: Metrics, signatures: SignatureWatch
    ) -> None:
        self._secret, self._intake, self._bodies = secret.encode(), intake, bodies
        self._metrics, self._signatures = metrics, signatures
        self._counters: dict[tuple[str, int], Counter] = {}

    async def receive(self, request: web.Request) -> web.Response:
        """Respond 202 once the delivery is stored, 4xx when it is not a delivery, 503 when it cannot be stored now."""
        started, event = time.monotonic(), request.headers.get("X-GitHub-Event", "")
        try:
            response = await self._store(request, event)
        except _Rejected as rejected:
            if rejected.status == 401:
                self._signatures.wrong()
            response = _json_response(rejected.status, error=rejected.message)
        except Unavailable as unavailable:
            response = _json_response(503, error=unavailable.sentence)
            response.headers["Retry-After"] = str(unavailable.retry_after)
        self._counter(event if response.status == 202 else "unknown", response.status).inc()
        self._metrics.http.record(PATH, "POST", response.status, time.monotonic() - started)
        return response

    def _counter(self, event: str, status: int) -> Counter:
        """The counter of an outcome, cached: looking it up among the metrics costs more than counting."""
        counter = self._counters.get((event, status))
        if counter is None:
            counter = self._counters[event, status] = self._metrics.deliveries.labels(event, status)
        return counter

    async def _store(self, request: web.Request, event: str) -> web.Response:
        signature = _read_head(request)
        body = await self._signed_body(request, signature)
        self._signatures.right()
        guid = parse_guid(request.headers.get("X-GitHub-Delivery", ""))
        if guid is None:
            raise _Rejected(400, "X-GitHub-Delivery must be a GUID.")
        if not (0 < len(event) <= 100 and event.isascii() and event.isprintable()):
            raise _Rejected(400, "X-GitHub-Event must be the name of an event, of at most 100 characters.")
        content_type, priority = request.content_type, PRIORITIES.get(event, 0)
        new = await self._intake.put(guid=guid, event=event, content_type=content_type, body=body, priority=priority)
        return web.Response(status=202) if new else _json_response(202, delivery="known already")

    async def _signed_body(self, request: web.Request, signature: str) -> bytes:
        """Read a body whose signature is the one given; it is computed while a long body arrives."""
        content = request.content
        if content.is_eof():  # it came with its head
            body = content.read_nowait()
            expected = hmac.digest(self._secret, body, "sha256").hex()
        else:
            digest = hmac.new(self._secret, digestmod="sha256")
            body = await self._read(request, digest)
            expected = digest.hexdigest()
        if not hmac.compare_digest(f"sha256={expected}", signature):
            raise _Rejected(401, UNSIGNED)
        return body

    async def _read(self, request: web.Request, digest: hmac.HMAC) -> bytes:
        try:
            return await self._bodies.read(request.content, MAX_BODY, digest.update)
        except TooLarge:
            raise _Rejected(413, TOO_LARGE) from None
        except TooSlow as slow:
            raise _Rejected(408, slow.sentence) from None
        except Refusal as refusal:
            raise _Rejected(400, refusal.sentence) from None


class _Rejected(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


def _read_head(request: web.Request) -> str:
    """The signature. Rejects a request of which the head shows that it is no delivery."""
    headers = request.headers
    if request.content_type not in CONTENT_TYPES:
        raise _Rejected(415, f"Content-Type must be {' or '.join(CONTENT_TYPES)}.")
    if headers.get("Content-Encoding", "identity") != "identity":
        raise _Rejected(415, "The body must not be compressed.")
    signature = headers.get("X-Hub-Signature-256", "")
    if SIGNATURE.fullmatch(signature) is None:
        raise _Rejected(401, UNSIGNED)
    if (request.content_length or 0) > MAX_BODY:
        raise _Rejected(413, TOO_LARGE)
    return signature


def _json_response(status: int, **fields: str) -> web.Response:
    return web.json_response(fields, status=status)
