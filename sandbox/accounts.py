"""Records of accounts, teams, Apps and installations: plain data without behavior."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(slots=True)
class Account:
    """An account: a user, an organization or an App's bot."""

    id: int
    login: str
    type: str = "User"


@dataclass(slots=True)
class Membership:
    """An account in a team: `role` is member or maintainer, `state` is active, or pending until it is accepted."""

    role: str = "member"
    state: str = "active"


@dataclass(slots=True)
class Team:
    """A team of an organization; its members by account id."""

    id: int
    name: str
    slug: str
    organization: Account
    created_at: datetime
    parent: "Team | None" = None
    members: dict[int, Membership] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OtherApp:
    """An App that is not the simulated one; all that it does is done through the control API."""

    id: int
    slug: str
    owner: Account


@dataclass(slots=True)
class Installation:
    """The App installed on an account; `repository_ids` is None if it covers all repositories of the account."""

    id: int
    account: Account
    permissions: dict[str, str]
    events: list[str]
    created_at: datetime
    repository_ids: set[int] | None = None
    suspended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """What GitHub sends a browser back with after somebody has authorized the App: it is exchanged for a token once.

    `challenge` is that of PKCE (S256); empty without one.
    """

    account: Account
    redirect_uri: str
    challenge: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class UserToken:
    """A token with which the App acts for an account that has authorized it."""

    account: Account
    expires_at: datetime


@dataclass(slots=True)
class Registration:
    """An App that somebody has registered from a manifest, and whose credentials nobody has fetched yet."""

    manifest: dict[str, Any]
    owner: Account
    created_at: datetime


@dataclass(slots=True)
class Token:
    """An installation token; `repository_ids` is None if it covers all repositories of the installation."""

    value: str
    installation_id: int
    created_at: datetime
    expires_at: datetime
    permissions: dict[str, str]
    repository_ids: set[int] | None = None
