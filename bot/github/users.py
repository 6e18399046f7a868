"""Accounts. https://docs.github.com/en/rest/users/users"""

from bot.github.fields import required_text
from bot.github.repository import RepositoryClient
from bot.github.transport import ApiError
from bot.rules.ids import GitHubUserId


async def by_id(repository: RepositoryClient, user: GitHubUserId) -> str | None:
    """The login that an account has now; None when the account no longer exists."""
    try:
        return required_text((await repository.request("GET", f"/user/{user}")).data, "login")
    except ApiError as error:
        error.raise_unless(404)
        return None
