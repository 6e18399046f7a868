"""Authentication by tokens in all dialects, with a limit on failed attempts."""

from aiohttp import web

from bot.actors import anonymous
from bot.attempts import Attempts
from bot.context import Actor, utc_now
from bot.errors import RateLimited, Unauthenticated
from bot.operations import users

INVALID = "Invalid token."


class Authenticator:
    """Identifies the actor of a request.

    `anonymous_read` is the setting of that name. Failures are counted in `attempts`.
    """

    def __init__(self, anonymous_read: str, attempts: Attempts | None = None) -> None:
        self.anonymous = anonymous(anonymous_read)
        self._attempts = attempts or Attempts()

    async def authenticate(self, request: web.Request, token: str | None = None) -> Actor:
        """The actor with the token in the Authorization header or, without that header, with `token`; else anonymous.

        Refuses malformed, unknown, expired and revoked tokens, with 429 after too many attempts from one address or
        with one token prefix. A valid token is never refused.
        """
        headers = request.headers.getall("Authorization", ())
        header = (headers[0] if len(headers) == 1 else ", ".join(headers)).strip()  # two headers are malformed
        scheme, _, secret = header.partition(" ")
        if not header:
            scheme, secret = "token", token or ""
            if not secret:
                return self.anonymous
        secret = secret.strip()
        if scheme.lower() in ("bearer", "token") and secret:
            try:
                reads = request.method in ("GET", "HEAD")
                return await users.authenticate(secret, utc_now(), public=self.anonymous.public, read_only=reads)
            except Unauthenticated:
                pass
        raise self.refusal(request, secret)

    def refusal(self, request: web.Request, secret: str, sentence: str = INVALID) -> Unauthenticated:
        """Count a failed attempt and return the error to raise."""
        has_prefix = len(secret) >= users.LISTED_PREFIX_LENGTH
        keys = [f"token {secret[: users.LISTED_PREFIX_LENGTH]}"] if has_prefix else []
        if seconds := self._attempts.record(request.remote, request.headers.getall("X-Forwarded-For", []), *keys):
            return RateLimited("Too many wrong credentials. Try again later.", retry_after=seconds)
        return Unauthenticated(sentence)
