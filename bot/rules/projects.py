"""Settings of projects and environments. Every refusal names the field and what it accepts."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from bot.errors import Refusal
from bot.rules import input_placeholders
from bot.rules.addresses import split_url
from bot.rules.commits import branch_pattern_problem
from bot.rules.gate_settings import FIELDS as GATES
from bot.rules.names import in_words
from bot.rules.releases import PERMALINK
from bot.rules.versions import SCHEMES
from bot.rules.views import PARTS, is_setting

TIERS = ("production", "staging", "development")
EXTRA_DEFAULT_BRANCHES = ("release/*",)
MAX_DEADLINE_MINUTES = 7 * 24 * 60
PUBLIC_NAMES = {"position": "order"}  # by column, where callers know it by another name
MAX_INPUTS = 15  # GitHub accepts 25; the rest are for our own inputs
MAX_INPUT = 1_000  # characters
MAX_BRANCHES = 20
MAX_URL = 500  # characters
ALL_ENVIRONMENTS = "all"  # what commands call all environments of a project
_BRANCHES = f"1 to {MAX_BRANCHES} branch names or globs such as `release/*`, or null for the default"
_WORKFLOW = re.compile(r"(?:\.github/workflows/)?[A-Za-z0-9_][A-Za-z0-9._-]{0,200}\.ya?ml")
_PREFIX = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/+@-]{0,98}")
INPUT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")

Check = tuple[Callable[[Any], bool], str]
"""Whether a value is accepted, and a description of the accepted values.

A function that can say what is wrong with a value raises a refusal with that instead: its sentence begins in lower case
and has no full stop.
"""


def _is_name(value: str) -> bool:
    """Return whether a text can be one segment of a URL's path; a row with any other name would be unreachable."""
    return (
        0 < len(value) <= 100
        and value.isprintable()
        and value.strip() == value
        and not {"/", "\\"} & set(value)
        and value not in (".", "..")
    )


def _is_inputs(value: object, placeholders: Collection[str]) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= MAX_INPUTS
        and all(INPUT_NAME.fullmatch(name) and _is_input(text, placeholders) for name, text in value.items())
    )


def _is_input(text: object, placeholders: Collection[str]) -> bool:
    """Whether a text can be that of an input. Refuses unknown placeholders."""
    if not isinstance(text, str) or len(text) > MAX_INPUT:
        return False
    input_placeholders.check(text, placeholders)
    return True


def _is_url(value: str) -> bool:
    parts = split_url(value) if len(value) <= MAX_URL else None
    return parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc


def _is_prefix(value: str) -> bool:
    forbidden = ("..", "//", "@{", "/.", ".lock/")
    return _PREFIX.fullmatch(value) is not None and not any(part in value for part in forbidden)


def _is_branches(value: Any) -> bool:
    if value is None:
        return True
    if not 0 < len(value) <= MAX_BRANCHES:
        return False
    for problem in filter(None, map(branch_pattern_problem, value)):
        raise Refusal(problem)
    return True


_MINUTES: Check = (
    lambda value: 1 <= value <= MAX_DEADLINE_MINUTES,
    f"a number of minutes from 1 to {MAX_DEADLINE_MINUTES}",
)
_WORKFLOW_FILE: Check = (
    lambda value: value is None or _WORKFLOW.fullmatch(value) is not None,
    "the name of a workflow file such as `build.yml`, or null",
)
_INPUTS = f"at most {MAX_INPUTS} workflow inputs, names to texts of at most {MAX_INPUT:,} characters"
_TAG_PREFIX: Check = (_is_prefix, "the beginning of a git tag name, such as `rc/`, of at most 99 characters")
_EXPECTED_NAME = "1 to 100 printable characters without slashes or spaces at its ends, and not `.` or `..`"
_NAME: Check = (_is_name, _EXPECTED_NAME)
_ENVIRONMENT_NAME: Check = (
    lambda value: _is_name(value) and value.lower() != ALL_ENVIRONMENTS,
    f"{_EXPECTED_NAME}, nor `{ALL_ENVIRONMENTS}`, which stands for all environments of a project",
)

PROJECT: dict[str, Check] = {
    "name": _NAME,
    "permalink": (
        lambda value: len(value) <= 100 and PERMALINK.fullmatch(value) is not None,
        "lower-case words of letters and digits joined by hyphens, beginning with a letter, such as `web-shop`",
    ),
    "build_workflow": _WORKFLOW_FILE,
    "build_inputs": (lambda value: _is_inputs(value, input_placeholders.OF_BUILDS), _INPUTS),
    "build_deadline_minutes": _MINUTES,
    "allowed_branches": (_is_branches, _BRANCHES),
    "tag_prefix": _TAG_PREFIX,
    "trigger_tag_prefix": _TAG_PREFIX,
    "promote_on_tag": (lambda value: value is None or _is_name(value), "the name of an environment, or null"),
    "show": (is_setting, f"an object with some of {', '.join(PARTS)}, each true or false"),
    "version_scheme": (lambda value: value in SCHEMES, f"one of {', '.join(SCHEMES)}"),
}
PROJECT_FIELDS = ("name", "repo", *list(PROJECT)[1:], "tag_candidates", "archived")
"""What can be changed of a project."""
ENVIRONMENT: dict[str, Check] = {
    "name": _ENVIRONMENT_NAME,
    "tier": (lambda value: value in TIERS, f"one of {', '.join(TIERS)}"),
    "workflow": _WORKFLOW_FILE,
    "inputs": (lambda value: _is_inputs(value, input_placeholders.NAMES), _INPUTS),
    "position": (lambda value: 0 <= value <= 1_000_000, "a number from 0 to 1,000,000"),
    "deploy_deadline_minutes": _MINUTES,
    "url": (
        lambda value: value is None or _is_url(value),
        f"an address such as https://example.com/, of at most {MAX_URL} characters, or null",
    ),
}
ENVIRONMENT_FIELDS = (*(PUBLIC_NAMES.get(field, field) for field in ENVIRONMENT), *GATES, "frozen")
"""What can be changed of an environment."""


def check(values: Mapping[str, Any], checks: Mapping[str, Check]) -> None:
    """Refuse the first value that its field does not accept."""
    for field, value in values.items():
        if field in checks and (problem := why_not(value, checks[field])) is not None:
            name = PUBLIC_NAMES.get(field, field)
            raise Refusal(f"`{name}` must be {problem}.", field=name)


def why_not(value: Any, check: Check) -> str | None:
    """What a value must be, and what is wrong with it if that can be told; None if it is accepted."""
    is_valid, expected = check
    try:
        return None if is_valid(value) else expected
    except Refusal as refusal:
        return f"{expected}: {refusal.sentence}"


def refuse_empty(values: Mapping[str, Any], fields: Sequence[str]) -> None:
    """Refuse a change of nothing, naming the fields that can be changed."""
    if not values:
        raise Refusal(f"There is nothing to change: name at least one of {in_words(fields, last='or')}.")


def default_prefixes(permalink: str, *, first: bool) -> dict[str, str]:
    """Return the tag prefixes of a new project: short for the first of a repository, else with its permalink."""
    if first:
        return {"tag_prefix": "rc/", "trigger_tag_prefix": "v"}
    return {"tag_prefix": f"{permalink}/rc/", "trigger_tag_prefix": f"{permalink}-v"}


def branches_to_search(allowed: list[str] | None, default_branch: str) -> list[str]:
    """Return the allowed branches and globs in the order in which they are searched for a commit: default first."""
    if allowed is None:
        return [default_branch, *EXTRA_DEFAULT_BRANCHES]
    return sorted(dict.fromkeys(allowed), key=lambda pattern: (pattern != default_branch, "*" in pattern))
