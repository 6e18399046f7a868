"""What stands between a candidate and an environment."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.errors import Conflict, Forbidden, Refusal
from bot.rules.gates import check_frozen, check_gates, check_ready, is_frozen, refusing

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def freeze(until: datetime | None) -> dict[str, Any]:
    return {
        "by": "ada",
        "reason": "audit",
        "since": NOW.isoformat(),
        "until": None if until is None else until.isoformat(),
    }


@pytest.mark.parametrize(
    ("frozen", "in_force"),
    [
        (None, False),
        (freeze(None), True),
        (freeze(NOW + timedelta(seconds=1)), True),
        (freeze(NOW), False),
        (freeze(NOW - timedelta(days=1)), False),
        ({"by": "ada", "reason": "audit"}, True),
    ],
    ids=["none", "for good", "until later", "until now", "until yesterday", "without until"],
)
def test_a_freeze_is_in_force_until_its_moment(frozen: dict[str, Any] | None, in_force: bool) -> None:
    assert is_frozen(frozen, NOW) is in_force
    if in_force:
        with pytest.raises(Refusal, match=r"^Environment is frozen$") as refused:
            check_frozen(frozen, NOW)
        assert refused.value.details["by"] == "ada"
        assert refused.value.details["reason"] == "audit"
        assert refused.value.details["until"]
    else:
        check_frozen(frozen, NOW)


@pytest.mark.parametrize("status", ["pending", "building", "ready", "failed", "canceled", "banned"])
def test_only_a_ready_candidate_is_deployed(status: str) -> None:
    if status == "ready":
        check_ready("1.0-rc1", status, None)
        return
    with pytest.raises(Conflict, match=r"^Release candidate is not ready$") as refused:
        check_ready("1.0-rc1", status, "why")
    assert refused.value.details == {"release_candidate_version": "1.0-rc1", "status": status, "reason": "why"}


def test_a_held_release_is_gated_and_told_who_holds_it_and_why() -> None:
    gates = refusing(held={"by": "ada", "reason": "a leak"})
    with pytest.raises(Forbidden, match=r"^Deployment is gated$") as refused:
        check_gates(gates)
    (told,) = refused.value.details["gates"]
    assert told["gate"] == "hold" and "ada" in told["waits_for"] and "a leak" in told["waits_for"]


def test_where_nothing_refuses_nothing_is_refused() -> None:
    assert refusing(held=None) == []
    check_gates([])
