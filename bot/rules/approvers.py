"""Lists of people in an environment's settings: who may approve, and who may deploy.

An entry is `role:NAME` (that role in the repository, or one above it), `team:ORG/SLUG` or `user:LOGIN`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
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
    matches = filter(None, map(_ENTRY.fullmatch, entries))
    return frozenset(Team(match["org"].lower(), match["slug"]) for match in matches if match["slug"])


def logins_in(entries: Iterable[str]) -> frozenset[str]:
    """The logins that a list names, in lower case."""
    return frozenset(match["login"].lower() for match in filter(None, map(_ENTRY.fullmatch, entries)) if match["login"])


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
    for match in filter(None, map(_ENTRY.fullmatch, entries)):
        answer, problem = _is_meant(person, match, users)
        if answer == "yes":
            return "yes", ""
        if answer == "unknown":
            problems.append(problem)
    return ("unknown", problems[0]) if problems else ("no", "")


def _is_meant(person: PersonFact, entry: re.Match[str], users: Mapping[str, GitHubUserId]) -> tuple[Answer, str]:
    if entry["login"]:
        return ("yes" if users.get(entry["login"].lower()) == person.github_id else "no"), ""
    if entry["role"]:
        if person.role is None:
            return "unknown", person.problems.get("role", "GitHub was not asked for the role")
        held = ROLES.index(person.role) if person.role in ROLES else -1
        return ("yes" if held >= ROLES.index(entry["role"]) else "no"), ""
    if Team(entry["org"].lower(), entry["slug"]) in person.teams:
        return "yes", ""
    problem = person.problems.get(f"team:{entry['org'].lower()}/{entry['slug']}")
    return ("no", "") if problem is None else ("unknown", problem)
