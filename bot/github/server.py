"""What this process has learned about the GitHub server that it talks to: its time, and whether it names runs."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

Seconds = Callable[[], float]


class Clock:
    """GitHub's clock, as the `Date` of its answers shows it; until the first answer, ours.

    It goes on with the monotonic clock, so that setting our own clock does not move it. Both clocks are arguments for
    the sake of tests.
    """

    def __init__(self, ours: Seconds = time.time, monotonic: Seconds = time.monotonic) -> None:
        self._monotonic = monotonic
        self.epoch = ours() - monotonic()
        """GitHub's time when the monotonic clock was at zero, in seconds since 1970."""

    def now(self) -> datetime:
        """The current time by GitHub's clock, in UTC: within a second or two, as `Date` has whole seconds."""
        return datetime.fromtimestamp(self.seconds(), UTC)

    def seconds(self) -> float:
        """The current time by GitHub's clock, in seconds since 1970."""
        return self.epoch + self._monotonic()

    def learn(self, status: int, headers: Mapping[str, str], sent: float) -> None:
        """Learn from an answer that has just come to a request that was sent at that time of the monotonic clock.

        The answer was dated after the request was sent and before now. What fits that is kept, so the clock is steady.
        """
        date = _date(status, headers)
        if date is not None:
            earliest, latest = date - self._monotonic(), date + 1 - sent
            self.epoch = min(max(self.epoch, earliest), latest)


class Server:
    """A GitHub server: its clock, and how it answers dispatches. Enterprise Server up to 3.20 does not name their runs.

    `takes_run_details`: it has not refused to be asked for the run. `names_runs`: its last answer named the run.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.takes_run_details = True
        self.names_runs = True


def _date(status: int, headers: Mapping[str, str]) -> float | None:
    """The `Date` of an answer, unless it may be the time of a proxy or that of a stored answer."""
    is_proxys = status >= 500 or status == 407 or "html" in headers.get("Content-Type", "")
    if is_proxys or headers.get("Age", "0") != "0":
        return None
    try:
        date = parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError):
        return None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
