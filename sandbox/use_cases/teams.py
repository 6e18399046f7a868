"""Teams of organizations and their members."""

import re

from sandbox.accounts import Account, Membership, Team
from sandbox.errors import SandboxError
from sandbox.state import State


def slug_of(name: str) -> str:
    """The name of a team in URLs."""
    return re.sub(r"[^a-z0-9_]+", "-", name.lower()).strip("-")


def find(state: State, organization: Account, slug: str) -> Team:
    """Find a team by its name or slug."""
    team = state.team(organization, slug_of(slug))
    if team is None:
        raise SandboxError(f"No team {slug} in {organization.login}.")
    return team


def create(state: State, organization: Account, name: str, parent: str | None) -> Team:
    """Create a team, or put an existing one below another."""
    above = None if parent is None else find(state, organization, parent)
    team = state.team(organization, slug_of(name))
    if team is None:
        team = Team(next(state.ids.others), name, slug_of(name), organization, state.now())
        state.teams[team.id] = team
    if above is not None and team in _lineage(above):
        raise SandboxError(f"The team {team.name} cannot be below itself.")
    team.parent = above
    return team


def _lineage(team: Team | None) -> list[Team]:
    """A team and those above it."""
    return [] if team is None else [team, *_lineage(team.parent)]


def delete(state: State, team: Team) -> None:
    """Delete a team and the teams below it, as GitHub does."""
    for below in [other for other in state.teams.values() if any(each is team for each in _lineage(other))]:
        del state.teams[below.id]


def add_member(team: Team, account: Account, role: str, state: str) -> None:
    """Add an account to a team, or change its membership."""
    if role not in ("member", "maintainer") or state not in ("active", "pending"):
        raise SandboxError("role must be member or maintainer, and state active or pending.")
    team.members[account.id] = Membership(role, state)


def remove_member(team: Team, account: Account) -> None:
    """Remove an account from a team."""
    if team.members.pop(account.id, None) is None:
        raise SandboxError(f"{account.login} is not in the team {team.name}.")


def membership(state: State, team: Team, account: Account) -> Membership | None:
    """An account's membership of a team, which members of the teams below it have too."""
    if account.id in team.members:
        return team.members[account.id]
    below = [other for other in state.teams.values() if any(each is team for each in _lineage(other.parent))]
    inherited = [other.members[account.id] for other in below if account.id in other.members]
    return next((Membership(state=each.state) for each in inherited), None)
