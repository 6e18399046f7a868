"""What the operator's commands run in: the database, and GitHub where a command asks it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import TypeVar

from tortoise.exceptions import OperationalError

from bot.context import Context
from bot.errors import Misconfigured
from bot.github.app import AppKeys
from bot.metrics import Metrics
from bot.operations import users
from bot.settings import Settings, read_database_url, read_settings
from bot.store.migrate import pending
from server.service import app_keys, open_resources

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
    keys = app_keys(settings) if settings else AppKeys("", "", "http://not-configured.invalid")
    metrics = Metrics()
    async with AsyncExitStack() as resources:
        with database_named():
            _, github = await resources.enter_async_context(open_resources(url, keys, metrics))
            missing = await pending()
        if missing:
            raise Misconfigured(f"The database lacks {', '.join(missing)}: run `longshore migrate` first.")
        nobody = Context(github=github, actor=users.NOBODY, channel="cli")
        yield nobody.acting_as(await users.system(nobody), "cli")
