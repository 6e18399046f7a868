"""The moves of candidates between their statuses, with what follows from each."""

from bot.context import Context
from bot.errors import Conflict
from bot.operations import automatic, tag_alarms, waiting
from bot.rules.candidates import UNFINISHED, may_move
from bot.store.candidates import Candidate


async def move(context: Context, candidate: Candidate, status: str, reason: str | None) -> None:
    """Change a candidate's status, in the caller's transaction. Refuses a move that its life cycle does not have.

    What waits for the candidate is evaluated again. One that has become ready is deployed where every candidate is,
    unless its ban has just ended: it may be an old one.
    """
    before = candidate.status
    if status != before and not may_move(before, status):
        raise Conflict(f"A candidate that is {before} cannot become {status}.")
    candidate.update_from_dict({"status": status, "reason": reason, "updated_at": context.now()})
    await candidate.save(update_fields=["status", "reason", "updated_at"])
    await waiting.reevaluate(candidate_id=candidate.id)
    if status == "ready" and before in UNFINISHED:
        await tag_alarms.check_again(candidate)
        await automatic.on_ready(candidate)
