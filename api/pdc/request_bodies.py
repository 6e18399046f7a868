"""What is sent to these dialects: JSON, or a form in one of its two writings; nothing of it is trusted."""

import re
from collections.abc import Collection
from typing import Any
from urllib.parse import parse_qsl

import orjson
from aiohttp import web

from api.http.bodies import read_bytes, refuse_nul
from api.pdc.crud.actions import refuse_too_many
from api.pdc.crud.resource import Invalid
from bot.store.lists import CONTAINERS

LARGEST = 8 * 1024 * 1024  # bytes of a body: ten thousand items
LARGEST_IGNORED = 64 * 1024  # bytes of one that is sent with a call that only reads
DEEPEST = 100  # lists and objects within each other: what is refused is shown again, and written JSON has its limits
MOST_FIELDS = 1000  # of a form
JSON_TYPE = "application/json"
FORM_TYPE = "application/x-www-form-urlencoded"
PARTS_TYPE = "multipart/form-data"
NUL_IN_JSON = b"\\u0000"  # there is no other way to say it
PARSED = (JSON_TYPE, FORM_TYPE, PARTS_TYPE)
_BOUNDARY = re.compile(r';\s*boundary=(?:"([^"]+)"|([^\s;"]+))', re.IGNORECASE)
_NAME = re.compile(r'^content-disposition:\s*form-data\s*;\s*name="([^"]*)"\s*$', re.IGNORECASE | re.MULTILINE)


async def read_ignored(request: web.Request) -> Any:
    """What is sent with a call that only reads: a JSON object may say something, nothing else does."""
    raw = await read_bytes(request, LARGEST_IGNORED)
    try:
        return orjson.loads(raw) if request.content_type == JSON_TYPE else None
    except orjson.JSONDecodeError:
        return None


async def read(request: web.Request) -> Any:
    """What is sent to be written. Nothing at all counts as an empty object."""
    raw = await read_bytes(request, LARGEST)
    if not raw.strip():
        return {}
    kind = request.content_type if "Content-Type" in request.headers else ""
    if kind == JSON_TYPE:
        body = _json(raw)
    elif kind == FORM_TYPE:
        body = _pairs(raw)
    elif kind == PARTS_TYPE:
        body = _parts(request.headers["Content-Type"], raw)
    else:
        raise Invalid({"detail": f'Unsupported media type "{kind}" in request.'}, 415)
    if kind != JSON_TYPE or NUL_IN_JSON in raw:
        refuse_nul(body)
    return body


def _json(raw: bytes) -> Any:
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Invalid({"detail": f"JSON parse error - {error}"}) from error
    refuse_too_many(_within(body))
    level, depth = [body], 1
    while level := [below for each in level for below in _within(each) if isinstance(below, CONTAINERS)]:
        depth += 1
        if depth >= DEEPEST:
            raise Invalid({"detail": f"JSON parse error - {DEEPEST} lists and objects within each other are too many"})
    return body


def _within(value: Any) -> Collection[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _pairs(raw: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError as error:
        raise Invalid({"detail": f"Form parse error - {error}"}) from error


def _parts(content_type: str, raw: bytes) -> dict[str, str]:
    """The fields of a form in several parts (RFC 7578); files are none."""
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise _no_parts("there is no boundary")
    delimiter = f"\r\n--{boundary[1] or boundary[2]}".encode("utf-8", "surrogateescape")
    _, *parts = (b"\r\n" + raw).split(delimiter, MOST_FIELDS + 1)
    if not parts or not parts[-1].startswith(b"--"):
        raise _no_parts(f"no last boundary after at most {MOST_FIELDS:,} fields")
    fields: dict[str, str] = {}
    for part in parts[:-1]:
        head, blank, value = part.partition(b"\r\n\r\n")
        name = _NAME.search(head.decode("utf-8", "replace").replace("\r\n", "\n"))
        if name is None or not blank:
            raise _no_parts("every part must be a named field and no file")
        try:
            fields[name[1]] = value.decode()
        except UnicodeDecodeError as error:
            raise _no_parts(f"{name[1]} must be UTF-8") from error
    return fields


def _no_parts(why: str) -> Invalid:
    return Invalid({"detail": f"Multipart form parse error - {why}"})
