"""Syntax of commit hashes, repository names and branch patterns."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from bot.errors import Refusal
from bot.rules.ids import CommitSha

INVALID = "Invalid commit hash"
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_ABBREVIATED = re.compile(r"[0-9a-f]{4,63}")
_REPOSITORY = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9_-]{0,38}/[A-Za-z0-9._-]{1,100}"
)  # `_` occurs in the logins of enterprise managed users
_BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/+@#-]{0,243}")


def parse_sha(text: object) -> CommitSha:
    """Parse a full commit SHA into lower case; refuse abbreviations, names and the all-zero SHA."""
    sha = text.lower() if isinstance(text, str) and text.isascii() else ""
    if _SHA.fullmatch(sha) is None or not sha.strip("0"):
        abbreviated = {"reason": "abbreviated"} if _ABBREVIATED.fullmatch(sha) else {}
        raise Refusal(INVALID, **abbreviated, expected="a full commit SHA of 40 (or 64) hexadecimal digits")
    return CommitSha(sha)


def why_not_releasable(patterns: Sequence[str], *, exists: bool) -> str:
    """Say why no candidate can be cut at a commit that none of the allowed branches has."""
    if not exists:
        return "GitHub knows no such commit in this repository"
    return (
        f"not on a branch that may be released from ({', '.join(patterns)}); "
        "if it is on a pull request, that has to be merged first"
    )


def is_repository_name(text: object) -> bool:
    """Return whether a text is a repository's `owner/name` on GitHub."""
    if not isinstance(text, str) or _REPOSITORY.fullmatch(text) is None:
        return False
    return text.partition("/")[2] not in (".", "..")


def is_branch_pattern(text: str) -> bool:
    """Return whether a text is a branch name, or a glob with `*` for any characters but `/`."""
    name = text.replace("*", "x")
    return (
        _BRANCH.fullmatch(name) is not None and ".." not in name and "//" not in name and not name.endswith((".", "/"))
    )


def is_glob(pattern: str) -> bool:
    """Return whether a pattern may match more than one branch."""
    return "*" in pattern


def matches(branch: str, pattern: str) -> bool:
    """Return whether a branch matches a pattern; `*` does not match a `/`."""
    parts, patterns = branch.split("/"), pattern.split("/")
    return len(parts) == len(patterns) and all(
        fnmatchcase(part, glob.replace("[", "[[]")) for part, glob in zip(parts, patterns, strict=True)
    )
