"""Calendar windows: recurring times in which deployments are denied, or outside of which they are.

Any window that denies closes; where windows allow, one of them must be open.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.rules.gate_settings import Window
from bot.rules.recurrences import Schedule, schedule

MAX_STEPS = 500  # from one window to the next, in the search for the end of all


@dataclass(frozen=True)
class WindowState:
    """Whether windows are closed, by which, and until when: None if that is too far away to be known.

    `which` are the windows that deny, or else those that allow, none of which is open.
    """

    closed: bool
    reason: str = ""
    until: datetime | None = None
    which: tuple[Window, ...] = ()


OPEN = WindowState(closed=False)


def state(windows: Sequence[Window], now: datetime) -> WindowState:
    """Whether deployments are denied at a time. `until` is when no window denies them any more, one after another."""
    calendar = Calendar(windows, now)
    which = calendar.closing(now)
    return WindowState(True, reason_of(which), calendar.opens_at(now), which) if which else OPEN


def reason_of(which: Sequence[Window]) -> str:
    """The first reason that windows give."""
    return next((window.reason for window in which if window.reason), "")


class Calendar:
    """The schedules of windows around a time."""

    def __init__(self, windows: Sequence[Window], around: datetime) -> None:
        self._windows = windows
        self._denies: list[tuple[Window, Schedule]] = []
        self._allows: list[tuple[Window, Schedule]] = []
        if not windows:
            return
        day = around.astimezone(UTC).date()
        for each in windows:
            found = schedule(each.deny or each.allow or "", each.timezone, each.for_, day)
            (self._allows if each.deny is None else self._denies).append((each, found))

    def closing(self, time: datetime) -> tuple[Window, ...]:
        """The windows that deny deployments at a time, else those that allow them if none of them is open."""
        denying = tuple(window for window, schedule in self._denies if schedule.at(time) is not None)
        if denying or not self._allows or any(schedule.at(time) is not None for _, schedule in self._allows):
            return denying
        return tuple(window for window, _ in self._allows)

    def opens_at(self, time: datetime) -> datetime | None:
        """The first time, from a time on, at which no window is closed; None if it is too far away to be known."""
        if not self._windows:
            return time
        known_until = min(schedule.known_until for _, schedule in (*self._denies, *self._allows))
        if time >= known_until:
            return Calendar(self._windows, time).opens_at(time)
        for _ in range(MAX_STEPS):
            later = self._step(time)
            if later == time:
                return time
            if later is None or later > known_until:
                return None
            time = later
        return None

    def _step(self, time: datetime) -> datetime | None:
        """A time up to which it is certainly closed; the same time if it is open, None if it is not known."""
        ends = [span.end for _, schedule in self._denies if (span := schedule.at(time)) is not None]
        if ends:
            return max(ends)
        if not self._allows or any(schedule.at(time) is not None for _, schedule in self._allows):
            return time
        following = [schedule.following(time) for _, schedule in self._allows]
        return min((span.start for span in following if span is not None), default=None)
