"""Repositories of the account, and the App's installation on it."""

from datetime import timedelta
from pathlib import Path

from sandbox import template
from sandbox.accounts import Installation
from sandbox.credentials import LEVELS
from sandbox.errors import SandboxError
from sandbox.lifecycle import Sandbox
from sandbox.use_cases import installations, repositories


class RepositoryActs(Sandbox):
    """Add, rename, transfer, hide, archive and delete repositories, and install the App on them."""

    async def add_repository_to_account(self, source: Path, name: str, private: bool = False) -> str:
        """Add another repository to the account; return its `owner/name`."""
        return self._add_repository(await template.prepare(Path(source)), name, private).full_name

    async def rename(self, new_name: str, repo: str | None = None) -> None:
        """Rename a repository."""
        repositories.rename(self.state, self.repository(repo), new_name, self.state.account("alice"))

    async def transfer(self, new_owner: str, repo: str | None = None) -> None:
        """Transfer a repository to another owner."""
        state = self.state
        repositories.transfer(
            state, self.repository(repo), state.account(new_owner, "Organization"), state.account("alice")
        )

    async def set_private(self, private: bool = True, repo: str | None = None) -> None:
        """Make a repository private or public."""
        repositories.set_private(self.state, self.repository(repo), private, self.state.account("alice"))

    async def archive(self, archived: bool = True, repo: str | None = None) -> None:
        """Archive or unarchive a repository."""
        repositories.archive(self.state, self.repository(repo), archived, self.state.account("alice"))

    async def delete_repository(self, repo: str | None = None) -> None:
        """Delete a repository."""
        repositories.delete(self.state, self.repository(repo), self.state.account("alice"))

    def block(self, blocked: bool = True, repo: str | None = None) -> None:
        """Make a repository respond 451, as after a takedown notice."""
        self.repository(repo).blocked = blocked

    @property
    def installation(self) -> Installation:
        """The App's installation on the account."""
        installation = installations.find(self.state, self.state.owner) or next(
            iter(self.state.installations.values()), None
        )
        if installation is None:
            raise SandboxError("The App is not installed.")
        return installation

    @property
    def installation_id(self) -> int:
        """The installation's id."""
        return self.installation.id

    async def install(self, repo: str | None = None) -> int:
        """Install the App on one repository, or on all of the account's; return the installation's id."""
        if installations.find(self.state, self.state.owner):
            raise SandboxError("The App is already installed.")
        selected = None if repo is None else [self.repository(repo)]
        return installations.install(self.state, self.state.owner, selected, self.state.account("alice")).id

    async def uninstall(self) -> None:
        """Uninstall the App from the account."""
        installations.uninstall(self.state, self.installation, self.state.account("alice"))

    async def suspend(self) -> None:
        """Suspend the installation."""
        installations.suspend(self.state, self.installation, self.state.account("alice"))

    async def unsuspend(self) -> None:
        """Lift the suspension."""
        installations.unsuspend(self.state, self.installation, self.state.account("alice"))

    async def add_repository(self, repo: str) -> None:
        """Add a repository to the installation."""
        added = [self.repository(repo)]
        installations.change_repositories(self.state, self.installation, added, [], self.state.account("alice"))

    async def remove_repository(self, repo: str | None = None) -> None:
        """Remove a repository from the installation."""
        removed = [self.repository(repo)]
        installations.change_repositories(self.state, self.installation, [], removed, self.state.account("alice"))

    async def set_permission(self, name: str, level: str | None = None) -> None:
        """Set the level of a permission that the installation has accepted; with None it has not accepted it."""
        if level not in (None, *LEVELS):
            raise SandboxError(f"{level} is not a level: use read, write, admin or null.")
        installations.set_permission(self.state, self.installation, name, level, self.state.account("alice"))

    def expire_tokens(self) -> None:
        """Expire every installation token."""
        for token in self.state.tokens.values():
            token.expires_at = self.state.now() - timedelta(seconds=1)
