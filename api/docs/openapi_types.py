"""Types for the parts of an OpenAPI 3.1 document that are generated here.

https://spec.openapis.org/oas/v3.1.0
"""

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

from pydantic import JsonValue

Schema = Mapping[str, Any]
"""A JSON Schema, which may have any keywords; pydantic types it in the same way."""
Schemas = Mapping[str, Schema]
"""The schemas of `#/components/schemas`, by name."""

Reference = TypedDict("Reference", {"$ref": str})


class MediaType(TypedDict):
    """The content of a body in one format."""

    schema: Schema
    example: NotRequired[object]


class RequestBody(TypedDict):
    """The body of a request, by content type."""

    content: dict[str, MediaType]


class Response(TypedDict):
    """A response, by content type; one without a body has no content."""

    description: str
    content: NotRequired[dict[str, MediaType]]


# The functional syntax, since `in` is a keyword in Python.
Parameter = TypedDict(
    "Parameter", {"in": str, "name": str, "required": bool, "schema": Schema, "example": NotRequired[JsonValue]}
)


class Operation(TypedDict):
    """An operation: one method of one path."""

    operationId: str
    tags: list[str]
    summary: str
    description: str
    parameters: list[Parameter | Reference]
    responses: dict[str, Response | Reference]
    security: list[dict[str, list[str]]]
    requestBody: NotRequired[RequestBody]


class Info(TypedDict):
    """The metadata of the API."""

    title: str
    version: str
    description: str


PathItem = dict[str, Operation]
"""The operations of a path, by method in lower case."""
Components = Mapping[str, Mapping[str, object]]
"""Shared parts of the document, by section and name."""
