"""Requests that are sent again under their `Idempotency-Key`: performed once, answered as often as they are asked.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

import hashlib
from collections.abc import Awaitable, Callable

import orjson
import structlog
from aiohttp import web

from api.http.bodies import SENT, BadRequest
from bot.context import Actor, Context
from bot.errors import Refusal, Unavailable
from bot.log import bind_log_context
from bot.operations import idempotency_records
from bot.store.idempotency_records import IdempotencyRecord

LONGEST = 255
MALFORMED = f"Idempotency-Key must be 1 to {LONGEST} printable ASCII characters."
UNKEPT = "The answer of this call holds a secret, which is not kept: send it without Idempotency-Key."
REPLAYED = "Idempotency-Replayed"
LARGEST = 64 * 1024  # bytes of an answer that is kept
PASSING = (401, 429)  # what is answered so will be answered otherwise

log = structlog.get_logger()


async def idempotent(
    request: web.Request, context: Context, perform: Callable[[], Awaitable[web.Response]], *, secret: bool
) -> web.Response:
    """Perform a POST, or give again what was answered to the same request under the same key.

    Refuses a malformed key, one of another request, one whose first request is still being answered, and any where
    the answer holds a secret.
    """
    key = key_of(request)
    if key is None:
        return await perform()
    if secret:
        raise Refusal(UNKEPT)
    row = await idempotency_records.begin(context, key, fingerprint(request, context.actor))
    if row.status is not None:
        bind_log_context(replayed=True)
        return web.Response(status=row.status, body=row.body, headers={**(row.headers or {}), REPLAYED: "true"})
    response = None
    try:
        response = await perform()
    finally:
        await _end(row, response)
    return response


async def _end(row: IdempotencyRecord, response: web.Response | None) -> None:
    """Keep an answer, or forget its key: a fault of ours, what passes, or what is very long is no answer to keep."""
    body = response.body if response is not None and isinstance(response.body, bytes) else b""
    try:
        if response is None or response.status >= 500 or response.status in PASSING or len(body) > LARGEST:
            await idempotency_records.discard(row)
        else:
            await idempotency_records.complete(row, response.status, response.headers, body)
    except Unavailable as unavailable:
        log.warning("an answer is not kept", reason=unavailable.sentence)


def key_of(request: web.Request) -> str | None:
    """The key of a request, with or without the quotes that the draft has around it."""
    given = request.headers.getall("Idempotency-Key", [])
    if not given:
        return None
    key = given[0][1:-1] if len(given[0]) > 1 and given[0][0] == given[0][-1] == '"' else given[0]
    if len(given) > 1 or not 1 <= len(key) <= LONGEST or not (key.isascii() and key.isprintable()):
        raise BadRequest(MALFORMED)
    return key


def fingerprint(request: web.Request, actor: Actor) -> str:
    """What makes two requests the same: method, path, query, body, and what the caller may do."""
    url = request.rel_url
    said = [request.method, url.raw_path.rstrip("/"), url.raw_query_string, actor.project_id, *sorted(actor.grants)]
    return hashlib.sha256(orjson.dumps(said) + b"\0" + request.get(SENT, b"")).hexdigest()
