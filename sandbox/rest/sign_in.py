"""The page on which people sign in with the App, and the exchange of their codes, at GitHub's web host."""

import html
from urllib.parse import parse_qsl, urlencode

from aiohttp import web
from yarl import URL

from sandbox.records import Call
from sandbox.state import State
from sandbox.use_cases import sign_in
from sandbox.use_cases.sign_in import Exchange, SignInError

AUTHORIZE, ACCESS_TOKEN = "/login/oauth/authorize", "/login/oauth/access_token"
KNOWN = ("client_id", "redirect_uri", "state", "code_challenge", "code_challenge_method", "login")
CHOICE, CANCEL = "sandbox_login", "sandbox_cancel"  # parameters of the links of the page, which are not GitHub's
FORM = "application/x-www-form-urlencoded"
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Sign in · GitHub sandbox</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,"></head>
<body><h1>Sign in to the simulated GitHub</h1>
<p>{app} wants to know who you are. Choose an account of this sandbox:</p>
<ul>{people}</ul><p><a href="{cancel}">Cancel</a></p></body></html>
"""


async def authorize(state: State, request: web.Request) -> web.Response:
    """Ask who somebody is, then send their browser back with a code. Who has signed in before is not asked again."""
    response = _authorize(state, request)
    state.calls.append(Call("GET", request.path, f"GET {AUTHORIZE}", response.status, state.now(), "anonymous"))
    unknown = [name for name in request.query if name not in (*KNOWN, CHOICE, CANCEL)]
    state.unknown_routes += [f"GET {AUTHORIZE}: query parameter {name}" for name in unknown]
    return response


def _authorize(state: State, request: web.Request) -> web.Response:
    query = request.query
    redirect_uri = query.get("redirect_uri", "") or next(iter(state.callback_urls), "")
    if query.get("client_id") != state.client_id:
        return web.Response(status=404, text="Not Found", content_type="text/html")
    if not sign_in.is_callback(state, redirect_uri):
        return _back(next(iter(state.callback_urls), ""), request, error="redirect_uri_mismatch")
    if query.get("code_challenge") and query.get("code_challenge_method") != "S256":
        return _back(redirect_uri, request, error="invalid_request")
    if CANCEL in query:
        return _back(redirect_uri, request, error="access_denied")
    login = query.get(CHOICE) or (state.signed_in.login if state.signed_in else "")
    account = state.accounts.get(login.lower())
    if account is None or account.type != "User":
        return web.Response(text=_page(state, request), content_type="text/html")
    code = sign_in.issue_code(state, account, redirect_uri, query.get("code_challenge", ""))
    return _back(redirect_uri, request, code=code)


def _back(redirect_uri: str, request: web.Request, **answer: str) -> web.Response:
    """Send the browser back with an answer, and the state that it came with."""
    if not redirect_uri:
        return web.Response(status=404, text="Not Found", content_type="text/html")
    if "error" in answer:
        answer["error_description"] = sign_in.ERRORS.get(
            answer["error"], "The user has denied your application access."
        )
    state = {"state": request.query["state"]} if "state" in request.query else {}
    location = URL(redirect_uri).update_query({**answer, **state})
    return web.Response(status=302, headers={"Location": str(location)})


def _page(state: State, request: web.Request) -> str:
    """The page on which somebody says who they are; the account of the parameter `login` comes first."""
    wanted = request.query.get("login", "").lower()
    people = [account.login for account in state.accounts.values() if account.type == "User"]
    people.sort(key=lambda login: (login.lower() != wanted, login.lower()))
    entry = '<li><a href="{}">{}</a></li>'
    return PAGE.format(
        app=html.escape(state.app_slug),
        people="".join(entry.format(_link(request, **{CHOICE: login}), html.escape(login)) for login in people),
        cancel=_link(request, **{CANCEL: "yes"}),
    )


def _link(request: web.Request, **more: str) -> str:
    return html.escape(f"{AUTHORIZE}?{urlencode({**request.query, **more})}")


async def exchange(state: State, request: web.Request) -> web.Response:
    """Exchange a code for a token. Errors have the status 200, as on GitHub."""
    body = dict(parse_qsl(await request.text())) if request.content_type == FORM else await request.json()
    given = {**request.query, **body}
    fields = ("client_id", "client_secret", "code", "redirect_uri", "code_verifier")
    fault = state.faults.consume(request.method, request.path)
    if state.faults.is_down or (fault and fault.kind == "fail"):
        return _answered(state, web.Response(status=503, text="<html>Unicorn</html>", content_type="text/html"))
    state.unknown_routes += [f"POST {ACCESS_TOKEN}: field {name}" for name in given if name not in fields]
    try:
        answer = sign_in.exchange(state, Exchange(*(str(given.get(name, "")) for name in fields)))
    except SignInError as error:
        answer = dict(error.body)
    if "json" in request.headers.get("Accept", ""):
        return _answered(state, web.json_response(answer))
    return _answered(state, web.Response(text=urlencode(answer), content_type=FORM))


def _answered(state: State, response: web.Response) -> web.Response:
    state.calls.append(Call("POST", ACCESS_TOKEN, f"POST {ACCESS_TOKEN}", response.status, state.now(), "anonymous"))
    return response
