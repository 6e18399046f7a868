"""The tables of commands and of their arguments in `docs/commands.md`, made from the declarations of the commands."""

import re
from collections.abc import Iterable, Mapping, Sequence

from bot.rules.replies import CommandHelp

GENERATED = re.compile(r"(<!-- (?P<name>commands|arguments) -->\n).*?(<!-- end -->\n)", re.DOTALL)


def with_tables(page: str, commands: Sequence[CommandHelp]) -> str:
    """A page with its generated parts, each between `<!-- NAME -->` and `<!-- end -->`, made anew."""
    parts = {"commands": commands_table(commands), "arguments": arguments_table(commands)}
    return GENERATED.sub(lambda match: f"{match[1]}{parts[match['name']]}{match[3]}", page)


def commands_table(commands: Iterable[CommandHelp]) -> str:
    """A row for each command: its usage, what it does, who may use it, and an example."""
    rows = [(f"`{command.usage}`", _sentences(command), command.roles, f"`{command.example}`") for command in commands]
    return _table(("command", "what it does", "role on GitHub", "example"), rows)


def arguments_table(commands: Iterable[CommandHelp]) -> str:
    """A row for each way to write an argument. One that differs between commands has a row for each."""
    meanings: Mapping[tuple[str, str], None] = dict.fromkeys(
        (f"`{name}`", meaning) for command in commands for name, meaning in command.arguments.items()
    )
    return _table(("argument", "what to write"), sorted(meanings))


def _sentences(command: CommandHelp) -> str:
    first = command.summary[:1].upper() + command.summary[1:]
    return f"{first}. {command.details}" if command.details else first


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)
