"""GitHub's clock is known from the `Date` of its answers, whatever our own clock says."""

from datetime import UTC, datetime
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.github.server import Clock

START = 1_800_000_000.0
SKEWS = (-600.0, -300.0, -61.0, -1.0, 0.0, 0.4, 1.0, 61.0, 300.0, 600.0)


class Times:
    """Our clock, a monotonic one, and GitHub's, which is ahead of ours by `skew` seconds."""

    def __init__(self, skew: float = 0.0) -> None:
        self.passed, self.ours_set_by, self.skew = 0.0, 0.0, skew
        self.clock = Clock(self.ours, self.monotonic)

    def ours(self) -> float:
        return START + self.passed + self.ours_set_by

    def monotonic(self) -> float:
        return 50.0 + self.passed

    def githubs(self) -> float:
        return START + self.passed + self.skew

    def exchange(self, there: float, back: float, *, status: int = 200, **headers: str) -> None:
        """A request that takes `there` seconds to GitHub, and an answer that takes `back` seconds."""
        sent = self.monotonic()
        self.passed += there
        date = formatdate(self.githubs(), usegmt=True)
        self.passed += back
        answer = {"Date": date, "Content-Type": "application/json", **headers}
        self.clock.learn(status, {name.replace("_", "-"): value for name, value in answer.items()}, sent)

    def error(self) -> float:
        return abs(self.clock.seconds() - self.githubs())


delays = st.floats(0, 15)
steps = st.tuples(st.floats(-700, 700), delays, delays, st.floats(0, 4000))


@given(st.floats(-700, 700), st.lists(steps, min_size=1))
def test_after_an_answer_the_clock_is_right_to_a_second_and_the_time_that_the_answer_took(
    skew: float, exchanges: list[tuple[float, float, float, float]]
) -> None:
    times = Times(skew)
    for set_by, there, back, pause in exchanges:
        times.exchange(there, back)
        assert times.error() <= 1 + there + back + 1e-3
        times.ours_set_by += set_by  # our clock jumps
        times.passed += pause
        assert times.error() <= 1 + there + back + 1e-3


@given(st.floats(-700, 700), st.lists(steps, min_size=1))
def test_the_clock_follows_when_githubs_jumps(skew: float, jumps: list[tuple[float, float, float, float]]) -> None:
    times = Times(skew)
    for jump, there, back, pause in jumps:
        times.skew += jump
        times.exchange(there, back)
        assert times.error() <= 1 + there + back + 1e-3
        times.passed += pause


@given(st.lists(st.tuples(delays, delays, st.floats(0, 4000)), min_size=1))
def test_equal_clocks_stay_equal(exchanges: list[tuple[float, float, float]]) -> None:
    times = Times()
    for there, back, pause in exchanges:
        times.exchange(there, back)
        times.passed += pause
        assert times.error() < 1e-3


@pytest.mark.parametrize("skew", SKEWS)
def test_one_slow_answer_does_not_spoil_what_quick_ones_told(skew: float) -> None:
    times = Times(skew)
    for _ in range(20):
        times.exchange(0.02, 0.02)
        times.passed += 0.13
    before = times.error()
    times.exchange(0.1, 14)
    times.exchange(14, 0.1)
    assert times.error() == pytest.approx(before, abs=0.05) and before < 0.3


def test_before_the_first_answer_it_is_our_own_time() -> None:
    times = Times(skew=300)
    times.passed += 5
    assert times.clock.now() == datetime.fromtimestamp(times.ours(), UTC)


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        pytest.param(200, {"Age": "240"}, id="an answer that a proxy had stored"),
        pytest.param(502, {}, id="an error of a proxy"),
        pytest.param(407, {}, id="a proxy that asks for credentials"),
        pytest.param(403, {"Content_Type": "text/html; charset=utf-8"}, id="a page"),
        pytest.param(200, {"Date": ""}, id="no date"),
        pytest.param(200, {"Date": "yesterday"}, id="no date that can be read"),
        pytest.param(200, {"Date": "Thu, 32 Jan 2026 25:61:00 GMT"}, id="an impossible date"),
    ],
)
def test_what_is_not_githubs_time_is_ignored(status: int, headers: dict[str, str]) -> None:
    times = Times()
    times.skew = -240
    times.exchange(0.1, 0.1, status=status, **headers)
    assert times.clock.seconds() == pytest.approx(times.ours())


@pytest.mark.parametrize("status", [200, 201, 202, 204, 304, 307, 401, 403, 404, 422, 429], ids=str)
def test_every_answer_of_github_teaches_its_time(status: int) -> None:
    times = Times(-240)
    times.exchange(0.1, 0.1, status=status, Age="0")
    assert times.error() < 1.3


@pytest.mark.parametrize("zone", ["GMT", "UTC", "+0000", "-0000", ""], ids=ascii)
def test_a_date_is_in_utc_however_its_zone_is_written(zone: str) -> None:
    times = Times()
    text = formatdate(START + 240, usegmt=True).replace("GMT", zone).strip()
    times.exchange(0.1, 0.1, Date=text)
    assert times.clock.seconds() - times.ours() == pytest.approx(240, abs=1)
