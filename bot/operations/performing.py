"""Performing the commands of a comment or of a tag's message: one after another, each at most once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from bot.context import Context
from bot.errors import FactUnknown, Refusal
from bot.events.administration import CommandRefused
from bot.operations import events, performed_requests
from bot.operations.command_calls import CommandCall
from bot.operations.commands import COMMANDS
from bot.rules import replies
from bot.rules.command_arguments import DRY_RUN
from bot.rules.commands import Mistake, ParsedComment
from bot.rules.comments import Place
from bot.rules.grammar import ParsedCommand
from bot.store.deployments import Deployment
from bot.store.projects import Repository

MAX_AGE = timedelta(hours=1)  # of a command that is still performed


class Message(Protocol):
    """What holds commands. `marker` is its unique name, `created_at` GitHub's own text (ISO 8601)."""

    @property
    def marker(self) -> str:
        """A unique name of the message."""

    @property
    def created_at(self) -> str:
        """When it was written, in ISO 8601."""

    @property
    def place(self) -> Place:
        """Where it was written."""


@dataclass(frozen=True)
class Outcome:
    """The answer to all commands of a message, and the reaction to it: `eyes` while a deployment waits."""

    text: str
    reaction: str


async def perform(context: Context, repository: Repository, message: Message, parsed: ParsedComment) -> Outcome:
    """Perform the commands of a message, each under an origin of its own: the message and the command's number."""
    texts, succeeded = [], not parsed.remarks
    origins = [_origin(message, line) for line in range(len(parsed.commands))]
    for origin, command in zip(origins, parsed.commands, strict=True):
        text, ok = await _run(context.with_origin(origin), repository, message, command)
        texts.append(text)
        succeeded = succeeded and ok
    reaction = "-1"
    if succeeded:
        reaction = "eyes" if await Deployment.exists(origin__in=origins, waiting=True) else "rocket"
    return Outcome(replies.together([*texts, *parsed.remarks]), reaction)


async def has_performed(context: Context, message: Message, parsed: ParsedComment) -> bool:
    """Whether one of the commands took effect when the message was handled before."""
    for line in range(len(parsed.commands)):
        if await performed_requests.is_performed(context.with_origin(_origin(message, line))):
            return True
    return False


def is_late(context: Context, message: Message) -> bool:
    """Whether a message is too old for its commands to be performed."""
    return context.github_now() - datetime.fromisoformat(message.created_at) > MAX_AGE


def _origin(message: Message, line: int) -> str:
    return f"{message.marker}:{line}"


async def _run(
    context: Context, repository: Repository, message: Message, parsed: ParsedCommand | Mistake
) -> tuple[str, bool]:
    """Perform one command; returns the reply to it, and whether it succeeded."""
    if isinstance(parsed, Mistake):
        return replies.mistaken(parsed, repository.command), False
    command = COMMANDS[parsed.word]
    if command.changes and is_late(context, message) and not await performed_requests.is_performed(context):
        return replies.late(repository.command), False
    try:
        return await command.run(CommandCall(context, repository, message.place, parsed)), True
    except (Refusal, FactUnknown) as refusal:
        if DRY_RUN not in parsed.flags:
            refused = CommandRefused(
                repository=repository.full_name,
                command={"command": parsed.word, **parsed.arguments},
                refusal=refusal.sentence,
                comment=message.marker,
            )
            await events.record(context, refused)
        return replies.refused(refusal.sentence, refusal.details), False
