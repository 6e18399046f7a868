"""Package releases: what may be said of them, and the files that they have."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from bot.errors import Refusal
from bot.rules.releases import STATUS_NAMES

MAX_VERSION_LENGTH = 255
MAX_SIGNATURE_LENGTH = 256
MAX_GROUP_LENGTH = 100
MAX_PATH_LENGTH = 1_000
MAX_GROUPS = 100
MAX_PATHS = 10_000  # of a release
MAX_TOTAL_LENGTH = 256 * 1024  # characters of all its paths

PATH_FORMAT = (
    f"a relative path of at most {MAX_PATH_LENGTH:,} characters without `..`, backslashes and control characters, "
    "such as `js/site.js`"
)

_TAG = re.compile(r"<(?:[/?]?[A-Za-z][^<>]*>|!)")
_DATE = re.compile(r"[0-9]{4}[0-9W-]{3,6}(?:[T ][0-9:.,]+(?:Z|[+-][0-9:]{2,8})?)?", re.IGNORECASE)
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\\]")


def parse_version(text: object) -> str:
    """The version of a release: whatever can stand on a page as it is. HTML tags are refused, a lone `<` is not."""
    if isinstance(text, str) and 0 < len(text) <= MAX_VERSION_LENGTH and text.isprintable() and text == text.strip():
        if _TAG.search(text) is None:
            return text
        raise Refusal("`version` must be without HTML.", field="version")
    expected = f"1 to {MAX_VERSION_LENGTH} printable characters without spaces at the ends"
    raise Refusal(f"`version` must be {expected}.", field="version")


def parse_status(number: object) -> int:
    """A status of a release, as it is shown."""
    if type(number) is int and number in STATUS_NAMES:
        return number
    words = ", ".join(f"{each} ({name})" for each, name in STATUS_NAMES.items())
    raise Refusal(f"`status` must be one of {words}.", field="status")


def parse_date(text: object) -> datetime:
    """A moment in UTC from its text in ISO 8601. Without an offset it is meant in UTC; a day alone is its beginning.

    Refuses what is no text, no such moment, and what is outside the years 1 to 9999 in UTC.
    """
    with suppress(ValueError, OverflowError):
        if isinstance(text, str) and _DATE.fullmatch(text):
            moment = datetime.fromisoformat(text.upper())
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    expected = "a date and time in ISO 8601, as in 2024-05-22T12:00:00Z"
    raise Refusal(f"`release_date` must be {expected}.", field="release_date")


def parse_signature(text: object) -> str | None:
    """A signature, which is kept as it is given; null is none."""
    if text is None or (isinstance(text, str) and len(text) <= MAX_SIGNATURE_LENGTH):
        return text
    raise Refusal(f"`signature` must be a text of at most {MAX_SIGNATURE_LENGTH} characters.", field="signature")


def parse_files(value: object) -> dict[str, list[str]]:
    """Groups of paths as they are kept, from what a caller gives: a path alone is a list of one.

    Refuses another form, malformed names of groups, malformed paths, and more than a release may have.
    """
    if not isinstance(value, dict):
        raise _refused("must be an object of groups, each a path or a list of paths")
    return merge_files({}, {_group(name): _paths(name, paths) for name, paths in value.items()})


def merge_files(files: Mapping[str, Sequence[str]], more: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """All files of a release once more are added: what is there keeps its order, what is new follows once each."""
    merged = {group: list(dict.fromkeys([*files.get(group, ()), *more.get(group, ())])) for group in {**files, **more}}
    paths = [path for group in merged.values() for path in group]
    for count, most, what in (
        (len(merged), MAX_GROUPS, "groups"),
        (len(paths), MAX_PATHS, "paths"),
        (sum(map(len, paths)), MAX_TOTAL_LENGTH, "characters of paths"),
    ):
        if count > most:
            raise _refused(f"of a release hold at most {most:,} {what}, and these would be {count:,}")
    return merged


def is_path(text: str) -> bool:
    """Whether a text is the path of a file below wherever a release's files are, and can lead nowhere else."""
    return (
        0 < len(text) <= MAX_PATH_LENGTH
        and not text.startswith("/")
        and ".." not in text.split("/")
        and _UNSAFE.search(text) is None
    )


def _group(name: str) -> str:
    if not (0 < len(name) <= MAX_GROUP_LENGTH and name.isprintable()):
        raise _refused(f"must have groups of 1 to {MAX_GROUP_LENGTH} printable characters")
    return name


def _paths(group: str, value: object) -> list[str]:
    paths = [value] if isinstance(value, str) else value
    if not isinstance(paths, list):
        raise _refused(f"must have a path or a list of paths for the group `{group}`")
    for path in paths:
        if not (isinstance(path, str) and is_path(path)):
            raise _refused(f"of the group `{group}` must each be {PATH_FORMAT}")
    return paths


def _refused(why: str) -> Refusal:
    return Refusal(f"`files` {why}.", field="files")
