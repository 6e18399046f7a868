"""Accounts, their roles and their teams."""

from sandbox.accounts import Account, Team
from sandbox.errors import SandboxError
from sandbox.lifecycle import Sandbox
from sandbox.state import ROLES
from sandbox.use_cases import sign_in, teams


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

    def sign_in_as(self, login: str | None = None) -> None:
        """Have GitHub's sign-in page let this account in at once, which has authorized the App; null shows the page."""
        self.state.signed_in = None if login is None else self.state.account(login)

    async def revoke_authorization(self, login: str) -> None:
        """Take back, as an account, that the App may act for it: its tokens end, and the App is told."""
        sign_in.revoke(self.state, self.state.account(login))

    def add_email(self, login: str, email: str) -> None:
        """Add an e-mail address to an account: commits with it as author or committer are the account's."""
        self.state.emails[email.lower()] = self.state.account(login)

    def team(self, name: str, *, parent: str | None = None, org: str | None = None) -> Team:
        """Create a team of an organization (by default, the owner of the repositories), or change its parent team."""
        return teams.create(self.state, self._organization(org), name, parent)

    def delete_team(self, team: str, org: str | None = None) -> None:
        """Delete a team and the teams below it."""
        teams.delete(self.state, teams.find(self.state, self._organization(org), team))

    def add_team_member(
        self, team: str, login: str, *, role: str = "member", state: str = "active", org: str | None = None
    ) -> None:
        """Add an account to a team, as a `maintainer` with that role; `pending` until it accepts the invitation."""
        found = teams.find(self.state, self._organization(org), team)
        teams.add_member(found, self.state.account(login), role, state)

    def remove_team_member(self, team: str, login: str, org: str | None = None) -> None:
        """Remove an account from a team."""
        teams.remove_member(teams.find(self.state, self._organization(org), team), self.state.account(login))

    def _organization(self, login: str | None) -> Account:
        return self.state.owner if login is None else self.state.account(login, "Organization")
