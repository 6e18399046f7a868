"""Tag prefixes: no prefix of a project begins, or is begun by, one of another project of its repository.

A tag's beginning then says whose it is. Case counts for GitHub, but not for the file systems of many clones nor for
people who read: prefixes that differ only in case overlap.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from string import ascii_lowercase

from bot.rules.projects import default_prefixes

FIELDS = ("tag_prefix", "trigger_tag_prefix")


@dataclass(frozen=True)
class Reserved:
    """A prefix that another project has, and the field that holds it. `project` is None if its name is not told."""

    prefix: str
    field: str
    project: str | None
    archived: bool = False

    @property
    def owner(self) -> str:
        """The other project, as a refusal calls it."""
        archived = "archived " if self.archived else ""
        return f"another {archived}project" if self.project is None else f"the {archived}project `{self.project}`"


@dataclass(frozen=True)
class Overlap:
    """A prefix of a project that overlaps with a reserved one. `is_default`: the caller did not choose it."""

    field: str
    prefix: str
    reserved: Reserved
    is_default: bool

    def sentence(self, suggestion: str | None) -> str:
        """Say what overlaps with what, and what to choose instead."""
        example = f", such as `{suggestion}`" if suggestion else ""
        relation = _relation(self.prefix, self.reserved.prefix)
        whose = f"{relation} the `{self.reserved.field}` of {self.reserved.owner} in this repository"
        if self.is_default:
            return f"By default, `{self.field}` is `{self.prefix}`, which {whose}: set it to another{example}."
        return f"`{self.field}` `{self.prefix}` {whose}: choose another{example}."


def overlaps(prefixes: Mapping[str, str], reserved: Iterable[Reserved], defaults: Iterable[str]) -> list[Overlap]:
    """Find the overlaps of a project's prefixes, by field, with reserved ones; `defaults` are the fields not chosen."""
    taken, unchosen = list(reserved), set(defaults)
    return [
        Overlap(field, prefix, other, field in unchosen)
        for field, prefix in prefixes.items()
        for other in taken
        if _overlap(prefix, other.prefix)
    ]


def suggest(field: str, permalink: str, reserved: Iterable[Reserved]) -> str | None:
    """Suggest a prefix that overlaps with none of the reserved ones; None if the alphabet is used up."""
    taken = [other.prefix for other in reserved]
    names = (permalink, f"project-{permalink}", *(f"{letter}-{permalink}" for letter in ascii_lowercase))
    prefixes = (default_prefixes(name, first=False)[field] for name in names)
    return next((prefix for prefix in prefixes if not any(_overlap(prefix, other) for other in taken)), None)


def _overlap(one: str, other: str) -> bool:
    one, other = one.lower(), other.lower()
    return one.startswith(other) or other.startswith(one)


def _relation(prefix: str, other: str) -> str:
    if prefix == other:
        return "is also"
    is_exact = prefix.startswith(other) or other.startswith(prefix)
    verb = "begins with" if len(prefix) >= len(other) else "is the beginning of"
    return f"{verb} `{other}`{'' if is_exact else ' but for its case'},"
