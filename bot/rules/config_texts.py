"""What is said on GitHub about a configuration file: what is wrong with it, and what it changes. In Markdown."""

import json
from collections.abc import Sequence
from typing import Any

from bot.rules.config_changes import Change
from bot.rules.config_nodes import PATH, ConfigErrors
from bot.rules.replies import code, plain

MAX_LISTED = 100
WEAKER = "**weaker**: takes effect once approved"
ELSEWHERE = "A project of this name or address belongs elsewhere: choose another name."
UNCHANGED = "The file changes nothing about how this repository is released."


def summary(changes: Sequence[Change]) -> str:
    """What a file changes, a line each; those that need approval are marked."""
    if not changes:
        return UNCHANGED
    lines = [f"- {_change(change)}" for change in changes[:MAX_LISTED]]
    more = len(changes) - MAX_LISTED
    return "\n".join([*lines, *([f"- … and {more} more"] if more > 0 else [])])


def title(changes: Sequence[Change]) -> str:
    """How many changes there are, and how many need approval."""
    weaker = sum(change.weaker for change in changes)
    if not changes:
        return "No changes"
    counted = "1 change" if len(changes) == 1 else f"{len(changes)} changes"
    return f"{counted}, {weaker} weaker" if weaker else counted


def broken(errors: ConfigErrors) -> str:
    """The comment on a commit of the default branch whose file is broken."""
    listed = [f"- line {error.line}{_path(error.path)}: {plain(error.sentence)}" for error in errors.errors]
    more = ["- … and more"] if errors.has_more else []
    first = f"I cannot read {code(PATH)} of this commit, so everything stays as it was:"
    return "\n".join([first, "", *listed, *more])


def _path(path: str) -> str:
    return f", {code(path)}" if path else ""


def _change(change: Change) -> str:
    where = ", ".join(code(name) for name in (change.project, change.environment) if name)
    mark = f" ({WEAKER})" if change.weaker else ""
    if not change.field:
        what = f"the {'environment' if change.environment else 'project'} is {change.kind}"
    else:
        what = f"{code(change.field)} is {_value(change.new)} instead of {_value(change.old)}"
    return f"{where}: {what}{mark}" if where else f"{what}{mark}"


def _value(value: Any) -> str:
    """A value as it is written in the file, on one line."""
    if value is None or value in ([], {}, ""):
        return "unset"
    return code(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
