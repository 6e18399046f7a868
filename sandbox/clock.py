"""The clock of the sandbox: every time in its responses and webhooks is read here."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(slots=True)
class Clock:
    """The real time, plus an offset."""

    offset: timedelta = timedelta()

    def now(self) -> datetime:
        """Return the sandbox's time."""
        return datetime.now(UTC) + self.offset
