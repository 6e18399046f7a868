"""What the operator's commands run in: the database, and GitHub where a command asks it."""

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
from bot.store.migrate import pending_migrations

R = TypeVar("R")


def operate(act: Callable[[Context], Awaitable[R]], *, asks_github: bool = False) -> R:
    """Run one act as the operator, who may do everything."""

    async def run() -> R:
        async with _acting(read_settings() if asks_github else None) as context:
            return await act(context)

    return asyncio.run(run())


@contextmanager
def database_named() -> Iterator[None]:
    """Say which setting is at fault where the database's address leads to none of ours."""
    try:
        yield
    except Misconfigured as error:
        raise Misconfigured(f"LONGSHORE_DATABASE_URL: {error.sentence}") from error
    except OperationalError as error:
        raise Misconfigured(f"LONGSHORE_DATABASE_URL names a database that cannot be used: {error}.") from error


@asynccontextmanager
async def _acting(settings: Settings | None) -> AsyncIterator[Context]:
    url = settings.database_url if settings else read_database_url()
    with database_named():
        database = await open_database(url)
    try:
        with database_named():
            missing = await pending_migrations()
        if missing:
            raise Misconfigured(f"The database lacks {', '.join(missing)}: run `longshore migrate` first.")
        async with aiohttp.ClientSession() as session:
            metrics = Metrics()
            github = GitHub(App(_keys(settings), session, metrics.called, refuse_in_transaction))
            nobody = Context(github=github, actor=users.NO_ACTOR, channel="cli", metrics=metrics)
            yield nobody.acting_as(await users.system(nobody), "cli")
    finally:
        await database.close()


def _keys(settings: Settings | None) -> AppKeys:
    if settings is None:
        return AppKeys("", "", "http://not-configured.invalid")
    key = settings.github_private_key.get_secret_value()
    return AppKeys(settings.github_app_id, key, settings.github_api_url)
