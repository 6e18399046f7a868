"""Sessions of `curl` in the documentation: found, taken apart, and held against what is really answered.

What differs from run to run is compared by its kind: times around now, hashes, tokens, ids, and the hosts of URLs. All
else is compared as it stands. `…` in the documentation stands for anything.
"""

import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import unified_diff
from typing import Any

import orjson

AROUND_NOW = timedelta(days=1)
ELIDED = "…"

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ZONE = r"(?:Z|[+-][0-9]{2}:?[0-9]{2})"
_KINDS: dict[str, str] = {
    "elided": ELIDED,
    "time": rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ][0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(?:\.[0-9]+)?{_ZONE}",
    "date": r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}\b",
    "http_date": r"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT",
    "host": r"https?://[^/\s\"'<>]+",
    "token": r"lsh_[A-Za-z0-9_-]+",
    "uuid": r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b",
    "hash": r"\b[0-9a-f]{16,64}\b",
    "number": r"(?<=/)[0-9]+(?=[/?#&\"]|$)",  # of a row, in a path
}
_VARYING = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _KINDS.items()))


@dataclass(frozen=True)
class Step:
    """One command with what is said to be answered; or, with `told`, a remark in between."""

    line: int
    command: str = ""
    expected: str = ""
    told: str = ""


def steps(page: str) -> Iterator[Step]:
    """Every step of a page's sessions, from top to bottom. A block whose commands are not `curl` is none.

    A command begins with `$ `, goes on after a backslash at a line's end and within quotation marks, and is followed
    by its answer. A line that begins with `# ` is a remark, such as what happens elsewhere.
    """
    if page.count("```console") != len(_BLOCK.findall(page)):
        raise ValueError("A block of the page is not closed, or has more than `console` in its first line.")
    for block in _BLOCK.finditer(page):
        lines = block[1].splitlines()
        commands = [line for line in lines if line.startswith("$ ")]
        if any(line.startswith("$ curl ") for line in commands):
            if others := [line for line in commands if not line.startswith("$ curl ")]:
                raise ValueError(f"A session has commands of curl only, and this one has `{others[0]}`.")
            yield from _steps(lines, page.count("\n", 0, block.start()) + 2)


def _steps(lines: list[str], first: int) -> Iterator[Step]:
    place = 0
    while place < len(lines):
        start, line = place, lines[place]
        place += 1
        if line.startswith("# "):
            yield Step(first + start, told=line[2:])
        elif line.startswith("$ "):
            command = line[2:]
            while not _is_whole(command) and place < len(lines):
                command += "\n" + lines[place]
                place += 1
            end = place
            while end < len(lines) and not lines[end].startswith(("$ ", "# ")):
                end += 1
            yield Step(first + start, command, "\n".join(lines[place:end]).strip())
            place = end
        elif line.strip():
            raise ValueError(f"Line {first + start} belongs to no command: {line}")


def _is_whole(command: str) -> bool:
    """Whether a command ends where its text does: not after a backslash or within quotation marks."""
    try:
        shlex.split(command)
    except ValueError:
        return False
    return True


def difference(expected: str, answer: str) -> str:
    """How an answer differs from the documented one, as a diff; empty where it does not."""
    expected, answer = (text.replace("\r\n", "\n").strip() for text in (expected, answer))
    left, right = [], []
    if expected.startswith("HTTP/") and answer.startswith("HTTP/"):
        said, _, expected = expected.partition("\n\n")
        found, _, answer = answer.partition("\n\n")
        left, right = said.splitlines(), _shown_headers(said.splitlines(), found.splitlines())
    body, real = _bodies(expected, answer)
    diff = unified_diff([*left, *body], [*right, *real], "documented", "answered", lineterm="", n=2)
    return "\n".join(diff)


def _shown_headers(said: list[str], found: list[str]) -> list[str]:
    """The real status line, and those of the real headers that are documented."""
    headers = {line.partition(":")[0].lower(): line for line in found[1:]}
    real = [headers.get(line.partition(":")[0].lower(), "") for line in said[1:]]
    return [found[0], *(settled(line, other) for line, other in zip(said[1:], real, strict=True))]


def _bodies(expected: str, answer: str) -> tuple[list[str], list[str]]:
    with suppress(orjson.JSONDecodeError):
        documented, real = orjson.loads(expected), orjson.loads(answer)
        return _lines(documented), _lines(settled(documented, real))
    lines, real_lines = expected.splitlines(), answer.splitlines()
    pairs = zip(lines, real_lines, strict=False)
    return lines, [*(settled(line, real) for line, real in pairs), *real_lines[len(lines) :]]


def _lines(value: Any) -> list[str]:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode().splitlines()


def settled(expected: Any, real: Any, key: str = "") -> Any:
    """The real value, with what may differ put as it is documented: equal to the documented one where that is true."""
    if isinstance(expected, dict) and isinstance(real, dict):
        if ELIDED in expected:
            real = {name: value for name, value in real.items() if name in expected} | {ELIDED: expected[ELIDED]}
        return {name: settled(expected.get(name), value, name) for name, value in real.items()}
    if isinstance(expected, list) and isinstance(real, list):
        if expected[-1:] == [ELIDED]:
            real = [*real[: len(expected) - 1], ELIDED]
        return [settled(one, other, key) for one, other in zip(expected, real, strict=False)] + real[len(expected) :]
    if isinstance(expected, str) and isinstance(real, str):
        return expected if is_alike(expected, real) else real
    if expected == ELIDED or (_is_id(key, expected) and _is_id(key, real)):
        return expected
    return real


def _is_id(key: str, value: Any) -> bool:
    return type(value) is int and (key == "id" or key.endswith("_id"))


def is_alike(expected: str, real: str) -> bool:
    """Whether a text is the documented one, but for what may differ."""
    pattern, end, times = "", 0, []
    for found in _VARYING.finditer(expected):
        kind, text = str(found.lastgroup), found[0]
        pattern += re.escape(expected[end : found.start()]) + f"({_pattern(kind, text)})"
        times.append(text if kind in ("time", "date") else None)
        end = found.end()
    match = re.fullmatch(pattern + re.escape(expected[end:]), real, re.DOTALL)
    return match is not None and all(
        text is None or _is_same_time(text, other) for text, other in zip(times, match.groups(), strict=True)
    )


def _pattern(kind: str, text: str) -> str:
    if kind == "elided":
        return ".*"
    if kind == "hash":
        return f"[0-9a-f]{{{len(text)}}}"
    if kind == "time" and text.endswith("Z"):
        return _KINDS[kind].replace(_ZONE, "Z")
    return _KINDS[kind]


def _is_same_time(documented: str, real: str) -> bool:
    """Whether a time is the documented one; one around now stands for any."""
    moments = [datetime.fromisoformat(text) for text in (documented, real)]
    said, found = (moment if moment.tzinfo else moment.replace(tzinfo=UTC) for moment in moments)
    return said == found or abs(found - datetime.now(UTC)) < AROUND_NOW
