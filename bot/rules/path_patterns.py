"""Patterns of paths as in .gitignore, which say which files of a repository are a project's.

A pattern means what it means to git (https://git-scm.com/docs/gitignore): `*` and `?` stand for characters but `/`,
`**` for directories, `[…]` for one of several characters; without a slash but at its end it matches at any depth, and
what matches a directory matches all in it. The last pattern that matches a file decides; one that begins with `!` says
that the file is not the project's. Unlike git's, it does so below a directory that an earlier pattern matched, too.

Matching takes time in proportion to the lengths of pattern and path: a part between two `**` or `*` is looked for from
left to right and never again.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bot.errors import Refusal

MAX_PATTERNS = 50
MAX_LENGTH = 200
_ANY_DEPTH = "**"
_CLASS = re.compile(r"\[[!^]?\]?(?:\\.|[^\]\\/])*\]")
_RANGE = re.compile(r"(\\.|[^\\])-(\\.|[^\\])")

Segment = re.Pattern[str]


@dataclass(frozen=True)
class _Pattern:
    """A pattern as what is to be found in a path's segments: each part after the one before it, the first anywhere.

    `is_anchored`: the first part is at the beginning. `below`: as many segments have to follow the last part.
    """

    includes: bool
    parts: tuple[tuple[Segment, ...], ...]
    is_anchored: bool
    below: int

    def matches(self, segments: Sequence[str]) -> bool:
        """Whether a path, or a directory above it, matches."""
        position = 0
        for number, part in enumerate(self.parts):
            last = position if number == 0 and self.is_anchored else len(segments) - len(part)
            starts = range(position, last + 1)
            found = next((start for start in starts if _is_at(part, segments, start)), None)
            if found is None:
                return False
            position = found + len(part)
        return position + self.below <= len(segments)


def check(pattern: str) -> str:
    """Refuse a pattern that git would not read as one, or that is too long."""
    if len(pattern) > MAX_LENGTH or not pattern.isprintable():
        raise Refusal(f"A pattern has at most {MAX_LENGTH} printable characters.")
    _compiled(pattern)
    return pattern


def touches(patterns: Sequence[str] | None, files: Iterable[str]) -> bool:
    """Whether one of the changed files is the project's; without patterns every file is. Files are paths from the root.

    Takes at most 50 patterns. Patterns that cannot be read (see `check`) match nothing.
    """
    if not patterns:
        return True
    compiled = [found for pattern in patterns[:MAX_PATTERNS] if (found := _try_compile(pattern)) is not None]
    return any(_is_included(compiled, file.split("/")) for file in files)


def touched(projects: Mapping[str, Sequence[str] | None], files: Sequence[str]) -> list[str]:
    """The projects, of names and their patterns, that a change of these files touches."""
    return [name for name, patterns in projects.items() if touches(patterns, files)]


def _is_included(patterns: Sequence[_Pattern], segments: Sequence[str]) -> bool:
    last = next((pattern for pattern in reversed(patterns) if pattern.matches(segments)), None)
    return last is not None and last.includes


def _is_at(part: Sequence[Segment], segments: Sequence[str], start: int) -> bool:
    return start + len(part) <= len(segments) and all(
        segment.fullmatch(segments[start + offset]) for offset, segment in enumerate(part)
    )


def _try_compile(pattern: str) -> _Pattern | None:
    try:
        return _compiled(pattern)
    except Refusal:
        return None


@lru_cache(4096)
def _compiled(pattern: str) -> _Pattern:
    text = pattern.removeprefix("!")
    if text.startswith("#") or not text.strip() or text != text.strip():
        raise Refusal(f"`{pattern[:50]}` is not a pattern: it is empty, begins with `#` or ends with a space.")
    is_directory = text.endswith("/")
    segments = [
        _ANY_DEPTH if set(each) == {"*"} and len(each) > 1 else each for each in text.removesuffix("/").split("/")
    ]
    is_anchored = len(segments) > 1
    segments = segments[1:] if is_anchored and not segments[0] else segments
    if not all(segments) or {".", ".."} & set(segments):
        raise Refusal(f"`{pattern[:50]}` never matches: a path has no empty segments, and none that are `.` or `..`.")
    below = is_directory + (segments[-1] == _ANY_DEPTH)
    parts: list[list[Segment]] = [[]]
    for segment in segments:
        if segment == _ANY_DEPTH:
            parts.append([])
        else:
            parts[-1].append(_segment(segment))
    is_anchored = is_anchored and bool(parts[0])
    return _Pattern(not pattern.startswith("!"), tuple(tuple(part) for part in parts if part), is_anchored, below)


def _segment(text: str) -> Segment:
    """A segment as a regular expression whose parts between `*` are found once, by atomic groups."""
    pieces, position, current = [], 0, ""
    while position < len(text):
        if text[position] == "*":
            pieces.append(current)
            current, position = "", position + 1
            continue
        expression, position = _character(text, position)
        current += expression
    if not pieces:
        return re.compile(current, re.DOTALL)
    between = "".join(f"(?>.*?{piece})" for piece in pieces[1:] if piece)
    return re.compile(f"{pieces[0]}{between}.*{current}", re.DOTALL)


def _character(text: str, position: int) -> tuple[str, int]:
    """What stands for one character of a segment, as a regular expression, and where the next begins."""
    match text[position]:
        case "?":
            return ".", position + 1
        case "\\":
            if position + 1 == len(text):
                raise Refusal(f"`{text[:50]}` ends with a backslash.")
            return re.escape(text[position + 1]), position + 2
        case "[":
            found = _CLASS.match(text, position)
            if found is None or found[0] in ("[]", "[!]", "[^]") or "[:" in found[0]:
                raise Refusal(f"`{text[:50]}` has a `[` that is not closed, or a class such as `[:alpha:]`: list it.")
            return _class(found[0][1:-1]), found.end()
        case other:
            return re.escape(other), position + 1


def _class(text: str) -> str:
    """One of several characters."""
    negated = text[0] in "!^"
    inner, expression = text[1:] if negated else text, ""
    position = 0
    while position < len(inner):
        if ranged := _RANGE.match(inner, position):
            low, high = (each[-1] for each in ranged.groups())
            expression += f"{re.escape(low)}-{re.escape(high)}" if low <= high else ""
            position = ranged.end()
            continue
        step = 2 if inner[position] == "\\" and position + 1 < len(inner) else 1
        expression += re.escape(inner[position + step - 1])
        position += step
    if not expression:
        return "." if negated else r"(?!)"
    return f"[{'^' if negated else ''}{expression}]"
