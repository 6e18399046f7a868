"""Request bodies, which are untrusted: JSON, or a form in one of its two encodings."""

import re
from collections.abc import Collection
from urllib.parse import parse_qsl

import orjson
from aiohttp import web

from api.http.bodies import BadRequest, load_json, parse, read_bytes, refuse_nul
from api.pdc.crud.actions import refuse_too_many
from api.pdc.crud.resource import PdcError
from bot.bodies import UnprovenBodies
from bot.store.lists import CONTAINERS

MAX_BYTES = 8 * 1024 * 1024  # enough for ten thousand items
MAX_BYTES_OF_FORMS = 256 * 1024  # a form is a single item, and decoding its escapes is slow
MAX_BYTES_OF_READS = 64 * 1024  # of the body of a GET
MAX_DEPTH = 100  # of nested lists and objects: errors echo refused bodies, and the JSON serializer has a limit too
TOO_DEEP = f"JSON parse error - {MAX_DEPTH} lists and objects within each other are too many"
MAX_FORM_FIELDS = 1000
JSON_TYPE = "application/json"
FORM_TYPE = "application/x-www-form-urlencoded"
MULTIPART_TYPE = "multipart/form-data"
MEDIA_TYPES = (JSON_TYPE, FORM_TYPE, MULTIPART_TYPE)
_NUL_IN_JSON = b"\\u0000"  # the only way to write U+0000 in JSON
_BOUNDARY = re.compile(r';\s*boundary=(?:"([^"]+)"|([^\s;"]+))', re.IGNORECASE)
_NAME = re.compile(r'^content-disposition:\s*form-data\s*;\s*name="([^"]*)"\s*$', re.IGNORECASE | re.MULTILINE)


async def read_optional(request: web.Request, unproven: UnprovenBodies) -> object:
    """Read the body of a request that only reads: JSON, or None for anything else. Its caller may be anybody."""
    raw = await read_bytes(request, MAX_BYTES_OF_READS, unproven)
    try:
        return orjson.loads(raw) if request.content_type == JSON_TYPE else None
    except orjson.JSONDecodeError:
        return None


async def read(request: web.Request) -> object:
    """Read the body of a request that writes. An empty body counts as an empty object."""
    content_type = request.headers.get("Content-Type", "")
    media_type = request.content_type if content_type else ""
    raw = await read_bytes(request, MAX_BYTES if media_type == JSON_TYPE else MAX_BYTES_OF_FORMS)
    if not raw.strip():
        return {}
    if media_type not in MEDIA_TYPES:
        raise PdcError({"detail": f'Unsupported media type "{media_type}" in request.'}, 415)
    return await parse(lambda: _parse(raw, media_type, content_type), len(raw))


def _parse(raw: bytes, media_type: str, content_type: str) -> object:
    if media_type == JSON_TYPE:
        body = _parse_json(raw)
    else:
        body = _parse_form(raw) if media_type == FORM_TYPE else _parse_multipart(content_type, raw)
    if media_type != JSON_TYPE or _NUL_IN_JSON in raw:
        refuse_nul(body)
    return body


def _parse_json(raw: bytes) -> object:
    try:
        body = load_json(raw)
    except BadRequest as error:
        raise PdcError({"detail": f"JSON parse error - {error.sentence}"}) from error
    refuse_too_many(_children(body))
    level, depth = [body], 1
    while level := [child for parent in level for child in _children(parent) if isinstance(child, CONTAINERS)]:
        depth += 1
        if depth >= MAX_DEPTH:
            raise PdcError({"detail": TOO_DEEP})
    return body


def _children(value: object) -> Collection[object]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _parse_form(raw: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS))
    except ValueError as error:
        raise PdcError({"detail": f"Form parse error - {error}"}) from error


def _parse_multipart(content_type: str, raw: bytes) -> dict[str, str]:
    """Parse the fields of a multipart form (RFC 7578); files are refused."""
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise _multipart_error("there is no boundary")
    delimiter = f"\r\n--{boundary[1] or boundary[2]}".encode("utf-8", "surrogateescape")
    _, *parts = (b"\r\n" + raw).split(delimiter, MAX_FORM_FIELDS + 1)
    if not parts or not parts[-1].startswith(b"--"):
        raise _multipart_error(f"no last boundary after at most {MAX_FORM_FIELDS:,} fields")
    fields: dict[str, str] = {}
    for part in parts[:-1]:
        head, separator, value = part.partition(b"\r\n\r\n")
        name = _NAME.search(head.decode("utf-8", "replace").replace("\r\n", "\n"))
        if name is None or not separator:
            raise _multipart_error("every part must be a named field and no file")
        try:
            fields[name[1]] = value.decode()
        except UnicodeDecodeError as error:
            raise _multipart_error(f"{name[1]} must be UTF-8") from error
    return fields


def _multipart_error(reason: str) -> PdcError:
    return PdcError({"detail": f"Multipart form parse error - {reason}"})
