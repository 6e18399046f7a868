"""Problem details (RFC 9457): how our own routes tell what is wrong, and every path that belongs to no dialect."""

from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, Field

from api.http.bodies import BadRequest
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
    """What is wrong with one field of the body, or with one parameter of the query."""

    detail: str = Field(examples=["`name` is required."])
    pointer: str | None = Field(None, examples=["#/name"])
    parameter: str | None = Field(None, examples=["per_page"])


class ProblemShape(BaseModel):
    """Problem details."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Bad Request"])
    status: int = Field(examples=[400])
    detail: str = Field(examples=["`name` is required."])
    pointer: str | None = Field(None, examples=["#/name"])
    parameter: str | None = Field(None, examples=["per_page"])
    errors: list[FieldProblem] = []


def problem_details(problem: Problem, status: int) -> dict[str, Any]:
    """A refusal as RFC 9457 has it.

    `pointer` names the field that it is about, where it is about one, `parameter` the parameter of the query; `errors`
    has all that do not fit.
    """
    said: dict[str, Any] = {
        "type": "about:blank",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "detail": problem.sentence,
    }
    in_query = isinstance(problem, BadRequest) and problem.in_query
    if field := problem.details.get("field"):
        said |= _place(str(field), in_query=in_query)
    if isinstance(problem, BadRequest) and problem.fields:
        said["errors"] = [
            {"detail": sentence, **_place(name, in_query=in_query)}
            for name, sentences in problem.fields.items()
            for sentence in sentences
        ]
    return said | {name: value for name, value in problem.details.items() if name != "field" and name not in said}


def _place(name: str, *, in_query: bool) -> dict[str, str]:
    return {"parameter": name} if in_query else {"pointer": pointer(name)}


def pointer(field: str) -> str:
    """Where a field is in the body: a JSON Pointer (RFC 6901) as a URI fragment; a dot leads into an object."""
    parts = (part.replace("~", "~0").replace("/", "~1") for part in field.split("."))
    return "#/" + "/".join(quote(part, safe="~") for part in parts)
