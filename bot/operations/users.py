"""Users, and the API tokens by which programs act for them."""

import hashlib
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from tortoise.exceptions import IntegrityError

from bot.context import Actor, Context, authorize, with_known_projects
from bot.errors import Conflict, DatabaseUnavailable, NotFound, Refusal, Unauthenticated, project_not_found
from bot.events.administration import TokenCreated, TokenRenewed, TokenRevoked
from bot.github import collaborators
from bot.operations import events
from bot.rules import users as rules
from bot.rules.ids import GitHubUserId, ProjectId, TokenId, UserId
from bot.rules.permissions import GRANTS, grants_of_role, unknown_grants
from bot.store import queries
from bot.store.database import after_commit, current, transaction
from bot.store.projects import Repository
from bot.store.users import ApiToken, TokenRecord, User

NO_ACTOR = Actor(UserId(0), "nobody", frozenset())
MARK = "lsh_"  # the prefix of every secret, by which scanners recognize it
TRIES = 5  # of creating a user while others do
MAX_LISTED_GRANTS = 5  # unknown grants that a refusal lists
LISTED_PREFIX_LENGTH = 12  # characters of the secret that identify a token in lists
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@\[\]+-]{0,254}")
LAST_USED_INTERVAL = timedelta(minutes=1)  # between two updates of `last_used_at`


async def get_or_create(context: Context, name: str) -> User:
    """Return the user of a token by name, created if it does not exist; never an account on GitHub.

    A user whose name is that of an account is called `<name>@token`.
    """
    _check_name(name, "user")
    for _ in range(TRIES):
        known = await User.filter(name__in=[name, rules.token_name(name)], github_id=None)
        if known:
            return min(known, key=lambda user: user.name != name)
        is_account = await User.filter(name__iexact=name).exclude(github_id=None).exists()
        if (created := await _save(context, rules.token_name(name) if is_account else name, None)) is not None:
            return created
    raise Conflict("Other requests keep creating users of this name: try again.")


async def from_github(context: Context, github_id: int, login: str) -> User:
    """Return the user of an account on GitHub by its id, created if it does not exist; its name follows the login.

    Never the user of a token, nor another account that had the login before: an account whose login is the name of
    another user is called `<login>@github`.
    """
    for name in rules.account_names(login, github_id):
        user = await User.get_or_none(github_id=github_id)
        if user is not None and rules.is_account_name(user.name, login, github_id):
            return user
        others = [other for other in await User.filter(name__iexact=name) if other.github_id != github_id]
        if not others and (saved := await _save(context, name, github_id)) is not None:
            return saved
    raise AssertionError("there is no end of names")


async def _save(context: Context, name: str, github_id: int | None) -> User | None:
    """Create a user, or rename that of an account; None when the name or the account has just been taken."""
    try:
        async with transaction():
            if github_id is None or not await User.filter(github_id=github_id).update(name=name):
                return await User.create(name=name, github_id=github_id, created_at=context.now())
            return await User.get(github_id=github_id)
    except IntegrityError:
        return None


async def system_actor(context: Context) -> Actor:
    """Return Longshore itself as an actor, for jobs and for the command line."""
    user = await User.get_or_none(name=rules.SYSTEM, github_id=None) or await _create_system(context)
    return Actor(user.id, user.name, frozenset({"admin"}))


async def _create_system(context: Context) -> User:
    """Create Longshore's own user. An account that took its name before this was refused is renamed."""
    account = await User.get_or_none(name=rules.SYSTEM)
    if account is not None and account.github_id is not None:
        await from_github(context, account.github_id, rules.SYSTEM)
    return await _save(context, rules.SYSTEM, None) or await User.get(name=rules.SYSTEM, github_id=None)


async def actor_from_github(context: Context, github_id: int, login: str, repository: Repository) -> Actor:
    """Return a GitHub user as an actor with the grants of their current role in the repository.

    GitHub is asked by login. If that is another account's by now, the role is not this user's: they have no grants.
    """
    role = await collaborators.role_of(context.client_for(repository), login)
    user = await from_github(context, github_id, login)
    doubt = rules.why_no_role(login, role.account, github_id)
    held = "none" if doubt else role.name
    return Actor(
        user.id,
        user.name,
        grants_of_role(held),
        repository_id=repository.github_id,
        role=held,
        doubt=doubt,
        github_id=GitHubUserId(github_id),
    )


@dataclass(frozen=True)
class NewToken:
    """A token to create: `project` is the name of the only one that it is for; `expires` a lifetime or a time.

    `personal`: it is tied to the account on GitHub of its user. `by_operator`: an operator makes it for that person.
    """

    name: str
    grants: list[str]
    project: str | None = None
    expires: timedelta | datetime | None = None
    personal: bool = False
    by_operator: bool = False


async def create_token(
    context: Context,
    name: str,
    *,
    grants: list[str],
    user: str | None = None,
    project: str | None = None,
    expires: timedelta | datetime | None = None,
) -> tuple[ApiToken, str]:
    """Create a token; return its row and its secret, which is not stored and cannot be shown again.

    The token acts for the user of its own name unless `user` is passed. `expires` is a lifetime or a time. Refuses
    unknown grants, an empty list of them, an unknown project, a time in the past, and Longshore's own name. Requires
    `admin` on every project: a token of one project could otherwise create one for all.
    """
    authorize(context.actor, "admin", everywhere=True)
    new = NewToken(name, grants, project, expires)
    check_token(context, new)
    owner_name = name if user is None else user
    _check_owner(owner_name, "name" if user is None else "user")
    async with transaction():
        scope = await _project_id(context, project)
        return await _insert_token(context, await get_or_create(context, owner_name), new, scope)


async def create_token_of(context: Context, owner: User, new: NewToken) -> tuple[ApiToken, str]:
    """Create a token of a user; return its row and its secret. What the caller may is checked before."""
    check_token(context, new)
    async with transaction():
        return await _insert_token(context, owner, new, await _project_id(context, new.project))


def check_token(context: Context, new: NewToken) -> None:
    """Refuse invalid values of a token to create."""
    _check_grants(new.grants)
    _check_name(new.name, "name")
    if isinstance(new.expires, datetime) and new.expires <= context.now():
        raise Refusal("`expires_at` must be in the future.", field="expires_at")


async def _insert_token(context: Context, owner: User, new: NewToken, scope: ProjectId | None) -> tuple[ApiToken, str]:
    secret, now = MARK + secrets.token_urlsafe(32), context.now()
    token = await ApiToken.create(
        user=owner,
        name=new.name,
        prefix=secret[:LISTED_PREFIX_LENGTH],
        digest=_digest(secret),
        grants=sorted(set(new.grants)),
        project_id=scope,
        personal=new.personal,
        by_operator=new.by_operator,
        expires_at=now + new.expires if isinstance(new.expires, timedelta) else new.expires,
        created_at=now,
    )
    person = {"github_id": owner.github_id, "made_by_operator": new.by_operator} if new.personal else {}
    after = {"user": owner.name, "grants": token.grants, "prefix": token.prefix, **person}
    await events.record(context, TokenCreated(project_id=scope, target=new.name, new=after, row=token.id))
    return token, secret


async def list_tokens(context: Context, before: int | None, limit: int) -> list[ApiToken]:
    """List tokens with ids below `before`, newest first, with their users; revoked and expired ones too."""
    authorize(context.actor, "admin", everywhere=True)
    rows = ApiToken.all() if before is None else ApiToken.filter(id__lt=before)
    return await rows.order_by("-id").limit(limit).select_related("user")


async def find_token(context: Context, token_id: int) -> ApiToken:
    """Find a token by its id, with its user."""
    authorize(context.actor, "admin", everywhere=True)
    row = await ApiToken.get_or_none(id=token_id).select_related("user")
    if row is None:
        raise token_not_found()
    return row


def token_not_found() -> NotFound:
    """Build the error for an unknown token."""
    return NotFound("Token not found")


async def revoke_token_by_id(context: Context, token_id: int) -> None:
    """Revoke a token by its id. A revoked one is kept as it is."""
    authorize(context.actor, "admin", everywhere=True)
    async with transaction():
        row = await ApiToken.select_for_update().get_or_none(id=token_id)
        if row is None:
            raise token_not_found()
        if row.revoked_at is None:
            await revoke_row(context, row)


async def revoke_token(context: Context, token: str) -> None:
    """Revoke a valid token by its id, prefix or name. Refuses a name or prefix that several tokens have."""
    authorize(context.actor, "admin", everywhere=True)
    async with transaction():
        rows = await ApiToken.filter(revoked_at=None)
        matching = [row for row in rows if token in (str(row.id), row.prefix, row.name)]
        if not matching:
            raise NotFound(f"There is no valid token `{token}`.")
        if len(matching) > 1:
            ids = [row.id for row in matching]
            raise Conflict(f"Several tokens are called `{token}`: name one by its id.", ids=ids)
        await revoke_row(context, matching[0])


async def renew_token(context: Context, secret: str) -> str:
    """Replace the secret of a valid token and return the new one. The token's holder needs no grant for it."""
    new = MARK + secrets.token_urlsafe(32)
    async with transaction():
        changed = await ApiToken.filter(digest=_digest(secret), revoked_at=None).update(
            digest=_digest(new), prefix=new[:LISTED_PREFIX_LENGTH]
        )
        if not changed:
            raise Unauthenticated("Invalid token.")
        after_commit(current().forget_tokens)
        renewed = TokenRenewed(target=new[:LISTED_PREFIX_LENGTH], old={"prefix": secret[:LISTED_PREFIX_LENGTH]})
        await events.record(context, renewed)
    return new


async def revoke_row(context: Context, token: ApiToken) -> None:
    """Revoke a token in the caller's transaction. What the caller may is checked before."""
    await ApiToken.filter(id=token.id).update(revoked_at=context.now())
    after_commit(current().forget_tokens)
    revoked = TokenRevoked(project_id=token.project_id, target=token.name, old={"prefix": token.prefix})
    await events.record(context, revoked)


async def authenticate(
    secret: str, now: datetime, *, public: frozenset[str] = frozenset(), read_only: bool = False
) -> Actor:
    """Return the actor of a token. Refuses an unknown, expired or revoked token without saying which it is.

    Tokens are found by SHA-256: the secrets are random, so the time of the lookup reveals nothing. A `read_only`
    request may use a cached token, so a token that another process has revoked can still read for some seconds.
    `public` are the grants that everybody has on public projects.
    """
    digest, recent = _digest(secret), current().recent_tokens
    token = recent.get(digest) if read_only else None
    if token is None or _is_past(token.expires_at, now):
        token = recent[digest] = await _valid_token(digest, now)
    return _actor_of(token, public)


async def actor_of_token(token_id: TokenId, now: datetime) -> Actor | None:
    """Return the actor of a token by its id; None if it has expired or was revoked."""
    digest = await ApiToken.filter(id=token_id).values_list("digest", flat=True)
    token = await queries.find_token(str(digest[0])) if digest else None
    if token is None or token.revoked_at is not None or _is_past(token.expires_at, now):
        return None
    return _actor_of(token)


def _actor_of(token: TokenRecord, public: frozenset[str] = frozenset()) -> Actor:
    return Actor(
        token.user_id,
        token.user_name,
        token.grants,
        project_id=token.project_id,
        public=public,
        github_id=token.github_id,
        token_id=token.id,
        by_operator=token.by_operator,
        is_unconfirmed=token.github_id is not None,
    )


async def _valid_token(digest: str, now: datetime) -> TokenRecord:
    """Find a token, refuse an invalid one, and update `last_used_at` at most once per LAST_USED_INTERVAL."""
    token = await queries.find_token(digest)
    if token is None or token.revoked_at is not None or _is_past(token.expires_at, now):
        raise Unauthenticated("Invalid token.")
    if token.last_used_at is None or now - token.last_used_at > LAST_USED_INTERVAL:
        with suppress(DatabaseUnavailable):  # of a read-only database: reading goes on
            await ApiToken.filter(id=token.id).update(last_used_at=now)
    return token


def _is_past(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and moment <= now


def _check_grants(grants: list[str]) -> None:
    if unknown := unknown_grants(grants):
        listed = ", ".join(name[:100] for name in unknown[:MAX_LISTED_GRANTS])
        more = f" and {len(unknown) - MAX_LISTED_GRANTS} more" if len(unknown) > MAX_LISTED_GRANTS else ""
        raise Refusal(f"No such grant: {listed}{more}. There are: {', '.join(sorted(GRANTS))}.", field="grants")
    if not grants:
        raise Refusal(f"A token needs at least one grant: {', '.join(sorted(GRANTS))}.", field="grants")


def _check_owner(name: str, field: str) -> None:
    _check_name(name, field)
    if name.lower() == rules.SYSTEM:
        sentence = f"`{rules.SYSTEM}` is the name of Longshore itself in the audit log: choose another."
        raise Refusal(sentence, field=field)
    if rules.looks_like_account(name):
        raise Refusal(f"`{name[:100]}` looks like the name of an account on GitHub: choose another.", field=field)


def _check_name(name: str, field: str) -> None:
    if _NAME.fullmatch(name) is None:
        raise Refusal(
            f"`{name[:100]}` is not a valid name: use 1 to 255 letters, digits and . _ @ + - [ ], "
            "beginning with a letter or digit.",
            field=field,
        )


async def _project_id(context: Context, project: str | None) -> ProjectId | None:
    if project is None:
        return None
    outline = await queries.find_outline(queries.BY_NAME, project)
    if outline is None:
        error = project_not_found(field="project", project=project[:100])
        raise await with_known_projects(context.actor, project, error)
    return outline.id


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
