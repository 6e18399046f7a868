"""Headers of every response, and the pages that are not part of the API."""

import secrets
from email.utils import format_datetime
from urllib.parse import quote

from aiohttp import web

from sandbox.server import OLDER_VERSION
from sandbox.state import State

CONTROL = "/_sandbox"
NO_USER_AGENT = (
    "\r\nRequest forbidden by administrative rules. Please make sure your request has a User-Agent header "
    "(https://docs.github.com/en/rest/overview/resources-in-the-rest-api#user-agent-required). "
    "Check https://developer.github.com for other possible causes.\r\n"
)
PAGE = "<!DOCTYPE html>\n<html><head><title>{title} · GitHub Enterprise</title></head><body></body></html>\n"


def is_control(request: web.Request) -> bool:
    """Whether a request is for the control API instead of the simulated one."""
    return request.path == CONTROL or request.path.startswith(f"{CONTROL}/")


def add_headers(state: State, request: web.Request, response: web.StreamResponse) -> None:
    """Add the headers that GitHub sends with every response, whatever it says."""
    headers = response.headers
    headers["Date"] = format_datetime(state.now(), usegmt=True)
    headers["Server"] = "github.com"
    headers["X-GitHub-Request-Id"] = _request_id()
    if response.content_type == "text/html":
        return
    headers["X-GitHub-Media-Type"] = media_type_header(request)
    headers["Vary"] = "Accept, Authorization, Cookie, X-GitHub-OTP, Accept-Encoding, Accept, X-Requested-With"
    version = request.headers.get("X-GitHub-Api-Version", OLDER_VERSION)
    if version in state.server.api_versions:
        headers["X-GitHub-Api-Version-Selected"] = version
    if state.server.enterprise:
        headers["X-GitHub-Enterprise-Version"] = f"enterprise-server@{state.server.enterprise}.0"


def _request_id() -> str:
    text = secrets.token_hex(16).upper()
    return f"{text[:4]}:{text[4:10]}:{text[10:17]}:{text[17:24]}:{text[24:]}"


def requested_format(request: web.Request) -> str:
    """The custom format in the `Accept` header, such as `sha` in `application/vnd.github.sha`; empty for JSON."""
    for accepted in request.headers.get("Accept", "").split(","):
        subtype = accepted.partition(";")[0].strip().removeprefix("application/vnd.github")
        if subtype.startswith((".", "+")):
            parts = subtype.partition("+")[0].split(".")
            return parts[-1] if parts[-1] not in ("", "v3", "json") else ""
    return ""


def media_type_header(request: web.Request) -> str:
    """`X-GitHub-Media-Type`, which says how the `Accept` header was understood."""
    custom = requested_format(request)
    json = "" if custom and "+json" not in request.headers.get("Accept", "") else "; format=json"
    return "github.v3" + (f"; param={custom}" if custom else "") + json


def user_agent_refusal() -> web.Response:
    """The answer to a request without a User-Agent, which never reaches the API."""
    return web.Response(status=403, text=NO_USER_AGENT, content_type="text/html")


def front_page(state: State, request: web.Request) -> web.Response:
    """What the web pages of an Enterprise Server answer to a request that was meant for its API."""
    status, headers = state.server.front_page_status, {}
    if request.path in ("/", "/login"):
        status = 200
    if status == 302:
        headers["Location"] = f"/login?return_to={quote(str(request.url), safe='')}"
    title = {200: "Sign in", 302: "Redirecting"}.get(status, "Page not found")
    return web.Response(status=status, headers=headers, text=PAGE.format(title=title), content_type="text/html")
