"""The history of the schema: hand-written steps, applied in the order of their names by bot/store/migrate.py.

A step is `for_each` (SQL, one list of statements per database) or tortoise's `RunPython`; never one that tortoise
generates, since those lose rows on SQLite.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tortoise.migrations import RunPython


def for_each(*, sqlite: Sequence[str], postgres: Sequence[str]) -> RunPython:
    """A step with one list of statements per database."""

    async def statements(_apps: Any, editor: Any) -> None:
        for statement in sqlite if editor.DIALECT == "sqlite" else postgres:
            await editor.client.execute_script(statement)

    return RunPython(statements)
