"""The grammar of commands in comments: source lines of top-level paragraphs that begin with `/release`."""

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

from bot.rules.markdown import in_paragraphs, with_line_feeds

PREFIX = "/release"
MAX_COMMANDS = 5  # in one comment
MAX_CHARACTERS = 262_144  # of a comment that are looked at; GitHub takes 65,536
LEFT_OUT = f"I perform at most {MAX_COMMANDS} commands of a comment, and did nothing about the others of this one."
UNREAD = (
    "I did not read all of this comment, which is very long: write commands near its beginning, in paragraphs of their "
    "own."
)

MAX_WORD = 50  # characters of a word that are compared with the words of commands

SPACES = " \t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
"""What separates words. Other white space, such as line separators, does not."""
_DOUBLE, _SINGLE = '"“”„‟«»', "'‘’‚‛‹›"
_QUOTES = f"`{_DOUBLE}{_SINGLE}"
_QUOTED = re.compile(
    rf"(?:(`{{1,3}})(?P<code>[^`]{{1,200}})\1"
    rf"|[{_DOUBLE}](?P<double>[^{_DOUBLE}]{{1,200}})[{_DOUBLE}]"
    rf"|[{_SINGLE}](?P<single>[^{_SINGLE}]{{1,200}})[{_SINGLE}])(?=[{SPACES}]|\Z)"
)
"""Words in quotes: phones write typographic ones, of which languages close some with what others open with."""
_UNQUOTED = re.compile(rf"[^{SPACES}]+")

T = TypeVar("T")


@dataclass(frozen=True)
class Argument(Generic[T]):
    """A typed argument. `parse` converts its text to a value, or refuses it."""

    name: str
    parse: Callable[[str], T]

    @property
    def usage(self) -> str:
        """The argument in usage lines."""
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
        """The clause in usage lines."""
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
        """The usage line of help and advice."""
        leading = [argument.usage for argument in self.required] + [f"[{argument.usage}]" for argument in self.optional]
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
        """The value of an argument; None when it was left out. Refuses an invalid one."""
        text = self.arguments.get(argument.name)
        return None if text is None else argument.parse(text)

    def require(self, argument: Argument[T]) -> T:
        """The value of an argument that the grammar requires."""
        return argument.parse(self.arguments[argument.name])


@dataclass(frozen=True)
class Mistake:
    """A malformed command: the line, and advice on how to write it."""

    line: str
    advice: str


class _Malformed(Exception):
    """A line does not follow its command's grammar."""


@dataclass(frozen=True)
class ParsedComment:
    """The commands and malformed commands of a comment, in order, and what else there is to say about it."""

    commands: tuple[ParsedCommand | Mistake, ...] = ()
    remarks: tuple[str, ...] = ()


def may_hold_commands(body: str, words: Collection[str]) -> bool:
    """Whether a comment has a line that looks like a command; `parse` decides. Takes little time, whatever the text."""
    return next(_likely_lines(with_line_feeds(body[:MAX_CHARACTERS]), words), None) is not None


def parse(body: str, grammars: Mapping[str, Grammar]) -> ParsedComment:
    """Parse a comment: at most `MAX_COMMANDS` commands and malformed commands.

    A line that is one letter off the prefix is malformed if the word of a command follows, else it is ignored.
    """
    text = with_line_feeds(body[:MAX_CHARACTERS])
    wanted = list(_likely_lines(text, grammars))
    if not wanted:
        return ParsedComment()
    lines = text.split("\n")
    reading = in_paragraphs(lines, wanted, MAX_COMMANDS + 1)
    commands = [_parse_line(lines[number].strip(), grammars) for number in reading.lines[:MAX_COMMANDS]]
    left_out = [LEFT_OUT] if len(reading.lines) > MAX_COMMANDS else []
    unread = [] if reading.complete else [UNREAD]
    return ParsedComment(tuple(commands), (*left_out, *unread))


def _likely_lines(text: str, words: Collection[str]) -> Iterator[int]:
    """The numbers of the lines that begin with the prefix, or nearly so and go on with the word of a command."""
    number = position = 0
    for match in _LIKELY.finditer(text):
        number += text.count("\n", position, match.start())
        position = match.start()
        prefix = match[1]
        is_near = _NEARLY_PREFIX.fullmatch(prefix) and _next_word(match[2]).text.lower() in words
        if is_near or prefix.lower() == PREFIX:
            yield number


def _one_off(word: str) -> re.Pattern[str]:
    """Match a word in which one letter was changed, added or left out, or two neighbors were exchanged.

    A letter more at the end, as in `/releases`, makes another word.
    """
    splits = [(word[:place], word[place:]) for place in range(1, len(word))]  # the slash stays
    forms = [form for before, after in splits for form in (f"{before}.{after}", f"{before}.?{after[1:]}")]
    forms += [f"{before}{after[1]}{after[0]}{after[2:]}" for before, after in splits if len(after) > 1]
    return re.compile("|".join(forms), re.IGNORECASE)


_LIKELY = re.compile(rf"^ {{0,3}}(/[^\s/]{{{len(PREFIX) - 2},{len(PREFIX)}}})(?!\S)(.*)", re.MULTILINE)
_NEARLY_PREFIX = _one_off(PREFIX)


def _parse_line(line: str, grammars: Mapping[str, Grammar]) -> ParsedCommand | Mistake:
    prefix, text = line[: len(line.split()[0])], line[len(line.split()[0]) :]
    word = _next_word(text)
    if not word.text:
        return Mistake(line, f"say what to do: {_choices(grammars)}")
    grammar = grammars.get(word.text.lower())
    if grammar is None:
        close = difflib.get_close_matches(word.text[:MAX_WORD].lower(), grammars, n=1)
        return Mistake(line, _did_you_mean(grammars[close[0]]) if close else f"I know {_choices(grammars)}")
    if prefix.lower() != PREFIX:
        return Mistake(line, _did_you_mean(grammar))
    try:
        return _parse_arguments(grammar, word.rest)
    except _Malformed:
        return Mistake(line, f"write it as `{grammar.usage}`")


def _parse_arguments(grammar: Grammar, text: str) -> ParsedCommand:
    clauses = {clause.word: clause for clause in grammar.clauses}
    arguments, text = _leading_arguments(grammar, text, {*clauses, *grammar.flags})
    flags: set[str] = set()
    while text:
        word = _next_word(text)
        clause = None if word.quoted else clauses.pop(word.text.lower(), None)
        if clause is not None:
            value, text = _rest(word.rest) if clause.to_line_end else _value(_next_word(word.rest))
            arguments[clause.argument.name] = value
        elif word.text in grammar.flags and word.text not in flags:
            flags.add(word.text)
            text = word.rest
        else:
            raise _Malformed
    if any(clause.required for clause in clauses.values()):
        raise _Malformed
    return ParsedCommand(grammar.word, arguments, frozenset(flags))


def _leading_arguments(grammar: Grammar, text: str, keywords: Iterable[str]) -> tuple[dict[str, str], str]:
    """The arguments before the first clause or flag, and the rest of the text."""
    arguments: dict[str, str] = {}
    for argument in (*grammar.required, *grammar.optional):
        word = _next_word(text)
        if not word.text or (word.text.lower() in keywords and not word.quoted):
            break
        if word.text.startswith("--"):  # a flag that the command does not have
            raise _Malformed
        arguments[argument.name], text = _value(word)
    if len(arguments) < len(grammar.required):
        raise _Malformed
    return arguments, text


class _Word(NamedTuple):
    """A word of a line, or several in quotes, and the text after it."""

    text: str
    rest: str
    quoted: bool


def _next_word(text: str) -> _Word:
    """The first word of a text, without its quotes; empty when there is none."""
    text = text.lstrip(SPACES)
    if (quoted := _QUOTED.match(text)) is not None:
        return _Word(quoted[str(quoted.lastgroup)].strip(SPACES), text[quoted.end() :].lstrip(SPACES), quoted=True)
    word = _UNQUOTED.match(text)
    end = 0 if word is None else word.end()
    return _Word(text[:end], text[end:].lstrip(SPACES), quoted=False)


def _value(word: _Word) -> tuple[str, str]:
    """A word as an argument, and the text after it. Quotes that are not closed are malformed."""
    if not word.text or (not word.quoted and (word.text[0] in _QUOTES or "`" in word.text)):
        raise _Malformed
    return word.text, word.rest


def _rest(text: str) -> tuple[str, str]:
    """All that is left of a line as an argument."""
    if not text.strip("`"):
        raise _Malformed
    return text, ""


def _did_you_mean(grammar: Grammar) -> str:
    return f"did you mean `{grammar.usage}`?"


def _choices(grammars: Mapping[str, Grammar]) -> str:
    return ", ".join(f"`{word}`" for word in grammars)
