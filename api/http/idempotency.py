"""POSTs with an `Idempotency-Key` are performed once; repeated requests get the stored response.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
import structlog
from aiohttp import web

from api.http.bodies import RAW_BODY, BadRequest
from api.http.endpoints import AnyEndpoint
from bot.context import Actor, Context
from bot.errors import Refusal, Unavailable
from bot.log import bind_log_context
from bot.operations import idempotency_records
from bot.store.idempotency_records import IdempotencyRecord

MAX_KEY_LENGTH = 255
MALFORMED = f"Idempotency-Key must be 1 to {MAX_KEY_LENGTH} printable ASCII characters."
NOT_STORABLE = "The answer of this call holds a secret, which is not kept: send it without Idempotency-Key."
REPLAYED = "Idempotency-Replayed"
MAX_STORED_BYTES = 64 * 1024  # of a response
TRIES = 3
PAUSE = 0.1  # seconds before the second try; twice that before the third
END_TIMEOUT = 2.0  # seconds
TRANSIENT_STATUSES = (401, 429)  # not stored: a repeated request may succeed

log = structlog.get_logger()


class Exchange:
    """A request and its response, which is stored when the exchange ends if the request has an Idempotency-Key."""

    def __init__(self, request: web.Request, endpoint: AnyEndpoint) -> None:
        self.response: web.Response | None = None
        self._request, self._endpoint = request, endpoint
        self._record: IdempotencyRecord | None = None

    async def begin(self, context: Context) -> None:
        """Claim the request's key, if it has one. Sets `response` to the stored response if the request is a repeat.

        Refuses a key that is malformed, was used for another request, or belongs to a request in progress, and any key
        if the response would contain a secret.
        """
        if self._endpoint.method != "POST" or self._endpoint.read_only:
            return
        key = key_of(self._request)
        if key is None:
            return
        if self._endpoint.returns_secret:
            raise Refusal(NOT_STORABLE)
        record = await idempotency_records.begin(context, key, fingerprint(self._request, context.actor))
        if record.status is None:
            self._record = record
            return
        bind_log_context(replayed=True)
        headers = {**(record.headers or {}), REPLAYED: "true"}
        self.response = web.Response(status=record.status, body=record.body, headers=headers)

    async def end(self) -> None:
        """Store the response, or release the key if a repeated request should be performed again.

        The key is released after a server error, a transient refusal, or a response that is too long to store.
        """
        if self._record is None:
            return
        for attempt in range(TRIES):
            await asyncio.sleep(attempt * PAUSE)
            try:
                async with asyncio.timeout(END_TIMEOUT):
                    await self._end(self._record)
                return
            except (Unavailable, TimeoutError) as error:  # a session was lost: another one may do
                log.warning("response not stored", reason=str(error), attempt=attempt)

    async def _end(self, record: IdempotencyRecord) -> None:
        response = self.response
        body = response.body if response is not None and isinstance(response.body, bytes) else b""
        if (
            response is None
            or response.status >= 500
            or response.status in TRANSIENT_STATUSES
            or len(body) > MAX_STORED_BYTES
        ):
            await idempotency_records.discard(record)
        else:
            await idempotency_records.complete(record, response.status, response.headers, body)


@asynccontextmanager
async def idempotent(request: web.Request, endpoint: AnyEndpoint) -> AsyncIterator[Exchange]:
    """Handle a request within an exchange, which always ends when the block is left."""
    exchange = Exchange(request, endpoint)
    try:
        yield exchange
    finally:
        await exchange.end()


def key_of(request: web.Request) -> str | None:
    """The request's Idempotency-Key, with or without the quotes that the draft requires."""
    headers = request.headers.getall("Idempotency-Key", [])
    if not headers:
        return None
    header = headers[0]
    key = header[1:-1] if len(header) > 1 and header[0] == header[-1] == '"' else header
    if len(headers) > 1 or not 1 <= len(key) <= MAX_KEY_LENGTH or not (key.isascii() and key.isprintable()):
        raise BadRequest(MALFORMED)
    return key


def fingerprint(request: web.Request, actor: Actor) -> str:
    """A hash that identifies repeated requests: of the method, path, query, body, and the caller's grants."""
    url = request.rel_url
    identity = [request.method, url.raw_path.rstrip("/"), url.raw_query_string, actor.project_id, *sorted(actor.grants)]
    return hashlib.sha256(orjson.dumps(identity) + b"\0" + request.get(RAW_BODY, b"")).hexdigest()
