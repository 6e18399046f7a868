"""Declarations: what an endpoint takes, does and returns, and how one API contract (a dialect) presents it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from aiohttp import web
from pydantic import BaseModel

from api.http.authentication import Authenticator
from api.http.bodies import JSON, Codec, JsonObject, request_url
from bot.context import Context
from bot.errors import Problem
from bot.rules.ids import parse_row_id

BodyT = TypeVar("BodyT")
QueryT = TypeVar("QueryT")


@dataclass(frozen=True)
class Call(Generic[BodyT, QueryT]):
    """One request as an endpoint function receives it: path values by name, validated body and query.

    `url` is the address of the request as the caller knows it, `base_url` the address of the service.
    """

    path: Mapping[str, str]
    query: QueryT
    body: BodyT
    url: str
    base_url: str

    def row_id(self, name: str) -> int:
        """The path value `name` as a row id; 0, which no row has, where it cannot be one."""
        return parse_row_id(self.path[name]) or 0


@dataclass(frozen=True)
class Result:
    """A response that differs from the endpoint's default in status or headers."""

    value: object
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Endpoint(Generic[BodyT, QueryT]):
    """One operation of a dialect: its route, the function that performs it, and the models of its input and output.

    - `anonymous_grant`: callers without credentials are admitted where anonymous callers have this grant.
    - `codec`: the format of request and response bodies.
    - `returns_secret`: the response holds a secret and is never stored, so `Idempotency-Key` is refused.
    - `read_only`: a POST that changes nothing and is performed anew each time, with or without `Idempotency-Key`.
    - `other_statuses`: further statuses of success.
    - `preserialized`: the function returns plain JSON that already fits `response_model` and is written without
      validation; validating the rows of a list takes longer than reading them.
    """

    method: str
    path: str
    perform: Callable[[Context, Call[BodyT, QueryT]], Awaitable[object]]
    response_model: type[Any]
    status: int = 200
    request_model: type[BodyT] | None = None
    query_model: type[QueryT] | None = None
    anonymous_grant: str | None = None
    codec: Codec = JSON
    returns_secret: bool = False
    read_only: bool = False
    other_statuses: Sequence[int] = ()
    preserialized: bool = False


AnyEndpoint = Endpoint[Any, Any]


@dataclass(frozen=True)
class Dialect:
    """One API contract: its name, its endpoints, and the form of its errors.

    - `challenge`: the value of WWW-Authenticate in a 401.
    - `error_body`: the body of the error response for a problem with its HTTP status.
    - `error_content_type`: the media type of errors; that of the endpoint's codec where it is empty.
    - `find_credentials`: finds a token in the query or the body, where the dialect accepts it there;
      `credential_parameters` are the query parameters that it may be in.
    - `error_status`: maps problems to statuses, where the dialect differs from the others.
    - `path_prefixes`: unknown paths below these are answered in this dialect too.
    - `error_model`, `security_schemes`: the model of errors and the ways to authenticate, for the API description.
    """

    name: str
    endpoints: Sequence[AnyEndpoint]
    challenge: str
    error_body: Callable[[Problem, int], object]
    error_model: type[BaseModel]
    error_content_type: str = ""
    find_credentials: Callable[[web.Request, JsonObject], str | None] | None = None
    credential_parameters: Sequence[str] = ()
    error_status: Callable[[Problem], int] | None = None
    path_prefixes: Sequence[str] = ()
    security_schemes: Sequence[str] = ("bearer", "token")


@dataclass(frozen=True)
class ApiRuntime:
    """What every dialect is served with.

    `public_url` is the address of the service; `base_url` is that address where an operator has set it, else empty:
    the addresses of requests are then taken from their header Host.
    """

    context: Callable[[], Context]
    authenticator: Authenticator
    base_url: str = ""
    public_url: str = ""

    def url_of(self, request: web.Request) -> str:
        """The address of a request as callers know it."""
        return self.base_url + str(request.rel_url) if self.base_url else request_url(request)
