"""The route that GitHub delivers webhooks to: verify, store, respond. Nothing is parsed here.

https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
"""

import hmac

from aiohttp import web
from prometheus_client import Counter

from bot.errors import Refusal, Unavailable
from bot.metrics import Metrics
from bot.queue.intake import Intake
from handlers.signatures import SignatureWatch

PATH = "/webhooks/github"
MAX_BODY = 25 * 1024 * 1024  # bytes; GitHub sends no larger payload
CONTENT_TYPES = ("application/json", "application/x-www-form-urlencoded")
UNSIGNED = "X-Hub-Signature-256 is missing or is not that of this body and secret."
TOO_LARGE = f"A delivery has at most {MAX_BODY:,} bytes."
PRIORITIES = {
    "issue_comment": 20,
    "commit_comment": 20,
    "workflow_run": 5,
    "push": 5,
}


class Receiver:
    """Stores deliveries that carry the App's signature."""

    def __init__(self, secret: str, intake: Intake, metrics: Metrics, signatures: SignatureWatch) -> None:
        self._secret, self._intake, self._metrics, self._signatures = secret.encode(), intake, metrics, signatures
        self._counters: dict[tuple[str, int], Counter] = {}

    async def receive(self, request: web.Request) -> web.Response:
        """Respond 202 once the delivery is stored, 4xx when it is not a delivery, 503 when it cannot be stored now."""
        event = request.headers.get("X-GitHub-Event", "")
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
        return response

    def _counter(self, event: str, status: int) -> Counter:
        """The counter of an outcome, cached: looking it up among the metrics costs more than counting."""
        counter = self._counters.get((event, status))
        if counter is None:
            counter = self._counters[event, status] = self._metrics.deliveries.labels(event, status)
        return counter

    async def _store(self, request: web.Request, event: str) -> web.Response:
        headers, content_type = request.headers, request.content_type
        if content_type not in CONTENT_TYPES:
            raise _Rejected(415, f"Content-Type must be {' or '.join(CONTENT_TYPES)}.")
        if headers.get("Content-Encoding", "identity") != "identity":
            raise _Rejected(415, "The body must not be compressed.")
        signature = headers.get("X-Hub-Signature-256", "")
        if not signature.startswith("sha256="):
            raise _Rejected(401, UNSIGNED)
        body = await _body(request)
        if not self._is_signed(body, signature):
            raise _Rejected(401, UNSIGNED)
        self._signatures.right()
        guid = headers.get("X-GitHub-Delivery", "")
        if not event or not guid:
            raise _Rejected(400, "X-GitHub-Event and X-GitHub-Delivery must be given.")
        if len(event) > 100 or len(guid) > 100:
            raise _Rejected(400, "X-GitHub-Event and X-GitHub-Delivery have at most 100 characters.")
        priority = PRIORITIES.get(event, 0)
        try:
            new = await self._intake.put(
                guid=guid, event=event, content_type=content_type, body=body, priority=priority
            )
        except Refusal as refusal:
            raise _Rejected(400, refusal.sentence) from refusal
        return web.Response(status=202) if new else _json_response(202, delivery="known already")

    def _is_signed(self, body: bytes, signature: str) -> bool:
        expected = "sha256=" + hmac.digest(self._secret, body, "sha256").hex()
        return hmac.compare_digest(expected.encode(), signature.encode("utf-8", "surrogateescape"))


class _Rejected(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


async def _body(request: web.Request) -> bytes:
    if (request.content_length or 0) > MAX_BODY:
        raise _Rejected(413, TOO_LARGE)
    try:
        body = await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise _Rejected(413, TOO_LARGE) from None
    if len(body) > MAX_BODY:
        raise _Rejected(413, TOO_LARGE)
    return body


def _json_response(status: int, **fields: str) -> web.Response:
    return web.json_response(fields, status=status)
