"""Limits on failed attempts to authenticate, and the address of the client, by which they are counted."""

import math
import re
import time
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from cachetools import TTLCache

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

    def seconds_to_wait(self, key: str) -> int:
        """The seconds to wait once a key has reached the limit, else 0; nothing is counted."""
        times = self._recent(key)
        return self._seconds_left(times) if len(times) >= MAX_FAILURES else 0

    def _record(self, key: str) -> int:
        times = self._recent(key)
        if len(times) >= MAX_FAILURES:
            return self._seconds_left(times)
        self._times[key] = [*times, self._clock()]
        return 0

    def _recent(self, key: str) -> list[float]:
        begin = self._clock() - WINDOW
        return [attempted_at for attempted_at in self._times.get(key, ()) if attempted_at > begin]

    def _seconds_left(self, times: Sequence[float]) -> int:
        return max(1, math.ceil(times[0] + WINDOW - self._clock()))


class Attempts:
    """Failed attempts of clients, by their addresses.

    `trusted_proxies` are the networks whose X-Forwarded-For is trusted.
    """

    def __init__(self, trusted_proxies: Sequence[str] = (), clock: Callable[[], float] = time.monotonic) -> None:
        self._proxies = [ip_network(proxy, strict=False) for proxy in trusted_proxies]
        self._failures = FailedAttempts(clock)

    def record(self, remote: str | None, forwarded_for: Sequence[str], *keys: str) -> int:
        """Count a failure of a client, and under more keys. Returns 0, or the seconds to wait."""
        return self._failures.record(self._key(remote, forwarded_for), *keys)

    def seconds_to_wait(self, remote: str | None, forwarded_for: Sequence[str]) -> int:
        """The seconds that a client has to wait after too many failures, else 0: for attempts that cost us much."""
        return self._failures.seconds_to_wait(self._key(remote, forwarded_for))

    def _key(self, remote: str | None, forwarded_for: Sequence[str]) -> str:
        address = client_address(remote, ",".join(forwarded_for), self._proxies)
        return f"address {rate_limit_key(address)}"


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
