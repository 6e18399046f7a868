"""Answers kept for a day, so that a request that is sent again under its key is not performed again.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from tortoise.exceptions import IntegrityError

from bot.context import Context
from bot.errors import IdempotencyKeyReused, RequestInProgress
from bot.store.idempotency_records import IdempotencyRecord

KEPT = timedelta(hours=24)
ABANDONED = timedelta(minutes=5)
"""Whoever began to answer and has not ended by then has died: nothing that is asked of us takes so long."""
TRIES = 5
AGAIN_IN = 1  # seconds
USED = "This Idempotency-Key was used for another request: repeat that one unchanged, or use a new key."
UNDERWAY = "The first request with this Idempotency-Key is still being answered: ask again in a moment."


async def begin(context: Context, key: str, fingerprint: str) -> IdempotencyRecord:
    """The row of the caller's key: one that was answered, or a new one without a status, which the caller is to answer.

    The unique constraint decides between two who begin at once. Refuses a key of another request, and one whose first
    request is still being answered; when nobody has ended that within minutes, one caller takes it over.
    """
    user = context.actor.user_id
    for _ in range(TRIES):
        try:
            return await IdempotencyRecord.create(
                user_id=user, key=key, fingerprint=fingerprint, created_at=context.now()
            )
        except IntegrityError:
            known = await IdempotencyRecord.get_or_none(user_id=user, key=key)
        if known is None:
            continue  # it has just been forgotten
        if _is_over(known, context.now()):
            await IdempotencyRecord.filter(id=known.id, status=known.status).delete()
            continue
        if known.fingerprint != fingerprint:
            raise IdempotencyKeyReused(USED)
        if known.status is not None:
            return known
        break
    raise RequestInProgress(UNDERWAY, retry_after=AGAIN_IN)


async def keep(begun: IdempotencyRecord, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Keep what was answered, unless somebody has taken the key over meanwhile."""
    rows = IdempotencyRecord.filter(id=begun.id, status=None)
    await rows.update(status=status, headers={str(name): value for name, value in headers.items()}, body=body)


async def forget(begun: IdempotencyRecord) -> None:
    """Let the next request with the key be performed: what this one was answered says nothing lasting."""
    await IdempotencyRecord.filter(id=begun.id, status=None).delete()


async def prune(now: datetime) -> int:
    """Delete what has been kept for long enough; the number of rows."""
    return await IdempotencyRecord.filter(created_at__lt=now - KEPT).delete()


def _is_over(known: IdempotencyRecord, now: datetime) -> bool:
    return now - known.created_at > (ABANDONED if known.status is None else KEPT)
