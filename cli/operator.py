"""What the operator's commands run in: the database, and GitHub where a command asks it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import aiohttp

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


def operate(act: Callable[[Context], Awaitable[R]], *, asks_github: bool = False) -> R:
    """Run one act as the operator, who may do everything."""

    async def run() -> R:
        async with _acting(read_settings() if asks_github else None) as context:
            return await act(context)

    return asyncio.run(run())


@asynccontextmanager
async def _acting(settings: Settings | None) -> AsyncIterator[Context]:
    database = await open_database(settings.database_url if settings else read_database_url())
    try:
        if missing := await pending():
            raise Misconfigured(f"The database lacks {', '.join(missing)}: run `longshore migrate` first.")
        async with aiohttp.ClientSession() as session:
            metrics = Metrics()
            github = GitHub(App(_keys(settings), session, metrics.called, refuse_in_transaction))
            nobody = Context(github=github, actor=users.NOBODY, door="cli", metrics=metrics)
            yield nobody.acting_as(await users.system(nobody), "cli")
    finally:
        await database.close()


def _keys(settings: Settings | None) -> AppKeys:
    if settings is None:
        return AppKeys("", "", "http://not-configured.invalid")
    key = settings.github_private_key.get_secret_value()
    return AppKeys(settings.github_app_id, key, settings.github_api_url)
