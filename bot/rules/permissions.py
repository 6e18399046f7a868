"""Grants, and the roles on GitHub that confer them."""

from collections.abc import Iterable
from dataclasses import dataclass

from bot.rules.names import in_words

ROLES = ("read", "triage", "write", "maintain", "admin")

_ROLE_GRANTS = {
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
_TOKEN_GRANTS = ("content:read", "content:write", "admin")
GRANTS = frozenset([*(grant for grants in _ROLE_GRANTS.values() for grant in grants), *_TOKEN_GRANTS])

ANONYMOUS_GRANTS = {
    "none": frozenset[str](),
    "content": frozenset({"content:read"}),
    "all": frozenset({"content:read", "project:read"}),
}
"""The grants of anonymous callers, on public projects only, by the value of the setting `ANONYMOUS_READ`."""


@dataclass(frozen=True)
class Visibility:
    """The projects whose rows an actor may see: all (`everything`), else the union of these sets.

    - the actor's own: a project, the projects of a repository, or their intersection; none if neither is set;
    - all public projects, if `public`; those of public repositories, where everybody has the role read, if
      `public_repositories`; and the projects of the `readable` repositories.
    """

    everything: bool = False
    project_id: int | None = None
    repository_id: int | None = None
    public: bool = False
    public_repositories: bool = False
    readable: frozenset[int] = frozenset()


def grants_of_role(role: str) -> frozenset[str]:
    """Return the grants of a role on GitHub, including those of the roles below it; none for an unknown role."""
    if role not in ROLES:
        return frozenset()
    included = ROLES[: ROLES.index(role) + 1]
    return frozenset(grant for name in included for grant in _ROLE_GRANTS[name])


def includes_write(grants: frozenset[str]) -> bool:
    """Return whether some grants are those of the role write on GitHub, or more."""
    return grants_of_role("write") <= grants


def role_for(grant: str) -> str | None:
    """Return the lowest role on GitHub that has a grant; None for a grant that only tokens can have."""
    return next((role for role in ROLES if grant in _ROLE_GRANTS[role]), None)


def needs_role(needed: str, held: str) -> str:
    """Say which role in a repository something needs, and which one the person has."""
    return f"in this repository it needs {needed}; you have {held if held in ROLES else 'no role'}"


def needs_grant(needed: str, held: Iterable[str]) -> str:
    """Say which grant something needs, and which ones a token has."""
    return f"it needs `{needed}`; the token has {in_words(sorted(held)) or 'no grants'}"


def covers(grants: Iterable[str], grant: str) -> bool:
    """Return whether some grants include a grant; `admin` includes all."""
    held = frozenset(grants)
    return grant in held or "admin" in held


def unknown_grants(names: Iterable[str]) -> list[str]:
    """Return the names that are not grants, sorted."""
    return sorted(set(names) - GRANTS)


def role_from(permission: str, role_name: str | None) -> str:
    """Return the role of a collaborator from GitHub's response.

    `permission` reports maintain as write and triage as read; `role_name` distinguishes them. For a custom role,
    `role_name` is its name, and the base role in `permission` is returned.
    """
    return role_name if role_name in ROLES else permission
