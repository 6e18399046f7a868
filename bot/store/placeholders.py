"""Placeholders of SQL statements: `$1, $2, …` in our code, translated to the form that each database takes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

Dialect = Literal["sqlite", "postgres"]

LONGEST_CACHED = 10_000
"""Characters of a statement above which its translation is not cached."""


def bind(dialect: Dialect, sql: str, args: Sequence[Any]) -> tuple[str, list[Any]]:
    """Return the statement and its arguments in the form that the database takes."""
    if dialect == "postgres":
        return sql, list(args)
    sql, positions = to_question_marks(sql) if len(sql) < LONGEST_CACHED else to_question_marks.__wrapped__(sql)
    return sql, [args[position] for position in positions]


def placeholder_list(count: int) -> str:
    """Return `count` placeholders for the list of an IN: `$1, $2, …`."""
    return ", ".join(f"${number}" for number in range(1, count + 1))


def shift(sql: str, count: int) -> str:
    """Return the statement with the number of each placeholder raised by `count`."""
    return re.sub(r"\$(\d+)", lambda match: f"${int(match[1]) + count}", sql) if count else sql


def bind_many(dialect: Dialect, sql: str, rows: list[list[Any]]) -> tuple[str, list[list[Any]]]:
    """Return the statement and every list of arguments in the form that the database takes."""
    if dialect == "postgres":
        return sql, rows
    sql, positions = to_question_marks(sql)
    if positions == tuple(range(len(positions))):
        return sql, rows
    return sql, [[row[position] for position in positions] for row in rows]


@lru_cache(maxsize=1024)
def to_question_marks(sql: str) -> tuple[str, tuple[int, ...]]:
    """Replace each `$n` by `?`, and return the index of the argument that each `?` takes.

    SQLite supports `?1` too, but Python's sqlite3 binds a sequence to unnumbered placeholders only.
    """
    return re.sub(r"\$\d+", "?", sql), tuple(int(number) - 1 for number in re.findall(r"\$(\d+)", sql))
