"""Fields of package releases, and their files."""

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
MAX_PATHS = 10_000  # of one release
MAX_TOTAL_LENGTH = 256 * 1024  # characters of all paths of one release

PATH_FORMAT = (
    f"a relative path of at most {MAX_PATH_LENGTH:,} characters without `..`, backslashes and control characters, "
    "such as `js/site.js`"
)

_TAG = re.compile(r"<(?:[/?]?[A-Za-z][^<>]*>|!)")
_DATE = re.compile(r"[0-9]{4}[0-9W-]{3,6}(?:[T ][0-9:.,]+(?:Z|[+-][0-9:]{2,8})?)?", re.IGNORECASE)
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\\]")


def parse_version(text: object) -> str:
    """Parse the version of a release: text that a page can show as it is. HTML tags are refused, a lone `<` is not."""
    if isinstance(text, str) and 0 < len(text) <= MAX_VERSION_LENGTH and text.isprintable() and text == text.strip():
        if _TAG.search(text) is None:
            return text
        raise Refusal("`version` must be without HTML.", field="version")
    expected = f"1 to {MAX_VERSION_LENGTH} printable characters without spaces at the ends"
    raise Refusal(f"`version` must be {expected}.", field="version")


def parse_status(value: object) -> int:
    """Parse a status of a release, as it is shown."""
    if type(value) is int and value in STATUS_NAMES:
        return value
    words = ", ".join(f"{status} ({name})" for status, name in STATUS_NAMES.items())
    raise Refusal(f"`status` must be one of {words}.", field="status")


def parse_date(text: object) -> datetime:
    """Parse a time in ISO 8601 and convert it to UTC. No offset means UTC; a date alone means its midnight.

    Refuses a time outside the years 1 to 9999 in UTC.
    """
    with suppress(ValueError, OverflowError):
        if isinstance(text, str) and _DATE.fullmatch(text):
            moment = datetime.fromisoformat(text.upper())
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    expected = "a date and time in ISO 8601, as in 2024-05-22T12:00:00Z"
    raise Refusal(f"`release_date` must be {expected}.", field="release_date")


def parse_signature(text: object) -> str | None:
    """Parse a signature, which is stored unchanged; null means that there is none."""
    if text is None or (isinstance(text, str) and len(text) <= MAX_SIGNATURE_LENGTH):
        return text
    raise Refusal(f"`signature` must be a text of at most {MAX_SIGNATURE_LENGTH} characters.", field="signature")


def parse_files(value: object) -> dict[str, list[str]]:
    """Parse groups of paths; a single path becomes a list of one.

    Refuses any other type, malformed names of groups, malformed paths, and more files than a release may have.
    """
    if not isinstance(value, dict):
        raise _refusal("must be an object of groups, each a path or a list of paths")
    return merge_files({}, {_group(name): _paths(name, paths) for name, paths in value.items()})


def merge_files(files: Mapping[str, Sequence[str]], more: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Add files to those of a release: existing ones keep their order, new ones follow without duplicates."""
    merged = {group: list(dict.fromkeys([*files.get(group, ()), *more.get(group, ())])) for group in {**files, **more}}
    paths = [path for group in merged.values() for path in group]
    for count, limit, unit in (
        (len(merged), MAX_GROUPS, "groups"),
        (len(paths), MAX_PATHS, "paths"),
        (sum(map(len, paths)), MAX_TOTAL_LENGTH, "characters of paths"),
    ):
        if count > limit:
            raise _refusal(f"of a release hold at most {limit:,} {unit}, and these would be {count:,}")
    return merged


def is_path(text: str) -> bool:
    """Return whether a text is a relative path that cannot lead out of its base directory."""
    return (
        0 < len(text) <= MAX_PATH_LENGTH
        and not text.startswith("/")
        and ".." not in text.split("/")
        and _UNSAFE.search(text) is None
    )


def _group(name: str) -> str:
    if not (0 < len(name) <= MAX_GROUP_LENGTH and name.isprintable()):
        raise _refusal(f"must have groups of 1 to {MAX_GROUP_LENGTH} printable characters")
    return name


def _paths(group: str, value: object) -> list[str]:
    paths = [value] if isinstance(value, str) else value
    if not isinstance(paths, list):
        raise _refusal(f"must have a path or a list of paths for the group `{group}`")
    for path in paths:
        if not (isinstance(path, str) and is_path(path)):
            raise _refusal(f"of the group `{group}` must each be {PATH_FORMAT}")
    return paths


def _refusal(reason: str) -> Refusal:
    return Refusal(f"`files` {reason}.", field="files")
