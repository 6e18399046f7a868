"""Request and response bodies: formats, limits, and the reading of untrusted bodies."""

import asyncio
import difflib
import re
import zlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict, JsonValue, model_validator

from bot import bodies
from bot.bodies import UnprovenBodies
from bot.errors import Refusal
from bot.rules.validation import json_fault

MAX_BODY_BYTES = 1024 * 1024
MAX_UNPROVEN_BYTES = 256 * 1024
"""Of a body without credentials in its head."""
MAX_INLINE_BYTES = 64 * 1024
"""Of a body that is parsed on the event loop; longer ones are parsed in a thread."""
MAX_VALUES = 500_000
"""In a JSON text: commas, also those within strings, as only these can be counted in no time."""
MAX_CONTAINERS = 100_000
"""In a JSON text: lists and objects, counted likewise."""
MAX_ITEMS = 100  # fields of an object, entries of a list
INFLATED = ("gzip", "x-gzip", "deflate")  # the encodings of bodies that are decoded; others are taken as they are
NOT_AS_ENCODED = "The body cannot be read: it does not have the encoding that its headers name."
MAX_NAME = 100  # characters of a field's name that are looked at and quoted
SIMILAR = 0.85  # from 0 (nothing in common) to 1 (equal), as difflib measures it
RAW_BODY = web.RequestKey("raw_body", bytes)  # the body of a request, once it has been read

JsonObject = dict[str, JsonValue]
ParsedT = TypeVar("ParsedT")


class BadRequest(Refusal):
    """The request is malformed or invalid. `status` is 400, 408, 413 or 415.

    `fields` lists the errors by field of the body, or with `in_query` by query parameter.
    """

    def __init__(
        self,
        sentence: str,
        status: int = 400,
        fields: dict[str, list[str]] | None = None,
        *,
        in_query: bool = False,
        **details: object,
    ) -> None:
        self.fields, self.in_query = fields or {}, in_query
        super().__init__(sentence, field=next(iter(self.fields), None), **details)
        self.status = status


class StrictModel(BaseModel):
    """A JSON object without unknown fields. More than `MAX_ITEMS` fields are refused before they are validated."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _limit_fields(cls, values: object) -> object:
        if isinstance(values, dict) and len(values) > MAX_ITEMS:
            raise BadRequest(f"An object of this call may have at most {MAX_ITEMS} fields.")
        return values


class LenientModel(BaseModel):
    """A JSON object whose unknown fields are ignored, unless they are nearly one of ours: those are mistyped."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_mistyped(cls, values: object) -> object:
        sent = list(values)[:MAX_ITEMS] if isinstance(values, dict) else []
        missing = [field for field in cls.model_fields if field not in sent]
        for name in sent:
            if name not in cls.model_fields and (meant := _nearest(name, missing)):
                sentence = f"`{name[:MAX_NAME]}` is not a field of this call. Did you mean `{meant}`?"
                raise BadRequest(sentence, fields={meant: [sentence]})
        return values


def _nearest(name: str, fields: Collection[str]) -> str | None:
    """The field that a name is nearly: but for its case, hyphens, a letter or two, or some of its words."""
    spelled = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name[:MAX_NAME]).replace("-", "_").lower()
    words = set(spelled.split("_"))
    shortened = (field for field in fields if len(words) > 1 and words < set(field.split("_")))
    if field := next(shortened, None):
        return field
    return next(iter(difflib.get_close_matches(spelled, fields, n=1, cutoff=SIMILAR)), None)


@dataclass(frozen=True)
class Codec:
    """A format of bodies. Responses have the first of `content_types`; requests may have any of them.

    `loads` takes a body and the charset that its Content-Type names, if any. A `strict` format has its own types for
    numbers, booleans and null, so strings are not converted to them.
    """

    content_types: tuple[str, ...]
    loads: Callable[[bytes, str | None], object]
    dumps: Callable[[object], bytes]
    strict: bool = field(default=True)


def load_json(raw: bytes, _charset: str | None = None) -> object:
    """Parse JSON, unless it holds so many values that parsing alone would take long: the interpreter stands still."""
    if raw.count(b"[") + raw.count(b"{") > MAX_CONTAINERS or raw.count(b",") > MAX_VALUES:
        raise BadRequest(
            f"The body may have {MAX_VALUES:,} values at most, {MAX_CONTAINERS:,} of them lists and objects."
        )
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"The body must be JSON: {json_fault(error)}.") from error


JSON = Codec(("application/json",), load_json, lambda value: orjson.dumps(value, default=str))


async def read_bytes(request: web.Request, max_bytes: int, unproven: UnprovenBodies | None = None) -> bytes:
    """Read the raw body. Refuses one that is too long, too slow, or not encoded as the headers say.

    `unproven`: the body is that of a caller who has not shown any credentials.
    """
    if (request.content_length or 0) > max_bytes:
        raise BadRequest(bodies.too_large(max_bytes), status=413)
    try:
        raw = await (unproven.read if unproven else bodies.read)(request.content, max_bytes)
    except bodies.TooLarge as error:
        raise BadRequest(error.sentence, status=413) from error
    except bodies.TooSlow as error:
        raise BadRequest(error.sentence, status=408) from error
    except bodies.Unreadable as error:
        raise BadRequest(error.sentence) from error
    if raw and request.headers.get("Content-Encoding", "").strip().lower() in INFLATED:
        raw = await asyncio.to_thread(_inflate, raw, max_bytes)
    request[RAW_BODY] = raw
    return raw


def _inflate(raw: bytes, max_bytes: int) -> bytes:
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)  # with the header of either
    try:
        inflated = inflater.decompress(raw, max_bytes + 1)
    except zlib.error as error:
        raise BadRequest(NOT_AS_ENCODED) from error
    if len(inflated) > max_bytes:
        raise BadRequest(bodies.too_large(max_bytes), status=413)
    if not inflater.eof or inflater.unused_data:
        raise BadRequest(NOT_AS_ENCODED)
    return inflated


def codec_of(request: web.Request, codecs: Sequence[Codec]) -> Codec | None:
    """The format of the body, according to its Content-Type."""
    return next((codec for codec in codecs if request.content_type in codec.content_types), None)


async def read_object(
    request: web.Request, codecs: Sequence[Codec], unproven: UnprovenBodies | None = None
) -> JsonObject:
    """Read the body, which has one of several formats, as an object. An empty body is `{}`.

    `unproven` is as for `read_bytes`; such a body is shorter.
    """
    raw = await read_bytes(request, MAX_UNPROVEN_BYTES if unproven else MAX_BODY_BYTES, unproven)
    if not raw.strip():
        return {}
    codec = codec_of(request, codecs)
    if codec is None:
        content_types = " or ".join(name for codec in codecs for name in codec.content_types)
        raise BadRequest(f"Content-Type must be {content_types}.", status=415)
    charset = request.charset
    return await parse(lambda: _parse_object(codec.loads(raw, charset)), len(raw))


async def parse(parser: Callable[[], ParsedT], size: int) -> ParsedT:
    """Call a parser of a body of this many bytes; in a thread if that may take long."""
    return parser() if size <= MAX_INLINE_BYTES else await asyncio.to_thread(parser)


def _parse_object(body: object) -> JsonObject:
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object.")
    refuse_nul(body)
    return body


def request_url(request: web.Request) -> str:
    """The URL of a request, according to its Host header. Refuses an invalid Host."""
    try:
        return str(request.url)
    except ValueError as error:
        raise BadRequest("The header Host must be the name of a host, with or without a port.") from error


def refuse_nul(value: object) -> None:
    """Refuse a value that contains U+0000 in a string or key: PostgreSQL cannot store that character."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str) and "\0" in item:
            raise BadRequest("The body must not contain the character U+0000.")
        pending += item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        if isinstance(item, dict):
            pending += item.keys()
