"""Lists of people in an environment's settings: who may approve, and who may deploy.

An entry is `role:NAME` (that role in the repository, or one above it), `team:ORG/SLUG` or `user:LOGIN`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, NamedTuple

from bot.errors import Refusal
from bot.rules.ids import GitHubUserId
from bot.rules.permissions import ROLES

EXPECTED = "`role:NAME` with a role on GitHub, `team:ORG/SLUG` or `user:LOGIN`"
_LOGIN = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,37}[A-Za-z0-9])?"
_ENTRY = re.compile(
    rf"role:(?P<role>{'|'.join(ROLES)})|team:(?P<org>{_LOGIN})/(?P<slug>[a-z0-9][a-z0-9._-]{{0,99}})|user:(?P<login>{_LOGIN})"
)


class Team(NamedTuple):
    """A team of an organization on GitHub."""

    org: str
    slug: str


@dataclass(frozen=True)
class PersonFact:
    """What GitHub says about a person now. `role` is None while it is unknown; "none" for somebody without one.

    `teams` are those asked for of which the person is a member; `problems` says for each entry that could not be
    answered (`role`, or `team:ORG/SLUG`) why that is. `is_gone`: the account does not exist any more.
    """

    github_id: GitHubUserId
    login: str
    role: str | None = None
    teams: frozenset[Team] = frozenset()
    problems: Mapping[str, str] = field(default_factory=dict)
    is_gone: bool = False


Answer = Literal["yes", "no", "unknown"]


def check_entry(entry: str) -> str:
    """Refuse a text that is not an entry of a list of people."""
    if _ENTRY.fullmatch(entry) is None:
        raise Refusal(f"It must be {EXPECTED}.", value=entry[:100], expected=EXPECTED)
    return entry


def teams_in(entries: Iterable[str]) -> frozenset[Team]:
    """The teams that a list names."""
    return frozenset(entry.team for entry in _read(tuple(entries)) if entry.team is not None)


def logins_in(entries: Iterable[str]) -> frozenset[str]:
    """The logins that a list names, in lower case."""
    return frozenset(entry.login for entry in _read(tuple(entries)) if entry.login is not None)


def names_roles(entries: Iterable[str]) -> bool:
    """Whether a list names a role, so that roles have to be asked for."""
    return any(entry.startswith("role:") for entry in entries)


def is_listed(person: PersonFact, entries: Iterable[str], users: Mapping[str, GitHubUserId]) -> tuple[Answer, str]:
    """Whether a list names a person, and why that cannot be told. `users` are the ids of the logins in the list.

    Being named by one entry suffices. Of entries that GitHub did not answer, the first problem is returned.
    """
    if person.is_gone:
        return "no", ""
    problems = []
    for entry in _read(tuple(entries)):
        answer, problem = _is_meant(person, entry, users)
        if answer == "yes":
            return "yes", ""
        if answer == "unknown":
            problems.append(problem)
    return ("unknown", problems[0]) if problems else ("no", "")


class _Read(NamedTuple):
    """An entry: one of the fields is set."""

    login: str | None
    role: int | None
    team: Team | None


@lru_cache(512)
def _read(entries: tuple[str, ...]) -> tuple[_Read, ...]:
    """Read the entries of a list; roles by their places in `ROLES`. What is not an entry names nobody."""
    return tuple(
        _Read(
            match["login"].lower() if match["login"] else None,
            ROLES.index(match["role"]) if match["role"] else None,
            Team(match["org"].lower(), match["slug"]) if match["slug"] else None,
        )
        for match in filter(None, map(_ENTRY.fullmatch, entries))
    )


def _is_meant(person: PersonFact, entry: _Read, users: Mapping[str, GitHubUserId]) -> tuple[Answer, str]:
    if entry.login is not None:
        return ("yes" if users.get(entry.login) == person.github_id else "no"), ""
    if entry.role is not None:
        if person.role is None:
            return "unknown", person.problems.get("role", "GitHub was not asked for the role")
        held = ROLES.index(person.role) if person.role in ROLES else -1
        return ("yes" if held >= entry.role else "no"), ""
    if entry.team is None:
        return "no", ""
    if entry.team in person.teams:
        return "yes", ""
    problem = person.problems.get(f"team:{entry.team.org}/{entry.team.slug}")
    return ("no", "") if problem is None else ("unknown", problem)
