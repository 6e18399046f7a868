"""Idempotency records: a request that is repeated with its key within a day gets the first response again.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from tortoise.exceptions import IntegrityError

from bot.context import Context
from bot.errors import IdempotencyKeyReused, RequestInProgress
from bot.store.idempotency_records import IdempotencyRecord

RETENTION = timedelta(hours=24)
RESPONSE_TIMEOUT = timedelta(minutes=5)
"""After this time a request in progress counts as abandoned: no request takes that long."""
TRIES = 5
RETRY_AFTER = 1  # seconds
KEY_REUSED = "This Idempotency-Key was used for another request: repeat that one unchanged, or use a new key."
IN_PROGRESS = "The first request with this Idempotency-Key is still being answered: ask again in a moment."


async def begin(context: Context, key: str, fingerprint: str) -> IdempotencyRecord:
    """Return the record of the actor's key: a completed one, or a new one without a status for the caller to complete.

    The unique constraint decides between concurrent requests. Refuses a key that was used for another request, and one
    whose first request is in progress; if that has not ended within RESPONSE_TIMEOUT, one caller takes it over.
    """
    user = context.actor.user_id
    for _ in range(TRIES):
        try:
            return await IdempotencyRecord.create(
                user_id=user, key=key, fingerprint=fingerprint, created_at=context.now()
            )
        except IntegrityError:
            existing = await IdempotencyRecord.get_or_none(user_id=user, key=key)
        if existing is None:
            continue  # it has just been deleted
        if _is_expired(existing, context.now()):
            await IdempotencyRecord.filter(id=existing.id, status=existing.status).delete()
            continue
        if existing.fingerprint != fingerprint:
            raise IdempotencyKeyReused(KEY_REUSED)
        if existing.status is not None:
            return existing
        break
    raise RequestInProgress(IN_PROGRESS, retry_after=RETRY_AFTER)


async def complete(record: IdempotencyRecord, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Store the response, unless another caller has taken the key over meanwhile."""
    rows = IdempotencyRecord.filter(id=record.id, status=None)
    await rows.update(status=status, headers={str(name): value for name, value in headers.items()}, body=body)


async def discard(record: IdempotencyRecord) -> None:
    """Delete a record in progress, so that the next request with the key is performed: its response is not final."""
    await IdempotencyRecord.filter(id=record.id, status=None).delete()


async def prune(now: datetime) -> int:
    """Delete records older than RETENTION and return their number."""
    return await IdempotencyRecord.filter(created_at__lt=now - RETENTION).delete()


def _is_expired(record: IdempotencyRecord, now: datetime) -> bool:
    return now - record.created_at > (RESPONSE_TIMEOUT if record.status is None else RETENTION)
