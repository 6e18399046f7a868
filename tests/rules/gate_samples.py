"""Facts about a deployment that every gate lets through, to be changed by tests."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.rules.approvers import PersonFact, Team
from bot.rules.gate_facts import ApprovalFact, AuthorsFact, CandidateFact, GateFacts, Requester
from bot.rules.gate_results import Decision, Gate, Verdict
from bot.rules.gate_settings import read
from bot.rules.gates import decide
from bot.rules.ids import ApprovalId, CommitSha, GitHubUserId, UserId

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
COMMIT, LIVE = CommitSha("a" * 40), CommitSha("b" * 40)
CUTTER, REQUESTER, AUTHOR, ADA, GRACE, ALAN = range(1, 7)

CANDIDATE = CandidateFact("1.0-rc1", COMMIT, "ready", None, UserId(CUTTER), GitHubUserId(CUTTER + 100))
FACTS = GateFacts(
    environment="production",
    tier="production",
    settings=read({}),
    candidate=CANDIDATE,
    requester=Requester(UserId(REQUESTER), "rita", GitHubUserId(REQUESTER + 100)),
    now=NOW,
    authors=AuthorsFact(frozenset({GitHubUserId(AUTHOR + 100)})),
)


def facts(settings: dict[str, Any] | None = None, **fields: Any) -> GateFacts:
    """The facts with other settings and fields."""
    return replace(FACTS, settings=read(settings or {}), **fields)


def person(number: int, role: str | None = "maintain", *teams: Team, **fields: Any) -> PersonFact:
    """What GitHub says about a person; their id there is a hundred above their own."""
    return PersonFact(GitHubUserId(number + 100), f"user{number}", role, frozenset(teams), **fields)


def approval(number: int, who: PersonFact | None = None, **fields: Any) -> ApprovalFact:
    """An approval that a person gave an hour ago; a maintainer unless said otherwise."""
    told = {"person": person(number) if who is None else who, "approved_at": NOW - HOUR, **fields}
    return ApprovalFact(ApprovalId(number), UserId(number), f"user{number}", GitHubUserId(number + 100), **told)


def verdicts(decision: Decision) -> dict[Gate, Verdict]:
    """The verdict of each gate that is neither off nor passes."""
    return {result.gate: result.verdict for result in decision.gates if result.verdict not in ("off", "pass")}


def judged(gate: Gate, given: GateFacts) -> tuple[Verdict, str]:
    """The verdict and the sentence of one gate."""
    result = decide(given).result_of(gate)
    return result.verdict, result.sentence
