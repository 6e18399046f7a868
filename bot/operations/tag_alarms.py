"""Alarms about candidates' tags: they are raised once, and what they are about is checked again after a build."""

from tortoise.queryset import QuerySet

from bot.operations import jobs
from bot.queue.jobs import enqueue
from bot.store.audit import AuditEntry
from bot.store.candidates import Candidate

MISMATCH_ACTS = ("tag.moved", "tag.elsewhere", "candidate.spoiled")
SOMEBODY = "somebody"  # who moved a tag, where the alarm that has been raised says it


def mismatches_of(candidate: Candidate) -> QuerySet[AuditEntry]:
    """Select the alarms that were raised because a candidate's tag or run was at another commit."""
    of_it = {"project_id": candidate.project_id, "subject": candidate.version}
    return AuditEntry.filter(alarm=True, act__in=MISMATCH_ACTS, **of_it)


def deletions_of(candidate: Candidate) -> QuerySet[AuditEntry]:
    """Select the alarms that were raised because a candidate's tag was deleted."""
    return AuditEntry.filter(alarm=True, act="tag.deleted", project_id=candidate.project_id, subject=candidate.tag)


async def check_again(candidate: Candidate) -> None:
    """Have the tag of a candidate that has become ready checked if it was moved or deleted during the build.

    Called in the transaction that ends the build.
    """
    if candidate.tag is None or candidate.tagged:
        return
    if await mismatches_of(candidate).exists() or await deletions_of(candidate).exists():
        await enqueue(jobs.CheckTag(candidate.id, SOMEBODY))
