"""Run operations from the command line, with the database and a GitHub client."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

import aiohttp
from tortoise.exceptions import OperationalError

from bot.context import Context
from bot.errors import Misconfigured
from bot.github.app import App, AppKeys
from bot.github.client import GitHub
from bot.metrics import Metrics
from bot.operations import users
from bot.settings import Settings, read_database_url, read_settings
from bot.store.database import open_database, refuse_in_transaction
from bot.store.migrate import pending

R = TypeVar("R")


def operate(operation: Callable[[Context], Awaitable[R]], *, needs_github: bool = False) -> R:
    """Run an operation as the operator, who has every grant; `needs_github` requires the App's settings."""

    async def run() -> R:
        async with _operator_context(read_settings() if needs_github else None) as context:
            return await operation(context)

    return asyncio.run(run())


@contextmanager
def naming_database_setting() -> Iterator[None]:
    """Name the setting in errors about a database that cannot be opened."""
    try:
        yield
    except Misconfigured as error:
        raise Misconfigured(f"LONGSHORE_DATABASE_URL: {error.sentence}") from error
    except OperationalError as error:
        raise Misconfigured(f"LONGSHORE_DATABASE_URL names a database that cannot be used: {error}.") from error


@asynccontextmanager
async def _operator_context(settings: Settings | None) -> AsyncIterator[Context]:
    url = settings.database_url if settings else read_database_url()
    with naming_database_setting():
        database = await open_database(url)
    try:
        with naming_database_setting():
            migrations = await pending()
        if migrations:
            names = ", ".join(migrations)
            raise Misconfigured(f"The database schema is out of date ({names}): run `longshore migrate` first.")
        async with aiohttp.ClientSession() as session:
            metrics = Metrics()
            github = GitHub(App(_keys(settings), session, metrics.called, refuse_in_transaction))
            context = Context(github=github, actor=users.NOBODY, channel="cli", metrics=metrics)
            yield context.acting_as(await users.system(context), "cli")
    finally:
        await database.close()


def _keys(settings: Settings | None) -> AppKeys:
    if settings is None:
        return AppKeys("", "", "http://not-configured.invalid")
    key = settings.github_private_key.get_secret_value()
    return AppKeys(settings.github_app_id, key, settings.github_api_url)
