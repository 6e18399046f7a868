"""What endpoints are made of: routes, requests, responses and pages of lists."""

import math
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from aiohttp import web
from yarl import URL

from sandbox.accounts import Account
from sandbox.errors import invalid, not_found
from sandbox.records import Repository, Run
from sandbox.rest.access import Caller, url_by_id
from sandbox.state import State

MAX_PER_PAGE = 100
DEFAULT_PER_PAGE = 30
PAGED = ("per_page", "page")

Record = TypeVar("Record")


@dataclass(slots=True)
class ApiResponse:
    """A handler's response: JSON, or the SHA of a commit in `text`, or the bytes of a file in `raw`."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    text: str | None = None
    raw: bytes | None = None


@dataclass(slots=True)
class ApiRequest:
    """An authenticated request; `target` is the repository named in its path, if any."""

    state: State
    http: web.Request
    caller: Caller
    version: str
    body: dict[str, Any]
    target: Repository | None = None

    @property
    def repository(self) -> Repository:
        """The repository named in the path; 404 without one."""
        if self.target is None:
            raise not_found()
        return self.target

    @property
    def actor(self) -> Account:
        """The account that acts through the API: the App's bot."""
        return self.state.bot

    def path_param(self, name: str) -> str:
        """Return a path parameter."""
        return self.http.match_info[name]

    def int_param(self, name: str) -> int:
        """Return a numeric path parameter."""
        return int(self.path_param(name))

    def query_param(self, name: str) -> str | None:
        """Return a query parameter, or None when it is missing or empty."""
        return self.http.query.get(name) or None

    def time_param(self, name: str) -> datetime | None:
        """Return a query parameter that is a time, or None when it is missing; 422 when it is none."""
        text = self.query_param(name)
        try:
            at = datetime.fromisoformat(text) if text else None
        except ValueError:
            raise invalid(f"Invalid request.\n\nInvalid {name} parameter.") from None
        return at.replace(tzinfo=UTC) if at and at.tzinfo is None else at

    def find(self, records: Mapping[int, Record], name: str) -> Record:
        """Find the record whose id or number is in a path parameter; 404 when it does not exist."""
        number = self.int_param(name)
        if number not in records:
            raise not_found()
        return records[number]

    def find_run(self) -> Run:
        """Find the run named in the path; 404 when the repository has no such run."""
        run_id = self.int_param("run_id")
        for run in self.state.runs:
            if run.id == run_id and run.repository == self.repository.id:
                return run
        raise not_found()

    def require_text(self, name: str, resource: str = "Request") -> str:
        """Return a non-empty string from the body; 422 when it is missing."""
        value = self.body.get(name)
        if not isinstance(value, str) or not value:
            missing = {"resource": resource, "field": name, "code": "missing_field"}
            raise invalid(f'Invalid request.\n\n"{name}" wasn\'t supplied.', errors=[missing])
        return value


Handler = Callable[[ApiRequest], Awaitable[ApiResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint; `{repo}` in its path stands for both ways to address a repository.

    `query` and `fields` are the query parameters and the fields of the body that it simulates, `formats` the media
    types besides JSON. GitHub may know more of them: requests that need those are recorded as unknown.
    """

    method: str
    path: str
    required_access: str
    handler: Handler
    query: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()


ROUTES: list[Route] = []


def full_paths(path: str) -> list[str]:
    """The paths to register for an endpoint's path; ids and numbers match digits only."""
    path = re.sub(r"\{(\w+_id|number|attempt)\}", r"{\1:\\d{1,18}}", path)
    if not path.startswith("{repo}"):
        return [path]
    suffix = path.removeprefix("{repo}")
    return ["/repos/{owner}/{name}" + suffix, "/repositories/{repository_id:\\d{1,18}}" + suffix]


def route(method: str, path: str, required_access: str, **knows: tuple[str, ...]) -> Callable[[Handler], Handler]:
    """Register an endpoint.

    `required_access` is `app`, `any`, `token`, `user` or permissions such as `contents:read|issues:read`; `knows` are
    the `query`, `fields` and `formats` of the route.
    """

    def register(handler: Handler) -> Handler:
        ROUTES.append(Route(method, path, required_access, handler, **knows))
        return handler

    return register


def paginate(
    request: ApiRequest,
    items: Sequence[Record],
    serialize: Callable[[Record], Any],
    key: str | None = None,
    **more: Any,
) -> ApiResponse:
    """Serialize one page of a list, with `Link` headers to the others."""
    per_page, number = page_size(request), page_number(request)
    last = max(1, math.ceil(len(items) / per_page))
    page = [serialize(item) for item in items[(number - 1) * per_page : number * per_page]]
    headers = {"Link": link_header(request, number, last)} if last > 1 else {}
    return ApiResponse(page if key is None else {"total_count": len(items), **more, key: page}, headers=headers)


def page_size(request: ApiRequest) -> int:
    """Return `per_page`, clamped to 1 to 100."""
    text = request.query_param("per_page") or ""
    return max(1, min(MAX_PER_PAGE, int(text))) if text.isdecimal() else DEFAULT_PER_PAGE


def page_number(request: ApiRequest) -> int:
    """Return `page`, at least 1."""
    text = request.query_param("page") or ""
    return max(1, int(text)) if text.isdecimal() else 1


def link_header(request: ApiRequest, number: int, last: int) -> str:
    """Build the `Link` header of a page."""
    pages = {"prev": number - 1, "next": number + 1, "last": last, "first": 1}
    names = [name for name in pages if (number > 1 if name in ("prev", "first") else number < last)]
    url = request.http.url
    if request.target is not None:
        url = URL(url_by_id(request.http, request.target.id), encoded=True)
    return ", ".join(f'<{url.update_query(page=str(pages[name]))}>; rel="{name}"' for name in names)
