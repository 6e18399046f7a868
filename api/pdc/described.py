"""The description of every call of these dialects, made from the resources: the part of OpenAPI that is theirs."""

from collections.abc import Mapping, Sequence
from typing import Any

from api.pdc.answers import HTML_TYPE
from api.pdc.bodies import JSON_TYPE, PARSED
from api.pdc.places import BASE, RESOURCES, SAFE, Place
from api.pdc.queries import COMMON
from api.pdc.tokens import TOKENS
from api.pdc.words import Words
from api.problems import TITLES
from api.resource import REQUIRED, Field, Resource

REFUSAL = {"description": "A sentence, sentences, or sentences by field; of several items, which one is refused."}
READING = (400, 401, 403, 404, 405, 406, 413, 429, 503)
WRITING = (*READING, 409, 415)
ACTS = {"GET": "Show", "POST": "Make", "PUT": "Replace", "PATCH": "Change", "DELETE": "Delete"}
SHOWN = ("fields", "exclude_fields")
PAGING = ("page", "page_size", *SHOWN)
TEXT = {HTML_TYPE: {"schema": {"type": "string"}}}
MOST = 10_000


def described() -> dict[str, Any]:
    """Paths, and the schemas, parameters and responses that they share."""
    names = {name for of in RESOURCES.values() for name in (*getattr(of, "filters", ()), *COMMON)}
    repeated = {"type": "array", "items": {"type": "string"}}
    refusals = {JSON_TYPE: {"schema": REFUSAL, "example": {"detail": "Not found."}}, **TEXT}
    return {
        "paths": _paths(),
        "schemas": {name: schema for of in RESOURCES.values() for name, schema in _schemas(of).items()},
        "parameters": {
            f"pdc_{name}": {"in": "query", "name": name, "schema": repeated, "explode": True, "style": "form"}
            for name in sorted(names)
        },
        "responses": {f"pdc_{code}": {"description": TITLES[code], "content": refusals} for code in WRITING},
    }


def _paths() -> dict[str, Any]:
    root = _call("root", "All lists and their addresses", {"type": "object"}, READING)
    found: dict[str, Any] = {f"{BASE}/": {"get": root}}
    for name, call in TOKENS.items():
        for method in (each for each in call.methods if each not in SAFE[1:]):
            gives, errors = (None, READING) if name == "auth/token" else ({"type": "object"}, (*READING, 409))
            said = _call(f"{method} {name}", f"Credentials: {name}", gives, errors)
            found.setdefault(f"{BASE}/{name}/", {})[method.lower()] = said
    for of in RESOURCES.values():
        found[f"{BASE}/{of.name}/"] = _list(of)
        if isinstance(of, Resource):
            keys = [path.rpartition("__")[2] for path in of.key]
            found["/".join([f"{BASE}/{of.name}", *(f"{{{key}}}" for key in keys), ""])] = _item(of, keys)
    return found


def _list(of: Resource | Words) -> dict[str, Any]:
    item, page = _ref(of.name), _ref(f"{of.name}.page")
    names = (*of.filters, *COMMON) if isinstance(of, Resource) else PAGING
    either = {"anyOf": [page, {"type": "array", "items": item}]}
    calls = {"get": _call(f"list {of.name}", f"List {of.title}s", either, READING, names)}
    for method in Place(of).allow[1:-2] if isinstance(of, Resource) else ():
        new, taken = _ref(f"{of.name}.new"), _ref(f"{of.name}.{'changed' if method == 'PATCH' else 'new'}")
        bodies = {
            "POST": {"anyOf": [new, {"type": "array", "items": new, "maxItems": MOST}]},
            "DELETE": {"type": "array", "items": {"type": ["integer", "string"]}, "maxItems": MOST},
        }
        gives = {"POST": {"anyOf": [item, {"type": "array", "items": item}]}, "DELETE": None}
        by_key = {"type": "object", "additionalProperties": taken, "maxProperties": MOST}
        title = f"{ACTS[method]} {'one or several' if method == 'POST' else 'several'} {of.title}s"
        body, shown = bodies.get(method, by_key), gives.get(method, {"type": "object", "additionalProperties": item})
        status = {"POST": 201, "DELETE": 204}.get(method, 200)
        calls[method.lower()] = _call(f"{method} several {of.name}", title, shown, WRITING, SHOWN, body, status)
    return calls


def _item(of: Resource, keys: Sequence[str]) -> dict[str, Any]:
    calls: dict[str, Any] = {}
    in_path = {"in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    for method in Place(of, "0").allow[:-2]:
        taken = {"PUT": _ref(f"{of.name}.new"), "PATCH": _ref(f"{of.name}.changed")}
        gives, status = (None, 204) if method == "DELETE" else (_ref(of.name), 200)
        errors = READING if method == "GET" else WRITING
        title = f"{ACTS[method]} one {of.title}"
        call = _call(f"{method} one of {of.name}", title, gives, errors, SHOWN, taken.get(method), status)
        call["parameters"] += [{**in_path, "name": key} for key in keys]
        calls[method.lower()] = call
    return calls


def _schemas(of: Resource | Words) -> dict[str, Any]:
    """An item, a page of items and, where they may be written, what is taken."""
    links = {name: {"type": ["string", "null"], "format": "uri"} for name in ("next", "previous")}
    results = {"type": "array", "items": _ref(of.name)}
    page = {"type": "object", "properties": {"count": {"type": "integer"}, **links, "results": results}}
    written = [each for each in of.fields if each.column]
    taken = {each.name: dict(each.kind.schema) for each in written}
    required = [each.name for each in written if each.default is REQUIRED]
    strict = {"type": "object", "properties": taken, "additionalProperties": False}
    found: dict[str, Any] = {
        of.name: {"type": "object", "properties": {each.name: _shown(each) for each in of.fields}},
        f"{of.name}.page": {**page, "required": ["count", "next", "previous", "results"]},
    }
    if written:
        found |= {
            f"{of.name}.new": {**strict, "required": required},
            f"{of.name}.changed": {**strict, "minProperties": 1},
        }
    return found


def _shown(each: Field) -> dict[str, Any]:
    if each.column == "" and each.path is None:
        return {}
    if isinstance(each.path, Mapping) and each.kind.schema.get("type") == "object":
        return {"type": "object"}
    schema = dict(each.kind.schema)
    return {"anyOf": [schema, {"type": "null"}]} if each.default is None else schema


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _call(
    name: str,
    summary: str,
    gives: Any,
    errors: Sequence[int],
    parameters: Sequence[str] = (),
    body: Any = None,
    status: int = 200,
) -> dict[str, Any]:
    done: dict[str, Any] = {"description": "Done"}
    if gives is not None:
        done["content"] = {JSON_TYPE: {"schema": gives}, **TEXT}
    said: dict[str, Any] = {
        "operationId": "pdc_" + "_".join(name.lower().replace("/", "_").replace("-", "_").split()),
        "tags": ["schedules and files"],
        "summary": summary,
        "description": "Warning: This is an experimental API.",
        "parameters": [{"$ref": f"#/components/parameters/pdc_{each}"} for each in parameters],
        "responses": {
            str(status): done,
            **{str(code): {"$ref": f"#/components/responses/pdc_{code}"} for code in sorted(errors)},
        },
        "security": [{"token": []}, {"bearer": []}, *([{}] if errors is READING else [])],
    }
    if body is not None:
        forms = PARSED if "$ref" in body else PARSED[:1]
        said["requestBody"] = {"content": {kind: {"schema": body} for kind in forms}}
    return said
