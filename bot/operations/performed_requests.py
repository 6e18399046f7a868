"""Performed requests: a message from GitHub that is handled twice takes effect once.

`Context.origin` names the message (comment and line, tag and commit). The act's own transaction writes the row, and its
unique constraint decides between two workers that handle the same message at once.
"""

from bot.context import Context
from bot.store.performed_requests import PerformedRequest


async def record(context: Context, act: str, result_id: int) -> None:
    """Record, in the act's transaction, that the context's request was performed.

    Raises IntegrityError if it was performed before.
    """
    await PerformedRequest.create(origin=context.origin, act=act, result_id=result_id, performed_at=context.now())


async def result_of(context: Context) -> int | None:
    """The id of the row that the context's request created; None if it was not performed before."""
    if context.origin is None:
        return None
    performed = await PerformedRequest.get_or_none(origin=context.origin)
    return None if performed is None else performed.result_id
