"""The grammar of commands in comments: `/release …` at the start of a line, outside quotes and code."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from bot.rules.markdown import paragraph_lines

PREFIX = "/release"
MAX_COMMANDS = 10  # in one comment

T = TypeVar("T")


@dataclass(frozen=True)
class Argument(Generic[T]):
    """A typed argument. `read` turns what was written into its value, or refuses it."""

    name: str
    read: Callable[[str], T]

    @property
    def usage(self) -> str:
        """The argument as it stands in usage lines."""
        return self.name.upper()


@dataclass(frozen=True)
class Clause:
    """A word that introduces an argument: `to ENVIRONMENT`. With `to_line_end` the argument is the rest of the line."""

    word: str
    argument: Argument[Any]
    required: bool = False
    to_line_end: bool = False

    @property
    def usage(self) -> str:
        """The clause as it stands in usage lines."""
        usage = f"{self.word} {self.argument.usage}"
        return usage if self.required else f"[{usage}]"


@dataclass(frozen=True)
class Grammar:
    """How one command is written: leading arguments in order, then clauses and flags in any order."""

    word: str
    required: tuple[Argument[Any], ...] = ()
    optional: tuple[Argument[Any], ...] = ()
    clauses: tuple[Clause, ...] = ()
    flags: tuple[str, ...] = ()

    @property
    def usage(self) -> str:
        """The command as people read it in help and advice."""
        leading = [argument.usage for argument in self.required] + [f"[{each.usage}]" for each in self.optional]
        clauses = sorted(self.clauses, key=lambda clause: (clause.to_line_end, not clause.required))
        in_line = [clause.usage for clause in clauses if not clause.to_line_end]
        at_end = [clause.usage for clause in clauses if clause.to_line_end]
        return " ".join([PREFIX, self.word, *leading, *in_line, *(f"[{flag}]" for flag in self.flags), *at_end])


@dataclass(frozen=True)
class ParsedCommand:
    """A command as it was written: its word, its arguments by name, its flags."""

    word: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    flags: frozenset[str] = frozenset()

    def get(self, argument: Argument[T]) -> T | None:
        """The value of an argument; None when it was left out. Refuses what the argument does not take."""
        text = self.arguments.get(argument.name)
        return None if text is None else argument.read(text)

    def require(self, argument: Argument[T]) -> T:
        """The value of an argument that the grammar requires."""
        return argument.read(self.arguments[argument.name])


@dataclass(frozen=True)
class Mistake:
    """A line that begins like a command and is none: what was written, and what would be right."""

    line: str
    advice: str


class _Malformed(Exception):
    """A line does not follow its command's grammar."""


def parse(body: str, grammars: Mapping[str, Grammar]) -> list[ParsedCommand | Mistake]:
    """Every command in a comment, in order, and every line that looks like one; at most `MAX_COMMANDS`."""
    found: list[ParsedCommand | Mistake] = []
    for line in paragraph_lines(body):
        word, *rest = line.split(maxsplit=1) or [""]
        if word == PREFIX:
            found.append(_command(line, "".join(rest), grammars))
    return found[:MAX_COMMANDS]


def _command(line: str, text: str, grammars: Mapping[str, Grammar]) -> ParsedCommand | Mistake:
    word, *rest = text.split(maxsplit=1) or [""]
    if not word:
        return Mistake(line, f"say what to do: {_choices(grammars)}")
    grammar = grammars.get(word.lower())
    if grammar is None:
        close = difflib.get_close_matches(word.lower(), grammars, n=1)
        return Mistake(line, f"did you mean `{grammars[close[0]].usage}`?" if close else f"I know {_choices(grammars)}")
    try:
        return _read(grammar, "".join(rest))
    except _Malformed:
        return Mistake(line, f"write it as `{grammar.usage}`")


def _read(grammar: Grammar, text: str) -> ParsedCommand:
    clauses = {clause.word: clause for clause in grammar.clauses}
    arguments, text = _leading(grammar, text, {*clauses, *grammar.flags})
    flags: set[str] = set()
    while text:
        word, text = _next_word(text)
        clause = clauses.pop(word.lower(), None)
        if clause is not None:
            word, rest = _next_word(text)
            arguments[clause.argument.name], text = (text, "") if clause.to_line_end else (word.strip("`"), rest)
        elif word in grammar.flags and word not in flags:
            flags.add(word)
        else:
            raise _Malformed
    if not all(value.strip("`") for value in arguments.values()) or any(clause.required for clause in clauses.values()):
        raise _Malformed
    return ParsedCommand(grammar.word, arguments, frozenset(flags))


def _leading(grammar: Grammar, text: str, keywords: Iterable[str]) -> tuple[dict[str, str], str]:
    """The arguments before the first clause or flag, and the rest of the text."""
    arguments: dict[str, str] = {}
    for argument in (*grammar.required, *grammar.optional):
        word, rest = _next_word(text)
        if not word or word.lower() in keywords:
            break
        if word.startswith("--"):  # a flag that the command does not have
            raise _Malformed
        arguments[argument.name], text = word.strip("`"), rest
    if len(arguments) < len(grammar.required):
        raise _Malformed
    return arguments, text


def _next_word(text: str) -> tuple[str, str]:
    """The first word of a text, and the text after it; both empty when there is none."""
    word, *rest = text.split(maxsplit=1) or [""]
    return word, "".join(rest)


def _choices(grammars: Mapping[str, Grammar]) -> str:
    return ", ".join(f"`{word}`" for word in grammars)
