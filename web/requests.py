"""A request for a page: who asks, what they sent, and how it is answered."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from aiohttp import web

from bot.context import READ, Context
from bot.errors import Forbidden, Problem, Unauthenticated
from bot.operations.sessions import CurrentSession
from bot.rules.ids import SessionId, parse_row_id
from web import cookies, security
from web.errors import status_of
from web.rendering import Renderer
from web.runtime import WebRuntime

MAX_FORM = 64 * 1024  # bytes
CHANNEL = "page"
SIGN_IN_FIRST = "Sign in to see this."
OPERATORS_ONLY = "Only operators may see this."

Access = Literal["anyone", "reader", "person", "operator"]


def wants_html(request: web.Request) -> bool:
    """Whether a browser asks."""
    return "text/html" in request.headers.get("Accept", "") or "HX-Request" in request.headers


@dataclass(frozen=True)
class PageRequest:
    """A request for a page, or an act by one of its forms.

    `failure` is why the act that the form asked for was refused: the page is then shown again with what was typed.
    """

    request: web.Request
    runtime: WebRuntime
    renderer: Renderer
    context: Context
    session: CurrentSession | None = None
    secret: str = field(default="", repr=False)
    form: Mapping[str, str] = field(default_factory=dict)
    failure: Problem | None = None

    @property
    def now(self) -> datetime:
        """The time at which the page is shown."""
        return self.context.now()

    @property
    def is_operator(self) -> bool:
        """Whether an operator asks, who may do everything."""
        return self.session is not None and self.session.is_operator

    @property
    def signed_in(self) -> CurrentSession:
        """The session of somebody who has signed in."""
        if self.session is None:
            raise Unauthenticated(SIGN_IN_FIRST)
        return self.session

    @property
    def csrf(self) -> str:
        """A token for the forms of the page; empty without a session."""
        return cookies.csrf_token(self.secret) if self.session is not None else ""

    @property
    def path(self) -> str:
        """The path and the query of the request, as browsers know them."""
        return self.runtime.root + self.request.rel_url.raw_path_qs

    def admit(self, access: Access) -> None:
        """Refuse who may not see a page at all."""
        if access == "anyone":
            return
        if self.session is None and (access != "reader" or READ not in self.context.actor.public):
            raise Unauthenticated(SIGN_IN_FIRST)
        if access == "operator" and not self.is_operator:
            raise Forbidden(OPERATORS_ONLY)

    @property
    def is_live(self) -> bool:
        """Whether the page may be kept current: who asks may read projects."""
        return self.session is not None or READ in self.context.actor.public

    @property
    def wants_html(self) -> bool:
        """Whether a browser asks."""
        return wants_html(self.request)

    @property
    def session_id(self) -> SessionId | None:
        """The session of this browser, if there is one."""
        return None if self.session is None else self.session.id

    @property
    def browser(self) -> str:
        """What the browser says it is."""
        return self.request.headers.get("User-Agent", "")

    @property
    def client(self) -> tuple[str | None, Sequence[str]]:
        """The address from which the request came, and those that proxies report: failed attempts are counted by it."""
        return self.request.remote, self.request.headers.getall("X-Forwarded-For", [])

    def part(self, name: str) -> str:
        """A part of the address, by its name."""
        return self.request.match_info[name]

    def row_id(self, name: str) -> int:
        """A part of the address as the id of a row; 0, which no row has, if it is not a valid one."""
        return parse_row_id(self.part(name)) or 0

    def query(self, name: str, default: str = "") -> str:
        """A parameter of the query, without spaces around it."""
        return self.request.query.get(name, default).strip()

    def field(self, name: str) -> str:
        """A field of the form, without spaces around it; empty if it was not sent."""
        return self.form.get(name, "").strip()

    def typed(self, name: str, default: str = "") -> str:
        """What stands in a field of a form: what was typed if the act was refused, else `default`."""
        return self.form.get(name, default) if self.failure is not None else default

    def failed(self, form: str) -> Problem | None:
        """Why the act of a form was refused, if it was that form's."""
        return self.failure if self.form.get("form") == form else None

    def acting(self) -> Context:
        """The context of an act. The same form that is sent twice, by a double click, takes effect once.

        The address is part of its origin: whoever sends one `once` to two addresses performs two acts, and none of
        them is shown what the other one made.
        """
        once = self.field("once")
        if not once or self.session is None:
            return self.context
        form = hashlib.sha256(f"{self.request.rel_url.raw_path} {once}".encode()).hexdigest()
        return self.context.with_origin(f"page {self.context.actor.user_id} {form}")

    def once(self, form: str) -> str:
        """A value by which a form is recognized when it is sent again: the same one only for the form that was sent."""
        return (self.field("once") if self.form.get("form") == form else "") or secrets.token_urlsafe(12)

    def with_failure(self, problem: Problem) -> "PageRequest":
        """Copy the request, to show the page again after its act was refused."""
        return replace(self, failure=problem)

    async def render(self, template: str, status: int = 200, **values: Any) -> web.Response:
        """Respond with a page."""
        if self.failure is not None and status == 200:
            status = status_of(self.failure)
        return await self.renderer.respond(template, status, page=self, **values)

    async def render_secret(self, template: str, **values: Any) -> web.Response:
        """Respond with a page that shows a secret: nobody keeps it, and its length says nothing about the secret."""
        response = await self.render(template, **values)
        response.headers["Cache-Control"] = "no-store"
        response[security.COMPRESS] = False
        return response

    def redirect(self, path: str, *segments: object) -> web.Response:
        """Send the browser to another page of ours after an act."""
        return web.Response(status=303, headers={"Location": self.runtime.link(path, *segments)})
