"""The description of every call of these dialects, made from the resources: the part of OpenAPI that is theirs."""

from collections.abc import Mapping, Sequence
from typing import Any

from api.openapi import example
from api.pdc.door import BASE, HTML_TYPE, JSON_TYPE, PARSED, RESOURCES, Place
from api.pdc.queries import COMMON
from api.pdc.tokens import TOKENS
from api.pdc.words import Words
from api.resource import REQUIRED, Field, Resource

DETAIL = {"description": "A sentence, sentences, or sentences by field; of several items, which one is refused."}
ERRORS = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    409: "Conflict",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    429: "Too Many Requests",
    503: "Service Unavailable",
}
READING = (400, 401, 403, 404, 406, 413, 429, 503)
WRITING = (*READING, 409, 415)
ACTS = {"POST": "Make", "PUT": "Replace", "PATCH": "Change", "DELETE": "Delete"}


def paths() -> dict[str, Any]:
    """Every path below the base, with its calls."""
    found: dict[str, Any] = {
        f"{BASE}/": {"get": _call("root", "All lists and their addresses", {"type": "object"}, READING)}
    }
    for name, call in TOKENS.items():
        for method in call.methods[:-2]:
            gives = None if name == "auth/token" else {"type": "object"}
            said = _call(f"{method} {name}", f"Credentials: {name}", gives, READING)
            found.setdefault(f"{BASE}/{name}/", {})[method.lower()] = said
    for of in RESOURCES.values():
        found[f"{BASE}/{of.name}/"] = _list(of)
        if isinstance(of, Resource):
            keys = [path.rpartition("__")[2] for path in of.key]
            found["/".join([f"{BASE}/{of.name}", *(f"{{{key}}}" for key in keys), ""])] = _item(of, keys)
    return found


def _list(of: Resource | Words) -> dict[str, Any]:
    item = _shape(of.fields)
    page: dict[str, Any] = {
        "type": "object",
        "properties": {
            "count": {"type": "integer"},
            **{name: {"type": ["string", "null"], "format": "uri"} for name in ("next", "previous")},
            "results": {"type": "array", "items": item},
        },
        "required": ["count", "next", "previous", "results"],
    }
    either = {"anyOf": [page, {"type": "array", "items": item}]}
    names = (*of.filters, *COMMON) if isinstance(of, Resource) else ("page", "page_size", "fields", "exclude_fields")
    calls = {"get": _call(f"list {of.name}", f"List {of.title}s", either, READING, names)}
    if isinstance(of, Resource):
        for method in Place(of).allow[1:-2]:
            calls[method.lower()] = _bulk(of, method, item, names)
    return calls


def _bulk(of: Resource, method: str, item: Any, names: Sequence[str]) -> dict[str, Any]:
    title = f"{ACTS[method]} one or several {of.title}s" if method == "POST" else f"{ACTS[method]} several {of.title}s"
    taken, given = _taken(of, partial=method == "PATCH"), {"type": "object", "additionalProperties": item}
    if method == "DELETE":
        body: Any = {"type": "array", "items": {"type": ["integer", "string"]}, "maxItems": 10_000}
        return _call(f"delete several {of.name}", title, None, WRITING, names, body=body, status=204)
    if method == "POST":
        body = {"anyOf": [taken, {"type": "array", "items": taken, "maxItems": 10_000}]}
        made = {"anyOf": [item, {"type": "array", "items": item}]}
        return _call(f"create {of.name}", title, made, WRITING, names, body=body, status=201)
    body = {"type": "object", "additionalProperties": taken, "maxProperties": 10_000}
    return _call(f"{method} several {of.name}", title, given, WRITING, names, body=body)


def _item(of: Resource, keys: Sequence[str]) -> dict[str, Any]:
    calls: dict[str, Any] = {}
    for method in Place(of, "").allow[:-2]:
        title = f"{ACTS.get(method, 'Show')} one {of.title}"
        body = _taken(of, partial=method == "PATCH") if method in ("PUT", "PATCH") else None
        gives = None if method == "DELETE" else _shape(of.fields)
        names = (*of.filters, *COMMON)
        statuses = READING if method == "GET" else WRITING
        status = 204 if method == "DELETE" else 200
        call = _call(f"{method} one of {of.name}", title, gives, statuses, names, body=body, status=status)
        call["parameters"] += [
            {"in": "path", "name": key, "required": True, "schema": {"type": "string"}} for key in keys
        ]
        calls[method.lower()] = call
    return calls


def _shape(fields: Sequence[Field]) -> dict[str, Any]:
    properties = {each.name: _schema(each) for each in fields}
    return {"type": "object", "properties": properties}


def _schema(each: Field) -> dict[str, Any]:
    if not each.column or (isinstance(each.path, Mapping) and each.kind.schema.get("type") == "object"):
        return {} if each.column == "" and each.path is None else {**_open(each)}
    schema = dict(each.kind.schema)
    if each.default is None:
        return {"anyOf": [schema, {"type": "null"}]}
    return schema


def _open(each: Field) -> dict[str, Any]:
    return {"type": "object"} if each.kind.schema.get("type") == "object" else dict(each.kind.schema)


def _taken(of: Resource, *, partial: bool) -> dict[str, Any]:
    written = [each for each in of.fields if each.column]
    required = [each.name for each in written if each.default is REQUIRED]
    said: dict[str, Any] = {
        "type": "object",
        "properties": {each.name: dict(each.kind.schema) for each in written},
        "additionalProperties": False,
    }
    return {**said, "minProperties": 1} if partial else {**said, "required": required}


def _call(
    name: str,
    summary: str,
    gives: Any,
    errors: Sequence[int],
    parameters: Sequence[str] = (),
    *,
    body: Any = None,
    status: int = 200,
) -> dict[str, Any]:
    read = errors is READING
    page = {HTML_TYPE: {"schema": {"type": "string"}}}
    done: dict[str, Any] = {"description": "Done"}
    if gives is not None:
        done["content"] = {JSON_TYPE: {"schema": gives, "example": example(gives, {})}, **page}
    error = {JSON_TYPE: {"schema": DETAIL, "example": {"detail": "Not found."}}, **page}
    refusals = {str(code): {"description": ERRORS[code], "content": error} for code in sorted({*errors, 405})}
    said: dict[str, Any] = {
        "operationId": "pdc_" + "_".join(name.lower().replace("/", "_").replace("-", "_").split()),
        "tags": ["schedules and files"],
        "summary": summary,
        "description": "Warning: This is an experimental API.",
        "parameters": [_parameter(each) for each in parameters],
        "responses": {str(status): done, **refusals},
        "security": [{"token": []}, {"bearer": []}, *([{}] if read else [])],
    }
    if body is not None:
        forms = PARSED if body.get("type") == "object" and "additionalProperties" in body else PARSED[:1]
        said["requestBody"] = {"content": {kind: {"schema": body} for kind in forms}}
    return said


def _parameter(name: str) -> dict[str, Any]:
    repeated = {"type": "array", "items": {"type": "string"}}
    return {"in": "query", "name": name, "schema": repeated, "explode": True, "style": "form"}
