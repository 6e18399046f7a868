"""Bringing a database's schema up to date.

All missing migrations run in one transaction that begins by taking a lock, so any number of processes may start at
once: one migrates, the others wait and then find nothing to do. A failure undoes everything.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Any

from tortoise.context import TortoiseContext
from tortoise.exceptions import OperationalError
from tortoise.migrations.executor import MigrationExecutor, MigrationTarget

from bot.store.database import NAME, configuration, current, settings_explained

LOCK = 0x10A65408E
"""The advisory lock that migrators hold on PostgreSQL: any number that nobody else uses."""


def known(module: str = "bot.store.migrations") -> list[str]:
    """The names of the migrations that this version of Longshore brings, in order."""
    return sorted(name for _, name, package in pkgutil.iter_modules(import_module(module).__path__) if not package)


async def missing(client: Any, module: str = "bot.store.migrations") -> list[str]:
    """Which of the known migrations a connected database has not had yet."""
    try:
        rows = await client.execute_query_dict("SELECT name FROM tortoise_migrations")
    except OperationalError:  # a new database: the table is not there
        rows = []
    applied = {row["name"] for row in rows}
    return [name for name in known(module) if name not in applied]


async def pending() -> list[str]:
    """The migrations that the open database lacks; the program must not serve while there are any."""
    return await missing(current().client)


async def migrate(url: str, module: str = "bot.store.migrations", to: str = "__latest__") -> list[str]:
    """Apply what is missing, up to and with the migration `to`, to the database at `url`; the names of the applied.

    Raises Misconfigured for a wrong address, Unavailable when the database does not answer or stays locked.
    """
    settings = configuration(url)
    settings["apps"]["models"]["migrations"] = module
    if url.startswith("sqlite"):
        # rebuilding a parent table would delete its children; run() checks the references before it commits
        settings["connections"][NAME]["credentials"]["foreign_keys"] = "OFF"
    else:
        settings["connections"][NAME]["credentials"]["command_timeout"] = None  # building an index takes its time
    async with TortoiseContext() as context:
        with settings_explained():
            await context.init(config=settings)
            client: Any = context.connections.get(NAME)
            await client.create_connection(with_db=True)
        if not await missing(client, module):
            return []
        async with client._in_transaction() as locked:
            return await run(locked, settings["apps"], module, to)


async def run(client: Any, apps: dict[str, Any], module: str, to: str) -> list[str]:
    """Take the lock, look again, and apply; `client` is inside a transaction."""
    sqlite = client.capabilities.dialect == "sqlite"
    if not sqlite:
        await client.execute_script(f"SELECT pg_advisory_xact_lock({LOCK})")
    executor = MigrationExecutor(client, apps)
    # before anything asks for it: a failed question would spoil a PostgreSQL transaction
    await executor.recorder.ensure_schema(executor._schema_editor(atomic=False))
    before = await missing(client, module)
    if before:
        await executor.migrate([MigrationTarget("models", to)], direction="forward")
    after = await missing(client, module)
    if sqlite and (broken := await client.execute_query_dict("PRAGMA foreign_key_check")):
        raise RuntimeError(f"Migrating would leave references to rows that are not there: {broken[:5]}")
    return [name for name in before if name not in after]
