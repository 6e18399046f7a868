"""Migrations create exactly the schema of the models, and lose no rows."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from tortoise.exceptions import BaseORMException

from bot.store.database import dialect, execute, fetch, open_database
from bot.store.migrate import known_migrations, migrate, pending_migrations
from tests.conftest import SERVER, execute_on_server, postgres

PARTIAL = {
    *("jobs_key", "jobs_lock", "jobs_due", "jobs_lease", "jobs_finished"),
    *("deployments_active", "deployments_deadline"),
    *("announcements_open", "releases_status", "releases_project_status", "releases_held"),
}
EXAMPLE = "tests.store.example.migrations"
BROKEN = "tests.store.broken.migrations"


class Table(NamedTuple):
    """The definition of a table, without the order of columns and the names of constraints and indexes."""

    columns: dict[str, tuple[str, bool]]
    """The type, and whether it is nullable."""
    keys: set[str]
    """Primary key, unique constraints and foreign keys."""
    indexes: set[tuple[str, ...]]
    partial: set[str]


@pytest.fixture
async def empty_url(tmp_path: Path) -> AsyncIterator[str]:
    """The URL of a database without tables."""
    if not postgres():
        yield f"sqlite://{tmp_path}/empty.db"
        return
    name = f"longshore_empty_{os.getpid()}"
    await execute_on_server(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await execute_on_server(f"CREATE DATABASE {name}")
    yield urlsplit(SERVER)._replace(path=f"/{name}").geturl()
    await execute_on_server(f"DROP DATABASE {name} WITH (FORCE)")


async def schema(url: str, *, of_models: bool = False) -> dict[str, Table]:
    """The tables of a database; with `of_models`, after creating those of the models in it."""
    database = await open_database(url)
    try:
        if of_models:
            await database.context.generate_schemas()
        tables = await (sqlite_tables() if dialect() == "sqlite" else postgres_tables())
        return {name: table for name, table in tables.items() if name != "tortoise_migrations"}
    finally:
        await database.close()


async def sqlite_tables() -> dict[str, Table]:
    names = await fetch("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    return {row["name"]: await sqlite_table(row["name"]) for row in names}


async def sqlite_table(name: str) -> Table:
    columns = await fetch(f"PRAGMA table_info({name})")
    foreign_keys = await fetch(f"PRAGMA foreign_key_list({name})")
    table = Table(
        {row["name"]: (row["type"], not row["notnull"]) for row in columns},
        {f"primary {row['name']} {row['pk']}" for row in columns if row["pk"]}
        | {f"{row['from']} → {row['table']}.{row['to']}, {row['on_delete']}" for row in foreign_keys},
        set(),
        set(),
    )
    for index in await fetch(f"PRAGMA index_list({name})"):
        indexed = tuple(row["name"] for row in await fetch(f"PRAGMA index_info({index['name']})"))
        if index["partial"]:
            table.partial.add(index["name"])
        elif index["unique"]:
            table.keys.add(f"unique {indexed}")
        else:
            table.indexes.add(indexed)
    return table


async def postgres_tables() -> dict[str, Table]:
    tables: dict[str, Table] = {}
    columns = await fetch(
        "SELECT table_name, column_name, data_type || coalesce(character_maximum_length::text, '') AS type, "
        "is_nullable = 'YES' AS nullable FROM information_schema.columns WHERE table_schema = current_schema()"
    )
    for row in columns:
        table = tables.setdefault(row["table_name"], Table({}, set(), set(), set()))
        table.columns[row["column_name"]] = (row["type"], row["nullable"])
    keys = await fetch(
        "SELECT relname, pg_get_constraintdef(c.oid) AS definition "
        "FROM pg_constraint c JOIN pg_class t ON t.oid = conrelid WHERE c.connamespace = current_schema()::regnamespace"
    )
    for row in keys:
        tables[row["relname"]].keys.add(row["definition"])
    indexes = await fetch(
        "SELECT t.relname AS table, i.relname AS name, indpred IS NOT NULL AS partial, "
        "ARRAY(SELECT pg_get_indexdef(i.oid, n, true) FROM generate_series(1, indnatts) n)::text[] AS columns "
        "FROM pg_index x JOIN pg_class i ON i.oid = indexrelid JOIN pg_class t ON t.oid = indrelid "
        "WHERE i.relnamespace = current_schema()::regnamespace "
        "AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)"
    )
    for row in indexes:
        if row["partial"]:
            tables[row["table"]].partial.add(row["name"])
        else:
            tables[row["table"]].indexes.add(tuple(row["columns"]))
    return tables


async def test_the_migrated_schema_is_the_models_schema(empty_url: str, tmp_path: Path) -> None:
    await migrate(empty_url)
    migrated = await schema(empty_url)
    if postgres():
        await execute_at(empty_url, "CREATE SCHEMA models")
        expected = await schema(f"{empty_url}?schema=models", of_models=True)
    else:
        expected = await schema(f"sqlite://{tmp_path}/models.db", of_models=True)
    assert migrated.keys() == expected.keys()
    for name, table in migrated.items():
        assert table._replace(partial=set()) == expected[name], name
    assert {index for table in migrated.values() for index in table.partial} == PARTIAL


async def execute_at(url: str, statement: str) -> None:
    database = await open_database(url)
    try:
        await execute(statement)
    finally:
        await database.close()


async def test_migrating_again_does_nothing_and_is_fast(empty_url: str) -> None:
    assert await migrate(empty_url) == known_migrations()
    started = time.monotonic()
    assert await migrate(empty_url) == []
    assert time.monotonic() - started < 0.2


async def test_pending_migrations_are_listed(empty_url: str) -> None:
    database = await open_database(empty_url)
    try:
        assert await pending_migrations() == known_migrations()
        await migrate(empty_url)
        assert await pending_migrations() == []
    finally:
        await database.close()


MIGRATOR = """
import asyncio, sys
from bot.store.migrate import migrate
print(len(asyncio.run(migrate(sys.argv[1]))))
"""


async def test_of_several_concurrent_migrators_one_migrates_and_all_succeed(empty_url: str) -> None:
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", MIGRATOR, empty_url, stdout=asyncio.subprocess.PIPE)
        for _ in range(4)
    ]
    applied = [int((await process.communicate())[0]) for process in processes]
    assert sorted(applied) == [0, 0, 0, len(known_migrations())]


async def test_a_failed_migration_is_rolled_back(empty_url: str) -> None:
    with pytest.raises(BaseORMException):
        await migrate(empty_url, BROKEN)
    assert "halves" not in await schema(empty_url)


async def test_rebuilding_a_table_keeps_the_rows_that_reference_it(empty_url: str) -> None:
    await assert_rows_survive(empty_url, EXAMPLE)
    database = await open_database(empty_url)
    try:
        assert await fetch("SELECT parent_id FROM children ORDER BY id") == [{"parent_id": 1}, {"parent_id": 2}]
        with pytest.raises(BaseORMException):
            await execute("INSERT INTO parents (id, name) VALUES (3, (SELECT name FROM parents WHERE id = 1))")
        with pytest.raises(BaseORMException):
            await execute("INSERT INTO children (id, parent_id) VALUES (3, 3)")
    finally:
        await database.close()


async def test_every_migration_keeps_existing_rows(empty_url: str) -> None:
    await assert_rows_survive(empty_url, "bot.store.migrations")


async def test_audit_entries_keep_the_channel_that_they_were_written_with(empty_url: str) -> None:
    await migrate(empty_url, to="0002_dialects")
    await execute_at(
        empty_url,
        "INSERT INTO audit_entries (at, actor, door, act, alarm, subject) "
        "VALUES ('2026-01-01 00:00:00+00:00', 'alice', 'pull comment', 'candidate.cut', FALSE, '1.0-rc1')",
    )
    await migrate(empty_url)
    database = await open_database(empty_url)
    try:
        assert await fetch("SELECT channel FROM audit_entries") == [{"channel": "pull comment"}]
    finally:
        await database.close()


async def assert_rows_survive(url: str, module: str) -> None:
    """Fill every table after the first migration; assert that each later one keeps the rows."""
    first, *others = known_migrations(module)
    assert await migrate(url, module, first) == [first]
    before = await schema(url)
    await fill(url, before)
    for name in others:
        assert await migrate(url, module, name) == [name]
        tables = await schema(url)
        assert await counts(url, before.keys() & tables.keys()) == dict.fromkeys(before.keys() & tables.keys(), 2)
    assert await counts(url, before.keys()) == dict.fromkeys(before.keys(), 2)


async def counts(url: str, tables: Any) -> dict[str, int]:
    database = await open_database(url)
    try:
        return {name: (await fetch(f"SELECT count(*) AS n FROM {name}"))[0]["n"] for name in tables}
    finally:
        await database.close()


async def fill(url: str, tables: dict[str, Table]) -> None:
    """Insert two rows into every table, referenced tables first."""
    database = await open_database(url)
    remaining = dict(tables)
    try:
        while remaining:
            ready = [name for name in remaining if not any(references(remaining[name], other) for other in remaining)]
            for name in ready:
                for n in (1, 2):
                    await insert(name, remaining[name], n)
                del remaining[name]
    finally:
        await database.close()


def references(table: Table, other: str) -> bool:
    return any(f"→ {other}." in key or f"REFERENCES {other}(" in key for key in table.keys)


async def insert(name: str, table: Table, n: int) -> None:
    columns = ", ".join(f'"{column}"' for column in table.columns)
    parameters = ", ".join(f"${number}" for number in range(1, len(table.columns) + 1))
    values = [value(column_type, n) for column_type, _ in table.columns.values()]
    await execute(f"INSERT INTO {name} ({columns}) VALUES ({parameters})", *values)


def value(column_type: str, n: int) -> Any:
    """A value of the column's type, distinct for each row where that matters."""
    of_type = {
        "timestamp with time zone": datetime(2026, 1, n, tzinfo=UTC),
        "TIMESTAMP": f"2026-01-0{n} 00:00:00+00:00",
        "boolean": False,
        "bytea": b"bytes",
        "BLOB": b"bytes",
        "JSON": "{}",
        "jsonb": "{}",
    }
    if "INT" in column_type.upper():
        return n
    return of_type.get(column_type, f"v{n}")
