"""Decisions: every gate is evaluated, exempt ones are off, some can be overridden, and refusals name the first."""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from bot.errors import Conflict, FactUnknown, Forbidden, Problem, Refusal
from bot.rules.checks import CheckResult
from bot.rules.gate_facts import Block, CandidateFact, ChecksFact, Freeze, LiveFact, LockFact, Override, Requester
from bot.rules.gate_refusals import refusal
from bot.rules.gate_results import (
    GATES,
    OVERRIDABLE,
    ROLLBACK_EXEMPT,
    Decision,
    Gate,
    Verdict,
    from_json,
    next_change,
    to_json,
    waits_for,
)
from bot.rules.gates import decide
from bot.rules.ids import DeploymentId, UserId
from tests.rules.gate_samples import CANDIDATE, COMMIT, FACTS, HOUR, LIVE, NOW, facts, verdicts

OPEN_ENDED = (Freeze("environment", "ada", "audit", NOW - HOUR),)
FOR_AN_HOUR = (Freeze("environment", "ada", "audit", NOW - HOUR, NOW + HOUR),)
HELD = Block("ada", "a leak", NOW - HOUR)
BUILDING, FAILED = replace(CANDIDATE, status="building"), replace(CANDIDATE, status="failed", reason="it broke")
BUSY = DeploymentId(7)
LOCK = LockFact(UserId(9), "alan", "tests", NOW - HOUR)
OLDER = LiveFact("1.1", LIVE, "behind")
UNREAD_CHECKS = ChecksFact(problem="timeout")
CLOSED: dict[str, Any] = {
    "settings": {
        "after": ["staging"],
        "checks": ["build"],
        "approvals": {"count": 1},
        "deployers": ["user:nobody"],
    },
    "candidate": FAILED,
    "held": HELD,
    "live": OLDER,
    "freezes": OPEN_ENDED,
    "lock": LOCK,
    "busy_with": BUSY,
    "checks": ChecksFact((CheckResult("build", None, "failed"),)),
    "requester": Requester(UserId(2), "ci"),
}
OVERRIDE = Override("root", "an outage")


def refused(decision: Decision, **options: Any) -> Problem:
    problem = refusal(decision, **options)
    assert problem is not None
    return problem


def test_every_gate_is_evaluated_in_order_and_none_is_closed_by_default() -> None:
    decision = decide(FACTS)
    assert tuple(result.gate for result in decision.gates) == GATES
    assert {result.gate: result.verdict for result in decision.gates} == {
        **dict.fromkeys(("candidate", "hold", "downgrade", "freeze", "lock", "busy"), "pass"),
        **dict.fromkeys(("order", "checks", "approvals", "deployers"), "off"),
    }
    assert (decision.verdict, decision.closed(), waits_for(decision), refusal(decision)) == ("pass", [], [], None)
    assert (decision.candidate, decision.environment) == ("1.0-rc1", "production")


def test_all_gates_can_be_closed_at_once() -> None:
    decision = decide(facts(**CLOSED))
    assert waits_for(decision) == list(GATES)
    refusing = {gate for gate, verdict in verdicts(decision).items() if verdict == "refuse"}
    assert set(GATES) - refusing == {"order", "approvals", "busy"}


REFUSALS: list[tuple[dict[str, Any], type[Problem], str, Verdict]] = [
    ({"candidate": BUILDING}, Conflict, "Release candidate is not ready", "wait"),
    ({"candidate": FAILED, "busy_with": BUSY}, Conflict, "Release candidate is not ready", "refuse"),
    ({"busy_with": BUSY}, Conflict, "Another deployment is in progress", "wait"),
    ({"busy_with": BUSY, "freezes": OPEN_ENDED}, Conflict, "Another deployment is in progress", "refuse"),
    ({"freezes": OPEN_ENDED}, Refusal, "Environment is frozen", "refuse"),
    ({"freezes": FOR_AN_HOUR, "held": HELD}, Refusal, "Environment is frozen", "refuse"),
    ({"closed": "it is gone from the file"}, Refusal, "Environment is frozen", "refuse"),
    ({"held": HELD}, Forbidden, "Deployment is gated", "refuse"),
    ({"lock": LOCK}, Forbidden, "Deployment is gated", "refuse"),
    ({"live": OLDER}, Forbidden, "Deployment is gated", "refuse"),
    ({"settings": {"approvals": {"count": 1}}}, Forbidden, "Deployment is gated", "wait"),
    ({"settings": {"checks": ["a"]}, "checks": UNREAD_CHECKS}, FactUnknown, "GitHub is unavailable", "wait"),
    ({"live": LiveFact("1.1", LIVE, None, "timeout")}, FactUnknown, "GitHub is unavailable", "wait"),
    (
        {"settings": {"checks": ["a"]}, "checks": UNREAD_CHECKS, "lock": LOCK},
        Forbidden,
        "Deployment is gated",
        "refuse",
    ),
]


@pytest.mark.parametrize(("fields", "kind", "sentence", "verdict"), REFUSALS)
def test_the_first_closed_gate_of_the_dialect_words_the_refusal_and_every_gate_is_in_its_details(
    fields: dict[str, Any], kind: type[Problem], sentence: str, verdict: Verdict
) -> None:
    decision = decide(facts(**fields))
    problem = refused(decision)
    assert (type(problem), problem.sentence, decision.verdict) == (kind, sentence, verdict)
    gates = problem.details["gates"]
    assert [gate["gate"] for gate in gates] == list(GATES)
    assert [gate["gate"] for gate in gates if "waits_for" in gate] == waits_for(decision)
    assert all(gate["waits_for"] == gate["sentence"] != "" for gate in gates if "waits_for" in gate)
    json.dumps(problem.details)


def test_the_details_of_today_stand_beside_the_gates() -> None:
    def details(**fields: Any) -> dict[str, Any]:
        return {name: value for name, value in refused(decide(facts(**fields))).details.items() if name != "gates"}

    assert details(candidate=FAILED) == {
        "release_candidate_version": "1.0-rc1",
        "status": "failed",
        "reason": "it broke",
    }
    assert details(busy_with=BUSY) == {"environment": "production"}
    since = (NOW - HOUR).isoformat()
    assert details(freezes=OPEN_ENDED) == {"by": "ada", "reason": "audit", "since": since, "until": None}
    assert details(freezes=FOR_AN_HOUR)["until"] == (NOW + HOUR).isoformat()
    assert details(settings={"checks": ["a"]}, checks=UNREAD_CHECKS) == {"reason": "timeout"}


def test_ignored_gates_refuse_nothing() -> None:
    decision = decide(facts(busy_with=BUSY, held=HELD))
    assert refused(decision, ignoring=("busy",)).sentence == "Deployment is gated"
    assert refusal(decision, ignoring=("busy", "hold")) is None


def test_a_rollback_is_judged_by_five_gates_only() -> None:
    decision = decide(facts(**CLOSED), exempt=ROLLBACK_EXEMPT)
    assert waits_for(decision) == ["candidate", "hold", "freeze", "lock", "deployers"]
    assert {result.verdict for result in decision.gates if result.gate in ROLLBACK_EXEMPT} == {"off"}


def test_an_override_opens_five_gates_and_keeps_what_they_said() -> None:
    plain, decision = decide(facts(**CLOSED)), decide(facts(**CLOSED), override=OVERRIDE)
    assert {result.gate for result in decision.overridden} == set(OVERRIDABLE)
    assert waits_for(decision) == [gate for gate in GATES if gate not in OVERRIDABLE]
    for result in decision.overridden:
        was = plain.result_of(result.gate)
        assert result.facts == {
            **was.facts,
            "was": was.verdict,
            "overridden_by": "root",
            "override_reason": "an outage",
        }
        assert (result.sentence, result.since, result.until) == (was.sentence, was.since, was.until)
    assert decision.override == OVERRIDE


def test_an_override_changes_no_open_gate() -> None:
    assert decide(FACTS, override=OVERRIDE).gates == decide(FACTS).gates
    assert decide(facts(freezes=OPEN_ENDED), override=OVERRIDE).verdict == "overridden"


def test_an_override_opens_gates_whose_facts_could_not_be_read() -> None:
    unread = facts({"checks": ["a"]}, checks=UNREAD_CHECKS, live=LiveFact("1.1", LIVE, None, "timeout"))
    decision = decide(unread, override=OVERRIDE)
    assert verdicts(decision) == {"downgrade": "overridden", "checks": "overridden"}
    assert decision.result_of("checks").facts["error"] == "timeout"
    assert refusal(decision) is None


def test_no_override_where_the_environment_does_not_allow_it() -> None:
    given = facts({"force": False}, freezes=OPEN_ENDED, lock=LOCK)
    decision = decide(given, override=OVERRIDE)
    assert verdicts(decision) == {"freeze": "refuse", "lock": "refuse"}
    for result in decision.closed():
        assert result.sentence.endswith("; the environment does not allow `force`")
        assert result.facts["force"] is False


def test_no_override_opens_an_environment_that_takes_no_deployments() -> None:
    decision = decide(facts(closed="it is gone from the file", freezes=OPEN_ENDED), override=OVERRIDE)
    assert verdicts(decision) == {"freeze": "refuse"}
    assert decision.result_of("freeze").facts == {"closed": "it is gone from the file"}


def test_the_next_change_is_the_earliest_end_of_a_closed_gate() -> None:
    lock = replace(LOCK, until=NOW + 3 * HOUR)
    decision = decide(facts(lock=lock, freezes=FOR_AN_HOUR))
    assert next_change(decision, NOW) == NOW + HOUR
    assert next_change(decision, NOW + HOUR) == NOW + 3 * HOUR
    assert next_change(decision, NOW + 3 * HOUR) is None
    assert next_change(decide(facts(lock=lock, freezes=FOR_AN_HOUR), override=OVERRIDE), NOW) is None
    assert next_change(decide(facts(busy_with=BUSY)), NOW) is None


@pytest.mark.parametrize("override", [None, OVERRIDE])
def test_a_decision_comes_back_from_its_json(override: Override | None) -> None:
    decision = decide(facts(**CLOSED), override=override)
    stored = json.loads(json.dumps(to_json(decision)))
    assert from_json(stored) == decision
    assert (stored["verdict"], stored["waits_for"]) == (decision.verdict, waits_for(decision))
    assert (stored["override"] is None) == (override is None)


# --- the gates without settings

CANDIDATES: list[tuple[str, Verdict]] = [
    ("ready", "pass"),
    ("pending", "wait"),
    ("building", "wait"),
    ("failed", "refuse"),
    ("canceled", "refuse"),
    ("banned", "refuse"),
    ("something new", "refuse"),
]


@pytest.mark.parametrize(("status", "verdict"), CANDIDATES)
def test_only_a_ready_candidate_passes_and_others_say_why(status: str, verdict: Verdict) -> None:
    result = decide(facts(candidate=CandidateFact("1.0-rc1", COMMIT, status, "why"))).result_of("candidate")
    assert result.verdict == verdict
    words = {"failed": "has failed", "canceled": "was canceled"}.get(status, f"is {status}")
    assert result.sentence == ("" if verdict == "pass" else f"The candidate {words}: why")
    assert result.facts == {"status": status, "reason": "why"}


def test_a_held_release_is_refused_with_who_holds_it_and_why() -> None:
    result = decide(facts(held=HELD)).result_of("hold")
    assert (result.verdict, result.sentence) == ("refuse", "The release is held by ada: a leak")
    assert (result.since, result.who_can_help) == (NOW - HOUR, ("ada",))


LOCKS: list[tuple[LockFact | None, dict[str, Any], Verdict]] = [
    (None, {}, "pass"),
    (LOCK, {}, "refuse"),
    (replace(LOCK, until=NOW + HOUR), {}, "wait"),
    (replace(LOCK, until=NOW), {}, "pass"),
    (replace(LOCK, owner=UserId(2)), {}, "pass"),
    (replace(LOCK, owner=UserId(2)), {"requester": Requester(UserId(2), "Longshore", automatic=True)}, "refuse"),
]


@pytest.mark.parametrize(("lock", "fields", "verdict"), LOCKS)
def test_a_lock_lets_its_owner_through_until_it_ends(
    lock: LockFact | None, fields: dict[str, Any], verdict: Verdict
) -> None:
    result = decide(facts(lock=lock, **fields)).result_of("lock")
    assert result.verdict == verdict
    assert result.until == (lock.until if lock is not None and verdict == "wait" else None)
    if not result.is_open:
        assert result.sentence.startswith("The environment is locked by alan: tests")
        assert result.who_can_help == ("alan",)


def test_a_busy_environment_is_waited_for() -> None:
    result = decide(facts(busy_with=BUSY)).result_of("busy")
    assert (result.verdict, result.sentence) == ("wait", "Deployment 7 is in progress")
    assert result.facts == {"deployment": 7}


def test_times_in_json_bear_their_zone() -> None:
    stored = to_json(decide(facts(freezes=FOR_AN_HOUR)))
    until: dict[Gate, str | None] = {gate["gate"]: gate["until"] for gate in stored["gates"]}
    assert datetime.fromisoformat(until["freeze"] or "") == NOW + HOUR
    assert until["busy"] is None
