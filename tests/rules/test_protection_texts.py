"""What an environment of GitHub is told: every closed gate, those that refuse first."""

from bot.rules.gate_facts import Override
from bot.rules.gate_results import Decision, GateResult
from bot.rules.protection_texts import ProjectDecision, answer, refused, verdict_of, without_building

OPEN = Decision("1.0-rc1", "production", (GateResult("candidate", "pass"), GateResult("busy", "off")))
WAITS = Decision(
    "1.0-rc1",
    "production",
    (
        GateResult("candidate", "wait", "The candidate is building"),
        GateResult("approvals", "wait", "0 of 1 approved", who_can_help=("role:maintain",)),
        GateResult("freeze", "refuse", "Frozen by bob: @all stop"),
    ),
)


def test_an_open_decision_says_so() -> None:
    assert answer([ProjectDecision("site", OPEN)]) == "`1.0-rc1` of `site` may be deployed to `production`."


def test_refusing_gates_come_first_and_each_gate_says_who_can_help() -> None:
    assert answer([ProjectDecision("site", WAITS)]).splitlines() == [
        "`1.0-rc1` of `site` may not be deployed to `production`:",
        "- **freeze**: Frozen by bob: @\u200ball stop",
        "- **candidate**: The candidate is building",
        "- **approvals**: 0 of 1 approved. Who can help: `role:maintain`",
    ]


def test_an_override_is_told() -> None:
    gates = (GateResult("freeze", "overridden", "Frozen"),)
    decision = Decision("1.0-rc1", "production", gates, Override("alice", "an outage"))
    assert answer([ProjectDecision("site", decision)]).endswith("may be deployed to `production` (overridden: freeze).")


def test_all_projects_have_to_agree() -> None:
    site, docs = ProjectDecision("site", OPEN), ProjectDecision("docs", OPEN, "You may not.")
    assert (verdict_of([site]), verdict_of([site, docs])) == ("pass", "refuse")
    assert (
        answer([site, docs]).splitlines()[1] == "`1.0-rc1` of `docs` may not be deployed to `production`: You may not."
    )


def test_a_build_does_not_wait_for_itself_but_for_everything_else() -> None:
    decision = without_building(WAITS)
    assert [(each.gate, each.verdict) for each in decision.gates] == [
        ("candidate", "pass"),
        ("approvals", "wait"),
        ("freeze", "refuse"),
    ]
    failed = Decision("1", "x", (GateResult("candidate", "refuse", "The candidate is failed"),))
    assert without_building(failed) == failed


def test_what_no_gate_can_judge_is_said_in_a_sentence() -> None:
    assert refused("no release candidate is at this commit") == "Rejected: no release candidate is at this commit."
