"""The rows of the sample project: made once in a test process, and then restored for each world."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bot.store.configuration import sqlite_path
from bot.store.database import current, dialect_of, fetch

OURS = "relnamespace = 'public'::regnamespace AND relname NOT LIKE 'tortoise%'"


@dataclass(frozen=True)
class Sample:
    """All rows, as an SQLite file or a script for PostgreSQL, and the secret of the admin's token among them."""

    token: str
    file: bytes
    script: str

    def restore_file(self, database_url: str) -> None:
        """Replace a SQLite file that nobody has open yet."""
        if self.file:
            Path(sqlite_path(database_url)).write_bytes(self.file)

    async def restore_rows(self) -> None:
        """Insert the rows into the open PostgreSQL database, where they are missing."""
        if self.script:
            await current().client.execute_script(self.script)


async def take_sample(database_url: str, token: str) -> Sample:
    """The rows of the open database."""
    if dialect_of(database_url) == "postgres":
        return Sample(token, b"", await _script())
    with closing(sqlite3.connect(sqlite_path(database_url))) as connection:
        return Sample(token, connection.serialize(), "")


async def _script() -> str:
    """Statements that insert all rows, parents before children."""
    tables = await fetch(f"SELECT relname FROM pg_class WHERE relkind = 'r' AND {OURS} ORDER BY oid")
    sequences = await fetch(f"SELECT relname FROM pg_class WHERE relkind = 'S' AND {OURS}")
    inserts = [await _insert(table["relname"]) for table in tables]
    restarts = [await _restart(sequence["relname"]) for sequence in sequences]
    return ";".join(filter(None, inserts + restarts))


async def _insert(table: str) -> str:
    (row,) = await fetch(f"SELECT quote_literal(json_agg(r)::text) AS rows FROM {table} r")
    values = f"SELECT * FROM json_populate_recordset(NULL::{table}, {row['rows']})"
    return f"INSERT INTO {table} {values} ON CONFLICT DO NOTHING" if row["rows"] else ""


async def _restart(sequence: str) -> str:
    (row,) = await fetch(f"SELECT last_value, is_called FROM {sequence}")
    return f"SELECT setval('{sequence}', {row['last_value']})" if row["is_called"] else ""
