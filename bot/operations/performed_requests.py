"""Performed requests: a message from GitHub that is handled twice takes effect once.

`Context.origin` names the message (comment and line, tag and commit). The act's own transaction writes the row, and its
unique constraint decides between two workers that handle the same message at once.
"""

from bot.context import Context
from bot.errors import Conflict
from bot.store.performed_requests import PerformedRequest

OTHER_ACT = "This request has already taken effect, as another act."


async def record(context: Context, act: str, result_id: int) -> None:
    """Record, in the act's transaction, that the context's request was performed.

    Raises IntegrityError if it was performed before.
    """
    await PerformedRequest.create(origin=context.origin, act=act, result_id=result_id, performed_at=context.now())


async def result_of(context: Context, *acts: str) -> int | None:
    """The id of the row that the context's request created; None if it was not performed before.

    `acts` are the names of the events that an earlier performance may have recorded. Refuses a request that was
    performed before as any other act, whose result is not that of these.
    """
    performed = await _find(context)
    if performed is not None and performed.act not in acts:
        raise Conflict(OTHER_ACT, act=performed.act)
    return None if performed is None else performed.result_id


async def is_performed(context: Context) -> bool:
    """Whether the context's request was performed before, as whatever act."""
    return await _find(context) is not None


async def _find(context: Context) -> PerformedRequest | None:
    return None if context.origin is None else await PerformedRequest.get_or_none(origin=context.origin)
