"""Dead letters: work that was given up, put back or given up for good."""

from collections.abc import Awaitable, Callable

from bot.context import Context, require_everywhere
from bot.errors import NotFound
from bot.operations import audit
from bot.queue import dead_letters
from bot.store.database import transaction


async def retry(context: Context, number: int) -> None:
    """Put a dead letter back into the queue, with all its attempts."""
    await _change(context, "delivery.retry", number, dead_letters.retry)


async def discard(context: Context, number: int) -> None:
    """Give a dead letter up for good."""
    await _change(context, "delivery.discard", number, dead_letters.discard)


def unknown(number: int) -> NotFound:
    """There is no dead letter of a number."""
    return NotFound(f"No dead letter {number}: see `longshore deliveries list`.")


async def _change(context: Context, act: str, number: int, change: Callable[[int], Awaitable[bool]]) -> None:
    require_everywhere(context.actor, "admin")
    async with transaction():
        if not await change(number):
            raise unknown(number)
        await audit.record(context, act, f"job {number}")
