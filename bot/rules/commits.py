"""Syntax of commit hashes, repository names and branch patterns."""

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from bot.errors import Refusal
from bot.rules.ids import CommitSha

INVALID = "Invalid commit hash"
FULL_LENGTH, FULL_LENGTH_256 = 40, 64  # digits of a SHA-1, and of a SHA-256
NO_COMMIT = "that is Git's placeholder for no commit: use the SHA of a commit that exists"
NAME = "it is the name of a branch or tag, not a SHA"
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_HEXADECIMAL = re.compile(r"[0-9a-f]{41,}")
_ABBREVIATED = re.compile(r"[0-9a-f]{4,39}")
_REPOSITORY = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9_-]{0,38}/[A-Za-z0-9._-]{1,100}"
)  # `_` occurs in the logins of enterprise managed users
_BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/+@#-]{0,243}")
_MAX_BRANCH = 244
_REPAIRS = (
    (re.compile(r"^\s+|\s+$"), "", "there are no spaces around it"),
    (re.compile(r"^/*refs/heads/"), "", "branches are named without `refs/heads/`"),
    (re.compile(r"^/+"), "", "it does not begin with a slash"),
    (re.compile(r"\*\*+"), "*", "`*` stands for any characters but `/`, so two levels are `*/*`"),
    (re.compile(r"//+"), "/", "slashes are single"),
    (re.compile(r"/$"), "/*", "it does not end with a slash; leave the slash out for a single branch"),
)
"""Spellings of branches that can be understood but match nothing, with what is right and why."""
_NEVER = (
    (re.compile(r"refs/.*"), "it has to be a branch, not another ref"),
    (re.compile(r"HEAD"), "it has to be the branch itself, such as `main`"),
    (re.compile(r"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}"), "it has to be a branch, not a commit"),
    (re.compile(r".*(\.\.|/\.).*|.*\.|.*\.lock(/.*)?"), "git allows no branch of that name"),
)


def parse_sha(text: object) -> CommitSha:
    """Parse a full commit SHA into lower case; refuse abbreviations, names and the all-zero SHA."""
    sha = text.lower() if isinstance(text, str) and text.isascii() else ""
    if _SHA.fullmatch(sha) is None or not sha.strip("0"):
        raise Refusal(INVALID, reason=_why_no_sha(sha), expected="a full commit SHA of 40 (or 64) hexadecimal digits")
    return CommitSha(sha)


def _why_no_sha(text: str) -> str | None:
    """Say why a text in lower case is no full SHA, if it looks like something that people take for one."""
    if _SHA.fullmatch(text):
        return NO_COMMIT
    if _ABBREVIATED.fullmatch(text):
        return "abbreviated"
    if _HEXADECIMAL.fullmatch(text):
        return f"it has {len(text):,} digits"
    return NAME if _BRANCH.fullmatch(text) and len(text) not in (40, 64) else None


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
    return branch_pattern_problem(text) is None


def branch_pattern_problem(text: str) -> str | None:
    """Return what is wrong with a branch name or glob, and what would be right; None if nothing is wrong."""
    if not 0 < len(text) <= _MAX_BRANCH:
        return f"a branch has a name of 1 to {_MAX_BRANCH} characters"
    shown, right, reasons = ascii(text)[1:-1], text, []
    for wrong, replacement, reason in _REPAIRS:
        repaired = wrong.sub(replacement, right)
        reasons += [reason] if repaired != right else []
        right = repaired
    never = _why_never(right)
    if never is not None:
        return f"`{shown}` can never match: {never}"
    return f"write `{right}` instead of `{shown}`: {', and '.join(reasons)}" if reasons else None


def _why_never(text: str) -> str | None:
    name = text.replace("*", "x")
    for impossible, reason in _NEVER:
        if impossible.fullmatch(name):
            return reason
    if _BRANCH.fullmatch(name) is None:
        return "it has to begin with a letter or digit, and to have only letters, digits, `*` and `._/+@#-`"
    return None


def is_glob(pattern: str) -> bool:
    """Return whether a pattern may match more than one branch."""
    return "*" in pattern


def matches(branch: str, pattern: str) -> bool:
    """Return whether a branch matches a pattern; `*` does not match a `/`."""
    parts, patterns = branch.split("/"), pattern.split("/")
    return len(parts) == len(patterns) and all(
        fnmatchcase(part, glob.replace("[", "[[]")) for part, glob in zip(parts, patterns, strict=True)
    )


def likely_first(branches: Iterable[str], prefix: str, release: str) -> list[str]:
    """Return branches in the order in which a release is probably on them.

    Those first that, after the prefix, share the longest beginning with the release version; then higher numbers.
    """
    return sorted(
        branches, key=lambda name: (_shared(name.removeprefix(prefix), release), _numbers(name)), reverse=True
    )


def _shared(name: str, release: str) -> tuple[int, bool]:
    """The length of the common beginning of a name and a version, and whether that is the whole name.

    A `v` at the front of either is left out.
    """
    name = name.lstrip("vV")
    pairs = list(zip(name, release.lstrip("vV"), strict=False))
    length = next((position for position, (one, other) in enumerate(pairs) if one != other), len(pairs))
    return length, length == len(name)


def _numbers(name: str) -> list[tuple[int, str]]:
    """A sort key by which `release/10` comes after `release/9`."""
    return [(int(part) if part.isdigit() else -1, part) for part in re.split(r"([0-9]+)", name)]
