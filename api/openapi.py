"""The description of every call in OpenAPI 3.1, made from the declarations: endpoints of dialects, and resources.

https://spec.openapis.org/oas/v3.1.0
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from inspect import getdoc
from typing import Any

from pydantic import TypeAdapter

from api.endpoints import Dialect, Endpoint
from api.problems import TITLES

REF = "#/components/schemas/{model}"
SECURITY: Mapping[str, Any] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer <token>`"},
    "token": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`Authorization: Token <token>`",
    },
    "auth_code": {"type": "apiKey", "in": "query", "name": "auth_code", "description": "A token as an `auth_code`."},
}
Key = tuple[str, str, str]


def document(title: str, version: str, description: str, dialects: Sequence[Dialect], more: Mapping[str, Any]) -> Any:
    """The whole description. `more` are paths, schemas, parameters and responses that are described elsewhere."""
    schemas, shared = _schemas(dialects)
    paths: dict[str, Any] = {}
    refusals: dict[str, Any] = {}
    for dialect, endpoint in _endpoints(dialects):
        said = _operation(dialect, endpoint, schemas, shared)
        for status in _refusals(dialect, endpoint):
            name = f"{dialect.name.replace(' ', '_')}_{endpoint.form.types[0].rpartition('/')[2]}_{status}"
            refusals[name] = _refusal(dialect, endpoint, status, schemas, shared)
            said["responses"][str(status)] = {"$ref": f"#/components/responses/{name}"}
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = said
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "description": description, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "paths": {
            path: {**paths.get(path, {}), **more["paths"].get(path, {})} for path in sorted({*paths, *more["paths"]})
        },
        "components": {
            "schemas": {**shared, **more["schemas"]},
            "parameters": more["parameters"],
            "responses": {**refusals, **more["responses"]},
            "securitySchemes": SECURITY,
        },
    }


def _endpoints(dialects: Sequence[Dialect]) -> Iterator[tuple[Dialect, Endpoint]]:
    return ((dialect, endpoint) for dialect in dialects for endpoint in dialect.endpoints)


def _schemas(dialects: Sequence[Dialect]) -> tuple[dict[Key, Any], dict[str, Any]]:
    """The JSON Schemas of everything that is taken and given, by place, and those that they share."""
    wanted: list[tuple[Key, Any, TypeAdapter[Any]]] = []
    for dialect, endpoint in _endpoints(dialects):
        where = (endpoint.method, endpoint.path)
        wanted.append(((*where, "gives"), "serialization", TypeAdapter(endpoint.gives)))
        wanted.append(((*where, "error"), "serialization", TypeAdapter(dialect.error)))
        for name, model in (("takes", endpoint.takes), ("query", endpoint.query)):
            if model is not None:
                wanted.append(((*where, name), "validation", TypeAdapter(model)))
    by_key, together = TypeAdapter.json_schemas(wanted, ref_template=REF)
    return {key: _plain(schema) for (key, _), schema in by_key.items()}, _plain(together.get("$defs", {}))


def _plain(schema: Any) -> Any:
    """A schema without what says nothing: titles that repeat names, and that what is not given is null."""
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    silent = {"title"} if isinstance(schema.get("title"), str) else set()
    silent |= {"default"} if schema.get("default", "") is None else set()
    return {name: _plain(value) for name, value in schema.items() if name not in silent}


def _operation(dialect: Dialect, endpoint: Endpoint, schemas: Mapping[Key, Any], shared: Mapping[str, Any]) -> Any:
    def content(kind: str, name: str) -> Any:
        schema = schemas[endpoint.method, endpoint.path, name]
        return {kind: {"schema": schema, "example": example(schema, shared)}}

    summary, _, text = (getdoc(endpoint.perform) or "").partition("\n\n")
    said: dict[str, Any] = {
        "operationId": _name(endpoint),
        "tags": [dialect.name],
        "summary": " ".join(summary.split()).rstrip("."),
        "description": text,
        "parameters": [*_in_path(endpoint), *_in_query(endpoint, schemas)],
        "responses": {},
        "security": [*({name: []} for name in dialect.security), *([{}] if endpoint.stranger else [])],
    }
    if endpoint.takes is not None:
        said["requestBody"] = {"content": content(endpoint.form.types[0], "takes")}
    for status in sorted({endpoint.status, *endpoint.also}):
        body = {} if status in (204, 302) else {"content": content(endpoint.form.types[0], "gives")}
        said["responses"][str(status)] = {"description": (TITLES | DONE)[status], **body}
    return said


DONE = {200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 302: "Found"}


def _refusal(
    dialect: Dialect, endpoint: Endpoint, status: int, schemas: Mapping[Key, Any], shared: Mapping[str, Any]
) -> Any:
    schema = schemas[endpoint.method, endpoint.path, "error"]
    kind = dialect.error_type or endpoint.form.types[0]
    return {
        "description": TITLES[status],
        "content": {kind: {"schema": schema, "example": example(schema, shared)}},
    }


def _refusals(dialect: Dialect, endpoint: Endpoint) -> list[int]:
    """Every status with which a call may be refused."""
    statuses = {400, 401, 403, 429, 503}
    statuses |= {413, 415} if endpoint.takes else set()
    statuses |= {404} if "{" in endpoint.path else set()
    statuses |= {409} if endpoint.method != "GET" or dialect.status else set()
    statuses |= {404} if endpoint.takes else set()
    statuses |= {422} if endpoint.method == "POST" else set()
    statuses |= {413} if dialect.code else set()
    return sorted(statuses)


def _name(endpoint: Endpoint) -> str:
    path = re.sub(r"[^a-z0-9]+", "_", endpoint.path.lower()).strip("_")
    return f"{endpoint.method.lower()}_{path}"


def _in_path(endpoint: Endpoint) -> list[Any]:
    names = re.findall(r"\{(\w+)\}", endpoint.path)
    return [
        {"in": "path", "name": name, "required": True, "schema": {"type": "string", "minLength": 1}} for name in names
    ]


def _in_query(endpoint: Endpoint, schemas: Mapping[Key, Any]) -> list[Any]:
    schema = schemas.get((endpoint.method, endpoint.path, "query"), {})
    required = schema.get("required", ())
    return [
        {"in": "query", "name": name, "required": name in required, "schema": each}
        for name, each in schema.get("properties", {}).items()
    ]


def example(schema: Mapping[str, Any], shared: Mapping[str, Any]) -> Any:
    """A value of a schema, from the examples in it, or else the plainest that fits."""
    if "$ref" in schema:
        return example(shared[schema["$ref"].rpartition("/")[2]], shared)
    for name in ("examples", "enum"):
        if schema.get(name):
            return schema[name][0]
    for name in ("example", "default", "const"):
        if schema.get(name) is not None:
            return schema[name]
    if options := schema.get("anyOf", schema.get("oneOf")):
        return example(options[0], shared)
    kind = schema.get("type")
    if kind == "object":
        return {name: example(each, shared) for name, each in schema.get("properties", {}).items()}
    if kind == "array":
        return [example(schema["items"], shared)] if "items" in schema else []
    return PLAIN.get(str(schema.get("format")), PLAIN.get(str(kind)))


PLAIN: Mapping[str, Any] = {
    "string": "text",
    "integer": 1,
    "number": 1.0,
    "boolean": False,
    "date-time": "2026-11-03T18:00:00Z",
    "date": "2026-11-03",
    "uri": "https://releases.example.com/",
}
