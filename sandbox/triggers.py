"""Which pushes a workflow runs for."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

FILTERS = ("branches", "branches-ignore", "tags", "tags-ignore", "paths", "paths-ignore")


@dataclass(frozen=True, slots=True)
class PushTrigger:
    """The patterns of `on: push`: each filter with its patterns, in the order of the file."""

    filters: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def matches(self, ref: str, files: Iterable[str]) -> bool:
        """Return whether a workflow runs for a push of a ref; filters by path are about branches only."""
        filters, is_tag = dict(self.filters), ref.startswith("refs/tags/")
        own, other = ("tags", "branches") if is_tag else ("branches", "tags")
        defined = [name for name in filters if name.partition("-")[0] == own]
        if not defined and any(name.partition("-")[0] == other for name in filters):
            return False
        name = ref.split("/", 2)[2]
        if any(_matches(filters[each], name) is each.endswith("-ignore") for each in defined):
            return False
        if is_tag:
            return True
        changed = [file for file in files if not _matches(filters.get("paths-ignore", ()), file)]
        wanted = filters.get("paths", ("**",))
        return not {"paths", "paths-ignore"} & filters.keys() or any(_matches(wanted, file) for file in changed)


def parse_push(triggers: Any) -> PushTrigger | None:
    """Read the push trigger from `on`; None when pushes do not run the workflow."""
    if isinstance(triggers, str | list):
        return PushTrigger() if "push" in ([triggers] if isinstance(triggers, str) else triggers) else None
    if not isinstance(triggers, dict) or "push" not in triggers:
        return None
    details = triggers["push"] if isinstance(triggers["push"], dict) else {}
    found = [(name, details[name]) for name in FILTERS if name in details]
    return PushTrigger(tuple((name, _patterns(value)) for name, value in found))


def _patterns(value: Any) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def _matches(patterns: Sequence[str], name: str) -> bool:
    """Whether the last pattern that fits a name includes it; those with `!` exclude it."""
    result = False
    for pattern in patterns:
        excluding = pattern.startswith("!")
        if result is excluding and re.fullmatch(_expression(pattern.removeprefix("!")), name):
            result = not excluding
    return result


def _expression(pattern: str) -> str:
    """GitHub's filter patterns as a regular expression: `*` stops at slashes, `?` and `+` are about what precedes."""
    parts = re.findall(r"\*\*/?|\*|[?+]|\[[^\]]*\]|.", pattern)
    special = {"**": ".*", "**/": "(?:.*/)?", "*": "[^/]*", "?": "?", "+": "+"}
    return "".join(special.get(part, part if part.startswith("[") else re.escape(part)) for part in parts)
