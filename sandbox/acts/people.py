"""Accounts and their roles."""

from sandbox.errors import SandboxError
from sandbox.lifecycle import Sandbox
from sandbox.records import Account
from sandbox.state import ROLES


class PeopleActs(Sandbox):
    """Create, rename and delete accounts, and give them roles."""

    def person(self, login: str, role: str = "write", repo: str | None = None, *, base: str | None = None) -> Account:
        """Create an account or change its role; a custom role needs the `base` role that it extends."""
        if role not in ROLES and base not in ROLES:
            raise SandboxError(f"{role} is not a built-in role: set `base` to the role that it extends.")
        permission = ROLES[role] if role in ROLES else ROLES[base or "read"]
        person = self.state.account(login)
        self.repository(repo).roles[person.id] = (permission, role)
        return person

    def rename_person(self, login: str, new_login: str) -> None:
        """Rename an account: it keeps its id and its roles; `person` registers a new account under the old login."""
        self.state.rename_account(login, new_login)

    def delete_person(self, login: str) -> None:
        """Delete an account: `person` registers another one, with another id, under the same login."""
        self.state.delete_account(login)
