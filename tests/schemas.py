"""Read the schema of a database, and fill its tables with rows: for the tests of migrations."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from bot.store.database import dialect, execute, fetch, open_database


class Table(NamedTuple):
    """The definition of a table, without the order of columns and the names of constraints and indexes."""

    columns: dict[str, tuple[str, bool]]
    """The type, and whether it is nullable."""
    keys: set[str]
    """Primary key, unique constraints and foreign keys."""
    indexes: set[tuple[str, ...]]
    partial: set[str]
    """The names of the indexes that models cannot declare: partial ones, and those of expressions."""


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
        if index["partial"] or None in indexed:
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
        if row["partial"] or any("(" in column for column in row["columns"]):
            tables[row["table"]].partial.add(row["name"])
        else:
            tables[row["table"]].indexes.add(tuple(row["columns"]))
    return tables


async def execute_at(url: str, statement: str, *values: Any) -> None:
    database = await open_database(url)
    try:
        await execute(statement, *values)
    finally:
        await database.close()


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
    if dialect() == "postgres" and "id" in table.columns:  # rows that a migration inserts come after these
        sequence = (await fetch("SELECT pg_get_serial_sequence($1, 'id') AS name", name))[0]["name"]
        if sequence is not None:
            await fetch("SELECT setval($1::regclass, $2)", sequence, n)


def value(column_type: str, n: int) -> Any:
    """A value of the column's type, distinct for each row where that matters."""
    of_type = {
        "timestamp with time zone": datetime(2026, 1, n, tzinfo=UTC),
        "date": date(2026, 1, n),
        "DATE": f"2026-01-0{n}",
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
