"""The route that GitHub delivers webhooks to: verify, store, respond. Nothing is parsed here.

What GitHub says about the author of a comment is looked for, which decides about the order of work: a crowd of
strangers does not keep maintainers waiting.

Until the signature over its body is proven, a delivery is a stranger's: what its head shows to be wrong is refused
before the body is read, and bodies are bounded together (`bot.bodies`).

https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
"""

import hmac
import re
import time
from collections.abc import Callable, Sequence

import structlog
from aiohttp import web
from aiohttp.hdrs import CONTENT_ENCODING, CONTENT_TYPE
from multidict import istr
from prometheus_client import Counter

from bot.bodies import TooLarge, TooSlow, UnprovenBodies
from bot.errors import Refusal, Unavailable
from bot.metrics import Metrics
from bot.operations.jobs import MEMBERS
from bot.queue.intake import Intake
from bot.rules.ids import parse_guid
from handlers.comments import ASSOCIATIONS
from handlers.responses import accepted
from handlers.signatures import SignatureWatch

log = structlog.get_logger()

PATH = "/webhooks/github"
MAX_BODY = 25 * 1024 * 1024  # bytes; GitHub sends no larger payload
CONTENT_TYPES = ("application/json", "application/x-www-form-urlencoded")
EVENT, DELIVERY, SIGNATURE = istr("X-GitHub-Event"), istr("X-GitHub-Delivery"), istr("X-Hub-Signature-256")
SIGNATURE_FORM = re.compile(r"sha256=[0-9a-f]{64}")
NO_APP = "The GitHub App is not set up yet."
NO_APP_RETRY = 60  # seconds
UNSIGNED = "X-Hub-Signature-256 is missing or is not that of this body and secret."
FAULT = "Something went wrong here. The log says what."
TOO_LARGE = f"A delivery may have at most {MAX_BODY:,} bytes."
CHECKS = -5  # there are many, and nobody waits for an answer
PEOPLE = 20
PRIORITIES = {
    "issue_comment": PEOPLE,
    "commit_comment": PEOPLE,
    "workflow_run": 5,
    "push": 5,
    "check_run": CHECKS,
    "status": CHECKS,
}
COMMENTS = frozenset({"issue_comment", "commit_comment"})
ASSOCIATION = b'"author_association":"'
MEMBERS_OF = tuple(f'{association}"'.encode() for association in ASSOCIATIONS)
MAX_SEARCHED = 256 * 1024  # bytes of a body
CLICKS = (b'{"action":"requested_action"', b'{"action":"rerequested"')
"""How the bodies of `check_run` begin when somebody has clicked: they come before what machines report."""


class Receiver:
    """Stores deliveries that carry the App's signature.

    `secrets` returns those that it may be made with: usually one, several after one was replaced, none without an App.
    """

    def __init__(
        self,
        secrets: Callable[[], Sequence[bytes]],
        intake: Intake,
        bodies: UnprovenBodies,
        metrics: Metrics,
        signatures: SignatureWatch,
    ) -> None:
        self._secrets, self._intake, self._bodies = secrets, intake, bodies
        self._metrics, self._signatures = metrics, signatures
        self._counters: dict[tuple[str, int], Counter] = {}

    async def receive(self, request: web.BaseRequest) -> web.StreamResponse:
        """Respond 202 once the delivery is stored, 4xx when it is not a delivery, 503 when it cannot be stored now."""
        started = time.monotonic()
        headers, content = request.headers, request.content
        event = headers.get(EVENT, "")
        response: web.StreamResponse
        try:
            if not (secrets := self._secrets()):
                raise Unavailable(NO_APP, NO_APP_RETRY)
            content_type = _content_type(request)
            signature = headers.get(SIGNATURE, "")
            if content.is_eof():  # it came with its head
                body = content.read_nowait()
                expected = [hmac.digest(secret, body, "sha256").hex() for secret in secrets]
            else:
                body, expected = await self._read(request, signature, secrets)
            right = [signature.isascii() and hmac.compare_digest(f"sha256={each}", signature) for each in expected]
            if not any(right):
                raise _Rejected(401, UNSIGNED)
            self._signatures.right(is_current=right[0])
            guid, priority = _identify(headers.get(DELIVERY, ""), event), priority_of(event, body)
            new = await self._intake.put(guid, event, content_type, body, priority)
            response = accepted(request) if new else _json_response(202, delivery="known already")
        except Exception as error:  # noqa: BLE001 - it is logged
            response = self._refusal(request, error)
            event = "unknown"
        self._counter(event, response.status).inc()
        self._metrics.http.record(PATH, "POST", response.status, time.monotonic() - started)
        return response

    def _refusal(self, request: web.BaseRequest, error: Exception) -> web.Response:
        if isinstance(error, _Rejected):
            if error.status == 401:
                self._signatures.wrong()
            response = _json_response(error.status, error=error.message)
        elif isinstance(error, Unavailable):
            response = _json_response(503, error=error.sentence)
            response.headers["Retry-After"] = str(error.retry_after)
        else:
            log.error("fault", method=request.method, path=request.path, exc_info=error)
            response = _json_response(500, error=FAULT)
        if not request.content.is_eof():
            response.force_close()  # the rest of the body is not read
        return response

    def _counter(self, event: str, status: int) -> Counter:
        """The counter of an outcome, cached: looking it up among the metrics costs more than counting."""
        counter = self._counters.get((event, status))
        if counter is None:
            counter = self._counters[event, status] = self._metrics.deliveries.labels(event, status)
        return counter

    async def _read(
        self, request: web.BaseRequest, signature: str, secrets: Sequence[bytes]
    ) -> tuple[bytes, list[str]]:
        """Read a body, and compute its signatures while it arrives. Rejects what the head shows to be no delivery."""
        if SIGNATURE_FORM.fullmatch(signature) is None:
            raise _Rejected(401, UNSIGNED)
        if (request.content_length or 0) > MAX_BODY:
            raise _Rejected(413, TOO_LARGE)
        digests = [hmac.new(secret, digestmod="sha256") for secret in secrets]

        def update(part: bytes) -> None:
            for digest in digests:
                digest.update(part)

        try:
            body = await self._bodies.read(request.content, MAX_BODY, update)
            return body, [digest.hexdigest() for digest in digests]
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


def _content_type(request: web.BaseRequest) -> str:
    """The type of the body. Rejects what GitHub does not send."""
    headers = request.headers
    content_type = headers.get(CONTENT_TYPE, "")
    if content_type not in CONTENT_TYPES:
        content_type = request.content_type  # without parameters
        if content_type not in CONTENT_TYPES:
            raise _Rejected(415, f"Content-Type must be {' or '.join(CONTENT_TYPES)}.")
    if headers.get(CONTENT_ENCODING, "identity") != "identity":
        raise _Rejected(415, "The body must not be compressed.")
    return content_type


def priority_of(event: str, body: bytes) -> int:
    """The priority of a delivery: what people do comes first, and what other Apps report last.

    People cannot write the name that is looked for: in JSON, their quotes are escaped. A comment's payload describes
    its issue, with that one's author, before the comment.
    """
    if event == "check_run" and body.startswith(CLICKS):
        return PEOPLE
    if event in COMMENTS and len(body) <= MAX_SEARCHED:
        found = body.rfind(ASSOCIATION)
        if found >= 0 and body.startswith(MEMBERS_OF, found + len(ASSOCIATION)):
            return MEMBERS
    return PRIORITIES.get(event, 0)


def _identify(delivery: str, event: str) -> str:
    """The GUID of a signed delivery. Rejects headers that GitHub does not send."""
    guid = parse_guid(delivery)
    if guid is None:
        raise _Rejected(400, "X-GitHub-Delivery must be a GUID.")
    if not (0 < len(event) <= 100 and event.isascii() and event.isprintable()):
        raise _Rejected(400, "X-GitHub-Event must be the name of an event, of at most 100 characters.")
    return guid


def _json_response(status: int, **fields: str) -> web.Response:
    return web.json_response(fields, status=status)
