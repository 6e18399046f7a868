"""The OpenAPI 3.1 document, generated from the declared endpoints and merged with the paths of the PDC dialect.

https://spec.openapis.org/oas/v3.1.0
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import getdoc
from typing import Any, Literal

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from api.docs.examples import VALUES
from api.docs.openapi_types import (
    Components,
    Info,
    MediaType,
    Operation,
    Parameter,
    PathItem,
    Reference,
    Response,
    Schema,
    Schemas,
)
from api.http.bodies import JSON
from api.http.endpoints import AnyEndpoint, Dialect
from api.http.problems import TITLES
from bot.context import FORBIDDEN, NO_CREDENTIALS
from bot.errors import Problem

REF = "#/components/schemas/{model}"
SUCCESS = {200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 302: "Found"}
EXAMPLE_PROBLEMS = {
    400: Problem("`version` is required.", field="version"),
    401: Problem(NO_CREDENTIALS),
    403: Problem(FORBIDDEN),
    404: Problem("Release not found"),
    409: Problem("`version` 1.1 is approved already.", field="version"),
}

Role = Literal["request", "query", "response", "error"]
SchemaKey = tuple[str, str, Role]
"""The method and path of an endpoint, and the role of one of its models."""


def document(
    info: Info, dialects: Sequence[Dialect], paths: Mapping[str, PathItem], components: Components, server: str
) -> dict[str, object]:
    """Return the document: the endpoints of the dialects together with further paths and components."""
    schemas = EndpointSchemas.of(dialects)
    responses: dict[str, Response] = {}
    operations: dict[str, PathItem] = {}
    for dialect, endpoint in _endpoints(dialects):
        operation = _operation(dialect, endpoint, schemas)
        for status in _error_statuses(dialect, endpoint):
            name = f"{dialect.name.replace(' ', '_')}_{endpoint.codec.content_types[0].rpartition('/')[2]}_{status}"
            responses[name] = _error_response(dialect, endpoint, status, schemas)
            operation["responses"][str(status)] = Reference({"$ref": f"#/components/responses/{name}"})
        operations.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {**info, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": server}],
        "paths": {path: {**operations.get(path, {}), **paths.get(path, {})} for path in sorted({*operations, *paths})},
        "components": {
            **components,
            "schemas": {**schemas.shared, **components["schemas"]},
            "responses": {**responses, **components["responses"]},
        },
    }


def _endpoints(dialects: Sequence[Dialect]) -> Iterator[tuple[Dialect, AnyEndpoint]]:
    return ((dialect, endpoint) for dialect in dialects for endpoint in dialect.endpoints)


@dataclass(frozen=True)
class EndpointSchemas:
    """The JSON Schemas of the models of all endpoints, and the shared schemas that they refer to."""

    by_key: Mapping[SchemaKey, Schema]
    shared: Schemas

    @classmethod
    def of(cls, dialects: Sequence[Dialect]) -> "EndpointSchemas":
        """Generate the schemas of every endpoint of some dialects."""
        inputs: list[tuple[SchemaKey, JsonSchemaMode, TypeAdapter[Any]]] = []
        for dialect, endpoint in _endpoints(dialects):
            models: tuple[tuple[Role, JsonSchemaMode, Any], ...] = (
                ("response", "serialization", endpoint.response_model),
                ("error", "serialization", dialect.error_model),
                ("request", "validation", endpoint.request_model),
                ("query", "validation", endpoint.query_model),
            )
            for role, mode, model in models:
                if model is not None:
                    inputs.append(((endpoint.method, endpoint.path, role), mode, TypeAdapter(model)))
        by_key, shared = TypeAdapter.json_schemas(inputs, ref_template=REF)
        definitions: Schemas = shared.get("$defs", {})
        return cls({key: _simplify(schema) for (key, _), schema in by_key.items()}, _simplify(definitions))

    def get(self, endpoint: AnyEndpoint, role: Role) -> Schema:
        """Return the schema of a model of an endpoint, or an empty one if it has no such model."""
        return self.by_key.get((endpoint.method, endpoint.path, role), {})


def _simplify(schema: Any) -> Any:
    """Remove redundant keywords from a schema: titles that repeat names, and defaults of null."""
    if isinstance(schema, list):
        return [_simplify(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    redundant = {"title"} if isinstance(schema.get("title"), str) else set()
    redundant |= {"default"} if schema.get("default", "") is None else set()
    return {name: _simplify(value) for name, value in schema.items() if name not in redundant}


def _operation(dialect: Dialect, endpoint: AnyEndpoint, schemas: EndpointSchemas) -> Operation:
    summary, _, description = (getdoc(endpoint.perform) or "").partition("\n\n")
    operation: Operation = {
        "operationId": _operation_id(endpoint),
        "tags": [dialect.name],
        "summary": " ".join(summary.split()).rstrip("."),
        "description": description,
        "parameters": [*_path_parameters(endpoint), *_query_parameters(endpoint, schemas)],
        "responses": {},
        "security": _security(dialect, endpoint),
    }
    if endpoint.request_model is not None:
        schema = schemas.get(endpoint, "request")
        content: MediaType = {"schema": schema, "example": example(schema, schemas.shared)}
        operation["requestBody"] = {"content": {codec.content_types[0]: content for codec in endpoint.accepts}}
    for status in sorted({endpoint.status, *endpoint.other_statuses}):
        response: Response = {"description": (TITLES | SUCCESS)[status]}
        if status != 204:
            schema = schemas.get(endpoint, "response")
            response["content"] = _content(endpoint, schema, example(schema, schemas.shared))
        operation["responses"][str(status)] = response
    return operation


def _security(dialect: Dialect, endpoint: AnyEndpoint) -> list[dict[str, list[str]]]:
    """Return the alternative ways to authenticate; an empty one allows anonymous callers."""
    schemes: list[dict[str, list[str]]] = [{name: []} for name in dialect.security_schemes]
    return [*schemes, {}] if endpoint.anonymous_grant else schemes


def _content(endpoint: AnyEndpoint, schema: Schema, value: object, content_type: str = "") -> dict[str, MediaType]:
    """Return the content of a response. Formats other than JSON are described as strings that encode the schema."""
    content_type = content_type or endpoint.codec.content_types[0]
    if endpoint.codec is not JSON:
        schema = {"type": "string", "contentMediaType": content_type, "contentSchema": schema}
        value = endpoint.codec.dumps(value).decode()
    return {content_type: {"schema": schema, "example": value}}


def _error_response(dialect: Dialect, endpoint: AnyEndpoint, status: int, schemas: EndpointSchemas) -> Response:
    """Return the response to a refused request, with an example in the form of the dialect."""
    body = dialect.error_body(EXAMPLE_PROBLEMS.get(status) or Problem(TITLES[status]), status)
    content = _content(endpoint, schemas.get(endpoint, "error"), body, dialect.error_content_type)
    return {"description": TITLES[status], "content": content}


def _error_statuses(dialect: Dialect, endpoint: AnyEndpoint) -> list[int]:
    """Return the statuses with which an endpoint may refuse requests."""
    writes = endpoint.method != "GET" and not endpoint.read_only
    may_name_missing_rows = "{" in endpoint.path or endpoint.request_model or endpoint.query_model
    statuses = {400, 401, 403, 429, 503}
    statuses |= {404} if may_name_missing_rows else set()
    statuses |= {409} if writes or dialect.error_status else set()
    statuses |= {408, 413, 415} if endpoint.request_model or dialect.find_credentials else set()
    statuses |= {422} if writes and endpoint.method == "POST" else set()
    return sorted(statuses)


def _operation_id(endpoint: AnyEndpoint) -> str:
    path = re.sub(r"[^a-z0-9]+", "_", endpoint.path.lower()).strip("_")
    return f"{endpoint.method.lower()}_{path}"


def _path_parameters(endpoint: AnyEndpoint) -> Iterator[Parameter]:
    for name in re.findall(r"\{(\w+)\}", endpoint.path):
        yield {"in": "path", "name": name, "required": True, "schema": {"type": "string", "minLength": 1}}


def _query_parameters(endpoint: AnyEndpoint, schemas: EndpointSchemas) -> Iterator[Parameter]:
    query = _resolve(schemas.get(endpoint, "query"), schemas.shared)
    required = query.get("required", ())
    for name, schema in query.get("properties", {}).items():
        value = example(schema, schemas.shared, name)
        yield {
            "in": "query",
            "name": name,
            "required": name in required,
            "schema": _not_null(schema),
            "example": value,
        }


def _not_null(schema: Schema) -> Schema:
    """Remove null from a schema, since a query string cannot express it."""
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    return {**{key: schema[key] for key in schema if key != "anyOf"}, **options[0]} if len(options) == 1 else schema


def _resolve(schema: Schema, shared: Schemas) -> Schema:
    return shared[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def example(schema: Schema, shared: Schemas, name: str = "") -> Any:
    """Return an example value: the schema's own, or else a typical value for a field of this name.

    Objects get their required properties, or all of them if none is required.
    """
    schema = _resolve(schema, shared)
    if schema.get("type") == "null":
        return None
    for keyword in ("examples", "enum"):
        if schema.get(keyword):
            return schema[keyword][0]
    for keyword in ("example", "default", "const"):
        if schema.get(keyword) is not None:
            return schema[keyword]
    if options := schema.get("anyOf", schema.get("oneOf")):
        return example(options[0], shared, name)
    values = VALUES.get(str(schema.get("type")), {})
    for key in (name, str(schema.get("format")), ""):
        if key in values:
            return values[key]
    if schema.get("type") == "object":
        properties = schema.get("properties", {})
        return {key: example(properties[key], shared, key) for key in schema.get("required", properties)}
    return [example(schema["items"], shared, name)] if "items" in schema else []
