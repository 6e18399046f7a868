"""The table of commands in comments: a new command needs a row, a function that performs it, and a reply."""

from collections.abc import Mapping
from typing import Any

from bot.errors import NotFound
from bot.operations import deployment_commands, environment_commands, release_commands
from bot.operations.command_calls import Command, CommandCall
from bot.rules import replies
from bot.rules.command_arguments import COMMAND
from bot.rules.commands import meant
from bot.rules.grammar import Grammar
from bot.rules.names import unknown
from bot.rules.replies import HelpResult


async def _help(call: CommandCall) -> HelpResult:
    prefix, written = call.repository.command, call.arguments.get(COMMAND)
    if written is None:
        return HelpResult([command.help_with(prefix) for command in ROWS])
    words = _words(written.lower())
    if not words:
        raise NotFound(f"I know no command `{written}`", **unknown("commands", written, list(COMMANDS)))
    return HelpResult([COMMANDS[word].help_with(prefix) for word in words], detailed=True)


def _words(written: str) -> list[str]:
    """The words of the commands that somebody asks about: one, those with that first part, or those nearly so."""
    family = [word for word in COMMANDS if f"{word} ".startswith(f"{written} ")]
    return family or meant(written, COMMANDS)


ROWS: tuple[Command[Any], ...] = (
    release_commands.CUT,
    *deployment_commands.ROWS,
    *release_commands.BLOCKS,
    *environment_commands.ROWS,
    *release_commands.ANNOUNCEMENTS,
    *environment_commands.READING,
    Command(
        Grammar("help", optional=(COMMAND,)),
        grants=(),
        changes=False,
        perform=_help,
        reply=replies.help_text,
        summary="list the commands, or explain one",
        example="/release help deploy",
    ),
)
COMMANDS: Mapping[str, Command[Any]] = {command.grammar.word: command for command in ROWS}
GRAMMARS: Mapping[str, Grammar] = {word: command.grammar for word, command in COMMANDS.items()}
