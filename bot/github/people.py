"""People's roles and memberships, remembered for a minute where they are only shown."""

import time

from cachetools import TTLCache

from bot.github import collaborators, teams, users
from bot.github.collaborators import Role
from bot.github.repository import RepositoryClient
from bot.rules.ids import GitHubUserId, InstallationId

SECONDS = 60.0
MAX_REMEMBERED = 4096


class People:
    """Who may do what, by GitHub's word. What changes anything asks anew (`fresh`); the answer is remembered too.

    A question that GitHub did not answer is not remembered.
    """

    def __init__(self) -> None:
        self._roles: TTLCache[tuple[int, int, str], Role] = TTLCache(MAX_REMEMBERED, SECONDS, time.monotonic)
        self._accounts: TTLCache[tuple[int, int, int], tuple[str, str] | None] = TTLCache(
            MAX_REMEMBERED, SECONDS, time.monotonic
        )
        self._members: TTLCache[tuple[int, str, str, str], bool] = TTLCache(MAX_REMEMBERED, SECONDS, time.monotonic)

    async def role(self, repository: RepositoryClient, login: str, *, fresh: bool) -> Role:
        """The role of a login in a repository, as `collaborators.role_of`."""
        key = (repository.installation, repository.id, login.lower())
        known = None if fresh else self._roles.get(key)
        if known is None:
            known = self._roles[key] = await collaborators.role_of(repository, login)
        return known

    async def role_of_account(
        self, repository: RepositoryClient, account: GitHubUserId, login: str, *, fresh: bool
    ) -> tuple[str, str] | None:
        """The login and the role of an account, which may have another login by now; None when it is gone."""
        key = (repository.installation, repository.id, account)
        if not fresh and key in self._accounts:
            return self._accounts[key]
        found = await self.role(repository, login, fresh=fresh)
        renamed: str | None = login
        if found.account != account:
            renamed = await users.by_id(repository, account)
            if renamed is not None:
                found = await self.role(repository, renamed, fresh=True)
        name = found.name if found.account == account else "none"
        self._accounts[key] = answer = None if renamed is None else (renamed, name)
        return answer

    async def is_member(
        self, repository: RepositoryClient, organization: str, slug: str, login: str, *, fresh: bool
    ) -> bool:
        """Whether a login is an active member of a team, as `teams.is_member`, with the same errors."""
        key = (repository.installation, organization.lower(), slug.lower(), login.lower())
        known = None if fresh else self._members.get(key)
        if known is None:
            known = self._members[key] = await teams.is_member(repository, organization, slug, login)
        return known

    def forget(self, installation: InstallationId) -> None:
        """Drop what is remembered from an installation."""
        for key in [key for key in self._roles if key[0] == installation]:
            self._roles.pop(key, None)
        for account in [account for account in self._accounts if account[0] == installation]:
            self._accounts.pop(account, None)
        for member in [member for member in self._members if member[0] == installation]:
            self._members.pop(member, None)
