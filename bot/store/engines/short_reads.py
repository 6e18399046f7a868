"""Short reads of SQLite on the event loop's thread: docs/decisions/006-short-reads-on-the-loop.md."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, TypeVar

from cachetools import TTLCache

T = TypeVar("T")

TIME_LIMIT = 0.001
"""Seconds for which a read may block the event loop."""
STEPS = 1000
"""Instructions of SQLite's virtual machine between two checks of the time, about 20 microseconds."""
SLOW_SECONDS = 1.0
"""Seconds for which a statement that exceeded the limit is not tried again."""
SLOW_STATEMENTS = 1024
"""The number of slow statements that are remembered."""

_COUNTS_TABLE = re.compile(r"\s*SELECT\s+count\(\*\)(?!.*\bWHERE\b)", re.IGNORECASE | re.DOTALL)


@lru_cache(maxsize=1024)
def is_one_instruction(query: str) -> bool:
    """Return whether SQLite runs the statement as one uninterruptible instruction: the count of a whole table."""
    return _COUNTS_TABLE.match(query) is not None


class ShortReads:
    """A read-only connection on the event loop's thread: handing a short read to another thread would cost more.

    A read that exceeds `time_limit` seconds is interrupted, and the same statement is not tried again for SLOW_SECONDS.
    """

    def __init__(self, address: str, time_limit: float = TIME_LIMIT) -> None:
        self._time_limit, self._deadline = time_limit, 0.0
        self._slow: TTLCache[str, bool] = TTLCache(SLOW_STATEMENTS, SLOW_SECONDS)
        self._connection = sqlite3.connect(address, uri=True, timeout=0, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        with suppress(sqlite3.Error):  # reads the schema, which would make the first read late
            self._connection.execute("SELECT name FROM sqlite_master LIMIT 1").fetchall()
        self._connection.set_progress_handler(self._is_late, STEPS)

    def _is_late(self) -> bool:
        return time.monotonic() > self._deadline

    def read(self, function: Callable[..., T], query: str, values: Sequence[Any] | None) -> T | None:
        """Call a function with the connection; None when it was too slow or failed.

        The caller then repeats it on the reader's thread, which has no time limit and raises the error.
        """
        if query in self._slow or is_one_instruction(query):
            return None
        self._deadline = time.monotonic() + self._time_limit
        try:
            result = function(self._connection, query, values)
            if self._is_late():
                self._slow[query] = True
            return result
        except sqlite3.Error as exc:
            if getattr(exc, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT:
                self._slow[query] = True
            return None

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
