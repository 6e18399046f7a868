"""The commands of a text: source lines of top-level paragraphs of a comment, or lines of the message of a tag.

Each begins with the word of its repository, such as `/release`.
"""

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from bot.rules.grammar import PREFIX, Grammar, Malformed, ParsedCommand, parse_arguments
from bot.rules.markdown import in_paragraphs, with_line_feeds
from bot.rules.prefixes import BEGINNING, is_exactly, is_nearly, may_begin_a_line
from bot.rules.words import lower, next_word

MAX_COMMANDS = 5  # in one comment, and in the message of one tag
MAX_CHARACTERS = 262_144  # of a text that are looked at; of a comment GitHub takes 65,536
LEFT_OUT = f"I perform at most {MAX_COMMANDS} commands of a comment, and did nothing about the others of this one."
LEFT_OUT_OF_MESSAGE = (
    f"I perform at most {MAX_COMMANDS} commands of a tag's message, and did nothing about the others of this one."
)
UNREAD = (
    "I did not read all of this comment, which is very long: write commands near its beginning, in paragraphs of their "
    "own."
)

MAX_WORD = 50  # characters of a word that are compared with the words of commands
SIMILAR = 0.6  # from 0 (nothing in common) to 1 (equal), as difflib measures it

_LIKELY = re.compile(rf"{BEGINNING}(.*)", re.MULTILINE)


@dataclass(frozen=True)
class Mistake:
    """A malformed command: the line, and advice on how to write it."""

    line: str
    advice: str


@dataclass(frozen=True)
class ParsedComment:
    """The commands and malformed commands of a text, in order, and what else there is to say about it."""

    commands: tuple[ParsedCommand | Mistake, ...] = ()
    remarks: tuple[str, ...] = ()

    def added_to(self, before: "ParsedComment") -> bool:
        """Whether there is a command, well-formed or not, that an earlier version of the text did not have."""
        left = list(before.commands)
        for command in self.commands:
            if command not in left:
                return True
            left.remove(command)
        return False


def may_hold_commands(body: str) -> bool:
    """Whether a comment has a line that may be a command in some repository. Takes little time, whatever the text."""
    return may_begin_a_line(with_line_feeds(body[:MAX_CHARACTERS]))


def has_likely_commands(body: str, words: Collection[str], prefix: str = PREFIX) -> bool:
    """Whether a comment has a line that looks like a command of a repository; `parse` decides. Takes little time.

    `words` are those of commands, and `prefix` the one of the repository.
    """
    return next(_likely_lines(with_line_feeds(body[:MAX_CHARACTERS]), words, prefix), None) is not None


def parse(body: str, grammars: Mapping[str, Grammar], prefix: str = PREFIX) -> ParsedComment:
    """Parse a comment: at most `MAX_COMMANDS` commands and malformed commands.

    `prefix` is the word of the repository, in lower case. A line that nearly begins with it is malformed if the word of
    a command follows, else it is ignored.
    """
    text = with_line_feeds(body[:MAX_CHARACTERS])
    wanted = list(_likely_lines(text, grammars, prefix))
    if not wanted:
        return ParsedComment()
    lines = text.split("\n")
    reading = in_paragraphs(lines, wanted, MAX_COMMANDS + 1)
    commands = [_parse_line(lines[number].strip(), grammars, prefix) for number in reading.lines[:MAX_COMMANDS]]
    left_out = [LEFT_OUT] if len(reading.lines) > MAX_COMMANDS else []
    unread = [] if reading.complete else [UNREAD]
    return ParsedComment(tuple(commands), (*left_out, *unread))


def parse_message(message: str, grammars: Mapping[str, Grammar], prefix: str = PREFIX) -> ParsedComment:
    """Parse the message of a tag in the same way. It is plain text: every line that begins with the word counts."""
    text = with_line_feeds(message[:MAX_CHARACTERS])
    lines = text.split("\n")
    commands: list[ParsedCommand | Mistake] = []
    for number in _likely_lines(text, grammars, prefix):
        if len(commands) == MAX_COMMANDS:
            return ParsedComment(tuple(commands), (LEFT_OUT_OF_MESSAGE,))
        commands.append(_parse_line(lines[number].strip(), grammars, prefix))
    return ParsedComment(tuple(commands))


def _likely_lines(text: str, words: Collection[str], prefix: str) -> Iterator[int]:
    """The numbers of the lines that begin with the prefix, or nearly so and go on with the word of a command."""
    firsts = {word.partition(" ")[0] for word in words}
    number = position = 0
    for match in _LIKELY.finditer(text):
        number += text.count("\n", position, match.start())
        position = match.start()
        written = match[1]
        if is_exactly(written, prefix) or (lower(next_word(match[2]).text) in firsts and is_nearly(written, prefix)):
            yield number


def _parse_line(line: str, grammars: Mapping[str, Grammar], prefix: str) -> ParsedCommand | Mistake:
    written = line.split()[0]
    text = line[len(written) :]
    if not next_word(text).text:
        return Mistake(line, f"say what to do: {_choices(grammars)}")
    grammar, rest = _find(grammars, text)
    if grammar is None:
        return Mistake(line, _advise(grammars, text, prefix))
    if not is_exactly(written, prefix):
        return Mistake(line, _did_you_mean(grammar, prefix))
    try:
        return parse_arguments(grammar, rest)
    except Malformed as malformed:
        usage = f"write it as `{grammar.usage_with(prefix)}`"
        return Mistake(line, f"{malformed.advice}; {usage}" if malformed.advice else usage)


def _find(grammars: Mapping[str, Grammar], text: str) -> tuple[Grammar | None, str]:
    """The grammar with the longest word that a text begins with, and the text after the word."""
    first = next_word(text)
    second = next_word(first.rest)
    pair = f"{lower(first.text)} {lower(second.text)}"
    if not second.quoted and pair in grammars:
        return grammars[pair], second.rest
    return grammars.get(lower(first.text)), first.rest


def _advise(grammars: Mapping[str, Grammar], text: str, prefix: str) -> str:
    """What may be meant by a text that does not begin with the word of a command."""
    first = next_word(text)
    words = meant(f"{first.text[:MAX_WORD]} {next_word(first.rest).text[:MAX_WORD]}", grammars)
    if not words:
        return f"I know {_choices(grammars)}"
    if len(words) > 1:
        return f"say which: {_choices(words)}"
    return _did_you_mean(grammars[words[0]], prefix)


def meant(written: str, words: Iterable[str]) -> list[str]:
    """The words of commands that two written ones may stand for: one, several with that first part, or none."""
    first, _, second = written.lower().partition(" ")
    families: dict[str, list[str]] = {}
    for word in words:
        families.setdefault(word.partition(" ")[0], []).append(word)
    [close, *_] = [first] if first in families else difflib.get_close_matches(first, families, 1, SIMILAR) or [""]
    family = families.get(close, [])
    seconds = {word.partition(" ")[2]: word for word in family if word != close}
    if pairs := difflib.get_close_matches(second, seconds, 1, SIMILAR):
        return [seconds[pairs[0]]]
    return [close] if close in family else family


def _did_you_mean(grammar: Grammar, prefix: str) -> str:
    return f"did you mean `{grammar.usage_with(prefix)}`?"


def _choices(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)
