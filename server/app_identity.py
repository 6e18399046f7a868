"""Which App a process acts as: that of its settings, or the one that was set up in the browser.

What is stored may change at any time, in any process: each looks for a newer row every few seconds.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import structlog

from bot.encryption import Encryption
from bot.errors import Unavailable, WrongSettings
from bot.github.app import AppKeys
from bot.operations import app_credentials
from bot.operations.app_credentials import AppSetup, StoredApp, StoredCredentials
from bot.rules import secret_keys
from bot.rules.setting_texts import split_list
from bot.settings import Settings
from bot.store.configuration import sqlite_path
from server import key_file
from web.runtime import SignIn

log = structlog.get_logger()

PAUSE = 2.0  # seconds between two looks
NO_KEY = "Without LONGSHORE_SECRET_KEY, the App's credentials cannot be stored in this database"
SET_KEY = f"set it to the same random text in every process: {secret_keys.HOW}"


class AppIdentity:
    """The App of one process. `on_change` is told its keys, or why there is none, whenever they change."""

    def __init__(self, settings: Settings, on_change: Callable[[AppKeys, WrongSettings | None], None]) -> None:
        self._settings, self._on_change = settings, on_change
        self._stored: StoredApp | None = None
        self._row = 0
        self._problem: WrongSettings | None = None
        self._encryption: Encryption | None = None
        self._secrets: list[tuple[bytes, float]] = []
        if settings.names_app:
            self._accept(settings.github_webhook_secret.get_secret_value())

    @property
    def keys(self) -> AppKeys:
        """The keys of the App; without an id if there is none."""
        settings, stored = self._settings, self._stored
        if settings.names_app or stored is None:
            app_id, key = settings.github_app_id, settings.github_private_key.get_secret_value()
            return AppKeys(app_id, key, settings.github_api_url, settings.proxy)
        api_url = settings.github_api_url if settings.names_github else stored.api_url
        return AppKeys(stored.app_id, stored.private_key, api_url, settings.proxy_for(api_url))

    @property
    def sign_in(self) -> SignIn:
        """With what people sign in with GitHub."""
        settings, stored = self._settings, self._stored
        if settings.github_client_id or stored is None:
            return SignIn(settings.github_client_id, settings.github_client_secret.get_secret_value())
        return SignIn(stored.client_id, stored.client_secret)

    @property
    def page(self) -> str:
        """The address of the stored App on GitHub; empty if it is not known."""
        return "" if self._stored is None else self._stored.url

    def webhook_secrets(self) -> list[bytes]:
        """The secrets that webhooks may be signed with, the current one first; none while there is no App."""
        now = time.time()
        return [secret for secret, until in self._secrets if until > now]

    def setup(self) -> AppSetup:
        """How the App is set up in the browser."""
        settings = self._settings
        return AppSetup(
            is_in_settings=settings.names_app,
            api_url=settings.github_api_url,
            may_choose=not settings.names_github,
            proxy_for=settings.proxy_for,
            encryption=self.encryption,
            refresh=self.refresh,
        )

    def encryption(self) -> Encryption:
        """What encrypts credentials. Raises WrongSettings without a key."""
        if self._encryption is None:
            keys = split_list(self._settings.secret_key.get_secret_value())
            if self._settings.database_url.startswith("sqlite"):
                keys += _keys_beside(sqlite_path(self._settings.database_url), is_needed=not keys)
            if not keys:
                raise WrongSettings(NO_KEY, SET_KEY)
            self._encryption = Encryption(keys)
        return self._encryption

    async def begin(self) -> None:
        """Use what is stored, and have the key ready with which more is stored. Without one, a warning is logged."""
        try:
            self.encryption()
        except WrongSettings as problem:
            log.warning("setting", warning=f"{problem.sentence}: {problem.details['reason']}")
        await self.refresh()

    async def run(self) -> None:
        """Look for newer credentials until canceled. If the settings name the App, there is nothing to look for."""
        while not self._settings.names_app:
            await asyncio.sleep(PAUSE)
            with suppress(Unavailable):  # the database, for now
                await self.refresh()

    async def refresh(self) -> None:
        """Use the newest credentials, if there are newer ones than those in use."""
        if self._settings.names_app or (newest := await app_credentials.newest()) == self._row:
            return
        try:
            found, self._problem = await app_credentials.load(self.encryption(), datetime.now(UTC)), None
        except WrongSettings as problem:
            log.error("app not readable", problem=problem.sentence, reason=problem.details.get("reason"))
            found, self._problem = None, problem
        self._row = newest if found is None else found.row
        self._use(found)

    def _use(self, found: StoredCredentials | None) -> None:
        self._stored, self._secrets = None if found is None else found.app, []
        if found is not None:
            self._accept(found.app.webhook_secret)
            for previous in found.previous:
                self._accept(previous.secret, previous.until.timestamp())
            log.info("app set up", id=found.app.app_id, slug=found.app.slug)
        self._on_change(self.keys, self._problem)

    def _accept(self, secret: str, until: float = float("inf")) -> None:
        self._secrets.append((secret.encode(), until))


def _keys_beside(database: str, *, is_needed: bool) -> list[str]:
    """The key in the file beside a database. One that is needed is made; of another one, what is wrong is logged."""
    file = key_file.path_of(database)
    if is_needed:
        return [key_file.read_or_create(file)]
    try:
        return [key_file.read_or_create(file)] if file.exists() else []
    except (WrongSettings, OSError) as problem:
        log.warning("setting", warning=f"the key beside the database is left out: {problem}")
        return []
