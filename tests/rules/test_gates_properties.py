"""Properties of decisions that hold for any facts."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import Problem, Unavailable
from bot.rules.approvers import PersonFact, Team
from bot.rules.checks import CheckResult
from bot.rules.gate_facts import (
    ApprovalFact,
    AuthorsFact,
    Block,
    CandidateFact,
    ChecksFact,
    EarlierEnvironment,
    Freeze,
    GateFacts,
    LiveFact,
    LockFact,
    Override,
    Requester,
)
from bot.rules.gate_refusals import refusal
from bot.rules.gate_results import (
    GATES,
    OPEN,
    OVERRIDABLE,
    SEVERITY,
    Gate,
    from_json,
    next_change,
    to_json,
    waits_for,
)
from bot.rules.gate_settings import GateSettings, read
from bot.rules.gates import decide
from bot.rules.ids import ApprovalId, CommitSha, DeploymentId, GitHubUserId, UserId

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
NAMES = st.sampled_from(["staging", "test", "build", "", "a`b*[", "all", "ünïcode"])
TIMES = st.builds(lambda minutes: NOW + timedelta(minutes=minutes), st.integers(-600_000, 600_000))
PROBLEMS = st.none() | st.just("timeout")
COMMITS = st.sampled_from([CommitSha("a" * 40), CommitSha("b" * 40)])
USERS = st.builds(UserId, st.integers(0, 4))
IDS = st.builds(GitHubUserId, st.integers(1, 5))
ENTRIES = st.lists(st.sampled_from(["role:write", "role:admin", "team:acme/web", "user:ada"]), min_size=1, max_size=3)
DURATIONS = st.sampled_from(["0s", "30m", "2h", "7d"])
RULES = st.sampled_from(["FREQ=DAILY", "FREQ=DAILY;BYHOUR=11", "FREQ=WEEKLY;BYDAY=FR;BYHOUR=14", "FREQ=MONTHLY"])

PEOPLE = st.builds(
    PersonFact,
    github_id=IDS,
    login=st.just("ada"),
    role=st.sampled_from([None, "none", "read", "write", "maintain", "admin", "custom"]),
    teams=st.sampled_from([frozenset[Team](), frozenset({Team("acme", "web")})]),
    problems=st.sampled_from([{}, {"role": "timeout"}, {"team:acme/web": "timeout"}]),
    is_gone=st.booleans(),
)
APPROVALS = st.builds(
    ApprovalFact,
    id=st.builds(ApprovalId, st.integers(1, 99)),
    user_id=USERS,
    login=NAMES,
    github_id=IDS,
    approved_at=TIMES,
    person=st.none() | PEOPLE,
    problem=PROBLEMS,
    by_operator=st.booleans(),
)
WINDOWS = st.builds(
    lambda kind, rule, lasts: {kind: rule, "for": lasts, "reason": "calendar"},
    st.sampled_from(["deny", "allow"]),
    RULES,
    st.sampled_from(["1h", "2d", "366d"]),
)


def to_settings(written: dict[str, Any]) -> GateSettings:
    if not written.get("after"):
        written.pop("soak", None)
    return read(written)


SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "after": st.lists(st.sampled_from(["staging", "test"]), max_size=2),
        "soak": DURATIONS,
        "downgrade": st.sampled_from(["refuse", "allow"]),
        "checks": st.lists(st.sampled_from(["build", "b*", "all", "a[", {"name": "build", "app": "ci"}]), max_size=3),
        "approvals": st.fixed_dictionaries(
            {"count": st.integers(0, 3)}, optional={"from": ENTRIES, "authors": st.booleans()}
        ),
        "deployers": ENTRIES,
        "force": st.booleans(),
        "windows": st.lists(WINDOWS, max_size=2),
    },
).map(to_settings)
FACTS = st.builds(
    GateFacts,
    environment=NAMES,
    tier=st.sampled_from(["production", "staging", "something else"]),
    settings=SETTINGS,
    candidate=st.builds(
        CandidateFact,
        version=st.just("1.0-rc1"),
        commit=COMMITS,
        status=st.sampled_from(["ready", "ready", "building", "failed", "banned", "?"]),
        reason=st.none() | NAMES,
        cut_by=st.none() | USERS,
        cut_by_github_id=st.none() | IDS,
    ),
    requester=st.builds(
        Requester,
        user_id=USERS,
        name=NAMES,
        github_id=st.none() | IDS,
        automatic=st.booleans(),
        person=st.none() | PEOPLE,
    ),
    now=st.just(NOW),
    held=st.none() | st.builds(Block, by=NAMES, reason=NAMES, since=st.none() | TIMES),
    closed=st.sampled_from([None, None, "it is gone from the file"]),
    freezes=st.lists(
        st.builds(
            Freeze,
            scope=st.sampled_from(["environment", "project", "service"]),
            by=NAMES,
            reason=NAMES,
            since=st.none() | TIMES,
            until=st.none() | TIMES,
        ),
        max_size=2,
    ).map(tuple),
    lock=st.none()
    | st.builds(LockFact, owner=USERS, owner_name=NAMES, reason=NAMES, since=TIMES, until=st.none() | TIMES),
    busy_with=st.none() | st.builds(DeploymentId, st.integers(1, 99)),
    earlier=st.lists(
        st.builds(
            EarlierEnvironment,
            name=NAMES,
            exists=st.booleans(),
            deployed_at=st.none() | TIMES,
            failed_at=st.none() | TIMES,
        ),
        max_size=3,
    ).map(tuple),
    live=st.none()
    | st.builds(
        LiveFact,
        version=st.just("1.1"),
        commit=COMMITS,
        comparison=st.sampled_from([None, "identical", "ahead", "behind", "diverged"]),
        problem=PROBLEMS,
    ),
    checks=st.none()
    | st.builds(
        ChecksFact,
        results=st.lists(
            st.builds(
                CheckResult,
                name=NAMES,
                app=st.sampled_from([None, "ci"]),
                state=st.sampled_from(["green", "pending", "failed"]),
                is_ours=st.booleans(),
            ),
            max_size=3,
        ).map(tuple),
        problem=PROBLEMS,
    ),
    approvals=st.lists(APPROVALS, max_size=4).map(tuple),
    authors=st.none() | st.builds(AuthorsFact, ids=st.frozensets(IDS, max_size=2), problem=PROBLEMS),
    users=st.sampled_from([{}, {"ada": GitHubUserId(2)}]),
)
OVERRIDES = st.none() | st.just(Override("root", "an outage"))
EXEMPT = st.frozensets(st.sampled_from(GATES))


@settings(max_examples=150, deadline=None)
@given(FACTS, EXEMPT, OVERRIDES)
def test_a_decision_has_every_gate_and_the_worst_of_their_verdicts(
    facts: GateFacts, exempt: frozenset[Gate], override: Override | None
) -> None:
    decision = decide(facts, exempt=exempt, override=override)
    assert tuple(result.gate for result in decision.gates) == GATES
    assert {result.verdict for result in decision.gates if result.gate in exempt} <= {"off"}
    places = [SEVERITY.index(result.verdict) for result in decision.gates]
    assert SEVERITY.index(decision.verdict) == max(SEVERITY.index("pass"), *places)
    assert (decision.verdict in OPEN) == (waits_for(decision) == []) == (refusal(decision) is None)
    assert decide(facts, exempt=exempt, override=override) == decision


@settings(max_examples=150, deadline=None)
@given(FACTS, OVERRIDES)
def test_a_decision_can_be_shown_and_stored(facts: GateFacts, override: Override | None) -> None:
    decision = decide(facts, override=override)
    assert from_json(json.loads(json.dumps(to_json(decision)))) == decision
    for result in decision.closed():
        assert result.sentence
        assert not result.sentence.endswith(".")
        assert result.until is None or result.until > NOW
    change = next_change(decision, NOW)
    assert change is None or change > NOW
    problem = refusal(decision)
    if problem is not None:
        json.dumps(problem.details)


@settings(max_examples=150, deadline=None)
@given(FACTS)
def test_an_override_opens_closed_gates_of_five_and_nothing_else(facts: GateFacts) -> None:
    plain, forced = decide(facts), decide(facts, override=Override("root", "an outage"))
    for before, after in zip(plain.gates, forced.gates, strict=True):
        may_open = before.gate in OVERRIDABLE and facts.settings.force
        if before.is_open:
            assert after == before
        elif may_open and not (before.gate == "freeze" and facts.closed):
            assert (after.verdict, after.facts["was"]) == ("overridden", before.verdict)
        else:
            assert after.verdict == before.verdict


@settings(max_examples=150, deadline=None)
@given(FACTS)
def test_a_fact_that_could_not_be_read_never_opens_a_gate(facts: GateFacts) -> None:
    decision, configured = decide(facts), facts.settings
    if configured.checks and (facts.checks is None or facts.checks.problem):
        assert decision.result_of("checks").is_unread
    unread_authors = facts.authors is None or facts.authors.problem
    if configured.approvals.count and not configured.approvals.authors and unread_authors:
        assert not decision.result_of("approvals").is_open
    closed = decision.closed()
    problem: Problem | None = refusal(decision)
    assert isinstance(problem, Unavailable) == (closed != [] and all(result.is_unread for result in closed))
    for result in decision.gates:
        assert "error" not in result.facts or result.verdict == "wait"


@settings(max_examples=150, deadline=None)
@given(FACTS)
def test_nobody_approves_what_they_cut_or_asked_for(facts: GateFacts) -> None:
    result = decide(facts).result_of("approvals")
    if result.verdict != "pass":
        return
    requester = None if facts.requester.automatic else facts.requester.github_id
    counting = {each.github_id for each in facts.approvals} - {facts.candidate.cut_by_github_id, requester}
    assert len(counting) >= result.facts["given"] >= facts.settings.approvals.count
