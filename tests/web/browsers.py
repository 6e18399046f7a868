"""Browsers of people who signed in, for tests of pages: they keep a session's cookie and send forms as browsers do."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass

from bot.operations import sessions, users
from tests.world import World
from web import cookies


@dataclass(frozen=True)
class Page:
    """A page as it arrived."""

    status: int
    html: str
    headers: Mapping[str, str]

    @property
    def text(self) -> str:
        """What stands on the page, without markup, each run of white space as one space."""
        body = re.sub(r"<(script|style|head)\b.*?</\1>", " ", self.html, flags=re.DOTALL)
        return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", body))).strip()

    @property
    def location(self) -> str:
        """Where the browser is sent."""
        return self.headers.get("Location", "")


@dataclass(frozen=True)
class Browser:
    """A browser; `secret` is that of its session, empty for one in which nobody signed in."""

    world: World
    secret: str = ""

    async def open(self, path: str, **headers: str) -> Page:
        """Open a page, without following where it sends the browser."""
        return await self._ask("GET", path, None, headers)

    async def send(
        self, path: str, *, csrf: str | None = None, headers: dict[str, str] | None = None, **fields: str
    ) -> Page:
        """Send a form of this session's pages. `csrf` replaces its token."""
        token = cookies.csrf_token(self.secret) if csrf is None and self.secret else csrf or ""
        return await self._ask("POST", path, {"csrf": token, **fields}, headers or {})

    async def submit(self, path: str, fields: Mapping[str, str]) -> Page:
        """Send a form of this session's pages with these fields."""
        return await self._ask("POST", path, {"csrf": cookies.csrf_token(self.secret), **fields}, {})

    async def _ask(self, method: str, path: str, form: dict[str, str] | None, headers: dict[str, str]) -> Page:
        cookie = {"Cookie": f"{cookies.NAME}={self.secret}"} if self.secret else {}
        sent = {"Accept": "text/html,*/*;q=0.8", **cookie, **headers}
        async with self.world.session.request(
            method, self.world.url + path, data=form, headers=sent, allow_redirects=False
        ) as response:
            return Page(response.status, await response.text(), response.headers)


async def sign_in(world: World, login: str) -> Browser:
    """The browser of a person on GitHub who signed in; the sandbox must know the login."""
    context = await world.context()
    user = await users.from_github(context, world.github.state.account(login).id, login)
    return Browser(world, await sessions.begin(context, user, "a test"))


async def sign_in_as_operator(world: World) -> Browser:
    """The browser of an operator who signed in with a link."""
    context = await world.context()
    return Browser(world, await sessions.use_link(context, await sessions.create_link(context), "a test"))
