"""Visitors: browsers that keep cookies as they are told, and follow GitHub's sign-in step by step."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie

from yarl import URL

from tests.web.browsers import Page
from tests.world import World
from web import cookies


@dataclass
class Visitor:
    """A browser of somebody; `told` are the lines by which the last response set cookies."""

    world: World
    cookies: dict[str, str] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    async def open(self, path: str, **headers: str) -> Page:
        """Open a page, without following where it sends the browser."""
        return await self._ask("GET", path, None, headers)

    async def send(
        self, path: str, fields: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Page:
        """Send a form, with the token of this browser's session unless the fields have another."""
        token = {"csrf": cookies.csrf_token(self.secret)} if self.secret else {}
        return await self._ask("POST", path, {**token, **(fields or {})}, headers or {})

    async def submit(self, page: Page, action: str, **fields: str) -> Page:
        """Press the button of the form with an action on a page."""
        form = re.search(rf'<form[^>]* action="{re.escape(action)}".*?</form>', page.html, re.DOTALL)
        assert form is not None, page.text
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form[0]))
        return await self._ask("POST", action, {**hidden, **fields}, {})

    @property
    def secret(self) -> str:
        """The secret of the session in the cookie; empty without one."""
        return next((value for name, value in self.cookies.items() if name.endswith(cookies.NAME)), "")

    async def begin_sign_in(self, target: str = "") -> URL:
        """Begin to sign in; returns where at GitHub the browser is sent."""
        response = await self.open(f"/sign-in/github?next={target}")
        assert response.status == 303, response.text
        return URL(response.location)

    async def ask_github(self, url: URL, login: str) -> str:
        """Be somebody at GitHub; returns the path at Longshore with which the browser is sent back."""
        async with self.world.session.get(url.update_query(sandbox_login=login), allow_redirects=False) as response:
            assert response.status == 302, await response.text()
            return URL(response.headers["Location"]).raw_path_qs

    async def sign_in(self, login: str, target: str = "") -> Page:
        """Sign in with GitHub from beginning to end."""
        return await self.open(await self.ask_github(await self.begin_sign_in(target), login))

    async def _ask(self, method: str, path: str, form: Mapping[str, str] | None, headers: Mapping[str, str]) -> Page:
        kept = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        sent = {
            "Accept": "text/html,*/*;q=0.8",
            "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0",
            **kept,
            **headers,
        }
        async with self.world.session.request(
            method, self.world.url + path, data=form, headers=sent, allow_redirects=False
        ) as response:
            self.told = response.headers.getall("Set-Cookie", [])
            for line in self.told:
                for name, morsel in SimpleCookie(line).items():
                    self._keep(name, morsel.value, morsel["max-age"])
            return Page(response.status, await response.text(), dict(response.headers))

    def _keep(self, name: str, value: str, max_age: str) -> None:
        if max_age == "0":
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = value
