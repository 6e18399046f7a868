"""Limits on comments with commands: how many are performed for one person, and how many answered to readers.

Readers are people with less than the role write. Counted are rows of `handled_comments`, so the limits hold across
processes and restarts, and a comment that is handled twice counts once.
"""

from datetime import datetime, timedelta
from typing import Literal, Protocol, cast

from bot.context import Context
from bot.operations.jobs import Standing
from bot.rules.comments import CommandComment
from bot.rules.ids import GitHubUserId, RepositoryId
from bot.rules.tags import TagPush
from bot.store.database import fetch
from bot.store.handled_comments import HandledComment

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
MAX_COMMANDS = 10  # of one person in one repository, in a minute
MAX_READERS = 20  # that are answered in one repository, in an hour
REMEMBERED = timedelta(days=8)

TAG = "tag"  # the verdict in the row of an answer to a tag
MAX_TAG_ANSWERS = 20  # to pushed tags in one repository, in an hour


class Counted(Protocol):
    """What limits count: a comment, or the message of a tag."""

    @property
    def marker(self) -> str:
        """A unique name."""

    @property
    def repository_id(self) -> RepositoryId:
        """Where it was written."""

    @property
    def author_id(self) -> GitHubUserId:
        """Who wrote it."""


Verdict = Literal["perform", "tell", "ignore"]
"""Perform a comment's commands, only tell the author of the limit, or do nothing."""

STANDING = """
SELECT (SELECT may_write FROM handled_comments WHERE repository_id = $1 AND author_id = $2 AND may_write IS NOT NULL
    ORDER BY at DESC LIMIT 1) AS may_write,
    EXISTS (SELECT 1 FROM handled_comments WHERE repository_id = $1 AND author_id = $2 AND comment <> $3) AS waiting
"""


async def receive(context: Context, comment: CommandComment) -> None:
    """Record a new comment."""
    await HandledComment.bulk_create([_row(context, comment)], ignore_conflicts=True)


async def standing(comment: CommandComment) -> Standing:
    """What is known about a comment's author from other comments, for the order of work only."""
    [known] = await fetch(STANDING, comment.repository_id, comment.author_id, comment.marker)
    if known["may_write"] is None:
        if known["waiting"]:
            return "waiting"
        return "member" if comment.by_member else "unknown"
    return "writer" if known["may_write"] else "reader"


async def note(context: Context, comment: Counted, *, may_write: bool, again: bool = False) -> None:
    """Record whether a comment's author may write in the repository; `again`: then it is decided about anew."""
    row = _row(context, comment, may_write=may_write)
    fields = ["may_write", "verdict"] if again else ["may_write"]
    await HandledComment.bulk_create([row], on_conflict=["comment"], update_fields=fields)


async def is_decided(comment: CommandComment) -> bool:
    """Whether it was decided before what is done about a comment."""
    return await HandledComment.exists(comment=comment.marker, verdict__not_isnull=True)


async def may_answer(context: Context, comment: CommandComment) -> bool:
    """Whether a comment needs to be read at all: not when it is by a reader who gets no answer now."""
    handled = await HandledComment.get(comment=comment.marker)
    return bool(handled.verdict or handled.may_write) or await _may_answer_reader(context.now(), comment)


async def decide(context: Context, comment: Counted, commands: int, *, writer: bool = False) -> Verdict:
    """Decide, once for each comment, whether its commands are performed. `writer`: its author could write lately."""
    handled = await HandledComment.get(comment=comment.marker)
    if handled.verdict is not None:
        return cast("Verdict", handled.verdict)
    now = context.now()
    verdict = await _verdict(now, comment, commands)
    if not (handled.may_write or writer) and verdict != "ignore" and not await _may_answer_reader(now, comment):
        verdict = "ignore"
    handled.update_from_dict({"verdict": verdict, "commands": commands, "at": now})
    await handled.save(update_fields=["verdict", "commands", "at"])
    return verdict


async def may_answer_tag(context: Context, push: TagPush, author: GitHubUserId) -> bool:
    """Decide, in the caller's transaction, whether a pushed tag is answered: once, and so many in an hour."""
    answers = HandledComment.filter(repository_id=push.repository, verdict=TAG, at__gt=context.now() - HOUR)
    if await HandledComment.exists(comment=push.marker) or await answers.count() >= MAX_TAG_ANSWERS:
        return False
    row = HandledComment(
        comment=push.marker,
        repository_id=push.repository,
        author_id=author,
        may_write=True,
        verdict=TAG,
        at=context.now(),
    )
    await row.save()
    return True


async def prune(now: datetime) -> int:
    """Delete rows that no limit counts any more; returns their number."""
    return await HandledComment.filter(at__lt=now - REMEMBERED).delete()


async def _verdict(now: datetime, comment: Counted, commands: int) -> Verdict:
    rows = HandledComment.filter(repository_id=comment.repository_id, author_id=comment.author_id, at__gt=now - MINUTE)
    performed = sum(row.commands for row in await rows.filter(verdict="perform"))
    if performed + commands <= MAX_COMMANDS:
        return "perform"
    return "ignore" if await rows.filter(verdict="tell").exists() else "tell"


async def _may_answer_reader(now: datetime, comment: Counted) -> bool:
    answered = HandledComment.filter(
        repository_id=comment.repository_id, at__gt=now - HOUR, may_write=False, verdict__in=["perform", "tell"]
    )
    return not await answered.filter(author_id=comment.author_id).exists() and await answered.count() < MAX_READERS


def _row(context: Context, comment: Counted, *, may_write: bool | None = None) -> HandledComment:
    return HandledComment(
        comment=comment.marker,
        repository_id=comment.repository_id,
        author_id=comment.author_id,
        may_write=may_write,
        at=context.now(),
    )
