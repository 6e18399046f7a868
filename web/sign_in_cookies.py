"""The cookie of a browser that was sent to GitHub to sign in: it proves that the same browser comes back."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from dataclasses import dataclass, field

from aiohttp import web

from web import cookies
from web.runtime import WebRuntime

NAME = "longshore-sign-in"
MAX_AGE = 600  # seconds, as long as GitHub's code lasts
MAX_NEXT = 500  # characters of the path to go to afterwards; to the board from a longer one
MAX_COOKIE = 4000  # characters
MAX_STATE = 100  # characters; ours are shorter, and those that came back are kept in memory


@dataclass(frozen=True)
class Flow:
    """A sign-in that was begun: what GitHub has to send back, the PKCE verifier, and the path to go to afterwards."""

    state: str = field(repr=False)
    verifier: str = field(repr=False)
    next: str

    def answers(self, state: str) -> bool:
        """Whether a state is that of this sign-in. The comparison takes the same time whatever it is."""
        return hmac.compare_digest(self.state.encode(), state.encode("utf-8", "surrogatepass"))


def keep(runtime: WebRuntime, response: web.StreamResponse, flow: Flow) -> None:
    """Have the browser keep a sign-in until it comes back. One that was begun in another tab is replaced."""
    path = urlsafe_b64encode(flow.next.encode() if len(flow.next) <= MAX_NEXT else b"").decode().rstrip("=")
    cookies.set_cookie(runtime, response, f"{flow.state}.{flow.verifier}.{path}", name=NAME, max_age=MAX_AGE)


def read(runtime: WebRuntime, request: web.Request) -> Flow | None:
    """The sign-in that the browser has begun; None if it has not, or if it was finished."""
    value = request.cookies.get(cookies.cookie_name(runtime, NAME), "")
    state, _, rest = value[:MAX_COOKIE].partition(".")
    verifier, _, path = rest.partition(".")
    if not (0 < len(state) <= MAX_STATE and verifier):
        return None
    try:
        return Flow(state, verifier, urlsafe_b64decode(path + "==").decode())
    except (Error, ValueError):
        return None


def forget(runtime: WebRuntime, response: web.StreamResponse) -> None:
    """Have the browser forget a sign-in: it is finished, one way or another."""
    cookies.delete_cookie(runtime, response, name=NAME)
