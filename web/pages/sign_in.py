"""Signing in by GitHub or by an operator's link, and signing out."""

from aiohttp import web

from bot.errors import Problem, RateLimited, Refusal, Unauthenticated
from bot.log import bind_log_context
from bot.operations import sessions, sign_in
from bot.operations.sign_in import Authorization
from web import cookies, security, sign_in_cookies
from web.errors import status_of
from web.requests import PageRequest
from web.routes import Route
from web.sign_in_cookies import Flow

SIGN_IN, CALLBACK = "/sign-in", "/auth/github/callback"
TOO_MANY = "Too many attempts to sign in. Try again later."
NOT_CONFIGURED = "Signing in with GitHub is not set up here."
OTHER_BROWSER = "This sign-in was not begun in this browser, took longer than 10 minutes, or was finished before."
CANCELED = "You did not sign in at GitHub."
NOT_ALLOWED = "GitHub does not let people sign in here."
MAX_CODE = 200  # characters


async def show(page: PageRequest) -> web.StreamResponse:
    """Show how one signs in. Who has signed in is sent on."""
    target = security.local_path(page.runtime, page.query("next"))
    if page.session is not None:
        return security.see_other(target)
    return await _show(page, target)


async def _show(page: PageRequest, target: str, problem: Problem | None = None) -> web.Response:
    status = 200 if problem is None else status_of(problem)
    is_configured = page.runtime.sign_in().is_configured
    return await page.render("sign_in.html", status, target=target, problem=problem, is_configured=is_configured)


async def begin(page: PageRequest) -> web.StreamResponse:
    """Send the browser to GitHub. What it must bring back stays in its cookie."""
    client = page.runtime.sign_in()
    if not client.is_configured:
        raise Refusal(NOT_CONFIGURED, reason="An operator can sign in: see `longshore login-link`.")
    begun = sign_in.begin(page.context, client.client_id, _callback(page))
    response = security.see_other(begun.url)
    target = security.local_path(page.runtime, page.query("next"))
    sign_in_cookies.keep(page.runtime, response, Flow(begun.state, begun.verifier, target))
    return response


async def complete(page: PageRequest) -> web.StreamResponse:
    """Sign in whom GitHub sends back; whatever comes of it, this cannot be repeated."""
    response: web.StreamResponse
    flow = sign_in_cookies.read(page.runtime, page.request)
    target = security.local_path(page.runtime, "" if flow is None else flow.next)
    try:
        secret = await _complete(page, flow)
    except Problem as problem:
        bind_log_context(refusal=problem.sentence)
        response = await _show(page, target, problem)
        if isinstance(problem, RateLimited):
            response.headers["Retry-After"] = str(problem.retry_after)
    else:
        response = security.see_other(target)
        cookies.set_cookie(page.runtime, response, secret)
    sign_in_cookies.forget(page.runtime, response)
    return response


async def _complete(page: PageRequest, flow: Flow | None) -> str:
    """The secret of the session that begins. Failures are counted, and too many are refused before GitHub is asked."""
    remote, forwarded = page.client
    if seconds := page.runtime.attempts.seconds_to_wait(remote, forwarded):
        raise RateLimited(TOO_MANY, retry_after=seconds)
    try:
        return await sign_in.complete(page.context, _authorization(page, flow), page.browser, replaces=page.session_id)
    except Refusal:
        page.runtime.attempts.record(remote, forwarded)
        raise


def _authorization(page: PageRequest, flow: Flow | None) -> Authorization:
    """What GitHub sent the browser back with. Refuses what is not the answer to this browser's own sign-in."""
    query, client = page.request.query, page.runtime.sign_in()
    if flow is None or not flow.answers(query.get("state", "")) or not page.runtime.used_states.add(flow.state):
        raise Refusal(OTHER_BROWSER)
    if not client.is_configured:
        raise Refusal(NOT_CONFIGURED)
    if "error" in query:
        canceled = query["error"] == "access_denied"
        raise Refusal(CANCELED if canceled else NOT_ALLOWED, reason=None if canceled else query["error"][:100])
    code = query.get("code", "")
    if not 0 < len(code) <= MAX_CODE:
        raise Refusal("GitHub's answer has no code. Please sign in again.")
    return Authorization(client.client_id, client.client_secret, _callback(page), code, flow.verifier)


def _callback(page: PageRequest) -> str:
    return page.runtime.origin + page.runtime.link(CALLBACK)


async def show_link(page: PageRequest) -> web.StreamResponse:
    """Show the button of an operator's link: opening it uses nothing up, so programs that preview links may do so."""
    return await page.render_secret("login_link.html", secret=page.query("secret")[: cookies.MAX_SECRET])


async def use_link(page: PageRequest) -> web.StreamResponse:
    """Sign in as the operator. Wrong links are counted; a valid one is never refused."""
    try:
        secret = await sessions.use_link(page.context, page.field("secret"), page.browser, replaces=page.session_id)
    except Unauthenticated:
        if seconds := page.runtime.attempts.record(*page.client):
            raise RateLimited(TOO_MANY, retry_after=seconds) from None
        raise
    response = page.redirect("/")
    cookies.set_cookie(page.runtime, response, secret)
    return response


async def sign_out(page: PageRequest) -> web.StreamResponse:
    """End the session, and have the browser forget it."""
    if page.session is not None:
        await sessions.end(page.context, page.session.id)
    response = page.redirect(SIGN_IN)
    cookies.delete_cookie(page.runtime, response)
    return response


ROUTES = (
    Route("GET", SIGN_IN, show, "anyone"),
    Route("GET", "/sign-in/github", begin, "anyone"),
    Route("GET", CALLBACK, complete, "anyone"),
    Route("GET", "/login-link", show_link, "anyone"),
    Route("POST", "/login-link", use_link, "anyone"),
    Route("POST", "/sign-out", sign_out, "anyone"),
)
