"""What people say when they freeze, lock, hold and ban: why, and until when."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Refusal
from bot.rules.blocks import MAX_REASON, check_reason, end_of, moment_in_words, told

NOW = datetime(2026, 11, 30, 14, 2, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("reason", ["", " ", "\n\t"])
def test_a_reason_says_something(reason: str) -> None:
    with pytest.raises(Refusal) as refused:
        check_reason(reason, "frozen.reason")
    assert refused.value.details["field"] == "frozen.reason"
    assert refused.value.sentence == "`frozen.reason` must say why, for those who are stopped by it."


def test_a_reason_is_kept_without_white_space_around_it_and_of_limited_length() -> None:
    assert check_reason("  a leak\n") == "a leak"
    assert check_reason("x" * 5000) == "x" * MAX_REASON


@pytest.mark.parametrize(
    ("until", "lasts", "end"),
    [
        (None, None, None),
        (NOW + SECOND, None, NOW + SECOND),
        (None, SECOND, NOW + SECOND),
        (None, timedelta(hours=2), NOW + timedelta(hours=2)),
    ],
)
def test_a_block_ends_at_a_time_or_after_some_time_or_not_by_itself(
    until: datetime | None, lasts: timedelta | None, end: datetime | None
) -> None:
    assert end_of(NOW, until, lasts) == end


@pytest.mark.parametrize(
    ("until", "lasts", "field", "sentence"),
    [
        (NOW, None, "until", "`until` must be in the future."),
        (NOW - SECOND, None, "until", "`until` must be in the future."),
        (None, timedelta(), "for", "`for` must be longer than zero."),
        (NOW + SECOND, SECOND, "for", "Say either `until` or `for`, not both."),
    ],
)
def test_an_end_that_is_none_is_refused_naming_the_field(
    until: datetime | None, lasts: timedelta | None, field: str, sentence: str
) -> None:
    with pytest.raises(Refusal) as refused:
        end_of(NOW, until, lasts)
    assert (refused.value.details["field"], refused.value.sentence) == (field, sentence)


@given(st.timedeltas(min_value=timedelta(days=-9), max_value=timedelta(days=9)))
def test_every_end_is_after_now(distance: timedelta) -> None:
    try:
        end = end_of(NOW, NOW + distance, None)
    except Refusal:
        assert distance <= timedelta()
    else:
        assert end is not None and end > NOW


def test_a_time_is_told_with_its_date_only_on_another_day() -> None:
    assert moment_in_words(NOW, NOW + timedelta(hours=9)) == "14:02 UTC"
    assert moment_in_words(NOW, NOW + timedelta(hours=10)) == "2026-11-30 14:02 UTC"


def test_a_block_is_told_with_its_beginning_its_end_and_its_reason() -> None:
    fact, later = "The environment is locked by ada", NOW + timedelta(hours=1)
    assert told(fact, NOW, None, "investigating a leak", later) == (
        "The environment is locked by ada since 14:02 UTC: investigating a leak."
    )
    assert told(fact, NOW, NOW + timedelta(days=1), "Leaking.", later) == (
        "The environment is locked by ada since 14:02 UTC, until 2026-12-01 14:02 UTC: Leaking."
    )
