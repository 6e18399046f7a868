"""Dead letters, the jobs that were given up: retry and discard."""

from collections.abc import Awaitable, Callable

from bot.context import Context, authorize
from bot.errors import NotFound
from bot.events.administration import DeadLetterDiscarded, DeadLetterRetried
from bot.events.event import Event
from bot.operations import events
from bot.queue import dead_letters
from bot.store.database import transaction


async def retry(context: Context, job_id: int) -> None:
    """Queue a dead letter again with its attempts reset."""
    await _change(context, job_id, dead_letters.retry, DeadLetterRetried(target=f"job {job_id}"))


async def discard(context: Context, job_id: int) -> None:
    """Discard a dead letter: mark it as done without running it again."""
    await _change(context, job_id, dead_letters.discard, DeadLetterDiscarded(target=f"job {job_id}"))


def not_found(job_id: int) -> NotFound:
    """Build the error for an unknown dead letter."""
    return NotFound(f"There is no dead letter {job_id}: see `longshore deliveries list`.")


async def _change(context: Context, job_id: int, change: Callable[[int], Awaitable[bool]], event: Event) -> None:
    authorize(context.actor, "admin", everywhere=True)
    async with transaction():
        if not await change(job_id):
            raise not_found(job_id)
        await events.record(context, event)
