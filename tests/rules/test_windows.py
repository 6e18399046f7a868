"""Calendar windows over a year with both changes of the clocks, compared with a reading of the local calendar."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rules.gate_settings import Window
from bot.rules.windows import Calendar, state

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)  # a Saturday
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
QUARTER = timedelta(minutes=15)  # what YEARS begins at, and when clocks change, are multiples of it


def window(kind: str, rule: str, lasts: str, timezone: str = "UTC", reason: str = "") -> Window:
    return Window.model_validate({kind: rule, "for": lasts, "timezone": timezone, "reason": reason})


# --- a year, in three time zones

NIGHTLY = "FREQ=DAILY;BYHOUR=1;BYMINUTE=45"
WEEKEND = "FREQ=WEEKLY;BYDAY=FR;BYHOUR=14"
OFFICE = "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=9"


def begins_nightly(wall: datetime) -> bool:
    return (wall.hour, wall.minute) == (1, 45)


def begins_left_out(wall: datetime) -> bool:
    return (wall.hour, wall.minute) == (2, 15)


def begins_weekend(wall: datetime) -> bool:
    return (wall.weekday(), wall.hour, wall.minute) == (4, 14, 0)


def begins_office(wall: datetime) -> bool:
    return wall.weekday() < 5 and (wall.hour, wall.minute) == (9, 0)


YEARS: list[tuple[str, str, timedelta, Callable[[datetime], bool]]] = [
    (NIGHTLY, "150m", timedelta(minutes=150), begins_nightly),
    ("FREQ=DAILY;BYHOUR=2;BYMINUTE=15", "90m", timedelta(minutes=90), begins_left_out),
    (WEEKEND, "64h", timedelta(hours=64), begins_weekend),
    (OFFICE, "8h", timedelta(hours=8), begins_office),
]


def beginnings(zone: ZoneInfo, begins: Callable[[datetime], bool]) -> set[datetime]:
    """The moments of the year 2026 at which a window begins, from the wall clock of each quarter of an hour.

    The first of two equal wall times counts. One that the clocks leave out is as long after the change as it would have
    been after it without the change.
    """
    moment, found = datetime(2025, 12, 25, tzinfo=UTC), set()
    before = moment.astimezone(zone)
    while moment.year < 2027:
        wall = moment.astimezone(zone)
        left_out = (wall.utcoffset() or timedelta()) - (before.utcoffset() or timedelta())
        if wall.fold == 0 and begins(wall):
            found.add(moment)
        for skipped in range(left_out // QUARTER):
            if begins(before.replace(tzinfo=None) + (1 + skipped) * QUARTER):
                found.add(moment + skipped * QUARTER)
        before, moment = wall, moment + QUARTER
    return found


@pytest.mark.parametrize("timezone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
@pytest.mark.parametrize(
    ("rule", "written", "lasts", "begins"), YEARS, ids=["nightly", "left out", "weekend", "office"]
)
def test_windows_are_right_over_a_year_with_both_changes_of_the_clocks(
    rule: str, written: str, lasts: timedelta, begins: Callable[[datetime], bool], timezone: str
) -> None:
    deny, allow = (window(kind, rule, written, timezone) for kind in ("deny", "allow"))
    starts = sorted(beginnings(ZoneInfo(timezone), begins))
    assert len(starts) > 50
    for start, following in pairwise(starts):
        if start.year < 2026:
            continue
        end = start + lasts
        for moment in (start - MINUTE, start, end - MINUTE, end):
            is_in = any(each <= moment < each + lasts for each in starts)
            assert state([deny], moment).closed is is_in, moment
            assert state([allow], moment).closed is not is_in, moment
        if end < following:
            assert state([deny], start).until == end
            assert state([allow], end).until == following


# --- several windows


def test_a_window_that_begins_when_another_ends_is_waited_for_as_well() -> None:
    first, second = window("deny", "FREQ=DAILY;BYHOUR=11", "2h"), window("deny", "FREQ=DAILY;BYHOUR=13", "1h")
    closed = state([first, second], NOW)
    assert (closed.closed, closed.until, closed.which) == (True, NOW + 2 * HOUR, (first,))


def test_a_window_that_denies_wins_over_one_that_allows() -> None:
    allow, deny = window("allow", "FREQ=DAILY;BYHOUR=10", "8h"), window("deny", "FREQ=DAILY;BYHOUR=12", "1h")
    assert not state([allow], NOW).closed
    assert state([allow, deny], NOW).until == NOW + HOUR
    assert state([allow, deny], NOW).which == (deny,)


def test_the_next_opening_that_nothing_denies_is_waited_for() -> None:
    allow, deny = window("allow", "FREQ=DAILY;BYHOUR=14", "2h"), window("deny", "FREQ=DAILY;BYHOUR=13", "2h")
    assert state([allow, deny], NOW).until == NOW + 3 * HOUR
    whole = window("deny", "FREQ=WEEKLY;BYDAY=SA;BYHOUR=14", "2h")
    assert state([allow, whole], NOW).until == NOW + timedelta(days=1, hours=2)


def test_one_open_window_of_those_that_allow_suffices() -> None:
    morning, noon = window("allow", "FREQ=DAILY;BYHOUR=8", "1h"), window("allow", "FREQ=DAILY;BYHOUR=12", "1h")
    assert not state([morning, noon], NOW).closed
    closed = state([morning, noon], NOW + HOUR)
    assert (closed.which, closed.until) == ((morning, noon), NOW + timedelta(hours=20))


def test_the_first_reason_that_is_given_is_told() -> None:
    silent, told = window("deny", "FREQ=DAILY", "23h"), window("deny", "FREQ=DAILY", "22h", reason="holidays")
    assert state([silent, told], NOW).reason == "holidays"
    assert state([silent], NOW).reason == ""


def test_windows_that_are_not_in_force_close_nothing() -> None:
    assert state([], NOW) == state([window("deny", "FREQ=DAILY;BYHOUR=13", "1h")], NOW)
    assert Calendar([], NOW).opens_at(NOW + HOUR) == NOW + HOUR


def test_what_is_far_away_is_read_from_the_calendar_of_that_time() -> None:
    later = NOW + timedelta(days=1000)
    denied = Calendar([window("deny", "FREQ=DAILY;BYHOUR=11", "2h")], NOW)
    assert denied.opens_at(later) == later + HOUR


@pytest.mark.parametrize(
    "windows",
    [
        [window("deny", "FREQ=DAILY", "2d")],
        [window("allow", "FREQ=DAILY;UNTIL=20261101", "1h")],
        [window("allow", "FREQ=YEARLY;INTERVAL=4", "1h")],
        [window("allow", "FREQ=DAILY;BYHOUR=9", "1h"), window("deny", "FREQ=DAILY;BYHOUR=8", "3h")],
    ],
    ids=["always denied", "never allowed again", "allowed in years", "allowed while denied"],
)
def test_an_end_that_is_too_far_away_is_not_known(windows: list[Window]) -> None:
    assert (state(windows, NOW).closed, state(windows, NOW).until) == (True, None)


def test_a_long_window_is_in_force_to_its_end() -> None:
    year = window("deny", "FREQ=YEARLY;INTERVAL=4;BYMONTH=3", "366d")
    began = datetime(2024, 3, 1, tzinfo=UTC)
    end = began + timedelta(days=366)
    assert [state([year], moment).closed for moment in (began - MINUTE, began, end - MINUTE, end)] == [
        *(False, True, True, False)
    ]
    assert state([year], began + timedelta(days=200)).until == end


RULES = ("FREQ=DAILY;BYHOUR=9", WEEKEND, OFFICE, NIGHTLY, "FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=17")
WINDOWS = st.builds(
    window,
    st.sampled_from(["deny", "allow"]),
    st.sampled_from(RULES),
    st.sampled_from(["30m", "3h", "26h", "3d"]),
    st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe"]),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(WINDOWS, max_size=4), st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1)))  # noqa: DTZ001
def test_until_is_the_first_moment_at_which_windows_are_open(windows: list[Window], wall: datetime) -> None:
    now = wall.replace(tzinfo=UTC)
    closed = state(windows, now)
    assert (closed.until is None) or closed.until > now
    if closed.until is not None:
        assert not state(windows, closed.until).closed
        span = closed.until - now
        assert all(state(windows, now + span * part / 40).closed for part in range(40))
