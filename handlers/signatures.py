"""Whether webhooks are signed with our secret, as far as this process has seen."""

import time
from collections.abc import Callable

from bot.rules.webhooks import UNSIGNED

DOUBTFUL = 3  # wrong signatures, without a right one


class SignatureWatch:
    """Counts wrong signatures until the first right one. Anyone can send them, so `on_doubt` is called only once."""

    def __init__(self, on_doubt: Callable[[], None]) -> None:
        self.last_right = 0.0  # seconds since the epoch; 0 if there was none
        self._wrong, self._on_doubt = 0, on_doubt

    @property
    def warning(self) -> str | None:
        """What is probably wrong, if no signature was right and several were wrong."""
        return UNSIGNED if not self.last_right and self._wrong >= DOUBTFUL else None

    def right(self) -> None:
        """Take note of a right signature."""
        self.last_right = time.time()

    def wrong(self) -> None:
        """Take note of a wrong or missing signature."""
        if not self.last_right:
            self._wrong += 1
            if self._wrong == DOUBTFUL:
                self._on_doubt()
