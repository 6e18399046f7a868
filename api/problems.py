"""Problem details (RFC 9457): how our own routes tell what is wrong, and every path that belongs to no dialect."""

from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, Field

from api.bodies import Unreadable
from bot.errors import Problem

CONTENT_TYPE = "application/problem+json"
TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    409: "Conflict",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class FieldProblem(BaseModel):
    """What is wrong with one field."""

    detail: str = Field(examples=["`name` is required."])
    pointer: str = Field(examples=["#/name"])


class ProblemShape(BaseModel):
    """Problem details."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Bad Request"])
    status: int = Field(examples=[400])
    detail: str = Field(examples=["`name` is required."])
    pointer: str | None = Field(None, examples=["#/name"])
    errors: list[FieldProblem] = []


def problem_details(problem: Problem, status: int) -> dict[str, Any]:
    """A refusal as RFC 9457 has it.

    `pointer` names the field that it is about, where it is about one; `errors` has every field that does not fit.
    """
    said: dict[str, Any] = {
        "type": "about:blank",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "detail": problem.sentence,
    }
    if field := problem.details.get("field"):
        said["pointer"] = pointer(str(field))
    if isinstance(problem, Unreadable) and problem.fields:
        said["errors"] = [
            {"detail": sentence, "pointer": pointer(name)}
            for name, sentences in problem.fields.items()
            for sentence in sentences
        ]
    return said | {name: value for name, value in problem.details.items() if name != "field" and name not in said}


def pointer(field: str) -> str:
    """Where a field is in the body: a JSON Pointer (RFC 6901) as a URI fragment; a dot leads into an object."""
    parts = (part.replace("~", "~0").replace("/", "~1") for part in field.split("."))
    return "#/" + "/".join(quote(part, safe="~") for part in parts)
