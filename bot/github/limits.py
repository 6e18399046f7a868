"""Rate limits: how GitHub reports that one is reached, and how long to wait.

https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.errors import Unavailable

UNAVAILABLE = "GitHub is unavailable"
SECONDARY_WAIT = 60  # seconds
LONGEST_WAIT = 3600  # seconds
MAX_DIGITS = 11  # of a number in a header
MAX_RESOURCE = 40  # characters
MAX_RESOURCES = 20  # kinds of requests whose budgets are remembered


class Limited(Unavailable):
    """A rate limit is reached: the request may be sent again after `retry_after` seconds, not before."""


class ResponseLost(Unavailable):
    """A write got no response: find out whether it took effect before sending it again."""


@dataclass(frozen=True)
class Budget:
    """How many requests of a kind are left of a limit, and when there are all of them again."""

    resource: str
    limit: int
    remaining: int
    resets_at: datetime


def budget_of(headers: Mapping[str, str]) -> Budget | None:
    """Read what a response says about the limit of its kind of requests; None if it says nothing."""
    numbers = [headers.get(f"x-ratelimit-{name}", "") for name in ("limit", "remaining", "reset")]
    if not all(number.isascii() and number.isdecimal() and len(number) <= MAX_DIGITS for number in numbers):
        return None
    limit, remaining, reset = map(int, numbers)
    resource = headers.get("x-ratelimit-resource", "core")[:MAX_RESOURCE]
    return Budget(resource, limit, remaining, datetime.fromtimestamp(reset, UTC))


def seconds_to_wait(status: int, headers: Mapping[str, str], message: str, now: float) -> int | None:
    """Seconds to wait when a response reports a rate limit, else None. `now` is GitHub's, in seconds since 1970.

    Any other 403 is a real refusal.
    """
    if status not in (403, 429):
        return None
    wait: float | None = None
    if (after := headers.get("retry-after", "")).isdigit():
        wait = int(after)
    elif headers.get("x-ratelimit-remaining") == "0":
        reset = headers.get("x-ratelimit-reset", "")
        wait = int(reset) - now + 1 if reset.isdigit() else SECONDARY_WAIT
    elif status == 429 or "secondary rate" in message.lower():
        wait = SECONDARY_WAIT
    return None if wait is None else int(min(max(wait, 1), LONGEST_WAIT))
