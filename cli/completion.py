"""What may come next on a command line, for the completion scripts of shells: `longshore _complete SHELL WORD…`.

It never fails, and says nothing where nothing is known: somebody is typing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cli.output import show
from cli.overview import CLIENT_COMMANDS, COMMANDS, HELP_HELP, VERSION_HELP

if TYPE_CHECKING:
    from typer.core import TyperCommand, TyperOption

HELP = {"--help": HELP_HELP}
OF_LONGSHORE = {**HELP, "--version": VERSION_HELP}
SEPARATORS = {"zsh": ":", "fish": "\t"}
"""What separates a word from its meaning, in shells that show meanings."""
MAX_MEANING = 80  # characters


@dataclass
class Written:
    """What follows a command already: its arguments, the values of its options, and the option that needs one now."""

    arguments: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    pending: "TyperOption | None" = None


def complete(arguments: Sequence[str]) -> int:
    """Print what may come next after the words of a command line, of which the last one is being written."""
    try:
        shell, *before, current = arguments
        words = [*(word for word in before if word != "="), "" if current == "=" else current]
        for word, meaning in suggestions(words).items():
            show(_line(shell, word, meaning))
    except Exception:  # noqa: BLE001 - whatever is wrong, somebody is typing
        return 0
    return 0


def _line(shell: str, word: str, meaning: str) -> str:
    separator = SEPARATORS.get(shell)
    text = word.replace(":", "\\:") if shell == "zsh" else word
    return f"{text}{separator}{meaning}" if separator and meaning else text


def suggestions(words: Sequence[str]) -> dict[str, str]:
    """The words that may come next, and what they mean. The last of `words` is being written."""
    *before, current = words
    if before:
        return _of_command(before, current)
    if current.startswith("-"):
        return _beginning(current, OF_LONGSHORE)
    return _beginning(current, {name: summary for name, (_, summary) in COMMANDS.items()})


def _beginning(current: str, possible: Mapping[str, str]) -> dict[str, str]:
    return {word: meaning for word, meaning in possible.items() if word.startswith(current)}


def _of_command(before: list[str], current: str) -> dict[str, str]:
    """What may come next after the name of a command."""
    from typer.core import TyperCommand, TyperGroup

    from cli.commands import command_line

    top, *rest = before
    command = command_line([top]).commands.get(top)
    if isinstance(command, TyperGroup):
        if not rest:
            return _beginning(
                current, {name: each.get_short_help_str(MAX_MEANING) for name, each in command.commands.items()}
            )
        command = command.commands.get(rest.pop(0))
    return _of_parameters(command, top, rest, current) if isinstance(command, TyperCommand) else {}


def _of_parameters(command: "TyperCommand", top: str, rest: list[str], current: str) -> dict[str, str]:
    """What may come next after a command and some of its arguments and options."""
    options = _options(command)
    written = read(rest, options)
    name, equals, value = current.partition("=")
    if written.pending is None and equals and name in options:
        found = _values(options[name].name, written, value) if top in CLIENT_COMMANDS else []
        return {f"{name}={word}": "" for word in found}
    if current.startswith("-") and written.pending is None:
        return _beginning(current, {**_meanings(options), **HELP})
    kind = written.pending.name if written.pending is not None else _argument(command, len(written.arguments))
    found = _values(kind, written, current) if kind and top in CLIENT_COMMANDS else []
    return dict.fromkeys(found, "")


def _options(command: "TyperCommand") -> dict[str, "TyperOption"]:
    from typer.core import TyperOption

    found = [each for each in command.params if isinstance(each, TyperOption)]
    return {name: option for option in found for name in (*option.opts, *option.secondary_opts)}


def _meanings(options: Mapping[str, "TyperOption"]) -> dict[str, str]:
    """The long options and what they mean, as far as one line has room for it."""
    return {
        name: text if len(text := option.help or "") <= MAX_MEANING else f"{text[: MAX_MEANING - 1]}…"
        for name, option in options.items()
        if name.startswith("--")
    }


def _argument(command: "TyperCommand", place: int) -> str | None:
    """The name of the argument at a place."""
    names = [each.name for each in command.params if each.param_type_name == "argument"]
    return names[place] if place < len(names) else None


def read(words: Sequence[str], options: Mapping[str, "TyperOption"]) -> Written:
    """What some words after a command are."""
    written = Written()
    for word in words:
        name, equals, value = word.partition("=")
        if written.pending is not None:
            written.values[written.pending.name], written.pending = word, None
        elif equals and name in options:
            written.values[options[name].name] = value
        elif word in options:
            written.pending = None if options[word].is_flag else options[word]
        elif not word.startswith("-"):
            written.arguments.append(word)
    return written


def _values(kind: str, written: Written, current: str) -> list[str]:
    """What somebody may write for a parameter."""
    from cli.client.completion_values import values

    found = values(kind, written.values, current)
    return [word for word in found if word.startswith(current) and word.isprintable()]
