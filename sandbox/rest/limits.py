"""The primary rate limit: how many requests a caller has left in the current hour."""

from sandbox.errors import ApiError
from sandbox.rest.access import Caller
from sandbox.state import State


def rate_limit_headers(limit: int, used: int, reset: int) -> dict[str, str]:
    """Return the headers that tell a caller how much is left."""
    return {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(max(0, limit - used)),
        "X-RateLimit-Used": str(used),
        "X-RateLimit-Reset": str(reset),
        "X-RateLimit-Resource": "core",
    }


def rate_limit_status(state: State, caller: Caller) -> tuple[int, int, int]:
    """Return a caller's limit, its usage in the current hour, and when that hour ends (Unix time)."""
    now = int(state.now().timestamp())
    used, reset = state.rate_limit_usage.get(caller.key, (0, now + 3600))
    if reset <= now:
        used, reset = 0, now + 3600
    return state.rate_limit, used, reset


def charge(state: State, caller: Caller) -> None:
    """Count a request; refuse it when the limit is reached."""
    limit, used, reset = rate_limit_status(state, caller)
    if used >= limit:
        raise ApiError(403, f"API rate limit exceeded for installation ID {caller.key}.")
    state.rate_limit_usage[caller.key] = (used + 1, reset)


def refund(state: State, caller: Caller) -> None:
    """Take back the counting of a request."""
    used, reset = state.rate_limit_usage[caller.key]
    state.rate_limit_usage[caller.key] = (used - 1, reset)
