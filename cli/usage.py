"""Say what is wrong with a command line, in one sentence that names the help of the command that was meant."""

import re

from typer.core import TyperGroup
from typer.exceptions import TyperException

HELP = ("-h", "--help")
VALUE = "Invalid value for (.+?): "
REWORDED = (
    (f"{VALUE}Input should be a valid integer.*", r"\1 must be a whole number"),
    (f"{VALUE}Unable to parse input string as an integer.*", r"\1 is too large a number"),
    (f"{VALUE}Input should be greater than or equal to (.*)", r"\1 must be at least \2"),
    (f"{VALUE}Input should be less than or equal to (.*)", r"\1 must be at most \2"),
    (f"{VALUE}Input should be (.*)", r"\1 must be \2"),
    (r"Got unexpected extra argument\(s\) \((.*)\)", r"Unexpected argument: \1"),
    (r"(Option .*) requires an argument\.?", r"\1 needs a value"),
)
"""What typer and pydantic say, and what we say."""


def usage_problem(error: TyperException, group: TyperGroup, arguments: list[str]) -> str:
    """The sentence about an error of usage."""
    return f"{_sentence(error).removesuffix('.')} (see {_command(group, arguments)} --help)"


def _command(group: TyperGroup, arguments: list[str]) -> str:
    """The command that the arguments name, as far as there is one."""
    names = ["longshore"]
    for argument in arguments:
        command = group.commands.get(argument)
        if command is not None:
            names.append(argument)
        if isinstance(command, TyperGroup):
            group = command
        elif not argument.startswith("-"):
            break
    return " ".join(names)


def _sentence(error: TyperException) -> str:
    possibilities = getattr(error, "possibilities", None)
    if possibilities is not None:
        near = [option for option in possibilities if option not in HELP]
        return f"{error.message}. Did you mean {' or '.join(sorted(near))}?" if near else error.message
    text = error.format_message()
    for pattern, words in REWORDED:
        if (match := re.fullmatch(pattern, text, re.DOTALL)) is not None:
            return match.expand(words)
    return text
