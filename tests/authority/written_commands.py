"""Commands that people give in comments and in the messages of tags, for each act, and what has become of them."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime

from bot.rules.replies import MARKER
from bot.store.audit import AuditEntry
from bot.store.handled_comments import HandledComment
from bot.store.performed_requests import PerformedRequest
from tests.authority.attempts import Attempt
from tests.authority.table import COMMIT, MESSAGE, PULL
from tests.world import World

LINES = {
    "cut": "cut {new} at {head}",
    "cancel a build": "cancel {candidate}",
    "hold": "hold {release} because of a test",
    "end a hold": "unhold {release}",
    "ban": "ban {candidate} because of a test",
    "end a ban": "unban {candidate}",
    "announce": "announce {release}",
    "approve an announcement": "announcement approve {release}",
    "reject an announcement": "announcement reject {release} because of a test",
    "deploy": "deploy {candidate} to {environment}",
    "deploy with force": "deploy {candidate} to {environment} force because of an outage",
    "promote": "promote {candidate}",
    "promote with force": "promote {candidate} force because of an outage",
    "roll back": "rollback {environment}",
    "roll back with force": "rollback {environment} force because of an outage",
    "cancel a deployment": "cancel {environment}",
    "approve": "approve {candidate} for {environment}",
    "withdraw one's approval": "unapprove {candidate} for {environment}",
    "approve a weaker file": "approve config for {environment}",
    "approve a weaker file where nobody had to approve": "approve config for {environment}",
    "freeze": "freeze {environment} because of a test",
    "end a freeze": "unfreeze {environment}",
    "freeze a project": "freeze all because of a test",
    "end the freeze of a project": "unfreeze all",
    "lock": "lock {environment} because of a test",
    "release one's lock": "unlock {environment}",
    "release somebody's lock": "unlock {environment}",
    "ask why": "why {candidate} for {environment}",
    "ask for the status": "status",
    "ask where": "where {head}",
    "ask for help": "help deploy",
}
READING = frozenset({"ask why", "ask for the status", "ask where", "ask for help"})
OF_FILES = frozenset({"approve a weaker file", "approve a weaker file where nobody had to approve"})
"""Acts about a file, which are attempted where there is one."""

TOGETHER = 5  # commands in one comment
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
FOR_LACK_OF_AUTHORITY = re.compile(
    "do not have permission|may not approve|Only root, or somebody with the role admin|Only people approve"
)
"""Every refusal is because of who it was; any other one is a fault of the test."""


def line_of(attempt: Attempt, head: str, flag: str = "") -> str:
    """The command of an attempt, about its project."""
    line = f"/release {LINES[attempt.act.name]}".format(head=head, **attempt.values)
    if attempt.act.name == "ask for help":
        return line
    command, because, reason = line.partition(" because ")
    command, force, _ = command.partition(" force")
    return f"{command} in {attempt.project}{flag}{force}{because}{reason}"


# --- where commands are written


async def in_pull_comment(world: World, text: str, by: str, name: str) -> str:
    """Comment on the first pull request; returns the mark of the comment."""
    return f"pull-comment:{await world.github.comment(1, text, by=by)}"


async def in_commit_comment(world: World, text: str, by: str, name: str) -> str:
    """Comment on the head of `main`; returns the mark of the comment."""
    return f"commit-comment:{await world.github.commit_comment(world.github.head(), text, by=by)}"


async def in_message(world: World, text: str, by: str, name: str) -> str:
    """Push an annotated tag of the second commit, which no candidate is at; returns the mark of its message."""
    at, tagger = "main~1", f"{by} <{by}@users.noreply.github.com>"
    sha = await world.github.tag(name, at=at, annotated=True, by=by, message=text, tagger=tagger)
    return f"tag-message:{world.github.repository().id}:{sha}"


Write = Callable[[World, str, str, str], Awaitable[str]]
WRITE: Mapping[str, Write] = {PULL: in_pull_comment, COMMIT: in_commit_comment, MESSAGE: in_message}


def answers(world: World) -> str:
    """All that Longshore has said on GitHub."""
    bot, repository = f"{world.github.app_slug}[bot]", world.github.repository()
    commits = [world.github.commit_comments(world.github.resolve(at)) for at in ("main", "main~1")]
    on_commits = [comment["body"] for comments in commits for comment in comments if comment["user"] == bot]
    return "\n".join([*on_commits, *(body for number in repository.pulls for body in world.comments(number))])


# --- what becomes of them


async def say(world: World, channel: str, attempts: Sequence[Attempt]) -> list[Attempt]:
    """Let everybody give their commands, some in each comment; returns the attempts that were allowed.

    In one call, either all of them should be allowed, or none.
    """
    left, said = {attempt.who.name: list[Attempt]() for attempt in attempts}, dict[str, list[Attempt]]()
    for attempt in attempts:
        left[attempt.who.name].append(attempt)
    while any(left.values()):
        await HandledComment.all().update(at=LONG_AGO)  # the limits are tested elsewhere
        for who in left:
            now, left[who] = left[who][:TOGETHER], left[who][TOGETHER:]
            if now:
                text = "\n".join(line_of(attempt, world.github.head()) for attempt in now)
                said[await WRITE[channel](world, text, who, f"note-{now[0].number}")] = now
        await world.settle()
    refused, performed, told = await refusals(), await performed_marks(), answers(world)
    return [
        attempt
        for mark, together in said.items()
        for attempt in together
        if were_allowed(together, refused.get(mark, []), performed.count(mark), MARKER.format(mark) in told)
    ]


def were_allowed(attempts: Sequence[Attempt], refused: Sequence[str], performed: int, answered: bool) -> bool:
    """Whether the commands of one comment were allowed: they all took effect, or they were all refused or ignored."""
    listed = [str(attempt) for attempt in attempts]
    if refused or not answered:
        assert (len(refused), performed) == (len(attempts) if answered else 0, 0), (listed, refused, performed)
        assert all(FOR_LACK_OF_AUTHORITY.search(sentence) for sentence in refused), (listed, refused)
        return False
    assert performed == sum(attempt.act.name not in READING for attempt in attempts), (listed, performed)
    return True


async def refusals() -> dict[str, list[str]]:
    """The sentences of refused commands and clicks, by the mark of the comment or check run."""
    found: dict[str, list[str]] = {}
    for entry in await AuditEntry.filter(act="command.refused").order_by("id"):
        found.setdefault(entry.after["comment"], []).append(entry.after["refusal"])
    return found


async def performed_marks() -> list[str]:
    """The mark of the comment of each command that took effect."""
    return [row.origin.rpartition(":")[0] for row in await PerformedRequest.all()]
