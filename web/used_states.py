"""The states that browsers have come back from GitHub with: none counts twice."""

import time
from collections.abc import Callable

from cachetools import TTLCache

MAX_STATES = 20_000
SECONDS = 900.0  # longer than a browser may take to come back


class UsedStates:
    """The states that browsers have come back from GitHub with: each is taken once by this process.

    GitHub takes the code that comes with it once too, from whichever process.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._used: TTLCache[str, bool] = TTLCache(MAX_STATES, SECONDS, timer=clock)

    def add(self, state: str) -> bool:
        """Whether a state was not used before; from now on, it is used."""
        is_new = state not in self._used
        self._used[state] = True
        return is_new
