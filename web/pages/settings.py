"""One's own settings: personal tokens, and the browsers in which one has signed in."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from aiohttp import web

from bot.errors import Refusal
from bot.operations import personal_tokens, sessions
from bot.operations.users import NewToken
from bot.rules.permissions import ROLES, role_for
from web import cookies, security
from web.pages.sign_in import SIGN_IN
from web.requests import PageRequest
from web.routes import Route

SETTINGS = "/settings"
LIFETIMES = {"7": "a week", "30": "30 days", "90": "90 days", "365": "a year"}
"""For how many days a token may be valid, and how that is said."""
DEFAULT_LIFETIME = "30"
GRANT = "grant."
"""The beginning of the names of the fields in which grants are chosen."""
_RANKS = [(role, grant) for grant in personal_tokens.POSSIBLE if (role := role_for(grant)) is not None]
GRANTS = [(grant, role) for role, grant in sorted(_RANKS, key=lambda pair: (ROLES.index(pair[0]), pair[1]))]
"""The grants that a personal token can have, each with the lowest role that brings it."""


async def show(page: PageRequest) -> web.StreamResponse:
    """Show one's tokens and sessions; to operators also everybody's sessions."""
    return await _show(page)


async def _show(page: PageRequest, secret: str = "") -> web.Response:
    everybody = "everybody" in page.request.query or bool(page.field("everybody"))
    values: dict[str, Any] = {
        "tokens": await personal_tokens.list_own(page.context),
        "projects": await personal_tokens.list_possible_projects(page.context),
        "sessions": await sessions.list_open(page.context, everybody=everybody),
        "everybody": everybody,
        "grants": GRANTS,
        "lifetimes": LIFETIMES,
        "lifetime": DEFAULT_LIFETIME,
        "has_account": page.context.actor.github_id is not None,
        "no_account": personal_tokens.NO_ACCOUNT,
        "secret": secret,
    }
    if secret:
        return await page.render_secret("settings.html", **values)
    return await page.render("settings.html", **values)


async def create_token(page: PageRequest) -> web.StreamResponse:
    """Make a token, and show its secret this once."""
    grants = [name.removeprefix(GRANT) for name in page.form if name.startswith(GRANT)]
    days = page.field("lifetime")
    if days not in LIFETIMES:
        raise Refusal(f"Choose how long the token is valid: {', '.join(LIFETIMES)} days.", field="lifetime")
    new = NewToken(page.field("name"), grants, page.field("project") or None, timedelta(days=int(days)))
    _, secret = await personal_tokens.create_own(page.acting(), new)
    return await _show(replace(page, form={}), secret)


async def revoke_token(page: PageRequest) -> web.StreamResponse:
    """Revoke a token of one's own."""
    await personal_tokens.revoke_own(page.acting(), page.row_id("token"))
    return page.redirect(SETTINGS)


async def end_session(page: PageRequest) -> web.StreamResponse:
    """End a session: in another browser, in this one, or as an operator anybody's."""
    number = page.row_id("session")
    await sessions.end(page.acting(), number)
    if page.session is None or page.session.id == number:
        response = page.redirect(SIGN_IN)
        cookies.delete_cookie(page.runtime, response)
        return response
    return security.see_other(page.runtime.link(SETTINGS) + ("?everybody" if page.field("everybody") else ""))


async def end_others(page: PageRequest) -> web.StreamResponse:
    """End one's sessions in all other browsers."""
    if page.session is not None:
        await sessions.end_others(page.acting(), page.session.id)
    return page.redirect(SETTINGS)


ROUTES = (
    Route("GET", SETTINGS, show, "person"),
    Route("POST", f"{SETTINGS}/tokens", create_token, "person", again=show),
    Route("POST", f"{SETTINGS}/tokens/{{token}}/revoke", revoke_token, "person", again=show),
    Route("POST", f"{SETTINGS}/sessions/{{session}}/end", end_session, "person", again=show),
    Route("POST", f"{SETTINGS}/sessions/end-others", end_others, "person", again=show),
)
