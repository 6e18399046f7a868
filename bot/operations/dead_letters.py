"""Dead letters, which are jobs that have failed for good: retry and discard."""

from collections.abc import Awaitable, Callable

from bot.context import Context, require_everywhere
from bot.errors import NotFound
from bot.operations import audit
from bot.queue import dead_letters
from bot.store.database import transaction


async def retry(context: Context, job_id: int) -> None:
    """Put a dead letter back into the queue with its attempts reset."""
    await _change(context, "delivery.retry", job_id, dead_letters.retry)


async def discard(context: Context, job_id: int) -> None:
    """Give up a dead letter: mark it as done without running it again."""
    await _change(context, "delivery.discard", job_id, dead_letters.discard)


def not_found(job_id: int) -> NotFound:
    """Build the error for an unknown dead letter."""
    return NotFound(f"No dead letter {job_id}: see `longshore deliveries list`.")


async def _change(context: Context, action: str, job_id: int, change: Callable[[int], Awaitable[bool]]) -> None:
    require_everywhere(context.actor, "admin")
    async with transaction():
        if not await change(job_id):
            raise not_found(job_id)
        await audit.record(context, action, f"job {job_id}")
