"""Personal tokens: a person's on GitHub, who approves with it and deploys as far as their role reaches.

At each use the grants are cut down to those of the person's role in the project's repository (`bot/actors.py`).
"""

from dataclasses import replace

from bot.context import Context, authorize
from bot.errors import NotFound, Refusal
from bot.github import users as accounts
from bot.github.repository import RepositoryClient
from bot.github.users import Account
from bot.operations import users
from bot.operations.users import NewToken
from bot.rules.permissions import grants_of_role
from bot.store.projects import Repository
from bot.store.users import ApiToken

POSSIBLE = grants_of_role("admin")
"""The grants that some role on GitHub brings."""
PERSON = "User"  # the type of an account


async def create_for(context: Context, login: str, new: NewToken) -> tuple[ApiToken, str]:
    """Create a token that an operator makes for the person with a login on GitHub; return its row and its secret.

    Refuses grants that no role on GitHub brings, and a login that GitHub does not know or that is no person's. Raises
    Unavailable if GitHub does not answer.
    """
    authorize(context.actor, "admin", everywhere=True)
    refuse_impossible(new.grants)
    users.check_token(context, new)
    account = await find_person(await _client(context, new.project), login)
    owner = await users.from_github(context, account.id, account.login)
    return await users.create_token_of(context, owner, replace(new, personal=True, by_operator=True))


def refuse_impossible(grants: list[str]) -> None:
    """Refuse grants that a personal token never has: those that no role on GitHub brings."""
    if impossible := sorted({"admin", "content:read", "content:write"}.intersection(grants)):
        sentence = f"A personal token cannot have {impossible[0]}: it has at most what a role on GitHub brings."
        raise Refusal(f"{sentence} There are: {', '.join(sorted(POSSIBLE))}.", field="grants")


async def find_person(client: RepositoryClient, login: str, field: str = "github_user") -> Account:
    """Find the account of a person by its login. `field` is named by the refusals of an unknown one."""
    account = await accounts.by_login(client, login)
    if account is None:
        raise NotFound(f"GitHub knows no user `{login[:100]}`.", field=field)
    if account.type != PERSON:
        raise Refusal(f"`{login[:100]}` on GitHub is not a person's account.", field=field)
    return account


async def _client(context: Context, project: str | None) -> RepositoryClient:
    """A client by which accounts can be looked up: that of the project's repository, else any."""
    of_project = Repository.filter(projects__name=project) if project is not None else Repository.all()
    repository = await of_project.filter(installation_id__not_isnull=True).order_by("github_id").first()
    if repository is None:
        raise Refusal(
            "GitHub cannot be asked for the user: the App is installed on no repository of a project.",
            reason="Install the App on a repository, and make a project of it.",
        )
    return context.client_for(repository)
