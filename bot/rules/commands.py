"""Commands in comments: `/release …` at the start of a line, outside quotes and code."""

import difflib
import re
from collections import defaultdict
from dataclasses import dataclass, field

from markdown_it import MarkdownIt

PREFIX = "/release"
MOST = 10  # commands in one comment


@dataclass(frozen=True)
class Command:
    """One command: its word and its arguments by name."""

    word: str
    arguments: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Mistake:
    """A line that begins like a command and is none: what was written and what would be right."""

    line: str
    advice: str


@dataclass(frozen=True)
class Form:
    """How a command is written: leading arguments in order, then optional or required words with an argument each."""

    word: str
    leading: tuple[str, ...]
    required: dict[str, str]
    optional: dict[str, str]
    says: str

    @property
    def usage(self) -> str:
        """The form as people read it."""
        words = [f"{word} {name.upper()}" for word, name in self.required.items()]
        words += [f"[{word} {name.upper()}]" for word, name in self.optional.items()]
        return " ".join([PREFIX, self.word, *(name.upper() for name in self.leading), *words])


_PROJECT = {"in": "project"}
FORMS = {
    form.word: form
    for form in (
        Form("cut", ("version",), {}, {"at": "sha", **_PROJECT}, "cut a release candidate"),
        Form("deploy", ("candidate",), {"to": "environment"}, _PROJECT, "deploy a release candidate"),
        Form("status", (), {}, _PROJECT, "say where everything is"),
        Form("help", (), {}, {}, "show this list"),
    )
}


def parse(body: str) -> list[Command | Mistake]:
    """Every command in a comment, in order; text that addresses somebody else is no mistake and not in the list."""
    found = []
    for line in _lines(body):
        words = line.split()
        if words and words[0] == PREFIX:
            found.append(_command(line, words[1:]))
    return found[:MOST]


def _lines(body: str) -> list[str]:
    """The lines of a comment's paragraphs, as written: not those of quotes, code and HTML."""
    depth, lines = 0, []
    for token in _markdown().parse(body.replace("\0", "")):
        if token.type in ("blockquote_open", "blockquote_close"):
            depth += token.nesting
        elif token.type == "inline" and depth == 0:
            lines += [line.strip() for line in _without_code(token.content).splitlines()]
    return lines


def _without_code(text: str) -> str:
    """A paragraph with the line breaks inside its code spans made spaces: what stands there begins no line.

    https://spec.commonmark.org/0.31.2/#code-spans, in one pass however many backticks there are.
    """
    runs = [(found.start(), found.end()) for found in re.finditer("`+", text)]
    closers: dict[int, list[int]] = defaultdict(list)
    for place in range(len(runs) - 1, -1, -1):
        closers[runs[place][1] - runs[place][0]].append(place)
    parts, done, place = [], 0, 0
    while place < len(runs):
        start, end = runs[place]
        same = closers[end - start]
        while same and same[-1] <= place:
            same.pop()
        place += 1
        if same and text[start - 1 : start] != "\\":
            close = same[-1]
            parts += [text[done:end], " ".join(text[end : runs[close][0]].splitlines())]
            done, place = runs[close][0], close + 1
    return "".join([*parts, text[done:]])


def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark").disable(["inline", "text_join"], ignoreInvalid=True)


def _command(line: str, words: list[str]) -> Command | Mistake:
    if not words:
        return Mistake(line, f"say what to do: {_choices()}")
    form = FORMS.get(words[0].lower())
    if form is None:
        close = difflib.get_close_matches(words[0].lower(), FORMS, n=1)
        advice = f"did you mean `{FORMS[close[0]].usage}`?" if close else f"I know {_choices()}"
        return Mistake(line, advice)
    arguments = _arguments(form, words[1:])
    return Command(form.word, arguments) if arguments is not None else Mistake(line, f"write it as `{form.usage}`")


def _arguments(form: Form, words: list[str]) -> dict[str, str] | None:
    leading, rest = words[: len(form.leading)], words[len(form.leading) :]
    known = {**form.required, **form.optional}
    if len(leading) < len(form.leading) or len(rest) % 2 or any(word.lower() in known for word in leading):
        return None
    pairs = [(word.lower(), value) for word, value in zip(rest[::2], rest[1::2], strict=True)]
    given = {word for word, _ in pairs}
    if len(given) < len(pairs) or not set(form.required) <= given <= set(known):
        return None
    arguments = {
        **dict(zip(form.leading, map(_bare, leading), strict=True)),
        **{known[word]: _bare(value) for word, value in pairs},
    }
    return arguments if all(arguments.values()) else None


def _bare(text: str) -> str:
    return text.strip("`")


def _choices() -> str:
    return ", ".join(f"`{word}`" for word in FORMS)
