"""Who a program speaks for: one place for every dialect, and the limit of wrong credentials."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from aiohttp import web
from cachetools import TTLCache

from bot.context import Actor, utc_now
from bot.errors import TooMany, Unauthenticated
from bot.operations import users

INVALID = "Invalid token."
MOST_WRONG = 20
WINDOW = 60.0  # seconds
REMEMBERED = 100_000  # addresses and beginnings of tokens


class Attempts:
    """Wrong credentials of the last minute, by what they have in common."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: TTLCache[str, deque[float]] = TTLCache(REMEMBERED, WINDOW, timer=clock)

    def wrong(self, *keys: str) -> int:
        """Count one more; 0, or the seconds until one more is taken when there have been too many."""
        return max(self._count(key) for key in keys)

    def _count(self, key: str) -> int:
        now = self._clock()
        times = self._wrong.get(key) or deque(maxlen=MOST_WRONG)
        while times and times[0] <= now - WINDOW:
            times.popleft()
        if len(times) == MOST_WRONG:
            return int(times[0] + WINDOW - now) + 1
        times.append(now)
        self._wrong[key] = times
        return 0


class Access:
    """Says who asks. `anonymous_read` is the setting; `trusted_proxies` are those whose word on addresses counts."""

    def __init__(self, anonymous_read: str, trusted_proxies: Sequence[str] = ()) -> None:
        self.stranger = users.stranger(anonymous_read)
        self._proxies = [ip_network(proxy, strict=False) for proxy in trusted_proxies]
        self._attempts = Attempts()

    async def caller(self, request: web.Request, code: str | None = None) -> Actor:
        """Whose token the Authorization header carries, or else `code`; the stranger where there is neither.

        Refuses a malformed, unknown, expired or revoked one, and too many of those from one address or with one
        beginning; right ones are never refused.
        """
        header = request.headers.get("Authorization", "").strip()
        scheme, _, secret = header.partition(" ")
        if not header:
            scheme, secret = "token", code or ""
            if not secret:
                return self.stranger
        secret = secret.strip()
        if scheme.lower() in ("bearer", "token") and secret:
            try:
                actor = await users.authenticate(secret, utc_now())
                return replace(actor, public=self.stranger.public)
            except Unauthenticated:
                pass
        raise self.refusal(request, secret)

    def refusal(self, request: web.Request, secret: str, sentence: str = INVALID) -> Unauthenticated:
        """The answer to wrong credentials, which are counted."""
        keys = [f"address {address_of(request, self._proxies)}"]
        if len(secret) >= users.SHOWN:
            keys.append(f"token {secret[: users.SHOWN]}")
        if seconds := self._attempts.wrong(*keys):
            return TooMany("Too many wrong credentials. Try again later.", retry_after=seconds)
        return Unauthenticated(sentence)


def address_of(request: web.Request, proxies: list[IPv4Network | IPv6Network]) -> str:
    """The client's address: the last in X-Forwarded-For that no trusted proxy has, where one has passed it on."""
    hops = [part.strip() for part in ",".join(request.headers.getall("X-Forwarded-For", [])).split(",") if part.strip()]
    address = request.remote or ""
    while hops and _is_among(address, proxies):
        address = hops.pop()
    return address if _is_address(address) else request.remote or ""


def _is_among(address: str, networks: list[IPv4Network | IPv6Network]) -> bool:
    return _is_address(address) and any(ip_address(address) in network for network in networks)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
