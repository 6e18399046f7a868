"""Declarations of endpoints, and of the dialects (API contracts) that they belong to."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

from aiohttp import web
from pydantic import BaseModel

from api.http.authentication import Authenticator
from api.http.bodies import JSON, Codec, JsonObject, request_url
from bot.bodies import UnprovenBodies
from bot.context import Context
from bot.errors import Problem
from bot.rules.ids import parse_row_id

BodyT = TypeVar("BodyT")
QueryT = TypeVar("QueryT")


@dataclass(frozen=True)
class Call(Generic[BodyT, QueryT]):
    """One request as an endpoint function receives it: path values by name, and the validated query and body.

    `url` is the URL of the request as the caller knows it, `base_url` that of the service.
    """

    path: Mapping[str, str]
    query: QueryT
    body: BodyT
    url: str
    base_url: str

    def row_id(self, name: str) -> int:
        """The path value `name` as a row id; 0, which no row has, if it is not a valid id."""
        return parse_row_id(self.path[name]) or 0


@dataclass(frozen=True)
class Result:
    """A response that differs from the endpoint's default in status or headers."""

    value: object
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Endpoint(Generic[BodyT, QueryT]):
    """One call of a dialect: its route, the function that performs it, and the models of its input and output.

    - `response_model`: a model, a list of one, or a union of several.
    - `anonymous_grant`: the endpoint is open to anonymous callers if they have this grant.
    - `codec`: the format of responses; `accepts`: the formats of request bodies.
    - `returns_secret`: the response contains a secret and is never stored, so `Idempotency-Key` is refused.
    - `read_only`: a POST that changes nothing and is always performed, with or without `Idempotency-Key`.
    - `other_statuses`: further success statuses.
    - `preserialized`: the function returns plain JSON that already conforms to `response_model` and is written
      without validation, since validating the rows of a list takes longer than reading them.
    """

    method: str
    path: str
    perform: Callable[[Context, Call[BodyT, QueryT]], Awaitable[object]]
    response_model: Any
    status: int = 200
    request_model: type[BodyT] | None = None
    query_model: type[QueryT] | None = None
    anonymous_grant: str | None = None
    codec: Codec = JSON
    accepts: Sequence[Codec] = (JSON,)
    returns_secret: bool = False
    read_only: bool = False
    other_statuses: Sequence[int] = ()
    preserialized: bool = False


AnyEndpoint = Endpoint[Any, Any]


@dataclass(frozen=True, eq=False)
class Dialect:
    """One API contract: its name, its endpoints, and the form of its errors.

    - `challenge`: the value of WWW-Authenticate in a 401.
    - `error_body`: builds the body of an error response from a problem and its HTTP status.
    - `error_content_type`: the media type of errors; empty for that of the endpoint's codec.
    - `find_credentials`: finds a token in the query or the body, if the dialect accepts it there;
      `credential_parameters` are the query parameters that may contain it.
    - `error_status`: maps problems to statuses, if the dialect does so in its own way.
    - `path_prefixes`: errors at unknown paths below these have the form of this dialect, too.
    - `error_model`, `security_schemes`: the model of errors and the authentication schemes, for the API description.
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
    """The dependencies that all dialects share. `bodies` reads those of callers without credentials.

    `public_url` is the URL of the service; `base_url` is the configured one, or empty if none is configured: the URLs
    of requests then follow their Host header. The path of `base_url` is served by a proxy, which takes it off: paths
    of ours that go out are made by `link_to` or `url_of`.
    """

    context: Callable[[], Context]
    authenticator: Authenticator
    base_url: str = ""
    public_url: str = ""
    bodies: UnprovenBodies = field(default_factory=UnprovenBodies)

    def link_to(self, path: str) -> str:
        """A path of ours as callers know it, whatever name of the host they use."""
        return urlsplit(self.base_url).path + path

    def url_of(self, request: web.Request) -> str:
        """The URL of a request as callers know it."""
        return self.base_url + str(request.rel_url) if self.base_url else request_url(request)
