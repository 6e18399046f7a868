"""Accounts. https://docs.github.com/en/rest/users/users"""

from dataclasses import dataclass
from urllib.parse import quote

from bot.github.fields import required, required_text
from bot.github.repository import RepositoryClient
from bot.github.transport import ApiError
from bot.rules.ids import GitHubUserId


@dataclass(frozen=True)
class Account:
    """An account: its id, which never changes, its login, and whether it is a person's (`User`)."""

    id: GitHubUserId
    login: str
    type: str


async def by_login(repository: RepositoryClient, login: str) -> Account | None:
    """The account that has a login now; None when there is none."""
    try:
        data = (await repository.request("GET", f"/users/{quote(login, safe='')}")).data
    except ApiError as error:
        error.raise_unless(404)
        return None
    return Account(GitHubUserId(int(required(data, "id"))), required_text(data, "login"), str(data.get("type", "")))


async def by_id(repository: RepositoryClient, user: GitHubUserId) -> str | None:
    """The login that an account has now; None when the account no longer exists."""
    try:
        return required_text((await repository.request("GET", f"/user/{user}")).data, "login")
    except ApiError as error:
        error.raise_unless(404)
        return None
