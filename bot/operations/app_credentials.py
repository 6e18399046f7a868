"""The App's credentials in the database: stored encrypted, replaced without a restart, and read by every process.

Rows are only added. Each process notices a newer one by its id, and the secret of the webhooks before it stays valid
for some time, since it cannot be changed here and on GitHub at the same moment.
"""

import json
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise

from bot import private_key
from bot.context import Context, authorize
from bot.encryption import Encryption
from bot.errors import Conflict, Refusal, WrongSettings
from bot.events.administration import AppCredentialsReplaced
from bot.events.event import Event
from bot.operations import events
from bot.store.app_credentials import AppCredentials
from bot.store.database import transaction

GRACE = timedelta(hours=1)
"""How long webhooks may still be signed with a secret after it was replaced."""
MAX_PREVIOUS = 20  # rows that are looked at for secrets that are still valid
MIN_WEBHOOK_SECRET = 16  # characters
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
SECRETS = ("private_key", "webhook_secret", "client_secret")
NOTHING_NEW = "Enter at least one of the credentials."
INCOMPLETE = "An App needs its id, a private key and the secret of its webhooks."
IN_SETTINGS = "The App is named by the settings of this service, which win over what is stored: change it there."
SHORT_SECRET = f"The webhook secret must have at least {MIN_WEBHOOK_SECRET} characters."


@dataclass(frozen=True)
class StoredApp:
    """An App and its secrets. Without a client id and a client secret, nobody can sign in with GitHub."""

    app_id: str
    api_url: str
    private_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    slug: str = ""
    name: str = ""
    owner: str = ""
    url: str = ""


@dataclass(frozen=True)
class PreviousSecret:
    """A secret of webhooks that was replaced, and until when it is still valid."""

    secret: str = field(repr=False)
    until: datetime


@dataclass(frozen=True)
class StoredCredentials:
    """What the newest row says, and the secrets of the rows before it that are still valid."""

    row: int
    app: StoredApp
    previous: Sequence[PreviousSecret] = ()


@dataclass(frozen=True)
class Credentials:
    """Credentials as somebody enters them; an empty one is kept as it is."""

    app_id: str = ""
    private_key: str = field(default="", repr=False)
    webhook_secret: str = field(default="", repr=False)
    client_id: str = ""
    client_secret: str = field(default="", repr=False)


@dataclass(frozen=True)
class AppSetup:
    """How a process lets the App be set up in the browser.

    `is_in_settings`: the settings name the App, and nothing that is stored counts. `api_url` is the address of GitHub's
    API in the settings; `may_choose` whether an App may be registered on another GitHub. `proxy_for` is the proxy for
    such an address. `encryption` raises WrongSettings without a key. `refresh` has the process look
    for new credentials.
    """

    is_in_settings: bool
    api_url: str
    may_choose: bool
    proxy_for: Callable[[str], str]
    encryption: Callable[[], Encryption]
    refresh: Callable[[], Awaitable[object]]


async def newest() -> int:
    """The id of the newest row; 0 if there is none. Cheap: every process asks every few seconds."""
    row = await AppCredentials.all().order_by("-id").first().values_list("id", flat=True)
    return int(str(row)) if row else 0


async def load(encryption: Encryption, now: datetime) -> StoredCredentials | None:
    """Read the newest credentials; None if there are none. Raises WrongSettings if they cannot be decrypted."""
    rows = await AppCredentials.all().order_by("-id").limit(MAX_PREVIOUS)
    if not rows:
        return None
    app = _decrypt(encryption, rows[0])
    return StoredCredentials(rows[0].id, app, [*_previous(encryption, rows, app, now)])


async def store(context: Context, setup: AppSetup, app: StoredApp, event: Event) -> None:
    """Store credentials, which every process uses within seconds. Refuses what the settings would win over."""
    authorize(context.actor, "admin", everywhere=True)
    refuse_if_in_settings(setup)
    secrets = {name: getattr(app, name) for name in SECRETS}
    columns = {name: value for name, value in asdict(app).items() if name not in secrets}
    sealed = setup.encryption().encrypt(json.dumps(secrets), _place(app.app_id, app.client_id, app.api_url))
    async with transaction():
        await AppCredentials.create(**columns, sealed=sealed, created_at=context.now())
        await events.record(context, event)
    await setup.refresh()


async def replace_some(context: Context, setup: AppSetup, entered: Credentials) -> None:
    """Replace credentials of the App, or enter those of one that was registered by hand. For operators.

    What is left empty is kept. Another App needs all of its own. Refuses a key that is none, and a secret that can be
    guessed.
    """
    authorize(context.actor, "admin", everywhere=True)
    refuse_if_in_settings(setup)
    given = {name: value for name, value in asdict(entered).items() if value}
    if not given:
        raise Refusal(NOTHING_NEW)
    _check(given)
    stored = await _readable(setup, context.now())
    if stored is None or given.get("app_id", stored.app_id) not in (stored.app_id, stored.client_id):
        app = _another(given, setup.api_url if stored is None else stored.api_url)
    else:
        app = replace(stored, **{name: value for name, value in given.items() if name != "app_id"})
    event = AppCredentialsReplaced(target=app.app_id, new={"replaced": sorted(given)})
    await store(context, setup, app, event)


def refuse_if_in_settings(setup: AppSetup) -> None:
    """Refuse to set up an App that would not count."""
    if setup.is_in_settings:
        raise Conflict(IN_SETTINGS)


def checked_key(text: str) -> str:
    """A private key as PEM, however it was copied. Refuses what is none, without showing anything of it."""
    try:
        return private_key.normalized(text)
    except ValueError as error:
        raise Refusal(f"The private key {error}.", field="private_key") from None


def _check(given: dict[str, str]) -> None:
    for name in ("app_id", "client_id"):
        if name in given and _ID.fullmatch(given[name]) is None:
            raise Refusal(f"`{name}` must be an id as GitHub shows it, of letters and digits.", field=name)
    if "private_key" in given:
        given["private_key"] = checked_key(given["private_key"])
    if 0 < len(given.get("webhook_secret", "")) < MIN_WEBHOOK_SECRET:
        raise Refusal(SHORT_SECRET, field="webhook_secret")


async def _readable(setup: AppSetup, now: datetime) -> StoredApp | None:
    """The stored App; None if there is none, or its key is lost, so that all has to be entered anew."""
    try:
        stored = await load(setup.encryption(), now)
    except WrongSettings:
        return None
    return None if stored is None else stored.app


def _another(given: dict[str, str], api_url: str) -> StoredApp:
    if not all(given.get(name) for name in ("app_id", "private_key", "webhook_secret")):
        raise Refusal(INCOMPLETE)
    return StoredApp(**given, api_url=api_url)


def _previous(
    encryption: Encryption, rows: Sequence[AppCredentials], app: StoredApp, now: datetime
) -> Sequence[PreviousSecret]:
    """The other secrets of the same App that were valid less than the grace time ago."""
    found: dict[str, datetime] = {}
    for newer, row in pairwise(rows):
        until = newer.created_at + GRACE
        if until <= now or (row.app_id, row.api_url) != (app.app_id, app.api_url):
            break
        try:
            secret = _decrypt(encryption, row).webhook_secret
        except WrongSettings:  # of a key that has been taken away
            continue
        if secret != app.webhook_secret:
            found.setdefault(secret, until)
    return [PreviousSecret(secret, until) for secret, until in found.items()]


def _decrypt(encryption: Encryption, row: AppCredentials) -> StoredApp:
    secrets = json.loads(encryption.decrypt(row.sealed, _place(row.app_id, row.client_id, row.api_url)))
    return StoredApp(
        app_id=row.app_id,
        api_url=row.api_url,
        client_id=row.client_id,
        slug=row.slug,
        name=row.name,
        owner=row.owner,
        url=row.url,
        **{name: str(secrets.get(name, "")) for name in SECRETS},
    )


def _place(app_id: str, client_id: str, api_url: str) -> str:
    """What the secrets belong to: they are of no use beside another id, or for another server."""
    return json.dumps(["app_credentials", app_id, client_id, api_url])
