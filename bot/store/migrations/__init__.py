"""Schema migrations: hand-written, applied in the order of their names by bot/store/migrate.py.

A step is `for_each` (SQL, one list of statements per database) or Tortoise's `RunPython`; never one that Tortoise
generates, since those lose rows on SQLite.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tortoise.migrations import RunPython

TYPES = {
    "sqlite": {
        "number": "INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL",
        "big_number": "INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL",
        "flag": "INT",
        "true": "1",
        "time": "TIMESTAMP",
        "json": "JSON",
        "bytes": "BLOB",
    },
    "postgres": {
        "number": "SERIAL NOT NULL PRIMARY KEY",
        "big_number": "BIGSERIAL NOT NULL PRIMARY KEY",
        "flag": "BOOL",
        "true": "TRUE",
        "time": "TIMESTAMPTZ",
        "json": "JSONB",
        "bytes": "BYTEA",
    },
}


def statements(database: str, text: str) -> list[str]:
    """Split a text into statements, with the placeholders of TYPES replaced by the types of one database."""
    return [statement.strip() for statement in text.format_map(TYPES[database]).split(";") if statement.strip()]


def for_each(*, sqlite: Sequence[str], postgres: Sequence[str]) -> RunPython:
    """Return a migration step with one list of statements per database."""

    async def statements(_apps: Any, editor: Any) -> None:
        for statement in sqlite if editor.DIALECT == "sqlite" else postgres:
            await editor.client.execute_script(statement)

    return RunPython(statements)
