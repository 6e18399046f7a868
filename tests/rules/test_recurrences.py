"""Recurring times: compared with dateutil from the beginning, and with a calendar read minute by minute."""

import time
from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.errors import Refusal
from bot.rules.recurrences import START, check_rule, check_timezone, schedule

ACCEPTED = [
    "FREQ=DAILY",
    "FREQ=DAILY;INTERVAL=3;BYHOUR=9,17;BYMINUTE=30",
    "FREQ=DAILY;BYMONTH=12;BYMONTHDAY=24,25,26",
    "FREQ=DAILY;BYDAY=MO,TU;BYHOUR=9,12,15;BYSETPOS=-1",
    "FREQ=WEEKLY;BYDAY=FR;BYHOUR=14;BYMINUTE=0",
    "FREQ=WEEKLY",
    "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=SU,TU",
    "FREQ=WEEKLY;INTERVAL=2;WKST=MO;BYDAY=SU,TU",
    "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
    "FREQ=MONTHLY",
    "FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=17",
    "FREQ=MONTHLY;BYMONTHDAY=-1",
    "FREQ=MONTHLY;INTERVAL=5;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
    "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
    "FREQ=YEARLY",
    "FREQ=YEARLY;INTERVAL=4",
    "FREQ=YEARLY;INTERVAL=3;BYMONTH=6",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
    "FREQ=YEARLY;BYWEEKNO=1,53;BYDAY=MO",
    "FREQ=YEARLY;BYYEARDAY=-1",
    "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=20;UNTIL=20301231",
    "FREQ=DAILY;UNTIL=20261125T120000",
]
REFUSED = [
    "",
    "DAILY",
    "FREQ=HOURLY",
    "FREQ=MINUTELY",
    "freq=daily",
    "FREQ=DAILY;",
    "FREQ=DAILY;FREQ=WEEKLY",
    "FREQ=DAILY\nFREQ=WEEKLY",
    "RRULE:FREQ=DAILY",
    "DTSTART=20200101;FREQ=DAILY",
    "INTERVAL=2",
    "FREQ=DAILY;BYSECOND=1",
    "FREQ=DAILY;COUNT=10",
    "FREQ=DAILY;INTERVAL=0",
    "FREQ=DAILY;INTERVAL=-1",
    "FREQ=DAILY;INTERVAL=9999",
    "FREQ=YEARLY;INTERVAL=5",
    "FREQ=DAILY;BYHOUR=24",
    "FREQ=DAILY;BYMINUTE=60",
    "FREQ=DAILY;BYMONTH=13",
    "FREQ=DAILY;BYMONTH=0",
    "FREQ=DAILY;BYMONTHDAY=0",
    "FREQ=DAILY;BYDAY=1MO",
    "FREQ=DAILY;BYDAY=XX",
    "FREQ=YEARLY;BYDAY=99MO",
    "FREQ=YEARLY;BYEASTER=0",
    "FREQ=DAILY;UNTIL=20260101T000000Z",
    "FREQ=DAILY;UNTIL=99999999",
    "FREQ=DAILY;BYHOUR=1,2,3,4,5;BYMINUTE=0,10,20,30,40",
    "FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24))) + ";BYMINUTE=" + ",".join(map(str, range(60))),
    # never, or hardly ever
    "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=MONTHLY;BYMONTHDAY=32",
    "FREQ=DAILY;INTERVAL=7;BYDAY=SU",
    "FREQ=MONTHLY;INTERVAL=12;BYMONTH=2",
    "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6",
    "FREQ=WEEKLY;BYDAY=MO;BYSETPOS=300",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=SU",
    "FREQ=WEEKLY;INTERVAL=53;BYMONTH=1",
    "FREQ=YEARLY;BYYEARDAY=366;BYMONTH=1",
]
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]


@pytest.mark.parametrize("text", ACCEPTED)
def test_a_rule_that_recurs_is_accepted(text: str) -> None:
    assert check_rule(text) == text


@pytest.mark.parametrize("text", REFUSED)
def test_a_rule_that_recurs_too_often_too_rarely_or_not_at_all_is_refused(text: str) -> None:
    with pytest.raises(Refusal, match="A window is an RFC 5545 rule"):
        check_rule(text)


def test_only_names_of_time_zones_are_accepted() -> None:
    assert check_timezone("Australia/Lord_Howe") == "Australia/Lord_Howe"
    for text in ("", "Mars/Olympus", "../etc/passwd", "/etc/localtime", "Europe", "\0", "x" * 5000):
        with pytest.raises(Refusal):
            check_timezone(text)


def starts(text: str, zone: str, until: datetime) -> list[datetime]:
    """The occurrences of a rule from the year 2000 on, as dateutil finds them, in UTC."""
    found = []
    for wall in rrulestr(text, dtstart=START):
        time = wall.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        if wall.replace(tzinfo=UTC) > until + timedelta(days=2):
            break
        found.append(time)
    return found


@pytest.mark.parametrize("zone", ZONES[:3])
@pytest.mark.parametrize("text", ACCEPTED)
def test_a_schedule_is_what_all_occurrences_since_2000_say(text: str, zone: str) -> None:
    all_starts = sorted(starts(text, zone, datetime(2028, 4, 1, tzinfo=UTC)))
    for day in (date(2026, 3, 29), date(2026, 11, 1), date(2028, 2, 28)):
        begins = datetime(day.year, day.month, day.day, tzinfo=UTC)
        for lasts in (timedelta(hours=1), timedelta(hours=30), timedelta(days=20), timedelta(days=366)):
            computed = schedule(text, zone, lasts, day)
            for minutes in range(0, 5 * 24 * 60, 150):
                moment = begins + timedelta(minutes=minutes)
                if moment < computed.known_until:
                    last = bisect_right(all_starts, moment) - 1
                    expected = last >= 0 and moment < all_starts[last] + lasts
                    assert (computed.at(moment) is not None) is expected, (moment, lasts)


WEEKDAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
PARTS: dict[str, st.SearchStrategy[str]] = {
    "INTERVAL": st.integers(1, 400).map(str),
    "BYMONTH": st.integers(1, 12).map(str),
    "BYMONTHDAY": st.integers(-31, 31).map(str),
    "BYYEARDAY": st.integers(-366, 366).map(str),
    "BYWEEKNO": st.integers(-53, 53).map(str),
    "BYDAY": st.lists(st.sampled_from([*WEEKDAYS, "1MO", "-1FR", "5SA"]), min_size=1, max_size=3).map(",".join),
    "BYHOUR": st.lists(st.integers(0, 23).map(str), min_size=1, max_size=24, unique=True).map(",".join),
    "BYSETPOS": st.integers(-366, 366).map(str),
    "WKST": st.sampled_from(WEEKDAYS),
}
RULES = st.tuples(
    st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]), st.fixed_dictionaries({}, optional=PARTS)
).map(lambda rule: ";".join([f"FREQ={rule[0]}", *(f"{name}={value}" for name, value in rule[1].items())]))


@settings(max_examples=300, deadline=None)
@given(RULES, st.dates(date(2000, 1, 1), date(2040, 1, 1)), st.integers(1, 366), st.sampled_from(ZONES))
def test_no_rule_stops_the_service(text: str, day: date, days: int, zone: str) -> None:
    began = time.process_time()
    try:
        check_rule(text)
    except Refusal:
        assert time.process_time() - began < 0.2
        return
    computed = schedule(text, zone, timedelta(days=days), day)
    assert time.process_time() - began < 0.2  # a tenth of it, on a machine that does nothing else
    ends = [moment for span in computed.spans for moment in span]
    assert ends == sorted(set(ends))  # in order, and none begins when another ends


@settings(max_examples=60, deadline=None)
@given(RULES, st.dates(date(2003, 1, 1), date(2026, 1, 1)))
def test_any_accepted_rule_is_evaluated_as_dateutil_does(text: str, day: date) -> None:
    try:
        check_rule(text)
    except Refusal:
        assume(False)
    begins = datetime(day.year, day.month, day.day, tzinfo=UTC)
    hour, computed = timedelta(hours=1), schedule(text, "UTC", timedelta(hours=1), day)
    until = min(computed.known_until, begins + timedelta(days=60))
    expected = [start for start in starts(text, "UTC", until) if begins <= start < until]
    found = [each.start + n * hour for each in computed.spans for n in range((each.end - each.start) // hour)]
    assert [each for each in found if begins <= each < until] == sorted(set(expected))


def test_a_time_that_the_clocks_leave_out_is_moved_forward() -> None:
    computed = schedule("FREQ=DAILY;BYHOUR=2;BYMINUTE=30", "Europe/Berlin", timedelta(hours=1), date(2026, 3, 28))
    walls = [span.start.astimezone(ZoneInfo("Europe/Berlin")) for span in computed.spans[:3]]
    assert [(wall.day, wall.hour, wall.minute) for wall in walls] == [(28, 2, 30), (29, 3, 30), (30, 2, 30)]


def test_of_a_time_that_comes_twice_the_first_is_meant_and_the_duration_is_elapsed_time() -> None:
    computed = schedule("FREQ=DAILY;BYHOUR=2;BYMINUTE=30", "Europe/Berlin", timedelta(hours=1), date(2026, 10, 24))
    span = computed.spans[1]
    assert span == (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC))
