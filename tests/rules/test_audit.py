"""Filters of the audit log, and how changes are shown."""

from datetime import UTC, datetime

import pytest

from bot.errors import Refusal
from bot.rules.audit import MAX_SHOWN, AuditFilter, Change, audit_filter, changes

DAY = datetime(2026, 1, 31, tzinfo=UTC)


def test_a_filter_is_read_from_its_fields() -> None:
    assert audit_filter({}) == AuditFilter()
    read = audit_filter({"project": " site ", "alarm": "TRUE", "since": "2026-01-31", "until": "2026-01-31"})
    assert read == AuditFilter(project="site", alarm=True, since=DAY, until=DAY.replace(month=2, day=1))
    assert audit_filter({"until": "2026-01-31T01:00+01:00"}).until == DAY
    assert audit_filter({"since": "2026-01-31T00:00Z"}).since == DAY


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("since", "yesterday"),
        ("until", "2026-13-01"),
        ("until", "9999-12-31"),
        ("since", "0001-01-01T00:00+23:00"),
        ("alarm", "maybe"),
        ("channel", "fax"),
    ],
)
def test_a_malformed_field_is_named(field: str, text: str) -> None:
    with pytest.raises(Refusal, match=f"`{field}` must be"):
        audit_filter({field: text})


def test_what_changed_is_told_value_by_value() -> None:
    assert changes(None, None) == []
    assert changes({"is": "open"}, {"is": "closed"}) == [Change("", "open", "closed")]
    assert changes({"count": 2, "from_role": None}, {"count": 1, "names": ["é"]}) == [
        Change("count", "2", "1"),
        Change("names", None, "é"),
    ]
    assert changes("pending", {"status": "success", "reason": None}) == [Change("status", "pending", "success")]
    assert changes(
        {"a": 1, "gates": {}, "users": []}, {"a": 1, "gates": {"soak": "30m", "after": ["qa", "staging"]}}
    ) == [
        Change("gates soak", None, "30m"),
        Change("gates after", None, "qa, staging"),
    ]
    assert changes(None, {"frozen": {"by": "ada", "until": None}}) == [Change("frozen by", None, "ada")]
    [change] = changes(None, "x" * 1000)
    assert change.new is not None and len(change.new) == MAX_SHOWN
