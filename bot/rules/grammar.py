"""The grammar of a command: its words, typed arguments, clauses and flags, and how a line is parsed with it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from bot.errors import Refusal
from bot.rules.words import Word, is_value, lower, next_word

PREFIX = "/release"

T = TypeVar("T")


@dataclass(frozen=True)
class Argument(Generic[T]):
    """A typed argument. `parse` converts its text to a value, or refuses it.

    `meaning` says what to write, with an example. `words` is the number of words that it may have without quotes.
    `fits` recognizes its texts among those of alternatives. `shown` stands in usage lines instead of the name.
    """

    name: str
    parse: Callable[[str], T]
    meaning: str = ""
    words: int = 1
    fits: Callable[[str], bool] | None = None
    shown: str = ""

    @property
    def usage(self) -> str:
        """The argument in usage lines."""
        return self.shown or self.name.upper()

    @property
    def alternatives(self) -> "tuple[Argument[Any], ...]":
        """The argument itself: it has no alternatives."""
        return (self,)


@dataclass(frozen=True)
class OneOf:
    """Arguments of which one is written: the first that its text fits, or else the last."""

    alternatives: tuple[Argument[Any], ...]

    @property
    def usage(self) -> str:
        """The arguments in usage lines."""
        return "|".join(argument.usage for argument in self.alternatives)

    @property
    def words(self) -> int:
        """The number of words that one of the arguments may have."""
        return max(argument.words for argument in self.alternatives)


Value = Argument[Any] | OneOf


@dataclass(frozen=True)
class Clause:
    """A word that introduces an argument: `to ENVIRONMENT`. With `to_line_end` the argument is the rest of the line.

    `question` is what the reply to a command asks for that lacks the clause. `explains` is a flag that needs the
    clause, which otherwise cannot be written unless it may stand `alone`: `force because REASON`.
    """

    word: str
    argument: Value
    required: bool = False
    to_line_end: bool = False
    question: str = ""
    explains: str = ""
    alone: bool = False

    @property
    def text(self) -> str:
        """The clause as it is written."""
        flag = f"[{self.explains}] " if self.alone else f"{self.explains} "
        return f"{flag if self.explains else ''}{self.word} {self.argument.usage}"

    @property
    def usage(self) -> str:
        """The clause in usage lines."""
        return self.text if self.required else f"[{self.text}]"

    @property
    def clauses(self) -> "tuple[Clause, ...]":
        """The clause itself: nothing excludes it."""
        return (self,)


@dataclass(frozen=True)
class OneClause:
    """Clauses of which at most one is written: `until TIME` or `for DURATION`."""

    clauses: tuple[Clause, ...]
    required: bool = False
    to_line_end: bool = False

    @property
    def usage(self) -> str:
        """The clauses in usage lines."""
        texts = " | ".join(clause.text for clause in self.clauses)
        return f"({texts})" if self.required else f"[{texts}]"


@dataclass(frozen=True)
class Grammar:
    """How one command is written: leading arguments in order, then clauses and flags in any order.

    `word` may have two parts, as `announcement approve`: the longest word that a line begins with decides.
    """

    word: str
    required: tuple[Value, ...] = ()
    optional: tuple[Value, ...] = ()
    clauses: tuple[Clause | OneClause, ...] = ()
    flags: tuple[str, ...] = ()

    @property
    def usage(self) -> str:
        """The usage line where the word of all commands is `/release`."""
        return self.usage_with(PREFIX)

    def usage_with(self, prefix: str) -> str:
        """The usage line of help and advice, where `prefix` is the word of all commands."""
        leading = [argument.usage for argument in self.required] + [f"[{argument.usage}]" for argument in self.optional]
        clauses = sorted(self.clauses, key=lambda clause: (clause.to_line_end, not clause.required))
        in_line = [clause.usage for clause in clauses if not clause.to_line_end]
        at_end = [clause.usage for clause in clauses if clause.to_line_end]
        explained = {clause.explains for clause in self.all_clauses()}
        flags = [f"[{flag}]" for flag in self.flags if flag not in explained]
        return " ".join([prefix, self.word, *leading, *in_line, *flags, *at_end])

    def all_clauses(self) -> Iterator[Clause]:
        """Every clause, also those that exclude each other."""
        for clause in self.clauses:
            yield from clause.clauses

    def arguments(self) -> Iterator[Argument[Any]]:
        """Every argument, in the order of the usage line."""
        clauses = (clause.argument for clause in self.all_clauses())
        for value in (*self.required, *self.optional, *clauses):
            yield from value.alternatives

    def check(self, command: "ParsedCommand") -> None:
        """Refuse a command with an argument that is not of its type."""
        for argument in self.arguments():
            command.get(argument)


@dataclass(frozen=True)
class ParsedCommand:
    """A command as it was written: its word, its arguments by name, its flags."""

    word: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    flags: frozenset[str] = frozenset()

    def get(self, argument: Argument[T]) -> T | None:
        """The value of an argument; None when it was left out. Refuses an invalid one, naming the argument."""
        text = self.arguments.get(argument.name)
        if text is None:
            return None
        try:
            return argument.parse(text)
        except Refusal as refusal:
            right = {"argument": argument.usage, "expected": argument.meaning or None}
            raise Refusal(refusal.sentence, **{**right, **refusal.details}) from refusal

    def require(self, argument: Argument[T]) -> T:
        """The value of an argument that the grammar requires."""
        value = self.get(argument)
        if value is None:
            raise Refusal(f"`{argument.usage}` is missing", expected=argument.meaning or None)
        return value


class Malformed(Exception):
    """A line does not follow its command's grammar. `advice` says what is wrong, if that is more than its usage."""

    def __init__(self, advice: str = "") -> None:
        super().__init__(advice)
        self.advice = advice


def parse_arguments(grammar: Grammar, text: str) -> ParsedCommand:
    """Parse what follows the word of a command. Malformed if it does not follow the grammar."""
    try:
        return _Parser(grammar).parse(text)
    except Malformed as malformed:
        raise Malformed(malformed.advice or _question(grammar, text)) from malformed


def _question(grammar: Grammar, text: str) -> str:
    """What to ask whoever left out a clause that is required, or that a flag needs."""
    words = {lower(word) for word in text.split()}
    for clause in grammar.all_clauses():
        needed = clause.required or clause.explains in words
        if clause.question and needed and clause.word not in words:
            return f"{clause.question}: `{clause.word} {clause.argument.usage}`"
    return ""


class _Parser:
    """One pass over the words of a line."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self._groups = {clause.word: group.clauses for group in grammar.clauses for clause in group.clauses}
        self._clauses = {clause.word: clause for clause in grammar.all_clauses()}
        self._keywords = {*self._clauses, *grammar.flags}
        self._arguments: dict[str, str] = {}
        self._flags: set[str] = set()

    def parse(self, text: str) -> ParsedCommand:
        """Parse the arguments of a command."""
        text = self._leading(text)
        while text:
            text = self._next(next_word(text))
        self._check_clauses()
        return ParsedCommand(self._grammar.word, self._arguments, frozenset(self._flags))

    def _leading(self, text: str) -> str:
        """Read the arguments before the first clause or flag; returns the rest of the text."""
        found = 0
        for argument in (*self._grammar.required, *self._grammar.optional):
            word = next_word(text)
            if not word.text or self._keyword(word) in self._keywords:
                break
            text = self._read(argument, text)
            found += 1
        if found < len(self._grammar.required):
            raise Malformed
        return text

    def _next(self, word: Word) -> str:
        """Read a clause or flag that begins with a word; returns the text after it."""
        keyword = self._keyword(word)
        clause = self._clauses.get(keyword)
        if clause is not None and clause.word in self._groups:
            for excluded in self._groups[clause.word]:
                del self._groups[excluded.word]
            if clause.to_line_end:
                return self._read_to_line_end(clause, word.rest)
            return self._read(clause.argument, word.rest)
        if keyword not in self._grammar.flags or keyword in self._flags:
            raise Malformed
        self._flags.add(keyword)
        return word.rest

    def _read(self, value: Value, text: str) -> str:
        """Read the words of an argument; returns the text after it. Quotes that are not closed are malformed."""
        words: list[str] = []
        while len(words) < value.words:
            word = next_word(text)
            if words and (not word.text or word.quoted or self._keyword(word) in self._keywords):
                break
            if not is_value(word) or (not word.quoted and word.text.startswith("--")):
                raise Malformed
            words.append(word.text)
            text = word.rest
            if word.quoted:
                break
        self._store(value, " ".join(words))
        return text

    def _read_to_line_end(self, clause: Clause, text: str) -> str:
        """Read all that is left of the line as an argument."""
        if not text.strip("`"):
            raise Malformed(f"{clause.question}: `{clause.word} {clause.argument.usage}`" if clause.question else "")
        last = _flag(text.split()[-1])
        if last.startswith("--") and last in {*self._grammar.flags} - self._flags:  # hardly a part of a reason
            raise Malformed(f"write `{last}` before `{clause.word}`")
        self._store(clause.argument, text)
        return ""

    def _store(self, value: Value, text: str) -> None:
        *others, last = value.alternatives
        argument = next((each for each in others if each.fits is not None and each.fits(text)), last)
        self._arguments[argument.name] = text

    def _check_clauses(self) -> None:
        """Check that what is required was written, and what explains a flag only with that flag."""
        for group in self._grammar.clauses:
            is_written = group.clauses[0].word not in self._groups
            if group.required and not is_written:
                raise Malformed
            for clause in group.clauses:
                is_flagged = clause.explains in self._flags
                if clause.explains and is_flagged != is_written and not (is_written and clause.alone):
                    raise Malformed

    def _keyword(self, word: Word) -> str:
        """A word as a keyword of the grammar; empty if it is in quotes."""
        return "" if word.quoted else _flag(word.text)


def _flag(text: str) -> str:
    """A keyword, in lower case unless it is a flag with hyphens, of which phones make a dash."""
    if text[:1] in ("—", "–"):
        text = f"--{text[1:]}"
    return text if text.startswith("--") else lower(text)
