"""People's roles and memberships, remembered for a minute or more where they are only shown."""

import time
from collections.abc import Callable

from cachetools import TLRUCache, TTLCache

from bot.errors import Unavailable
from bot.github import collaborators, teams, users
from bot.github.collaborators import Role
from bot.github.repository import RepositoryClient
from bot.github.strangers import Strangers
from bot.rules.ids import GitHubUserId, InstallationId

SECONDS = 60.0
NOTHING_SECONDS = 600.0
"""For how long it is remembered that an account has no role in a repository, or that a login is not in a team."""
MAX_REMEMBERED = 16_384

_AccountKey = tuple[int, int, int]
_LoginAndRole = tuple[str, str]
_MemberKey = tuple[int, str, str, str]


class People:
    """Who may do what, by GitHub's word. What changes anything asks anew (`fresh`); the answer is remembered too.

    A question that GitHub did not answer is not remembered. `strangers` counts the questions that people cause about
    themselves. `clock` in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._roles: TTLCache[tuple[int, int, str], Role] = TTLCache(MAX_REMEMBERED, SECONDS, clock)
        self._accounts: TLRUCache[_AccountKey, _LoginAndRole | None] = TLRUCache(MAX_REMEMBERED, _until, clock)
        self._members: TLRUCache[_MemberKey, bool] = TLRUCache(MAX_REMEMBERED, _member_until, clock)
        self.strangers = Strangers(clock)

    async def role(self, repository: RepositoryClient, login: str, *, fresh: bool) -> Role:
        """The role of a login in a repository, as `collaborators.role_of`."""
        key = (repository.installation, repository.id, login.lower())
        known = None if fresh else self._roles.get(key)
        if known is None:
            known = self._roles[key] = await collaborators.role_of(repository, login)
        return known

    async def role_of_account(
        self, repository: RepositoryClient, account: GitHubUserId, login: str, *, fresh: bool
    ) -> _LoginAndRole | None:
        """The login and the role of an account, which may have another login by now; None when it is gone."""
        key = (repository.installation, repository.id, account)
        if not fresh and key in self._accounts:
            known: _LoginAndRole | None = self._accounts[key]
            return known
        found = await self.role(repository, login, fresh=fresh)
        renamed: str | None = login
        if found.account != account:
            renamed = await users.by_id(repository, account)
            if renamed is not None:
                found = await self.role(repository, renamed, fresh=True)
        name = found.name if found.account == account else "none"
        self._accounts[key] = answer = None if renamed is None else (renamed, name)
        return answer

    async def own_role(
        self, repository: RepositoryClient, account: GitHubUserId, login: str, *, fresh: bool, private: bool
    ) -> str:
        """The role of somebody in a repository that they ask about themselves; `none` for an account that is gone.

        Refuses (RateLimited) more questions than strangers may cause. Everybody reads what is not `private`.
        """
        if fresh or (repository.installation, repository.id, account) not in self._accounts:
            self.strangers.count_role(account, repository.id)
        try:
            found = await self.role_of_account(repository, account, login, fresh=fresh)
        except Unavailable:
            self.strangers.take_back(account)
            raise
        role = "none" if found is None else found[1]
        if role != "none" and (private or role != "read") and self.strangers.is_one(account):
            self.strangers.has_role(account)
        return role

    async def is_member(
        self, repository: RepositoryClient, organization: str, slug: str, login: str, *, fresh: bool
    ) -> bool:
        """Whether a login is an active member of a team, as `teams.is_member`, with the same errors."""
        key = (repository.installation, organization.lower(), slug.lower(), login.lower())
        known = None if fresh else self._members.get(key)
        if known is None:
            known = self._members[key] = await teams.is_member(repository, organization, slug, login)
        return known

    def forget_person(self, account: GitHubUserId, login: str) -> None:
        """Drop what is remembered of the roles and memberships of somebody who may just have been given one."""
        for key in [key for key in self._accounts if key[2] == account]:
            self._accounts.pop(key, None)
        for role in [role for role in self._roles if role[2] == login.lower()]:
            self._roles.pop(role, None)
        for member in [member for member in self._members if member[3] == login.lower()]:
            self._members.pop(member, None)

    def forget(self, installation: InstallationId) -> None:
        """Drop what is remembered from an installation."""
        for key in [key for key in self._roles if key[0] == installation]:
            self._roles.pop(key, None)
        for account in [account for account in self._accounts if account[0] == installation]:
            self._accounts.pop(account, None)
        for member in [member for member in self._members if member[0] == installation]:
            self._members.pop(member, None)


def _until(_: _AccountKey, found: _LoginAndRole | None, now: float) -> float:
    """Until when it is remembered which role an account has."""
    return now + (NOTHING_SECONDS if found is None or found[1] == "none" else SECONDS)


def _member_until(_: _MemberKey, is_member: bool, now: float) -> float:
    """Until when it is remembered whether a login is in a team."""
    return now + (SECONDS if is_member else NOTHING_SECONDS)
