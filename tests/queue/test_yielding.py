"""The worker waits for webhook intake as long as the event loop is late, but not for ever."""

from __future__ import annotations

import pytest

from bot.queue.yielding import LATE, MAX_PAUSE, TICK, give_way

BUSY = 4 * LATE


class Loop:
    """An event loop whose timers fire late by the given times, one after the other, and then on time."""

    def __init__(self, *late: float) -> None:
        self.now, self.sleeps = 0.0, 0
        self._late = list(late)

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.sleeps += 1
        self.now += seconds + (self._late.pop(0) if self._late else 0.0)


@pytest.mark.parametrize(
    ("late", "sleeps"),
    [
        ([], 3),
        ([LATE / 2], 3),
        ([BUSY], 4),
        ([0, BUSY, 0], 5),
        ([BUSY, BUSY, LATE / 2], 5),
        ([1.0], 1),
        ([BUSY] * 100, 5),
    ],
)
async def test_the_worker_waits_until_the_loop_is_on_time_or_the_pause_is_over(late: list[float], sleeps: int) -> None:
    loop = Loop(*late)
    await give_way(lambda: True, clock=loop.clock, sleep=loop.sleep)
    assert loop.sleeps == sleeps
    assert loop.now < max(MAX_PAUSE + TICK + BUSY, *late, 0) + 2 * TICK


async def test_without_intake_the_worker_does_not_wait() -> None:
    loop = Loop(BUSY)
    await give_way(lambda: False, clock=loop.clock, sleep=loop.sleep)
    assert loop.sleeps == 0


async def test_the_worker_goes_on_when_intake_ends() -> None:
    loop = Loop(*[BUSY] * 100)
    await give_way(lambda: loop.sleeps < 2, clock=loop.clock, sleep=loop.sleep)
    assert loop.sleeps == 2
