"""Collaborators, and their roles. https://docs.github.com/en/rest/collaborators/collaborators"""

from urllib.parse import quote

from bot.github.fields import required
from bot.github.repository import RepositoryClient
from bot.github.transport import ApiError
from bot.rules.permissions import role_from


async def role_of(repository: RepositoryClient, login: str) -> str:
    """The current role of a user: `none`, `read`, `triage`, `write`, `maintain` or `admin`."""
    try:
        url = f"{repository.root}/collaborators/{quote(login, safe='')}/permission"
        permission = (await repository.request("GET", url)).data
    except ApiError as error:
        error.raise_unless(403, 404)
        return "none"
    return role_from(required(permission, "permission"), permission.get("role_name"))
