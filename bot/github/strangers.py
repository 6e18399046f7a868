"""How much people may have GitHub asked of whom it has said nowhere that they have a role."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from cachetools import TTLCache

from bot.errors import RateLimited
from bot.rules.ids import GitHubUserId, RepositoryId

MAX_QUESTIONS = 100
"""About one stranger within WINDOW. GitHub answers 5,000 an hour for an installation."""
WINDOW = 600.0  # seconds
KNOWN_SECONDS = 3600.0
"""For how long somebody with a role is none, after GitHub has said so last."""
MAX_PEOPLE = 16_384
TOO_MANY = "GitHub was asked too often for somebody without a role. Try again later."


@dataclass
class _Asked:
    since: float
    questions: int = 0


class Strangers:
    """Questions about strangers: people without a role anywhere, but for reading what is public.

    Anybody with an account on GitHub can sign in, and each question takes from what GitHub answers an installation.
    Who has a role is not limited. `clock` in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: TTLCache[GitHubUserId, bool] = TTLCache(MAX_PEOPLE, KNOWN_SECONDS, clock)
        self._asked: TTLCache[GitHubUserId, _Asked] = TTLCache(MAX_PEOPLE, WINDOW, clock)
        self._last: TTLCache[GitHubUserId, RepositoryId] = TTLCache(MAX_PEOPLE, KNOWN_SECONDS, clock)

    def count(self, account: GitHubUserId) -> None:
        """Count a question that an account causes, before it is sent. Refuses it (RateLimited) after too many.

        That is only counted of strangers.
        """
        if not self.is_one(account):
            return
        asked = self._asked.get(account)
        if asked is None:
            asked = self._asked[account] = _Asked(self._clock())
        if asked.questions >= MAX_QUESTIONS:
            raise RateLimited(TOO_MANY, retry_after=max(1, math.ceil(asked.since + WINDOW - self._clock())))
        asked.questions += 1

    def count_role(self, account: GitHubUserId, repository: RepositoryId) -> None:
        """Count a question about the role of an account in a repository in the same way."""
        self.count(account)
        self._last[account] = repository

    def take_back(self, account: GitHubUserId) -> None:
        """Do not count the last question about an account: GitHub did not answer."""
        asked = self._asked.get(account)
        if asked is not None:
            asked.questions = max(0, asked.questions - 1)

    def is_one(self, account: GitHubUserId) -> bool:
        """Whether an account is a stranger's, as far as we know."""
        return account not in self._known

    def has_role(self, account: GitHubUserId) -> None:
        """Take note that an account is no stranger's."""
        self._known[account] = True

    def last_asked(self, account: GitHubUserId) -> RepositoryId:
        """The repository in which the role of an account was asked for last, so that others come first; 0 without."""
        last: RepositoryId | None = self._last.get(account)
        return RepositoryId(0) if last is None else last
