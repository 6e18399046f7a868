"""Run operations from the command line, with the database and a GitHub client."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeVar

from tortoise.exceptions import OperationalError

from bot.context import Context
from bot.errors import DatabaseUnavailable, Misconfigured
from bot.github.app import AppKeys
from bot.metrics import Metrics
from bot.operations import users
from bot.rules import addresses
from bot.settings import Settings, read_database_url, read_settings
from bot.store.configuration import sqlite_path
from bot.store.migrate import known_migrations, pending_migrations
from cli.preparation import prepare
from server.app_identity import AppIdentity
from server.service import app_keys, open_resources

R = TypeVar("R")


def operate(
    operation: Callable[[Context], Awaitable[R]],
    *,
    needs_github: bool = False,
    uses_github: bool = False,
    again: bool = False,
) -> R:
    """Run an operation as the operator, who has every grant.

    `needs_github` requires the App's settings; `uses_github` takes them if they are there. `again` is for the second
    operation of a command, which does not repeat the warnings. The database must exist and be up to date: only `serve`,
    `work` and `migrate` create it.
    """
    settings = read_settings() if needs_github else _settings_if_complete() if uses_github else None
    if not again:
        prepare()

    async def run() -> R:
        async with _operator_context(settings) as context:
            return await operation(context)

    return asyncio.run(run())


def _settings_if_complete() -> Settings | None:
    try:
        return read_settings()
    except Misconfigured:
        return None


@contextmanager
def naming_database_setting() -> Iterator[None]:
    """Add the name of the setting to errors about a database that cannot be opened."""
    try:
        yield
    except Misconfigured as error:
        raise Misconfigured(_about_setting(error.sentence)) from error
    except DatabaseUnavailable as error:
        raise DatabaseUnavailable(_about_setting(error.sentence)) from error
    except OperationalError as error:
        raise Misconfigured(f"LONGSHORE_DATABASE_URL names a database that cannot be used: {error}.") from error


def _about_setting(sentence: str) -> str:
    """A sentence after the name of the setting and a colon: an article is in lower case there."""
    article, space, rest = sentence.partition(" ")
    return f"LONGSHORE_DATABASE_URL: {article.lower() if article in ('A', 'The') else article}{space}{rest}"


@asynccontextmanager
async def _operator_context(settings: Settings | None) -> AsyncIterator[Context]:
    url = settings.database_url if settings else read_database_url()
    keys = app_keys(settings) if settings else AppKeys("", "", addresses.GITHUB_API)
    metrics = Metrics()
    async with AsyncExitStack() as resources:
        _refuse_missing_file(url)
        with naming_database_setting():
            _, github = await resources.enter_async_context(open_resources(url, keys, metrics))
            pending = await pending_migrations()
        if pending == known_migrations():
            sentence = "LONGSHORE_DATABASE_URL names a database without tables of Longshore"
            raise Misconfigured(f"{sentence}: run `longshore migrate` first.")
        if pending:
            names = ", ".join(pending)
            raise Misconfigured(f"The database schema is out of date ({names}): run `longshore migrate` first.")
        if settings and not settings.names_app:
            await AppIdentity(settings, github.use).refresh()
        context = Context(github=github, actor=users.NO_ACTOR, channel="cli")
        yield context.acting_as(await users.system_actor(context), "cli")


def _refuse_missing_file(url: str) -> None:
    """Refuse an SQLite database that does not exist or is an empty file: opening it would create one."""
    if not url.startswith("sqlite"):
        return
    with naming_database_setting():
        file = Path(sqlite_path(url))
    if not file.exists() or not file.stat().st_size:
        missing = f"{file} is empty" if file.exists() else f"There is no database at {file}"
        remedy = "create it with `longshore migrate`, or name another one in LONGSHORE_DATABASE_URL"
        raise Misconfigured(f"{missing}: {remedy}.")
