"""The reference of the commands of `longshore`, made of what typer knows about them."""

import re
from collections.abc import Iterable, Iterator
from inspect import cleandoc

import typer
from typer.core import TyperCommand, TyperGroup

from bot.rules.command_pages import markdown_table
from cli.commands import command_line

_DEFAULT = re.compile("default: (.*)", re.DOTALL)
_RANGE = re.compile("([0-9]{1,9})<=x<=([0-9]{1,9})")


def sections(names: Iterable[str]) -> str:
    """A section for each of some commands: how it is written, what it does, its arguments and options."""
    return "\n".join(_section(name, command) for name, command in _commands(names))


def _commands(names: Iterable[str]) -> Iterator[tuple[str, TyperCommand]]:
    for name in names:
        found = command_line([name]).commands[name]
        below = found.commands.items() if isinstance(found, TyperGroup) else [("", found)]
        yield from ((f"{name} {word}".strip(), each) for word, each in below if isinstance(each, TyperCommand))


def _section(name: str, command: TyperCommand) -> str:
    context = typer.Context(command, info_name=f"longshore {name}", terminal_width=120)
    usage = command.get_usage(context).removeprefix("Usage: ")
    parts = (f"## longshore {name}", f"```\n{usage}\n```", cleandoc(command.help or ""), _parameters(command, context))
    return "\n\n".join(part.rstrip() for part in parts if part) + "\n"


def _parameters(command: TyperCommand, context: typer.Context) -> str:
    records = filter(None, (each.get_help_record(context) for each in command.params))
    rows = [(f"`{_written(name)}`", *_split(text)) for name, text in records]
    return markdown_table(("argument or option", "meaning", "unless given"), rows) if rows else ""


def _written(name: str) -> str:
    """An option with what it takes; an argument without its type."""
    return name if name.startswith("-") else name.partition(" ")[0]


def _split(text: str) -> tuple[str, str]:
    """What a parameter means, and what typer says in brackets about its default and range."""
    meaning, _, details = text.removesuffix("]").partition("  [")
    return meaning, ", ".join(filter(None, map(_in_words, details.split("; "))))


def _in_words(detail: str) -> str:
    """A default as code, and a range in words; ranges that only keep numbers in the database's are left out."""
    if default := _DEFAULT.fullmatch(detail):
        return f"`{default[1]}`"
    if bounds := _RANGE.fullmatch(detail):
        return f"{bounds[1]} to {bounds[2]}"
    return "" if "<=x" in detail else detail
