"""Dead letters, which are jobs that have failed for good: retry and discard."""

from collections.abc import Awaitable, Callable

from bot.context import Context, require_everywhere
from bot.errors import NotFound
from bot.operations import audit
from bot.queue import jobs
from bot.store.database import transaction


async def retry(context: Context, number: int) -> None:
    """Put a dead letter back into the queue with its attempts reset."""
    await _change(context, "delivery.retry", number, jobs.retry)


async def discard(context: Context, number: int) -> None:
    """Give up a dead letter: mark it as done without running it again."""
    await _change(context, "delivery.discard", number, jobs.discard)


def not_found(number: int) -> NotFound:
    """Build the error for an unknown dead letter."""
    return NotFound(f"No dead letter {number}: see `longshore deliveries list`.")


async def _change(context: Context, action: str, number: int, change: Callable[[int], Awaitable[bool]]) -> None:
    require_everywhere(context.actor, "admin")
    async with transaction():
        if not await change(number):
            raise not_found(number)
        await audit.record(context, action, f"job {number}")
