"""Collaborators, and their roles. https://docs.github.com/en/rest/collaborators/collaborators"""

from dataclasses import dataclass
from urllib.parse import quote

from bot.github.fields import required
from bot.github.repository import RepositoryClient
from bot.github.transport import ApiError
from bot.rules.ids import GitHubUserId
from bot.rules.permissions import role_from


@dataclass(frozen=True)
class Role:
    """The role of a user, and the id of the account that GitHub knows by the login now; None if it knows none."""

    name: str
    account: GitHubUserId | None


async def role_of(repository: RepositoryClient, login: str) -> Role:
    """The current role of a login: `none`, `read`, `triage`, `write`, `maintain` or `admin`.

    Logins change hands: compare the account before relying on the role.
    """
    try:
        url = f"{repository.root}/collaborators/{quote(login, safe='')}/permission"
        permission = (await repository.request("GET", url)).data
    except ApiError as error:
        error.raise_unless(403, 404)
        return Role("none", None)
    user = permission.get("user")
    account = GitHubUserId(int(required(user, "id"))) if user else None
    return Role(role_from(required(permission, "permission"), permission.get("role_name")), account)
