"""Times as people write them: which are taken, in which zone, and relative to what."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Refusal
from bot.rules.times import INVALID, PAST, parse_time

NOW = datetime(2026, 11, 30, 16, 0, tzinfo=UTC)
TAKEN = {
    "2026-12-24T18:00Z": "2026-12-24T18:00:00",
    "2026-12-24T18:00:30Z": "2026-12-24T18:00:30",
    "2026-12-24t18:00z": "2026-12-24T18:00:00",
    "2026-12-24T18:00+01:00": "2026-12-24T17:00:00",
    "2026-12-24T18:00-0530": "2026-12-24T23:30:00",
    "2026-12-24T18:00": "2026-12-24T18:00:00",
    "2026-12-24 18:00": "2026-12-24T18:00:00",
    "2026-12-24 8:00 UTC": "2026-12-24T08:00:00",
    "2026-12-24 18:00 +02:00": "2026-12-24T16:00:00",
    "2026-12-24": "2026-12-24T00:00:00",
    "2028-02-29": "2028-02-29T00:00:00",
    "18:00": "2026-11-30T18:00:00",
    "18:00 UTC": "2026-11-30T18:00:00",
    "16:00": "2026-12-01T16:00:00",
    "8:00": "2026-12-01T08:00:00",
    "0:00": "2026-12-01T00:00:00",
    "today 18:00": "2026-11-30T18:00:00",
    "tomorrow 8:00": "2026-12-01T08:00:00",
    "Tomorrow 23:59:59": "2026-12-01T23:59:59",
}
REFUSED = (
    *("", "soon", "tomorrow", "today", "8", "8pm", "8:00pm", "24:00", "18:60", "18", "1800", "18:00:61"),
    *("2026-13-01", "2026-02-29", "24.12.2026", "12/24/2026", "2026-12", "20261224", "2026-W52-4", "1766599200"),
    *("2026-12-24T18", "2026-12-24T25:00", "2026-12-24T18:00+99:00", "2026-12-24T18:00 CET", "2026-12-24  18:00"),
    *("0001-01-01T00:00+01:00", "9999-12-31T23:59-01:00", "tomorrow8:00", "today 18:00+01:00", "18:00\n"),
    "\u0662\u0660\u0662\u0666-12-24",
)
NOT_AFTER_NOW = ("2026-11-30T16:00Z", "2026-11-30", "2026-11-30T17:00+01:00", "today 8:00", "today 16:00")


@pytest.mark.parametrize(("text", "expected"), TAKEN.items(), ids=list(TAKEN))
def test_a_time_is_taken_in_utc_unless_it_has_an_offset(text: str, expected: str) -> None:
    assert parse_time(text).after(NOW) == datetime.fromisoformat(f"{expected}+00:00")


@pytest.mark.parametrize("text", REFUSED, ids=ascii)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Refusal, match=INVALID) as refused:
        parse_time(text)
    assert "tomorrow 8:00" in refused.value.details["expected"]


@pytest.mark.parametrize(
    "text", ["2026-11-30T16:00Z", "2026-11-30", "2026-11-30T17:00+01:00", "today 8:00", "today 16:00"]
)
def test_a_time_that_is_not_after_now_is_refused(text: str) -> None:
    with pytest.raises(Refusal, match=PAST):
        parse_time(text).after(NOW)


def test_now_may_be_given_in_any_zone() -> None:
    local = datetime.fromisoformat("2026-12-01T00:30:00+02:00")  # still November in UTC
    assert parse_time("23:00").after(local) == datetime(2026, 11, 30, 23, tzinfo=UTC)
    assert parse_time("tomorrow 23:00").after(local) == datetime(2026, 12, 1, 23, tzinfo=UTC)


@given(st.datetimes(timezones=st.just(UTC)).filter(lambda time: time.year < 9999), st.times())
def test_a_time_of_day_is_the_next_one(now: datetime, clock: object) -> None:
    written = str(clock)[:8]
    moment = parse_time(written).after(now)
    assert now < moment <= now + timedelta(days=1)
    assert f"{moment:%H:%M:%S}" == written


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    try:
        parse_time(text)
    except Refusal as refusal:
        assert refusal.sentence == INVALID
