"""The OpenAPI description of the PDC dialect, generated from its resources."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.docs.openapi import example
from api.docs.openapi_types import (
    MediaType,
    Operation,
    Parameter,
    PathItem,
    Reference,
    Response,
    Schema,
)
from api.docs.pdc_examples import ITEMS, URL
from api.http.problems import TITLES
from api.pdc.auth import TOKEN_ENDPOINTS
from api.pdc.crud.actions import MAX_ITEMS
from api.pdc.crud.field_types import LIST
from api.pdc.crud.query_params import COMMON
from api.pdc.crud.resource import Field, Resource
from api.pdc.request_bodies import JSON_TYPE, MEDIA_TYPES
from api.pdc.resources.vocabularies import Vocabulary
from api.pdc.responses import HTML_TYPE
from api.pdc.routes import BASE, RESOURCES, Route
from bot.context import FORBIDDEN, NO_CREDENTIALS

SENTENCES: Schema = {"type": "array", "items": {"type": "string"}}
ERROR: Schema = {
    "description": "A sentence, several sentences, or sentences by field; after a bulk request, also the refused item.",
    "anyOf": [{"type": "object"}, SENTENCES],
}
ERROR_EXAMPLES: Mapping[int, object] = {
    400: {"release": ["This field is required."]},
    401: NO_CREDENTIALS,
    403: FORBIDDEN,
    404: "Not found.",
    405: 'Method "PATCH" not allowed.',
    406: "Could not satisfy the request Accept header.",
    415: 'Unsupported media type "text/plain" in request.',
}
READ_ERRORS = (400, 401, 403, 404, 405, 406, 408, 413, 429, 503)
WRITE_ERRORS = (*READ_ERRORS, 409, 415)
VERBS = {"GET": "Show", "POST": "Create", "PUT": "Replace", "PATCH": "Change", "DELETE": "Delete"}
FIELD_SELECTION = ("fields", "exclude_fields")
HTML_CONTENT: dict[str, MediaType] = {
    HTML_TYPE: {"schema": {"type": "string"}, "example": "<!DOCTYPE html>\n<title>Release Schedule List</title>"}
}
LINKS: Schema = {
    "type": "object",
    "additionalProperties": {"type": "string", "format": "uri"},
    "examples": [{name: f"{URL}/{name}/" for name in ("releases", "release-schedules")}],
}
TOKEN: Schema = {"type": "object", "properties": {"token": {"type": "string"}}}
USER: Schema = {
    "type": "object",
    "properties": {
        **{name: {"type": "string", "examples": ["ada"]} for name in ("username", "fullname")},
        "e-mail": {"type": "string", "examples": [""]},
        **{name: {"type": "boolean"} for name in ("is_superuser", "is_staff")},
        **{name: {**SENTENCES, "examples": [[]]} for name in ("groups", "resource_permissions")},
        "permissions": {**SENTENCES, "examples": [["content:read", "content:write"]]},
    },
}
TOKEN_RESPONSES = {"auth/token": None, "auth/current-user": USER}
IDENTIFIERS: Schema = {"type": "array", "items": {"type": ["integer", "string"]}, "maxItems": MAX_ITEMS}


def paths() -> dict[str, PathItem]:
    """All paths with their operations, and with an example of each body."""
    schemas, path_items = _all_schemas(), _path_items()
    for operation in (operation for path_item in path_items.values() for operation in path_item.values()):
        bodies = [*operation["responses"].values(), operation.get("requestBody", {})]
        for content in (body.get("content") for body in bodies):
            for media_type in content.values() if isinstance(content, dict) else ():
                media_type.setdefault("example", example(media_type["schema"], schemas))
    return path_items


def components() -> dict[str, Mapping[str, object]]:
    """The schemas, parameters and responses that operations share."""
    names = {name for target in RESOURCES.values() for name in (*getattr(target, "filters", ()), *COMMON)}
    repeated = {"type": "array", "items": {"type": "string"}}
    return {
        "schemas": _all_schemas(),
        "parameters": {
            f"pdc_{name}": {"in": "query", "name": name, "schema": repeated, "explode": True, "style": "form"}
            for name in sorted(names)
        },
        "responses": {f"pdc_{status}": _error(status) for status in WRITE_ERRORS},
    }


def _all_schemas() -> dict[str, Schema]:
    return {name: schema for target in RESOURCES.values() for name, schema in _schemas(target).items()}


def _error(status: int) -> Response:
    value = ERROR_EXAMPLES.get(status, TITLES[status])
    body = {"detail": value} if isinstance(value, str) else value
    content: MediaType = {"schema": ERROR, "example": body}
    return {"description": TITLES[status], "content": {JSON_TYPE: content, **HTML_CONTENT}}


@dataclass(frozen=True)
class _Operation:
    """An operation to describe; `response` is the schema of the response, None if it has no body."""

    name: str
    summary: str
    response: Schema | None
    errors: Sequence[int]
    parameters: Sequence[str] = ()
    body: Schema | None = None
    status: int = 200
    anonymous: bool = False
    media_types: Sequence[str] = MEDIA_TYPES[:1]

    def describe(self) -> Operation:
        """The OpenAPI description of the operation."""
        success: Response = {"description": "Done"}
        if self.response is not None:
            success["content"] = {JSON_TYPE: {"schema": self.response}, **HTML_CONTENT}
        operation: Operation = {
            "operationId": "pdc_" + "_".join(self.name.lower().replace("/", "_").replace("-", "_").split()),
            "tags": ["schedules and files"],
            "summary": self.summary,
            "description": "Warning: This is an experimental API.",
            "parameters": [Reference({"$ref": f"#/components/parameters/pdc_{name}"}) for name in self.parameters],
            "responses": {
                str(self.status): success,
                **{
                    str(status): Reference({"$ref": f"#/components/responses/pdc_{status}"})
                    for status in sorted(self.errors)
                },
            },
            "security": [{"token": []}, {"bearer": []}, *([{}] if self.anonymous else [])],
        }
        if self.body is not None:
            operation["requestBody"] = {"content": {name: {"schema": self.body} for name in self.media_types}}
        return operation


def _path_items() -> dict[str, PathItem]:
    root = _Operation("root", "List all resources with their URLs", LINKS, READ_ERRORS, anonymous=True)
    path_items: dict[str, PathItem] = {f"{BASE}/": {"get": root.describe()}}
    for name, endpoint in TOKEN_ENDPOINTS.items():
        for method in (method for method in endpoint.methods if method not in ("HEAD", "OPTIONS")):
            response, anonymous = TOKEN_RESPONSES.get(name, TOKEN), name == "auth/token"
            errors = READ_ERRORS if anonymous else (*READ_ERRORS, 409)
            title = f"Credentials: {name}"
            operation = _Operation(f"{method} {name}", title, response, errors, anonymous=anonymous)
            path_items.setdefault(f"{BASE}/{name}/", {})[method.lower()] = operation.describe()
    for target in RESOURCES.values():
        path_items[f"{BASE}/{target.name}/"] = _list_path(target)
        if isinstance(target, Resource):
            keys = [path.rpartition("__")[2] for path in target.key]
            path = "/".join([f"{BASE}/{target.name}", *(f"{{{key}}}" for key in keys), ""])
            path_items[path] = _item_path(target, keys)
    return path_items


def _list_path(target: Resource | Vocabulary) -> PathItem:
    name, title = f"list {target.name}", f"List {_plural(target.title)}"
    response = {"anyOf": [_ref(f"{target.name}.page"), {"type": "array", "items": _ref(target.name)}]}
    if isinstance(target, Vocabulary):
        return {"get": _Operation(name, title, response, READ_ERRORS, COMMON, anonymous=True).describe()}
    parameters = (*target.filters, *COMMON)
    operation = _Operation(name, title, response, READ_ERRORS, parameters, anonymous=target.anonymous_access)
    return {"get": operation.describe(), **_bulk_operations(target)}


def _bulk_operations(resource: Resource) -> PathItem:
    """The operations that write several items at once."""
    name, item, new = resource.name, _ref(resource.name), _ref(f"{resource.name}.new")
    if not resource.actions:
        return {}
    bodies: Mapping[str, Schema] = {
        "POST": {"anyOf": [new, {"type": "array", "items": new, "maxItems": MAX_ITEMS}]},
        "PUT": {**_by_key(resource, new), "maxProperties": MAX_ITEMS},
        "PATCH": {**_by_key(resource, _ref(f"{name}.changed")), "maxProperties": MAX_ITEMS},
        "DELETE": {**IDENTIFIERS, "examples": [[_example_key(resource)]]},
    }
    by_key = _by_key(resource, item)
    responses: Mapping[str, tuple[int, Schema | None]] = {
        "POST": (201, {"anyOf": [item, {"type": "array", "items": item}]}),
        "PUT": (200, by_key),
        "PATCH": (200, by_key),
        "DELETE": (204, None),
    }
    operations: PathItem = {}
    for method in Route(resource).methods[1:-2]:
        title = f"{VERBS[method]} {'one or several' if method == 'POST' else 'several'} {_plural(resource.title)}"
        status, response = responses[method]
        operations[method.lower()] = _Operation(
            name=f"{method} several {name}",
            summary=title,
            response=response,
            errors=WRITE_ERRORS,
            parameters=FIELD_SELECTION,
            body=bodies[method],
            status=status,
        ).describe()
    return operations


def _plural(title: str) -> str:
    if title.endswith("s"):
        return title
    if title.endswith("y"):
        return f"{title[:-1]}ies"
    return f"{title}es" if title.endswith("ch") else f"{title}s"


def _by_key(resource: Resource, schema: Schema) -> Schema:
    """The schema of an object with items by their keys."""
    return {
        "type": "object",
        "additionalProperties": schema,
        "examples": [{str(_example_key(resource)): example(schema, _schemas(resource))}],
    }


def _example_key(resource: Resource) -> object:
    """The key of the example item: its id, or the parts that identify it."""
    item = _example_item(resource)
    values = [item[field.name] for field in resource.key_fields]
    return values[0] if len(values) == 1 else "/".join(map(str, values))


def _item_path(resource: Resource, keys: Sequence[str]) -> PathItem:
    name, operations = resource.name, PathItem()
    bodies = {"PUT": _ref(f"{name}.new"), "PATCH": _ref(f"{name}.changed")}
    parameters: list[Parameter] = [
        {"in": "path", "name": key, "required": True, "schema": {"type": "string", "minLength": 1}} for key in keys
    ]
    for method in Route(resource, "0").methods[:-2]:
        operation = _Operation(
            name=f"{method} one of {name}",
            summary=f"{VERBS[method]} one {resource.title}",
            response=None if method == "DELETE" else _ref(name),
            errors=READ_ERRORS if method == "GET" else WRITE_ERRORS,
            parameters=FIELD_SELECTION,
            body=bodies.get(method),
            status=204 if method == "DELETE" else 200,
            anonymous=method == "GET" and resource.anonymous_access,
            media_types=MEDIA_TYPES[:1] if method == "PUT" and _requires_nested(resource) else MEDIA_TYPES,
        ).describe()
        operation["parameters"] += parameters
        operations[method.lower()] = operation
    return operations


def _requires_nested(resource: Resource) -> bool:
    """Whether an item needs lists or objects, which forms cannot represent."""
    return any(field.is_required and field.type.schema["type"] in ("array", "object") for field in resource.fields)


def _schemas(target: Resource | Vocabulary) -> dict[str, Schema]:
    """The schemas of an item and of a page of items and, for writable resources, those of new and changed items."""
    links = {name: {"type": ["string", "null"], "format": "uri", "examples": [None]} for name in ("next", "previous")}
    results = {"type": "array", "items": _ref(target.name)}
    page = {"type": "object", "properties": {"count": {"type": "integer"}, **links, "results": results}}
    properties, item = {field.name: _field_schema(field) for field in target.fields}, _example_item(target)
    return {
        target.name: {"type": "object", "properties": properties, "examples": [item]},
        f"{target.name}.page": {**page, "required": ["count", "next", "previous", "results"]},
        **_written_schemas(target.name, [field for field in target.fields if field.column], item),
    }


def _example_item(target: Resource | Vocabulary) -> Mapping[str, object]:
    """The example item; fields without data are empty."""
    if isinstance(target, Vocabulary):
        return target.items[0]
    item = ITEMS[target.name]
    empty: dict[str, object] = {
        field.name: [] if field.type is LIST else None for field in target.fields if field.name not in item
    }
    return {**item, **empty}


def _written_schemas(name: str, fields: Sequence[Field], item: Mapping[str, object]) -> dict[str, Schema]:
    """The schemas of new and changed items, which refer to nested rows by id."""
    if not fields:
        return {}
    properties = {field.name: dict(field.type.schema) for field in fields}
    strict = {"type": "object", "properties": properties, "additionalProperties": False}
    values = {key: item[key] for key in properties if item[key] is not None}
    values = {key: {"id": value["id"]} if isinstance(value, Mapping) else value for key, value in values.items()}
    required = [field.name for field in fields if field.is_required]
    return {
        f"{name}.new": {**strict, "required": required, "examples": [values]},
        f"{name}.changed": {**strict, "minProperties": 1, "examples": [dict([*values.items()][-1:])]},
    }


def _field_schema(field: Field) -> Schema:
    if field.column == "" and field.path is None:
        return {}
    if isinstance(field.path, Mapping) and field.type.schema.get("type") == "object":
        return {"type": "object"}
    schema = dict(field.type.schema)
    return {"anyOf": [schema, {"type": "null"}]} if field.nullable or field.default is None else schema


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}
