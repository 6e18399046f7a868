"""Sessions: signing in to the pages, staying signed in, and signing out.

A session is known by a random secret in a cookie, of which only the SHA-256 is stored. What its owner may do is their
role on GitHub, which is asked for when it matters (`bot/actors.py`); an operator may do everything.
"""

import hashlib
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from bot.context import Actor, Context, authorize
from bot.errors import DatabaseUnavailable, NotFound, Unauthenticated
from bot.events.administration import LoginLinkCreated, SignedIn, SignedOut
from bot.operations import events, users
from bot.rules.ids import GitHubUserId, SessionId
from bot.rules.permissions import grants_of_role
from bot.store.database import transaction
from bot.store.sessions import LoginLink, Session
from bot.store.users import User

IDLE = timedelta(days=7)
LONGEST = timedelta(days=30)
LINK_LASTS = timedelta(minutes=10)
RETENTION = timedelta(days=7)  # for which sessions and links are kept once they have ended
MAX_OPEN = 20  # sessions of one user; of those who signed in with a link together
MAX_LISTED = 500
TOUCH_INTERVAL = timedelta(minutes=1)  # between two updates of `last_used_at`
MAX_BROWSER = 200  # characters of the User-Agent header that are kept
OPERATOR = "operator"  # the user of sessions that were opened with a link
EXPIRED_LINK = "This link has been used, or is older than 10 minutes. Make a new one with `longshore login-link`."


@dataclass(frozen=True)
class CurrentSession:
    """The session of a request, and who acts in it."""

    id: SessionId
    actor: Actor
    is_operator: bool


async def begin(
    context: Context, user: User, browser: str, *, operator: bool = False, replaces: SessionId | None = None
) -> str:
    """Begin a session of a user; returns its secret, which is not stored.

    `browser` is the User-Agent header. `replaces` is an earlier session of this browser, which ends: no secret outlives
    a sign-in. Of the user's other sessions, all but the newest end, so that MAX_OPEN are left.
    """
    secret, now = secrets.token_urlsafe(32), context.now()
    async with transaction():
        if replaces is not None:
            await _end(context, await Session.filter(id=replaces))
        await _end(context, (await _open(now).filter(user=user).order_by("-id"))[MAX_OPEN - 1 :])
        await Session.create(
            user=user,
            digest=_digest(secret),
            operator=operator,
            browser=browser[:MAX_BROWSER],
            created_at=now,
            last_used_at=now,
            expires_at=now + LONGEST,
        )
        await events.record(context, SignedIn(target=user.name, new={"operator": operator}))
    return secret


async def authenticate(
    secret: str, now: datetime, *, operators: frozenset[GitHubUserId], public: frozenset[str] = frozenset()
) -> CurrentSession | None:
    """Find the session with a secret, and who acts in it; None if there is none, or it has ended.

    `operators` are the people who may do everything; `public` are the grants that everybody has on public projects.
    """
    row = await Session.get_or_none(digest=_digest(secret)).select_related("user")
    if row is None or row.ended_at is not None or now >= row.expires_at or now >= row.last_used_at + IDLE:
        return None
    if now - row.last_used_at > TOUCH_INTERVAL:
        with suppress(DatabaseUnavailable):  # of a read-only database: reading goes on
            await Session.filter(id=row.id).update(last_used_at=now)
    is_operator = row.operator or row.user.github_id in operators
    return CurrentSession(row.id, _actor(row.user, is_operator, public), is_operator)


def _actor(user: User, is_operator: bool, public: frozenset[str]) -> Actor:
    return Actor(
        user.id,
        user.name,
        frozenset({"admin"}) if is_operator else grants_of_role("admin"),
        public=public,
        github_id=None if user.github_id is None else GitHubUserId(user.github_id),
        is_unconfirmed=not is_operator,
    )


async def end(context: Context, session_id: int) -> None:
    """End a session: one's own, or as an operator anybody's. One that has ended is kept as it is."""
    async with transaction():
        row = await Session.get_or_none(id=session_id)
        if row is None or not _may_end(context.actor, row):
            raise NotFound("Session not found")
        await _end(context, [row])


async def end_all_of(context: Context, github_id: GitHubUserId) -> None:
    """End every session of an account on GitHub: it has taken back that it trusts the App."""
    async with transaction():
        await _end(context, await Session.filter(user__github_id=github_id, ended_at=None))


async def end_others(context: Context, kept: SessionId) -> None:
    """End all of one's own sessions but one. Who signed in with a link ends those of all who did."""
    async with transaction():
        rows = Session.filter(user_id=context.actor.user_id, ended_at=None)
        await _end(context, await rows.exclude(id=kept))


def _open(now: datetime) -> QuerySet[Session]:
    """The sessions that have neither ended nor expired."""
    return Session.filter(ended_at=None, expires_at__gt=now, last_used_at__gt=now - IDLE)


async def list_open(context: Context, *, everybody: bool = False) -> Sequence[Session]:
    """List one's own sessions that are open, or as an operator everybody's, with users.

    The one used last comes first; there are at most MAX_LISTED.
    """
    if everybody:
        authorize(context.actor, "admin", everywhere=True)
    now = context.now()
    rows = _open(now)
    if not everybody:
        rows = rows.filter(user_id=context.actor.user_id)
    return await rows.order_by("-last_used_at", "-id").limit(MAX_LISTED).select_related("user")


async def create_link(context: Context) -> str:
    """Make the secret of a link that signs in as the operator, once, within 10 minutes."""
    authorize(context.actor, "admin", everywhere=True)
    secret, now = secrets.token_urlsafe(32), context.now()
    async with transaction():
        await LoginLink.create(digest=_digest(secret), created_at=now, expires_at=now + LINK_LASTS)
        await events.record(context, LoginLinkCreated(target=OPERATOR))
    return secret


async def use_link(context: Context, secret: str, browser: str, *, replaces: SessionId | None = None) -> str:
    """Sign in with a link as the operator; returns the secret of the new session, as `begin`.

    Refuses a used or expired link.
    """
    now = context.now()
    async with transaction():
        used = await LoginLink.filter(digest=_digest(secret), used_at=None, expires_at__gt=now).update(used_at=now)
        if not used:
            raise Unauthenticated(EXPIRED_LINK)
        user = await users.get_or_create(context, OPERATOR)
        actor = Actor(user.id, user.name, frozenset({"admin"}))
        acting = context.acting_as(actor, context.channel)
        return await begin(acting, user, browser, operator=True, replaces=replaces)


async def may_be_new() -> bool:
    """Whether nobody has ever signed in, nor made a link to do so, as far as that is stored."""
    return not (await LoginLink.exists() or await Session.exists())


async def prune(now: datetime) -> int:
    """Delete sessions that ended, and links that expired, longer than RETENTION ago; returns their number."""
    long_ago = now - RETENTION
    ended = Q(ended_at__lt=long_ago) | Q(expires_at__lt=long_ago) | Q(last_used_at__lt=long_ago - IDLE)
    links = await LoginLink.filter(expires_at__lt=long_ago).delete()
    return links + await Session.filter(ended).delete()


def _may_end(actor: Actor, row: Session) -> bool:
    return row.user_id == actor.user_id or (actor.holds("admin") and not actor.is_scoped)


async def _end(context: Context, rows: Sequence[Session]) -> None:
    for row in rows:
        if await Session.filter(id=row.id, ended_at=None).update(ended_at=context.now()):
            owner = await User.get(id=row.user_id)
            await events.record(context, SignedOut(target=owner.name, old={"session": row.id}))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
