"""The cookie of a session, and the tokens by which forms prove that they were shown to its owner."""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error

from aiohttp import web

from web.runtime import WebRuntime

NAME = "longshore"
MAX_AGE = 30 * 24 * 3600  # seconds; the session itself ends earlier if it is not used
MAX_SECRET = 100  # characters of a cookie that is looked up
_CSRF = b"form"
_SIZE = 32  # bytes of a digest


def cookie_name(runtime: WebRuntime, name: str = NAME) -> str:
    """The name of a cookie. Over HTTPS, its prefix has browsers keep it to this host and to HTTPS."""
    return f"__Host-{name}" if runtime.is_secure else name


def session_secret(runtime: WebRuntime, request: web.Request) -> str:
    """The secret of the session in the request's cookie; empty if there is none."""
    value = request.cookies.get(cookie_name(runtime), "")
    return value if len(value) <= MAX_SECRET else ""


def set_cookie(
    runtime: WebRuntime, response: web.StreamResponse, value: str, *, name: str = NAME, max_age: int = MAX_AGE
) -> None:
    """Set a cookie that scripts cannot read, and that other sites' forms do not send."""
    response.set_cookie(
        cookie_name(runtime, name),
        value,
        max_age=max_age,
        path="/",
        secure=runtime.is_secure,
        httponly=True,
        samesite="Lax",
    )


def delete_cookie(runtime: WebRuntime, response: web.StreamResponse, *, name: str = NAME) -> None:
    """Have the browser forget a cookie."""
    set_cookie(runtime, response, "", name=name, max_age=0)


def csrf_token(secret: str) -> str:
    """A token for the forms of a session: another text each time, so that compressed pages do not reveal it."""
    mask = secrets.token_bytes(_SIZE)
    return urlsafe_b64encode(mask + _xor(mask, _digest(secret))).decode().rstrip("=")


def is_csrf_token(token: str, secret: str) -> bool:
    """Whether a form's token is one of this session. The comparison takes the same time whatever the token is."""
    try:
        data = urlsafe_b64decode(token[:MAX_SECRET] + "==")
    except (Error, ValueError):
        return False
    mask, masked = data[:_SIZE], data[_SIZE:]
    return len(masked) == _SIZE and hmac.compare_digest(_xor(mask, masked), _digest(secret))


def _digest(secret: str) -> bytes:
    return hmac.digest(secret.encode("utf-8", "surrogatepass"), _CSRF, hashlib.sha256)


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(left, right, strict=True))
