"""Users, and the tokens by which programs speak for them."""

import hashlib
import re
import secrets
from datetime import datetime, timedelta

from tortoise.exceptions import IntegrityError

from bot.context import Actor, Context, require_everywhere
from bot.errors import Conflict, NotFound, Refusal, Unauthenticated
from bot.operations import audit
from bot.rules.permissions import GRANTS, STRANGERS, grants_of_role, unknown_grants
from bot.store import queries
from bot.store.database import after_commit, current, transaction
from bot.store.projects import Repository
from bot.store.users import ApiToken, TokenRecord, User

SYSTEM = "longshore"
NOBODY = Actor(0, "nobody", frozenset())
PREFIX = "lsh_"
NAMED = 5  # of grants that there are not
SHOWN = 12  # characters by which a token is told from others
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@\[\]+-]{0,254}")
LAST_USED_INTERVAL = timedelta(minutes=1)


async def named(context: Context, name: str) -> User:
    """The user of a name, made if there is none yet."""
    _check_name(name, "user")
    user, _ = await User.get_or_create(name=name, defaults={"created_at": context.now()})
    return user


async def from_github(context: Context, github_id: int, login: str) -> User:
    """The user that GitHub knows by an id, made if there is none yet; their name follows their login.

    A user of the same name without a GitHub id is somebody else until an operator says otherwise.
    """
    names = [login, f"{login}@github", f"{login}@github-{github_id}"]
    user = await User.get_or_none(github_id=github_id)
    if user is not None and user.name in names:
        return user
    taken = {other.name for other in await User.filter(name__in=names)}
    name = next(name for name in names if name not in taken)
    if user is None:
        try:
            return await User.create(name=name, github_id=github_id, created_at=context.now())
        except IntegrityError:
            return await User.get(github_id=github_id)
    await User.filter(id=user.id).update(name=name)
    user.name = name
    return user


async def system(context: Context) -> Actor:
    """Longshore itself, who finishes what others began."""
    user = await named(context, SYSTEM)
    return Actor(user.id, user.name, frozenset({"admin"}))


async def with_role(context: Context, github_id: int, login: str, repository: Repository) -> Actor:
    """Somebody on GitHub, with what their role in a repository brings at this moment."""
    role = await context.at(repository).role_of(login)
    user = await from_github(context, github_id, login)
    return Actor(user.id, user.name, grants_of_role(role), repository_id=repository.github_id)


async def create_token(
    context: Context,
    name: str,
    *,
    grants: list[str],
    user: str | None = None,
    project: str | None = None,
    expires_in: timedelta | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiToken, str]:
    """Make a token and give its row and the secret, which is not stored and cannot be shown again.

    Refuses unknown grants, none at all, an unknown project, a moment that is past, and Longshore's own name. `admin`
    on every project is called for: a token of one project could otherwise make itself one of all.
    """
    require_everywhere(context.actor, "admin")
    _check_grants(grants)
    _check_name(name, "name")
    owned_by = name if user is None else user
    _check_owner(owned_by, "name" if user is None else "user")
    now = context.now()
    if expires_at is not None and expires_at <= now:
        raise Refusal("`expires_at` must be in the future.", field="expires_at")
    secret = PREFIX + secrets.token_urlsafe(32)
    async with transaction():
        scope = await _scope(project)
        owner = await named(context, owned_by)
        token = await ApiToken.create(
            user=owner,
            name=name,
            prefix=secret[:SHOWN],
            digest=_digest(secret),
            grants=sorted(set(grants)),
            project_id=scope,
            expires_at=expires_at if expires_in is None else now + expires_in,
            created_at=now,
        )
        after = {"user": owner.name, "grants": token.grants, "prefix": token.prefix}
        await audit.record(context, "token.create", name, project=scope, after=after)
    return token, secret


async def tokens(context: Context, before: int | None, limit: int) -> list[ApiToken]:
    """Tokens with their users, newest first, from before an id on, revoked and expired ones too."""
    require_everywhere(context.actor, "admin")
    rows = ApiToken.all() if before is None else ApiToken.filter(id__lt=before)
    return await rows.order_by("-id").limit(limit).select_related("user")


async def token(context: Context, number: int) -> ApiToken:
    """A token, with its user, by its id."""
    require_everywhere(context.actor, "admin")
    found = await ApiToken.get_or_none(id=number).select_related("user")
    if found is None:
        raise NotFound("Token not found")
    return found


async def revoke_numbered(context: Context, number: int) -> None:
    """Take a token's power away, by its id. One that has none any more stays as it is."""
    require_everywhere(context.actor, "admin")
    async with transaction():
        found = await ApiToken.select_for_update().get_or_none(id=number)
        if found is None:
            raise NotFound("Token not found")
        if found.revoked_at is None:
            await _revoke(context, found)


async def revoke_token(context: Context, token: str) -> None:
    """Take a token's power away, by its id, its prefix or its name where only one has it."""
    require_everywhere(context.actor, "admin")
    async with transaction():
        rows = await ApiToken.filter(revoked_at=None)
        found = [row for row in rows if token in (str(row.id), row.prefix, row.name)]
        if not found:
            raise NotFound(f"No token `{token}` is in force.")
        if len(found) > 1:
            raise Conflict(f"Several tokens are called `{token}`: name one by its id.", ids=[row.id for row in found])
        await _revoke(context, found[0])


async def renew_token(context: Context, secret: str) -> str:
    """Give a token in force another secret; the old one no longer works. Whoever has it may do so."""
    new = PREFIX + secrets.token_urlsafe(32)
    async with transaction():
        changed = await ApiToken.filter(digest=_digest(secret), revoked_at=None).update(
            digest=_digest(new), prefix=new[:SHOWN]
        )
        if not changed:
            raise Unauthenticated("Invalid token.")
        after_commit(current().forget_tokens)
        await audit.record(context, "token.renew", new[:SHOWN], before={"prefix": secret[:SHOWN]})
    return new


async def _revoke(context: Context, token: ApiToken) -> None:
    await ApiToken.filter(id=token.id).update(revoked_at=context.now())
    after_commit(current().forget_tokens)
    before = {"prefix": token.prefix}
    await audit.record(context, "token.revoke", token.name, project=token.project_id, before=before)


def anonymous(anonymous_read: str) -> Actor:
    """Somebody who says nothing of who they are, as the setting `ANONYMOUS_READ` lets them."""
    return Actor(0, "anonymous", frozenset(), public=STRANGERS[anonymous_read])


async def authenticate(
    secret: str, now: datetime, *, public: frozenset[str] = frozenset(), reads: bool = False
) -> Actor:
    """Who speaks with a token. Refuses an unknown, expired or revoked one, without saying which it is.

    Looked up by its SHA-256: the secrets are random, so there is nothing that comparing them could tell. Who only
    `reads` is believed for some seconds: a token that another process has revoked reads as long as that. `public` are
    the grants that anybody has.
    """
    digest, recent = _digest(secret), current().recent_tokens
    token = recent.get(digest) if reads else None
    if token is None or _is_past(token.expires_at, now):
        token = recent[digest] = await _valid_token(digest, now)
    return Actor(token.user_id, token.user_name, token.grants, project_id=token.project_id, public=public)


async def _valid_token(digest: str, now: datetime) -> TokenRecord:
    """Find a valid token and record, at most once in LAST_USED_INTERVAL, that it was used."""
    token = await queries.find_token(digest)
    if token is None or token.revoked_at is not None or _is_past(token.expires_at, now):
        raise Unauthenticated("Invalid token.")
    if token.last_used_at is None or now - token.last_used_at > LAST_USED_INTERVAL:
        await ApiToken.filter(id=token.id).update(last_used_at=now)
    return token


def _is_past(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and moment <= now


def _check_grants(grants: list[str]) -> None:
    if unknown := unknown_grants(grants):
        named = ", ".join(name[:100] for name in unknown[:NAMED])
        more = f" and {len(unknown) - NAMED} more" if len(unknown) > NAMED else ""
        raise Refusal(f"No such grant: {named}{more}. There are: {', '.join(sorted(GRANTS))}.", field="grants")
    if not grants:
        raise Refusal(f"A token needs at least one grant: {', '.join(sorted(GRANTS))}.", field="grants")


def _check_owner(name: str, field: str) -> None:
    _check_name(name, field)
    if name == SYSTEM:
        raise Refusal(f"`{SYSTEM}` is Longshore itself: in the audit log nobody else may go by this name.", field=field)


def _check_name(name: str, field: str) -> None:
    if _NAME.fullmatch(name) is None:
        raise Refusal(
            f"`{name[:100]}` is no name of a user or token: up to 255 letters, digits and . _ @ + - [ ] are, "
            "beginning with a letter or digit.",
            field=field,
        )


async def _scope(project: str | None) -> int | None:
    if project is None:
        return None
    row = await queries.find_outline(queries.BY_NAME, project)
    if row is None:
        raise NotFound("Release project not found", field="project", project=project[:100])
    return row.id


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
