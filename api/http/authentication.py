"""Authentication by tokens in all dialects, with a limit on failed attempts."""

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
MAX_FAILURES = 20  # within the window, for one address or one token prefix
WINDOW = 60.0  # seconds
MAX_KEYS = 20_000  # addresses and token prefixes to count; they take up to 20 MB
_HOP = re.compile(r'"?(?:\[(?P<six>[^\]]+)\](?::\d+)?|(?P<four>[\d.]+):\d+|(?P<bare>[^"]+))"?')

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class FailedAttempts:
    """Counts the failed attempts of the last minute by key."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, max_keys: int = MAX_KEYS) -> None:
        self._clock = clock
        self._times: TTLCache[str, list[float]] = TTLCache(max_keys, WINDOW, timer=clock)

    def record(self, *keys: str) -> int:
        """Count a failure under each key. Returns 0, or the seconds to wait once a key has reached the limit.

        Counting stops at the first key that has reached its limit, so that a client cannot fill the memory by
        inventing tokens.
        """
        return next((seconds for key in keys if (seconds := self._record(key))), 0)

    def _record(self, key: str) -> int:
        now = self._clock()
        times = [attempted_at for attempted_at in self._times.get(key, ()) if attempted_at > now - WINDOW]
        if len(times) >= MAX_FAILURES:
            return max(1, math.ceil(times[0] + WINDOW - now))
        self._times[key] = [*times, now]
        return 0


class Authenticator:
    """Identifies the actor of a request.

    `anonymous_read` is the setting of that name; `trusted_proxies` are the networks whose X-Forwarded-For is trusted.
    """

    def __init__(
        self,
        anonymous_read: str,
        trusted_proxies: Sequence[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.anonymous = users.anonymous(anonymous_read)
        self._proxies = [ip_network(proxy, strict=False) for proxy in trusted_proxies]
        self._failures = FailedAttempts(clock)

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
        forwarded_for = ",".join(request.headers.getall("X-Forwarded-For", []))
        keys = [f"address {rate_limit_key(client_address(request.remote, forwarded_for, self._proxies))}"]
        if len(secret) >= users.LISTED_PREFIX_LENGTH:
            keys.append(f"token {secret[: users.LISTED_PREFIX_LENGTH]}")
        if seconds := self._failures.record(*keys):
            return RateLimited("Too many wrong credentials. Try again later.", retry_after=seconds)
        return Unauthenticated(sentence)


def client_address(remote: str | None, forwarded_for: str, proxies: Sequence[Network]) -> Address | None:
    """The address of the client, from the peer's address and X-Forwarded-For; None if the peer has no IP address.

    Each proxy appends the address of its own peer. The list is therefore read from its end, for as long as the
    reporting host is a trusted proxy and reports a valid address; anything before that may be forged.
    """
    client = parse_address(remote or "")
    for hop in reversed([hop for hop in forwarded_for.split(",") if hop.strip()]):
        if client is None or not any(client in network for network in proxies):
            break
        previous = parse_address(hop)
        if previous is None:
            break
        client = previous
    return client


def parse_address(text: str) -> Address | None:
    """Parse an address as proxies write it, with or without port, brackets and quotes; None if it is malformed.

    IPv4-mapped IPv6 (`::ffff:192.0.2.1`) is returned as IPv4: a proxy that listens on both may report either.
    """
    match = _HOP.fullmatch(text.strip())
    if match is None:
        return None
    try:
        address = ip_address(match["six"] or match["four"] or match["bare"])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def rate_limit_key(address: Address | None) -> str:
    """The unit to count failures for: an IPv4 address, or an IPv6 /64, the smallest network that customers get."""
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address) >> 64 << 64, 64)))
    return str(address)
