"""The description of every call of these dialects, made from the resources: the part of OpenAPI that is theirs."""

from collections.abc import Mapping, Sequence
from typing import Any

from api.docs.openapi import example
from api.docs.pdc_examples import ITEMS, URL
from api.http.problems import TITLES
from api.pdc.auth import TOKENS
from api.pdc.crud.field_types import LIST
from api.pdc.crud.query_params import COMMON
from api.pdc.crud.resource import REQUIRED, Field, Resource
from api.pdc.request_bodies import JSON_TYPE, PARSED
from api.pdc.resources.vocabularies import Words
from api.pdc.responses import HTML_TYPE
from api.pdc.routes import BASE, RESOURCES, SAFE, Place
from bot.context import FORBIDDEN, MISSING

SENTENCES = {"type": "array", "items": {"type": "string"}}
REFUSAL = {
    "description": "A sentence, sentences, or sentences by field; of several items, which one is refused.",
    "anyOf": [{"type": "object"}, SENTENCES],
}
SAID: Mapping[int, Any] = {
    400: {"release": ["This field is required."]},
    401: MISSING,
    403: FORBIDDEN,
    404: "Not found.",
    405: 'Method "PATCH" not allowed.',
    406: "Could not satisfy the request Accept header.",
    415: 'Unsupported media type "text/plain" in request.',
}
READING = (400, 401, 403, 404, 405, 406, 413, 429, 503)
WRITING = (*READING, 409, 415)
ACTS = {"GET": "Show", "POST": "Make", "PUT": "Replace", "PATCH": "Change", "DELETE": "Delete"}
SHOWN = ("fields", "exclude_fields")
PAGING = ("page", "page_size", *SHOWN)
TEXT = {HTML_TYPE: {"schema": {"type": "string"}, "example": "<!DOCTYPE html>\n<title>Release Schedule List</title>"}}
LINKS = {
    "type": "object",
    "additionalProperties": {"type": "string", "format": "uri"},
    "examples": [{name: f"{URL}/{name}/" for name in ("releases", "release-schedules")}],
}
TOKEN = {"type": "object", "properties": {"token": {"type": "string"}}}
USER = {
    "type": "object",
    "properties": {
        **{name: {"type": "string", "examples": ["ada"]} for name in ("username", "fullname")},
        "e-mail": {"type": "string", "examples": [""]},
        **{name: {"type": "boolean"} for name in ("is_superuser", "is_staff")},
        **{name: {**SENTENCES, "examples": [[]]} for name in ("groups", "resource_permissions")},
        "permissions": {**SENTENCES, "examples": [["content:read", "content:write"]]},
    },
}
ABOUT_TOKENS = {"auth/token": None, "auth/current-user": USER}
MOST = 10_000
KEYS = {"type": "array", "items": {"type": ["integer", "string"]}, "maxItems": MOST}


def paths() -> dict[str, Any]:
    """Every path and its calls, each content with an example."""
    schemas, found = _all_schemas(), _paths()
    for call in (call for calls in found.values() for call in calls.values()):
        for body in [*call["responses"].values(), call.get("requestBody", {})]:
            for content in body.get("content", {}).values():
                content.setdefault("example", example(content["schema"], schemas))
    return found


def components() -> dict[str, Any]:
    """The schemas, parameters and responses that they share."""
    names = {name for of in RESOURCES.values() for name in (*getattr(of, "filters", ()), *COMMON)}
    repeated = {"type": "array", "items": {"type": "string"}}
    return {
        "schemas": _all_schemas(),
        "parameters": {
            f"pdc_{name}": {"in": "query", "name": name, "schema": repeated, "explode": True, "style": "form"}
            for name in sorted(names)
        },
        "responses": {f"pdc_{code}": _refusal(code) for code in WRITING},
    }


def _all_schemas() -> dict[str, Any]:
    return {name: schema for of in RESOURCES.values() for name, schema in _schemas(of).items()}


def _refusal(code: int) -> dict[str, Any]:
    said = SAID.get(code, TITLES[code])
    sentence = {"detail": said} if isinstance(said, str) else said
    return {"description": TITLES[code], "content": {JSON_TYPE: {"schema": REFUSAL, "example": sentence}, **TEXT}}


def _paths() -> dict[str, Any]:
    root = _call("root", "All lists and their addresses", LINKS, READING, stranger=True)
    found: dict[str, Any] = {f"{BASE}/": {"get": root}}
    for name, call in TOKENS.items():
        for method in (each for each in call.methods if each not in SAFE[1:]):
            gives, stranger = ABOUT_TOKENS.get(name, TOKEN), name == "auth/token"
            errors = READING if stranger else (*READING, 409)
            said = _call(f"{method} {name}", f"Credentials: {name}", gives, errors, stranger=stranger)
            found.setdefault(f"{BASE}/{name}/", {})[method.lower()] = said
    for of in RESOURCES.values():
        found[f"{BASE}/{of.name}/"] = _list(of)
        if isinstance(of, Resource):
            keys = [path.rpartition("__")[2] for path in of.key]
            found["/".join([f"{BASE}/{of.name}", *(f"{{{key}}}" for key in keys), ""])] = _item(of, keys)
    return found


def _list(of: Resource | Words) -> dict[str, Any]:
    either = {"anyOf": [_ref(f"{of.name}.page"), {"type": "array", "items": _ref(of.name)}]}
    names = (*of.filters, *COMMON) if isinstance(of, Resource) else PAGING
    stranger = isinstance(of, Words) or of.for_strangers
    call = _call(f"list {of.name}", f"List {of.title}s", either, READING, names, stranger=stranger)
    return {"get": call, **(_several(of) if isinstance(of, Resource) and of.acts else {})}


def _several(of: Resource) -> dict[str, Any]:
    """What is done to many items at once."""
    calls, item, new = {}, _ref(of.name), _ref(f"{of.name}.new")
    bodies: Mapping[str, Any] = {
        "POST": {"anyOf": [new, {"type": "array", "items": new, "maxItems": MOST}]},
        "PUT": {**_by_key(of, new), "maxProperties": MOST},
        "PATCH": {**_by_key(of, _ref(f"{of.name}.changed")), "maxProperties": MOST},
        "DELETE": {**KEYS, "examples": [[_key_of(of)]]},
    }
    gives = {"POST": {"anyOf": [item, {"type": "array", "items": item}]}, "DELETE": None}
    for method in Place(of).allow[1:-2]:
        title = f"{ACTS[method]} {'one or several' if method == 'POST' else 'several'} {of.title}s"
        shown, status = gives.get(method, _by_key(of, item)), {"POST": 201, "DELETE": 204}.get(method, 200)
        name, body = f"{method} several {of.name}", bodies[method]
        calls[method.lower()] = _call(name, title, shown, WRITING, SHOWN, body, status)
    return calls


def _by_key(of: Resource, each: Mapping[str, str]) -> dict[str, Any]:
    """Items by their keys."""
    return {
        "type": "object",
        "additionalProperties": each,
        "examples": [{str(_key_of(of)): example(each, _schemas(of))}],
    }


def _key_of(of: Resource) -> Any:
    """The key of the item that is the example: its number, or the words that it is known by."""
    values = [_item_of(of)[each.name] for path in of.key for each in of.fields if each.path == path]
    return values[0] if len(values) == 1 else "/".join(map(str, values))


def _item(of: Resource, keys: Sequence[str]) -> dict[str, Any]:
    calls: dict[str, Any] = {}
    in_path = {"in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    for method in Place(of, "0").allow[:-2]:
        taken = {"PUT": _ref(f"{of.name}.new"), "PATCH": _ref(f"{of.name}.changed")}
        gives, status = (None, 204) if method == "DELETE" else (_ref(of.name), 200)
        errors, stranger = (READING, of.for_strangers) if method == "GET" else (WRITING, False)
        name, title = f"{method} one of {of.name}", f"{ACTS[method]} one {of.title}"
        forms = PARSED[:1] if method == "PUT" and _is_nested(of) else PARSED
        call = _call(name, title, gives, errors, SHOWN, taken.get(method), status, stranger=stranger, forms=forms)
        call["parameters"] += [{**in_path, "name": key} for key in keys]
        calls[method.lower()] = call
    return calls


def _is_nested(of: Resource) -> bool:
    """Whether an item must hold lists or objects, which no form can say."""
    needed = [each.kind.schema["type"] for each in of.fields if each.column and each.default is REQUIRED]
    return not {"array", "object"}.isdisjoint(needed)


def _schemas(of: Resource | Words) -> dict[str, Any]:
    """An item, a page of items and, where they may be written, what is taken."""
    links = {name: {"type": ["string", "null"], "format": "uri", "examples": [None]} for name in ("next", "previous")}
    results = {"type": "array", "items": _ref(of.name)}
    page = {"type": "object", "properties": {"count": {"type": "integer"}, **links, "results": results}}
    shown, item = {each.name: _shown(each) for each in of.fields}, _item_of(of)
    found: dict[str, Any] = {
        of.name: {"type": "object", "properties": shown, "examples": [item]},
        f"{of.name}.page": {**page, "required": ["count", "next", "previous", "results"]},
    }
    return found | _taken(of.name, [each for each in of.fields if each.column], item)


def _item_of(of: Resource | Words) -> dict[str, Any]:
    """An item as an example, with nothing where nothing is known."""
    if isinstance(of, Words):
        return of.items[0]
    item = ITEMS[of.name]
    unknown: dict[str, Any] = {
        each.name: [] if each.kind is LIST else None for each in of.fields if each.name not in item
    }
    return {**item, **unknown}


def _taken(name: str, written: Sequence[Field], item: Mapping[str, Any]) -> dict[str, Any]:
    """What is taken as a new item, and as changes to one. Rows that an item shows are taken by their number."""
    if not written:
        return {}
    properties = {each.name: dict(each.kind.schema) for each in written}
    strict = {"type": "object", "properties": properties, "additionalProperties": False}
    required = [each.name for each in written if each.default is REQUIRED]
    given = {each: item[each] for each in properties if item[each] is not None}
    given = {each: {"id": value["id"]} if isinstance(value, Mapping) else value for each, value in given.items()}
    return {
        f"{name}.new": {**strict, "required": required, "examples": [given]},
        f"{name}.changed": {**strict, "minProperties": 1, "examples": [dict([*given.items()][-1:])]},
    }


def _shown(each: Field) -> dict[str, Any]:
    if each.column == "" and each.path is None:
        return {}
    if isinstance(each.path, Mapping) and each.kind.schema.get("type") == "object":
        return {"type": "object"}
    schema = dict(each.kind.schema)
    return {"anyOf": [schema, {"type": "null"}]} if each.nullable or each.default is None else schema


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
    *,
    stranger: bool = False,
    forms: Sequence[str] = PARSED[:1],
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
        "security": [{"token": []}, {"bearer": []}, *([{}] if stranger else [])],
    }
    if body is not None:
        said["requestBody"] = {"content": {kind: {"schema": body} for kind in forms}}
    return said
