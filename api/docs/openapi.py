"""The description of every call in OpenAPI 3.1, made from the declarations: endpoints of dialects, and resources.

https://spec.openapis.org/oas/v3.1.0
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from inspect import getdoc
from typing import Any

from pydantic import TypeAdapter

from api.docs.examples import VALUES
from api.http.bodies import JSON
from api.http.endpoints import AnyEndpoint, Dialect
from api.http.problems import TITLES
from bot.context import FORBIDDEN, MISSING
from bot.errors import Problem

REF = "#/components/schemas/{model}"
Key = tuple[str, str, str]


def document(title: str, version: str, description: str, dialects: Sequence[Dialect], more: Mapping[str, Any]) -> Any:
    """The whole description. `more` are paths, and components by their kind, that are described elsewhere."""
    schemas, shared = _schemas(dialects)
    paths: dict[str, Any] = {}
    refusals: dict[str, Any] = {}
    for dialect, endpoint in _endpoints(dialects):
        said = _operation(dialect, endpoint, schemas, shared)
        for status in _refusals(dialect, endpoint):
            name = f"{dialect.name.replace(' ', '_')}_{endpoint.codec.content_types[0].rpartition('/')[2]}_{status}"
            refusals[name] = _refusal(dialect, endpoint, status, schemas)
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
            **more["components"],
            "schemas": {**shared, **more["components"]["schemas"]},
            "responses": {**refusals, **more["components"]["responses"]},
        },
    }


def _endpoints(dialects: Sequence[Dialect]) -> Iterator[tuple[Dialect, AnyEndpoint]]:
    return ((dialect, endpoint) for dialect in dialects for endpoint in dialect.endpoints)


def _schemas(dialects: Sequence[Dialect]) -> tuple[dict[Key, Any], dict[str, Any]]:
    """The JSON Schemas of everything that is taken and given, by place, and those that they share."""
    wanted: list[tuple[Key, Any, TypeAdapter[Any]]] = []
    for dialect, endpoint in _endpoints(dialects):
        where = (endpoint.method, endpoint.path)
        wanted.append(((*where, "gives"), "serialization", TypeAdapter(endpoint.response_model)))
        wanted.append(((*where, "error"), "serialization", TypeAdapter(dialect.error_model)))
        for name, model in (("takes", endpoint.request_model), ("query", endpoint.query_model)):
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


def _operation(dialect: Dialect, endpoint: AnyEndpoint, schemas: Mapping[Key, Any], shared: Mapping[str, Any]) -> Any:
    summary, _, text = (getdoc(endpoint.perform) or "").partition("\n\n")
    said: dict[str, Any] = {
        "operationId": _name(endpoint),
        "tags": [dialect.name],
        "summary": " ".join(summary.split()).rstrip("."),
        "description": text,
        "parameters": [*_in_path(endpoint), *_in_query(endpoint, schemas, shared)],
        "responses": {},
        "security": [*({name: []} for name in dialect.security_schemes), *([{}] if endpoint.anonymous_grant else [])],
    }
    if endpoint.request_model is not None:
        schema = schemas[endpoint.method, endpoint.path, "takes"]
        content = {"schema": schema, "example": example(schema, shared)}
        said["requestBody"] = {"content": {endpoint.codec.content_types[0]: content}}
    for status in sorted({endpoint.status, *endpoint.other_statuses}):
        schema = schemas[endpoint.method, endpoint.path, "gives"]
        body = {} if status == 204 else _answer(endpoint, schema, example(schema, shared))
        said["responses"][str(status)] = {"description": (TITLES | DONE)[status], **body}
    return said


def _answer(endpoint: AnyEndpoint, schema: Any, value: Any, kind: str = "") -> Any:
    """The content of an answer. What is not JSON is text that says a value of the schema."""
    kind = kind or endpoint.codec.content_types[0]
    if endpoint.codec is not JSON:
        schema = {"type": "string", "contentMediaType": kind, "contentSchema": schema}
        value = endpoint.codec.dumps(value).decode()
    return {"content": {kind: {"schema": schema, "example": value}}}


PROBLEMS = {
    400: Problem("`version` is required.", field="version"),
    401: Problem(MISSING),
    403: Problem(FORBIDDEN),
    404: Problem("Release not found"),
    409: Problem("Version 1.1 is there already.", field="version"),
}
DONE = {200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 302: "Found"}


def _refusal(dialect: Dialect, endpoint: AnyEndpoint, status: int, schemas: Mapping[Key, Any]) -> Any:
    """A refusal, with an example in the dialect's own words."""
    said = dialect.error_body(PROBLEMS.get(status) or Problem(TITLES[status]), status)
    content = _answer(endpoint, schemas[endpoint.method, endpoint.path, "error"], said, dialect.error_content_type)
    return {"description": TITLES[status], **content}


def _refusals(dialect: Dialect, endpoint: AnyEndpoint) -> list[int]:
    """Every status with which a call may be refused."""
    writes = endpoint.method != "GET" and not endpoint.read_only
    names = "{" in endpoint.path or endpoint.request_model or endpoint.query_model  # what is not there, perhaps
    statuses = {400, 401, 403, 429, 503}
    statuses |= {404} if names else set()
    statuses |= {409} if writes or dialect.error_status else set()
    statuses |= {413, 415} if endpoint.request_model or dialect.find_credentials else set()
    statuses |= {422} if writes and endpoint.method == "POST" else set()
    return sorted(statuses)


def _name(endpoint: AnyEndpoint) -> str:
    path = re.sub(r"[^a-z0-9]+", "_", endpoint.path.lower()).strip("_")
    return f"{endpoint.method.lower()}_{path}"


def _in_path(endpoint: AnyEndpoint) -> list[Any]:
    names = re.findall(r"\{(\w+)\}", endpoint.path)
    return [
        {"in": "path", "name": name, "required": True, "schema": {"type": "string", "minLength": 1}} for name in names
    ]


def _in_query(endpoint: AnyEndpoint, schemas: Mapping[Key, Any], shared: Mapping[str, Any]) -> list[Any]:
    query = _resolved(schemas.get((endpoint.method, endpoint.path, "query"), {}), shared)
    required = query.get("required", ())
    return [
        {"in": "query", "name": name, "required": name in required, "schema": _sayable(each)}
        | {"example": example(each, shared, name)}
        for name, each in query.get("properties", {}).items()
    ]


def _sayable(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema without null, which no query says."""
    options = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    return {**{key: schema[key] for key in schema if key != "anyOf"}, **options[0]} if len(options) == 1 else schema


def _resolved(schema: Mapping[str, Any], shared: Mapping[str, Any]) -> Mapping[str, Any]:
    return shared[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def example(schema: Mapping[str, Any], shared: Mapping[str, Any], name: str = "") -> Any:
    """A value of a schema, from the examples in it, or else what fits and is usual for its name.

    Of an object it holds what is required, or where nothing is, all that it may hold.
    """
    schema = _resolved(schema, shared)
    for given in ("examples", "enum"):
        if schema.get(given):
            return schema[given][0]
    for given in ("example", "default", "const"):
        if schema.get(given) is not None:
            return schema[given]
    if options := schema.get("anyOf", schema.get("oneOf")):
        return example(options[0], shared, name)
    values = VALUES.get(str(schema.get("type")), {})
    for key in (name, str(schema.get("format")), ""):
        if key in values:
            return values[key]
    if schema.get("type") == "object":
        properties = schema.get("properties", {})
        return {each: example(properties[each], shared, each) for each in schema.get("required", properties)}
    return [example(schema["items"], shared, name)] if "items" in schema else []
