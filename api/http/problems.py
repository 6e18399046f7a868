"""Problem details (RFC 9457): the errors of native routes, and of paths that belong to no dialect."""

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
    408: "Request Timeout",
    409: "Conflict",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class FieldProblem(BaseModel):
    """An error in one field of the body, or in one query parameter."""

    detail: str = Field(examples=["`name` is required."])
    pointer: str | None = Field(None, examples=["#/name"])
    parameter: str | None = Field(None, examples=["per_page"])


class ProblemDetails(BaseModel):
    """Problem details (RFC 9457)."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Bad Request"])
    status: int = Field(examples=[400])
    detail: str = Field(examples=["`name` is required."])
    pointer: str | None = Field(None, examples=["#/name"])
    parameter: str | None = Field(None, examples=["per_page"])
    errors: list[FieldProblem] = []


def problem_details(problem: Problem, status: int) -> dict[str, object]:
    """A problem as RFC 9457 problem details.

    `pointer` names the invalid field of the body, `parameter` the query parameter; `errors` lists all errors.
    """
    body: dict[str, object] = {
        "type": "about:blank",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "detail": problem.sentence,
    }
    in_query = isinstance(problem, BadRequest) and problem.in_query
    if field := problem.details.get("field"):
        body |= _location(str(field), in_query=in_query)
    if isinstance(problem, BadRequest) and problem.fields:
        body["errors"] = [
            {"detail": sentence, **_location(name, in_query=in_query)}
            for name, sentences in problem.fields.items()
            for sentence in sentences
        ]
    return body | {name: value for name, value in problem.details.items() if name != "field" and name not in body}


def _location(name: str, *, in_query: bool) -> dict[str, str]:
    return {"parameter": name} if in_query else {"pointer": json_pointer(name)}


def json_pointer(field: str) -> str:
    """The JSON Pointer (RFC 6901) of a field as a URI fragment. Dots in the name separate nested objects."""
    parts = (part.replace("~", "~0").replace("/", "~1") for part in field.split("."))
    return "#/" + "/".join(quote(part, safe="~") for part in parts)
