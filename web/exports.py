"""How many exports run at once: each reads much of the database, for as long as its receiver takes."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from bot.errors import RateLimited, Unavailable
from bot.rules.ids import UserId

MAX_OF_PERSON = 2  # all who have not signed in together are one
MAX_AT_ONCE = 8  # in one process
MAX_OF_READERS = 6  # of those, so that nobody keeps out operators
RETRY_AFTER = 10  # seconds
OWN = "Two exports of yours are running already: wait until one of them has ended."
BUSY = "Too many exports are running. Try again later."


class Exports:
    """The exports that this process is sending."""

    def __init__(self) -> None:
        self._running: Counter[UserId] = Counter()

    @contextmanager
    def one_of(self, user: UserId, *, is_operator: bool) -> Iterator[None]:
        """Count an export of a user meanwhile. Refuses it if too many are running."""
        if self._running[user] >= MAX_OF_PERSON:
            raise RateLimited(OWN, retry_after=RETRY_AFTER)
        if self._running.total() >= (MAX_AT_ONCE if is_operator else MAX_OF_READERS):
            raise Unavailable(BUSY, RETRY_AFTER)
        self._running[user] += 1
        try:
            yield
        finally:
            self._running[user] -= 1
            self._running += Counter()  # keeps positive counts only
