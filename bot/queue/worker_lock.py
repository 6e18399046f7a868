"""The lock file beside a SQLite database, which its one worker holds."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from bot.errors import Refusal


@contextmanager
def only_worker(path: str | None) -> Iterator[None]:
    """Hold the lock file of a SQLite database (none when `path` is None); Refusal when another process holds it."""
    if path is None:
        yield
        return
    descriptor = os.open(f"{path}.worker.lock", os.O_RDWR | os.O_CREAT, 0o600)
    with suppress(PermissionError):  # it is there already, and somebody else's
        os.fchmod(descriptor, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refusal(
                f"Another process already works on {path}: a SQLite database has one worker. Use PostgreSQL for more."
            ) from None
        yield
    finally:
        os.close(descriptor)
