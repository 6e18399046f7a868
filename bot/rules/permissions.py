"""Grants, and what GitHub's roles bring."""

from collections.abc import Iterable
from dataclasses import dataclass

ROLES = ("read", "triage", "write", "maintain", "admin")

_BROUGHT = {
    "read": ("project:read",),
    "triage": (),
    "write": ("release:cut", "deployment:start", "announcement:submit"),
    "maintain": (
        "deployment:production",
        "deployment:report",
        "release:hold",
        "freeze:write",
        "announcement:approve",
    ),
    "admin": ("project:write", "deployment:force"),
}
_TOKENS_ONLY = ("content:read", "content:write", "admin")
GRANTS = frozenset([*(grant for grants in _BROUGHT.values() for grant in grants), *_TOKENS_ONLY])


STRANGERS = {
    "none": frozenset[str](),
    "content": frozenset({"content:read"}),
    "all": frozenset({"content:read", "project:read"}),
}
"""What anybody may do without credentials, on public projects only, by the setting `ANONYMOUS_READ`."""


@dataclass(frozen=True)
class Visibility:
    """Whose rows somebody sees: those of every project, or of one, of a repository's, of public ones."""

    everything: bool = False
    project_id: int | None = None
    repository_id: int | None = None
    public: bool = False


def grants_of_role(role: str) -> frozenset[str]:
    """What a role on GitHub brings: its own grants and those of the roles below it; nothing for `none`."""
    if role not in ROLES:
        return frozenset()
    below = ROLES[: ROLES.index(role) + 1]
    return frozenset(grant for name in below for grant in _BROUGHT[name])


def role_for(grant: str) -> str | None:
    """The least role on GitHub that brings a grant; None for grants that only tokens carry."""
    return next((role for role in ROLES if grant in _BROUGHT[role]), None)


def covers(granted: Iterable[str], grant: str) -> bool:
    """Whether a set of grants allows an act: `admin` implies all."""
    held = frozenset(granted)
    return grant in held or "admin" in held


def unknown_grants(names: Iterable[str]) -> list[str]:
    """The names that are no grants, in order."""
    return sorted(set(names) - GRANTS)


def role_from(permission: str, role_name: str | None) -> str:
    """The role behind GitHub's answer about a collaborator.

    `permission` folds maintain into write and triage into read; `role_name` tells them apart, and for a custom role
    is a name of its own, in which case the folded one is what counts.
    """
    return role_name if role_name in ROLES else permission
