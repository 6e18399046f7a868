"""Requests and answers: how bodies are written down, and how what is sent is read without trusting it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict, model_validator

from bot.errors import Refusal

LARGEST = 1024 * 1024
MOST = 100  # fields of an object that is known field by field, entries of a list or of any other object
SENT = web.RequestKey("sent", bytes)  # the body of a request, once it was read


class BadRequest(Refusal):
    """What was sent is not what the call takes. `status` is 400, 413 or 415; `fields` says what is wrong where.

    They are those of the body, or else parameters of the query.
    """

    def __init__(
        self,
        sentence: str,
        status: int = 400,
        fields: dict[str, list[str]] | None = None,
        *,
        in_query: bool = False,
        **details: Any,
    ) -> None:
        self.fields, self.in_query = fields or {}, in_query
        super().__init__(sentence, field=next(iter(self.fields), None), **details)
        self.status = status


class Strict(BaseModel):
    """An object of a body that has its own fields and no others. One with very many is refused unread."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _few(cls, values: Any) -> Any:
        if isinstance(values, dict) and len(values) > MOST:
            raise BadRequest(f"An object of this call has at most {MOST} fields.")
        return values


def _parse_json(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"The body must be JSON: {error}.") from error


@dataclass(frozen=True)
class Form:
    """How values are written down. The first of `types` is what answers carry; `strict` forms tell types apart."""

    types: tuple[str, ...]
    loads: Callable[[bytes], Any]
    dumps: Callable[[Any], bytes]
    strict: bool = field(default=True)


JSON = Form(("application/json",), _parse_json, lambda value: orjson.dumps(value, default=str))


async def read_bytes(request: web.Request, largest: int = LARGEST) -> bytes:
    """The body as it came; refused when it is too long or not encoded as its headers say."""
    if (request.content_length or 0) > largest:
        raise BadRequest(f"The body has at most {largest:,} bytes.", status=413)
    try:
        raw = await request.content.read(largest + 1)
        while not request.content.at_eof() and len(raw) <= largest:
            raw += await request.content.read(largest + 1)
    except web.RequestPayloadError as error:
        raise BadRequest("The body cannot be read: it is not encoded as its headers say.") from error
    if len(raw) > largest:
        raise BadRequest(f"The body has at most {largest:,} bytes.", status=413)
    request[SENT] = raw
    return raw


async def read_object(request: web.Request, form: Form) -> dict[str, Any]:
    """The body as an object; an empty one is `{}`."""
    raw = await read_bytes(request)
    if not raw.strip():
        return {}
    if request.content_type not in form.types:
        raise BadRequest(f"Content-Type must be {' or '.join(form.types)}.", status=415)
    body = form.loads(raw)
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object.")
    refuse_nul(body)
    return body


def address_of(request: web.Request) -> str:
    """The address that was asked for; refused where the header Host can be in none."""
    try:
        return str(request.url)
    except ValueError as error:
        raise BadRequest("The header Host must be the name of a host, with or without a port.") from error


def refuse_nul(value: Any) -> None:
    """No text that we keep holds the zero character: PostgreSQL's cannot."""
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, str) and "\0" in each:
            raise BadRequest("The body must not contain the character U+0000.")
        pending += each.values() if isinstance(each, dict) else each if isinstance(each, list) else ()
        if isinstance(each, dict):
            pending += each.keys()
