"""Whether webhooks are signed with our secret, as far as this process has seen."""

import time
from collections.abc import Callable

from bot.rules.webhooks import UNSIGNED

DOUBTFUL = 3  # wrong signatures, without a right one


class SignatureWatch:
    """Counts wrong signatures until the first right one with the current secret.

    Anyone can send them, so `on_doubt` is called only once for each secret.
    """

    def __init__(self, on_doubt: Callable[[], None]) -> None:
        self.last_right = 0.0  # seconds since the epoch; 0 if there was none
        self._is_proven, self._wrong, self._on_doubt = False, 0, on_doubt
        self._secret: bytes | None = None

    @property
    def warning(self) -> str | None:
        """What is probably wrong, if no signature was right and several were wrong."""
        return UNSIGNED if not self._is_proven and self._wrong >= DOUBTFUL else None

    def use(self, secret: bytes | None) -> None:
        """Take note of the current secret. One that has replaced another may be wrong, and is doubted again."""
        if secret != self._secret:
            self._secret, self._is_proven, self._wrong = secret, False, 0

    def right(self, *, is_current: bool) -> None:
        """Take note of a right signature: with the current secret, or with one before it that is still accepted."""
        self.last_right = time.time()
        self._is_proven = self._is_proven or is_current

    def wrong(self) -> None:
        """Take note of a wrong or missing signature."""
        if not self._is_proven:
            self._wrong += 1
            if self._wrong == DOUBTFUL:
                self._on_doubt()
