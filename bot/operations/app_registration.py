"""Registering the App in the browser: GitHub gets a manifest, and gives its credentials for a code.

The `state` that goes to GitHub and back belongs to one session, and is good once: otherwise another site could make an
operator's browser hand over an App of somebody else.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta

from bot.context import Context, authorize
from bot.errors import Forbidden, Refusal
from bot.events.administration import AppRegistered
from bot.github import app_manifests
from bot.operations import app_credentials
from bot.operations.app_credentials import AppSetup, StoredApp
from bot.rules.ids import SessionId
from bot.store.app_credentials import AppRegistration
from bot.store.database import transaction

LASTS = timedelta(hours=1)  # as GitHub's code does
MAX_STATE = 100  # characters of a state that is compared
WRONG_STATE = (
    "This registration was not begun in this session, was completed before, or is older than an hour. "
    "Begin it again at /setup."
)
NO_CODE = "GitHub sent no code with which the App's credentials could be fetched: register the App again."
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,200}")


@dataclass(frozen=True)
class Answer:
    """What GitHub sends the browser back with."""

    code: str
    state: str


async def begin(context: Context, setup: AppSetup, session: SessionId, api_url: str) -> str:
    """Begin a registration on the GitHub with this API; returns the `state` to send along. For operators.

    Refuses when the credentials could not be stored afterwards: GitHub shows them only once.
    """
    authorize(context.actor, "admin", everywhere=True)
    app_credentials.refuse_if_in_settings(setup)
    setup.encryption()
    state, now = secrets.token_urlsafe(32), context.now()
    async with transaction():
        await AppRegistration.filter(expires_at__lt=now).delete()
        await AppRegistration.create(
            session_id=session, digest=_digest(state), api_url=api_url, created_at=now, expires_at=now + LASTS
        )
    return state


async def complete(context: Context, setup: AppSetup, session: SessionId, answer: Answer) -> None:
    """Fetch the App's credentials and store them. Refuses a state that is not this session's. For operators."""
    authorize(context.actor, "admin", everywhere=True)
    setup.encryption()
    api_url = await _use_state(context, session, answer.state)
    if _CODE.fullmatch(answer.code) is None:
        raise Refusal(NO_CODE)
    found = await app_manifests.convert(context.github, api_url, setup.proxy_for(api_url), answer.code)
    app = StoredApp(
        app_id=found.app_id,
        api_url=api_url,
        private_key=app_credentials.checked_key(found.private_key),
        webhook_secret=found.webhook_secret,
        client_id=found.client_id,
        client_secret=found.client_secret,
        slug=found.slug,
        name=found.name,
        owner=found.owner,
        url=found.url,
    )
    new = {"app_id": app.app_id, "owner": app.owner, "api_url": app.api_url}
    await app_credentials.store(context, setup, app, AppRegistered(target=app.slug, new=new))


async def _use_state(context: Context, session: SessionId, state: str) -> str:
    """Use up a state, and return the address of the API that it was made for."""
    now = context.now()
    async with transaction():
        rows = await AppRegistration.filter(session_id=session, used_at=None, expires_at__gt=now)
        digest = _digest(state[:MAX_STATE])
        found = [row for row in rows if hmac.compare_digest(row.digest, digest)]
        if not found or not await AppRegistration.filter(id=found[0].id, used_at=None).update(used_at=now):
            raise Forbidden(WRONG_STATE)
    return found[0].api_url


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode("utf-8", "surrogatepass")).hexdigest()
