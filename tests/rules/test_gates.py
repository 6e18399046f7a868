"""The gates between a candidate and an environment."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.errors import Conflict, Forbidden, Refusal
from bot.rules.gates import Decision, Gate, GateFacts, GateResult, Verdict, decide, is_frozen, refusal

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
FACTS = GateFacts(environment="staging", candidate="1.0-rc1", status="ready", reason=None, now=NOW)
HELD = {"by": "ada", "reason": "a leak", "since": NOW.isoformat()}


def freeze(until: datetime | None) -> dict[str, Any]:
    return {
        "by": "ada",
        "reason": "audit",
        "since": NOW.isoformat(),
        "until": None if until is None else until.isoformat(),
    }


def verdicts(decision: Decision) -> dict[Gate, Verdict]:
    return {result.gate: result.verdict for result in decision.gates}


def result_of(decision: Decision, gate: Gate) -> GateResult:
    return next(result for result in decision.gates if result.gate == gate)


LATER = freeze(NOW + timedelta(hours=1))
TABLE: list[tuple[dict[str, Any], dict[str, Verdict], Verdict, str | None]] = [
    ({}, {}, "pass", None),
    ({"status": "pending"}, {"candidate": "wait"}, "wait", "Release candidate is not ready"),
    ({"status": "building"}, {"candidate": "wait"}, "wait", "Release candidate is not ready"),
    ({"status": "failed"}, {"candidate": "refuse"}, "refuse", "Release candidate is not ready"),
    ({"status": "canceled"}, {"candidate": "refuse"}, "refuse", "Release candidate is not ready"),
    ({"status": "banned"}, {"candidate": "refuse"}, "refuse", "Release candidate is not ready"),
    ({"held": HELD}, {"hold": "refuse"}, "refuse", "Deployment is gated"),
    ({"frozen": freeze(None)}, {"freeze": "refuse"}, "refuse", "Environment is frozen"),
    ({"frozen": LATER}, {"freeze": "wait"}, "wait", "Environment is frozen"),
    ({"frozen": freeze(NOW)}, {}, "pass", None),
    ({"busy_with": 7}, {"busy": "wait"}, "wait", "Another deployment is in progress"),
    # the first closed gate in the dialect's order words the refusal, even if a later one has a worse verdict
    ({"busy_with": 7, "frozen": freeze(None)}, {"busy": "wait", "freeze": "refuse"}, "refuse", "Another deployment"),
    ({"frozen": LATER, "held": HELD}, {"freeze": "wait", "hold": "refuse"}, "refuse", "Environment is frozen"),
    (
        {"status": "building", "busy_with": 7, "frozen": freeze(None), "held": HELD},
        {"candidate": "wait", "busy": "wait", "freeze": "refuse", "hold": "refuse"},
        "refuse",
        "Release candidate is not ready",
    ),
]


@pytest.mark.parametrize(("facts", "closed", "verdict", "sentence"), TABLE)
def test_every_gate_is_evaluated_and_the_first_closed_one_words_the_refusal(
    facts: dict[str, Any], closed: dict[Gate, Verdict], verdict: Verdict, sentence: str | None
) -> None:
    decision = decide(replace(FACTS, **facts))
    passing: dict[Gate, Verdict] = {"candidate": "pass", "hold": "pass", "freeze": "pass", "busy": "pass"}
    assert verdicts(decision) == {**passing, **closed}
    assert decision.verdict == verdict
    assert {result.gate for result in decision.closed()} == set(closed)
    refused = refusal(decision)
    if sentence is None:
        assert refused is None
    else:
        assert refused is not None and refused.sentence.startswith(sentence)


def test_exempt_gates_are_off() -> None:
    facts = replace(FACTS, status="banned", held=HELD, busy_with=7)
    decision = decide(facts, exempt=("candidate", "hold", "busy"))
    assert verdicts(decision) == {"candidate": "off", "hold": "off", "freeze": "pass", "busy": "off"}
    assert refusal(decision) is None


def test_force_overrides_only_a_freeze_and_records_what_it_overrode() -> None:
    decision = decide(replace(FACTS, frozen=freeze(None), held=HELD, busy_with=7, status="failed"), force=True)
    assert verdicts(decision) == {"candidate": "refuse", "hold": "refuse", "freeze": "overridden", "busy": "wait"}
    assert result_of(decision, "freeze").facts["by"] == "ada"
    assert decide(replace(FACTS, frozen=freeze(None)), force=True).verdict == "overridden"
    assert decide(FACTS, force=True).verdict == "pass"


def test_a_result_has_machine_readable_times_and_people_who_can_help() -> None:
    result = result_of(decide(replace(FACTS, frozen=LATER)), "freeze")
    assert (result.since, result.until) == (NOW, NOW + timedelta(hours=1))
    assert result.who_can_help == ("ada",)
    assert result_of(decide(replace(FACTS, busy_with=7)), "busy").facts == {"deployment": 7}


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
    ids=["none", "open-ended", "until later", "until now", "until yesterday", "no end stored"],
)
def test_a_freeze_is_in_force_until_its_end(frozen: dict[str, Any] | None, in_force: bool) -> None:
    assert is_frozen(frozen, NOW) is in_force
    refused = refusal(decide(replace(FACTS, frozen=frozen)))
    if not in_force:
        assert refused is None
        return
    assert type(refused) is Refusal and refused.sentence == "Environment is frozen"
    assert (refused.details["by"], refused.details["reason"]) == ("ada", "audit")
    assert refused.details["until"] == (frozen or {}).get("until")


@pytest.mark.parametrize("status", ["pending", "building", "failed", "canceled", "banned"])
def test_a_candidate_that_is_not_ready_is_refused_with_its_status_and_reason(status: str) -> None:
    refused = refusal(decide(replace(FACTS, status=status, reason="why")))
    assert type(refused) is Conflict
    assert refused.details == {"release_candidate_version": "1.0-rc1", "status": status, "reason": "why"}


def test_a_held_release_is_refused_with_who_holds_it_and_why() -> None:
    refused = refusal(decide(replace(FACTS, held=HELD)))
    assert type(refused) is Forbidden
    assert refused.details == {"gates": [{"gate": "hold", "waits_for": "ada to unhold the release: a leak"}]}
