"""Parse the `curl` sessions in the documentation and compare the documented responses with the real ones.

Values that differ from run to run are compared by their type: times around now, hashes, tokens, ids, and the hosts of
URLs. Everything else is compared literally. `…` in the documentation matches anything.
"""

import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import unified_diff

import orjson
from pydantic import JsonValue

NOW_TOLERANCE = timedelta(days=1)
ELLIPSIS = "…"

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_OFFSET = r"(?:Z|[+-][0-9]{2}:?[0-9]{2})"
_PATTERNS: dict[str, str] = {
    "ellipsis": ELLIPSIS,
    "time": rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ][0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(?:\.[0-9]+)?{_OFFSET}",
    "date": r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}\b",
    "http_date": r"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT",
    "host": r"https?://[^/\s\"'<>]+",
    "token": r"lsh_[A-Za-z0-9_-]+",
    "uuid": r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b",
    "hash": r"\b[0-9a-f]{16,64}\b",
    "number": r"(?<=/)[0-9]+(?=[/?#&\"]|$)",  # an id in a path
}
_VARYING = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _PATTERNS.items()))


@dataclass(frozen=True)
class Step:
    """A step of a session: a command with its documented response, or a remark between two commands."""

    line: int
    command: str = ""
    expected: str = ""
    remark: str = ""


def parse_steps(page: str) -> Iterator[Step]:
    """Yield the steps of all sessions on a page, from top to bottom.

    A `console` block is a session if one of its commands is `curl`. A command starts with `$ `, continues after a
    backslash at the end of a line and inside quotation marks, and is followed by its response. A line that starts with
    `# ` is a remark. Raises ValueError for a malformed session.
    """
    if page.count("```console") != len(_BLOCK.findall(page)):
        raise ValueError("A block of the page is not closed, or has more than `console` in its first line.")
    for block in _BLOCK.finditer(page):
        lines = block[1].splitlines()
        commands = [line for line in lines if line.startswith("$ ")]
        if any(line.startswith("$ curl ") for line in commands):
            if others := [line for line in commands if not line.startswith("$ curl ")]:
                raise ValueError(f"A session may contain only curl commands, but this one has `{others[0]}`.")
            yield from _parse_block(lines, page.count("\n", 0, block.start()) + 2)


def _parse_block(lines: list[str], first_line: int) -> Iterator[Step]:
    index = 0
    while index < len(lines):
        start, line = index, lines[index]
        index += 1
        if line.startswith("# "):
            yield Step(first_line + start, remark=line[2:])
        elif line.startswith("$ "):
            command = line[2:]
            while not _is_complete(command) and index < len(lines):
                command += "\n" + lines[index]
                index += 1
            end = index
            while end < len(lines) and not lines[end].startswith(("$ ", "# ")):
                end += 1
            yield Step(first_line + start, command, "\n".join(lines[index:end]).strip())
            index = end
        elif line.strip():
            raise ValueError(f"Line {first_line + start} belongs to no command: {line}")


def _is_complete(command: str) -> bool:
    """Whether a command ends here, rather than after a backslash or inside quotation marks."""
    try:
        shlex.split(command)
    except ValueError:
        return False
    return True


def difference(expected: str, actual: str) -> str:
    """Return a diff of the documented response and the actual one; empty if they match."""
    expected, actual = (text.replace("\r\n", "\n").strip() for text in (expected, actual))
    documented: list[str] = []
    real: list[str] = []
    if expected.startswith("HTTP/") and actual.startswith("HTTP/"):
        expected_head, _, expected = expected.partition("\n\n")
        actual_head, _, actual = actual.partition("\n\n")
        documented = expected_head.splitlines()
        real = _documented_headers(documented, actual_head.splitlines())
    expected_body, actual_body = _body_lines(expected, actual)
    diff = unified_diff([*documented, *expected_body], [*real, *actual_body], "documented", "actual", lineterm="", n=2)
    return "\n".join(diff)


def _documented_headers(expected: list[str], actual: list[str]) -> list[str]:
    """Return the actual status line and, of the actual headers, those that are documented."""
    by_name = {line.partition(":")[0].lower(): line for line in actual[1:]}
    found = [by_name.get(line.partition(":")[0].lower(), "") for line in expected[1:]]
    return [actual[0], *(str(normalize(line, real)) for line, real in zip(expected[1:], found, strict=True))]


def _body_lines(expected: str, actual: str) -> tuple[list[str], list[str]]:
    with suppress(orjson.JSONDecodeError):
        documented, real = orjson.loads(expected), orjson.loads(actual)
        return _json_lines(documented), _json_lines(normalize(documented, real))
    lines, real_lines = expected.splitlines(), actual.splitlines()
    pairs = zip(lines, real_lines, strict=False)
    return lines, [*(str(normalize(line, real)) for line, real in pairs), *real_lines[len(lines) :]]


def _json_lines(value: JsonValue) -> list[str]:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode().splitlines()


def normalize(expected: JsonValue, actual: JsonValue, key: str = "") -> JsonValue:
    """Replace the parts of an actual value that may vary by the documented ones.

    The result equals `expected` if and only if the actual value matches the documentation. `key` is the value's key in
    the enclosing object.
    """
    if isinstance(expected, dict) and isinstance(actual, dict):
        if ELLIPSIS in expected:
            actual = {name: value for name, value in actual.items() if name in expected}
            actual[ELLIPSIS] = expected[ELLIPSIS]
        return {name: normalize(expected.get(name), value, name) for name, value in actual.items()}
    if isinstance(expected, list) and isinstance(actual, list):
        if expected[-1:] == [ELLIPSIS]:
            actual = [*actual[: len(expected) - 1], ELLIPSIS]
        pairs = zip(expected, actual, strict=False)
        return [normalize(documented, real, key) for documented, real in pairs] + actual[len(expected) :]
    if isinstance(expected, str) and isinstance(actual, str):
        return expected if matches(expected, actual) else actual
    if expected == ELLIPSIS or (_is_id(key, expected) and _is_id(key, actual)):
        return expected
    return actual


def _is_id(key: str, value: JsonValue) -> bool:
    return type(value) is int and (key == "id" or key.endswith("_id"))


def matches(expected: str, actual: str) -> bool:
    """Whether an actual text matches the documented one, apart from the parts that may vary."""
    pattern, end = "", 0
    times: list[str | None] = []
    for found in _VARYING.finditer(expected):
        name, text = str(found.lastgroup), found[0]
        pattern += re.escape(expected[end : found.start()]) + f"({_pattern_for(name, text)})"
        times.append(text if name in ("time", "date") else None)
        end = found.end()
    match = re.fullmatch(pattern + re.escape(expected[end:]), actual, re.DOTALL)
    return match is not None and all(
        text is None or _is_same_time(text, real) for text, real in zip(times, match.groups(), strict=True)
    )


def _pattern_for(name: str, text: str) -> str:
    if name == "ellipsis":
        return ".*"
    if name == "hash":
        return f"[0-9a-f]{{{len(text)}}}"
    if name == "time" and text.endswith("Z"):
        return _PATTERNS[name].replace(_OFFSET, "Z")
    return _PATTERNS[name]


def _is_same_time(expected: str, actual: str) -> bool:
    """Whether an actual time is the documented one, or close to now."""
    parsed = [datetime.fromisoformat(text) for text in (expected, actual)]
    documented, real = (moment if moment.tzinfo else moment.replace(tzinfo=UTC) for moment in parsed)
    return documented == real or abs(real - datetime.now(UTC)) < NOW_TOLERANCE
