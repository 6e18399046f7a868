"""Who a program speaks for: one place for every dialect, and the limit of wrong credentials."""

import math
import re
import time
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp import web
from cachetools import TTLCache

from bot.context import Actor, utc_now
from bot.errors import RateLimited, Unauthenticated
from bot.operations import users

INVALID = "Invalid token."
MOST_WRONG = 20
WINDOW = 60.0  # seconds
REMEMBERED = 20_000  # addresses and beginnings of tokens: some 20 MB when somebody fills it
_HOP = re.compile(r'"?(?:\[(?P<six>[^\]]+)\](?::\d+)?|(?P<four>[\d.]+):\d+|(?P<bare>[^"]+))"?')

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Attempts:
    """Wrong credentials of the last minute, by what they have in common."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, remembered: int = REMEMBERED) -> None:
        self._clock = clock
        self._wrong: TTLCache[str, list[float]] = TTLCache(remembered, WINDOW, timer=clock)

    def wrong(self, *keys: str) -> int:
        """Count one more; 0, or the seconds until one more is taken when there have been too many.

        Nothing is counted beyond the limit, and nothing under a later key once an earlier one has reached it: whoever
        goes on asking cannot fill the memory with what they made up.
        """
        return next((seconds for key in keys if (seconds := self._count(key))), 0)

    def _count(self, key: str) -> int:
        now = self._clock()
        times = [moment for moment in self._wrong.get(key, ()) if moment > now - WINDOW]
        if len(times) >= MOST_WRONG:
            return max(1, math.ceil(times[0] + WINDOW - now))
        self._wrong[key] = [*times, now]
        return 0


class Authenticator:
    """Says who asks. `anonymous_read` is the setting; `trusted_proxies` are those whose word on addresses counts."""

    def __init__(
        self,
        anonymous_read: str,
        trusted_proxies: Sequence[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.anonymous = users.anonymous(anonymous_read)
        self._proxies = [ip_network(proxy, strict=False) for proxy in trusted_proxies]
        self._attempts = Attempts(clock)

    async def authenticate(self, request: web.Request, code: str | None = None) -> Actor:
        """Whose token the Authorization header carries, or else `code`; the stranger where there is neither.

        Refuses a malformed, unknown, expired or revoked one, and too many of those from one address or with one
        beginning; right ones are never refused.
        """
        given = request.headers.getall("Authorization", ())
        header = (given[0] if len(given) == 1 else ", ".join(given)).strip()  # two are one that is malformed
        scheme, _, secret = header.partition(" ")
        if not header:
            scheme, secret = "token", code or ""
            if not secret:
                return self.anonymous
        secret = secret.strip()
        if scheme.lower() in ("bearer", "token") and secret:
            try:
                reads = request.method in ("GET", "HEAD")
                return await users.authenticate(secret, utc_now(), public=self.anonymous.public, reads=reads)
            except Unauthenticated:
                pass
        raise self.refusal(request, secret)

    def refusal(self, request: web.Request, secret: str, sentence: str = INVALID) -> Unauthenticated:
        """The answer to wrong credentials, which are counted."""
        hops = ",".join(request.headers.getall("X-Forwarded-For", []))
        keys = [f"address {counted_as(client_of(request.remote, hops, self._proxies))}"]
        if len(secret) >= users.PREFIX_LENGTH:
            keys.append(f"token {secret[: users.PREFIX_LENGTH]}")
        if seconds := self._attempts.wrong(*keys):
            return RateLimited("Too many wrong credentials. Try again later.", retry_after=seconds)
        return Unauthenticated(sentence)


def client_of(remote: str | None, forwarded_for: str, proxies: Sequence[Network]) -> Address | None:
    """The client's address, given who is connected to us and what X-Forwarded-For says; None where that is no address.

    Each proxy adds, at the end, who was connected to it. So the list is read from its end, as long as who said it is
    a trusted proxy and what it says is an address: everything before that anybody may have made up.
    """
    client = parse_address(remote or "")
    for hop in reversed([hop for hop in forwarded_for.split(",") if hop.strip()]):
        if client is None or not any(client in network for network in proxies):
            break
        before = parse_address(hop)
        if before is None:
            break
        client = before
    return client


def parse_address(text: str) -> Address | None:
    """An address as proxies write it, with or without a port, brackets and quotes; None where it is none.

    IPv4 within IPv6 (`::ffff:192.0.2.1`) is IPv4: a proxy that listens on both says either.
    """
    found = _HOP.fullmatch(text.strip())
    if found is None:
        return None
    try:
        address = ip_address(found["six"] or found["four"] or found["bare"])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def counted_as(address: Address | None) -> str:
    """What is counted together: one IPv4 address, one /64 of IPv6, which is what one customer has at least."""
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address) >> 64 << 64, 64)))
    return str(address)
