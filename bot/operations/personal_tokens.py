"""Personal tokens: a person's on GitHub, who approves with it and deploys as far as their role reaches.

An operator makes them on the command line, or people make them for themselves.

At each use the grants are cut down to those of the person's role in the project's repository (`bot/actors.py`).
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tortoise.exceptions import IntegrityError
from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from bot.context import READ, Context, authorize, confirmed
from bot.errors import Conflict, Forbidden, NotFound, Refusal
from bot.events.administration import TokenCreated
from bot.github import users as accounts
from bot.github.repository import RepositoryClient
from bot.github.users import Account
from bot.operations import performed_requests, readable, users
from bot.operations.users import NewToken
from bot.rules.ids import UserId
from bot.rules.permissions import grants_of_role
from bot.store import queries
from bot.store.database import transaction
from bot.store.projects import Project, Repository
from bot.store.users import ApiToken, User

POSSIBLE = grants_of_role("admin")
"""The grants that some role on GitHub brings."""
PERSON = "User"  # the type of an account
LONGEST = timedelta(days=365)
MAX_OWN = 50  # valid tokens of one person, beyond which they make no more
MAX_LISTED = 500
NO_ACCOUNT = (
    "A personal token belongs to an account on GitHub, and you have signed in without one. "
    "Tokens for programs are made with `longshore token create`."
)
MADE_BEFORE = (
    "This token has been made already, and its secret cannot be shown again. If you do not have it, revoke it."
)


@dataclass(frozen=True)
class OwnToken:
    """A personal token as its owner sees it, with the name of the only project that it is for."""

    row: ApiToken
    project: str | None


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


async def create_own(context: Context, new: NewToken) -> tuple[ApiToken, str]:
    """Create a token of the person who acts, for themselves; return its row and its secret.

    Refuses who has no account on GitHub, grants that no role brings, a project that the person may not read, a token
    without an end or that lasts longer than LONGEST, more than MAX_OWN tokens, and a request that was performed before:
    its secret cannot be shown again.
    """
    owner = _person(context)
    if not new.grants:
        raise Refusal(f"Choose at least one grant: {', '.join(sorted(POSSIBLE))}.", field="grants")
    refuse_impossible(new.grants)
    users.check_token(context, new)
    if not isinstance(new.expires, timedelta) or not timedelta() < new.expires <= LONGEST:
        raise Refusal(f"A token of yours lasts {LONGEST.days} days at most.", field="lifetime")
    if new.project is not None:
        await confirmed(context, new.project, READ)
    if await performed_requests.result_of(context, TokenCreated.act) is not None:
        raise Conflict(MADE_BEFORE)
    if await _valid(owner, context.now()).count() >= MAX_OWN:
        raise Conflict(f"You have {MAX_OWN} valid tokens already: revoke one first.")
    try:
        return await users.create_token_of(context, await User.get(id=owner), replace(new, personal=True))
    except IntegrityError as error:
        raise Conflict(MADE_BEFORE) from error


async def list_own(context: Context) -> list[OwnToken]:
    """List the valid personal tokens of the person who acts, newest first."""
    rows = await _valid(context.actor.user_id, context.now()).order_by("-id").limit(MAX_LISTED)
    ids = {row.project_id for row in rows if row.project_id is not None}
    names = dict(await Project.filter(id__in=ids).values_list("id", "name"))
    return [OwnToken(row, None if row.project_id is None else names.get(row.project_id)) for row in rows]


async def revoke_own(context: Context, token_id: int) -> None:
    """Revoke a personal token of the person who acts, whoever made it. A revoked one is kept as it is."""
    owner = _person(context)
    async with transaction():
        row = await ApiToken.select_for_update().get_or_none(id=token_id, user_id=owner, personal=True)
        if row is None:
            raise users.token_not_found()
        if row.revoked_at is None:
            await users.revoke_row(context, row)


async def list_possible_projects(context: Context) -> list[str]:
    """List the names of projects that a token of one's own can be limited to: those that the actor may read."""
    reading = await readable.with_readable(context)
    names, _ = await queries.list_project_names(reading.actor.visibility(READ), "name", MAX_LISTED)
    return names


def _person(context: Context) -> UserId:
    """The user of the person who acts. Refuses programs, and who signed in without an account on GitHub."""
    if context.actor.github_id is None or context.actor.token_id is not None:
        raise Forbidden(NO_ACCOUNT)
    return context.actor.user_id


def _valid(owner: UserId, now: datetime) -> QuerySet[ApiToken]:
    return ApiToken.filter(
        Q(expires_at__isnull=True) | Q(expires_at__gt=now), user_id=owner, personal=True, revoked_at=None
    )


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
