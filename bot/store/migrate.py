"""Apply schema migrations.

All missing migrations run in one transaction that begins by taking a lock, so any number of processes may start at
once: one migrates, the others wait and then find nothing to do. A failure rolls everything back.
"""

from __future__ import annotations

import asyncio
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, nullcontext
from importlib import import_module
from typing import Any

from tortoise.context import TortoiseContext
from tortoise.exceptions import OperationalError
from tortoise.migrations.executor import MigrationExecutor, MigrationTarget

from bot.errors import Misconfigured
from bot.store.configuration import CONNECTION, explain_config_errors, tortoise_config
from bot.store.database import current
from bot.store.registry import initialize

LOCK = 0x10A65408E
"""The advisory lock that is held while migrating on PostgreSQL: an arbitrary number."""
NOTICEABLE = 0.5  # seconds


def known_migrations(module: str = "bot.store.migrations") -> list[str]:
    """Return the names of the migrations in the package `module`, in order."""
    return sorted(name for _, name, package in pkgutil.iter_modules(import_module(module).__path__) if not package)


async def missing_migrations(client: Any, module: str = "bot.store.migrations") -> list[str]:
    """Return the known migrations that are not applied to a connected database, in order."""
    applied = await _applied_migrations(client)
    return [name for name in known_migrations(module) if name not in applied]


async def _applied_migrations(client: Any) -> set[str]:
    try:
        rows = await client.execute_query_dict("SELECT name FROM tortoise_migrations")
    except OperationalError as error:
        if not _is_missing_table(error):
            raise
        rows = []
    return {row["name"] for row in rows}


async def _refuse_newer(client: Any, module: str) -> None:
    """Refuse a database that a newer version has migrated: this one would misread it. There is no way back."""
    if newer := sorted(await _applied_migrations(client) - set(known_migrations(module))):
        raise Misconfigured(
            f"the database was migrated by a newer version of Longshore ({', '.join(newer)}): start that version, or "
            "restore a backup that is older."
        )


def _is_missing_table(error: OperationalError) -> bool:
    """Whether a statement failed because a table does not exist: a new database has none."""
    return "no such table" in str(error) or getattr(error.args[0], "sqlstate", "") == "42P01"


async def pending_migrations() -> list[str]:
    """Return the migrations that are not applied to the open database; the service must not run while there are any."""
    return await missing_migrations(current().client)


async def migrate(
    url: str,
    module: str = "bot.store.migrations",
    to: str = "__latest__",
    on_wait: Callable[[], object] = lambda: None,
) -> list[str]:
    """Apply the missing migrations up to and including `to` to the database at `url`; return their names.

    Calls `on_wait` when another process holds the lock, before waiting for it. Raises Misconfigured for a wrong
    address and for a database that a newer version has migrated, Unavailable when the database does not respond or
    stays locked.
    """
    settings = tortoise_config(url)
    settings["apps"]["models"]["migrations"] = module
    if url.startswith("sqlite"):
        # rebuilding a parent table would delete its children; _apply() checks the references before it commits
        settings["connections"][CONNECTION]["credentials"]["foreign_keys"] = "OFF"
    else:
        settings["connections"][CONNECTION]["credentials"]["command_timeout"] = None  # building an index takes long
    async with TortoiseContext() as context:
        with explain_config_errors():
            await initialize(context, settings)
            client: Any = context.connections.get(CONNECTION)
            await client.create_connection(with_db=True)
        await _refuse_newer(client, module)
        if not await missing_migrations(client, module):
            return []
        async with AsyncExitStack() as transaction:
            with _telling(on_wait) if url.startswith("sqlite") else nullcontext():
                locked = await transaction.enter_async_context(client._in_transaction())
            await _take_lock(locked, on_wait)
            return await _apply(locked, settings["apps"], module, to)


@contextmanager
def _telling(on_wait: Callable[[], object]) -> Iterator[None]:
    """Call `on_wait` if the block takes noticeably long: the beginning of a transaction does not say that it waits."""
    timer = asyncio.get_running_loop().call_later(NOTICEABLE, on_wait)
    try:
        yield
    finally:
        timer.cancel()


async def _take_lock(client: Any, on_wait: Callable[[], object]) -> None:
    """Let no other process migrate until the transaction ends. On SQLite the transaction itself does that."""
    if client.capabilities.dialect == "sqlite":
        return
    (row,) = await client.execute_query_dict(f"SELECT pg_try_advisory_xact_lock({LOCK}) AS taken")
    if not row["taken"]:
        on_wait()
        await client.execute_script(f"SELECT pg_advisory_xact_lock({LOCK})")


async def _apply(client: Any, apps: dict[str, Any], module: str, to: str) -> list[str]:
    """Read again which migrations are missing, and apply them; `client` is inside a transaction with the lock."""
    sqlite = client.capabilities.dialect == "sqlite"
    executor = MigrationExecutor(client, apps)
    # before the table is queried: a failed statement aborts a PostgreSQL transaction
    await executor.recorder.ensure_schema(executor._schema_editor(atomic=False))
    before = await missing_migrations(client, module)
    if before:
        await executor.migrate([MigrationTarget("models", to)], direction="forward")
    after = await missing_migrations(client, module)
    if sqlite and (broken := await client.execute_query_dict("PRAGMA foreign_key_check")):
        raise RuntimeError(f"Migrating would leave references to rows that do not exist: {broken[:5]}")
    return [name for name in before if name not in after]
