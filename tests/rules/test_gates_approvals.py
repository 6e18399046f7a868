"""The gate `approvals`: whose approval counts, and why others may not approve."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.errors import Unavailable
from bot.rules.approvers import PersonFact, Team
from bot.rules.gate_approvals import why_not_approve
from bot.rules.gate_facts import ApprovalFact, AuthorsFact, Requester
from bot.rules.gate_results import Verdict
from bot.rules.gates import decide
from bot.rules.ids import ApprovalId, GitHubUserId, UserId
from tests.rules.gate_samples import (
    ADA,
    ALAN,
    AUTHOR,
    CUTTER,
    FACTS,
    GRACE,
    HOUR,
    NOW,
    REQUESTER,
    approval,
    facts,
    judged,
    person,
)

ONE, TWO = {"approvals": {"count": 1}}, {"approvals": {"count": 2}}
BY_AUTHORS = {"approvals": {"count": 1, "authors": True}}
BY_TEAM = {"approvals": {"count": 1, "from": ["team:acme/release", "user:Ada"]}}
RELEASE = Team("acme", "release")
UNREAD = person(ADA, "read", problems={"team:acme/release": "timeout"})
WEEK = timedelta(days=7)
AGAIN = replace(approval(ADA), id=ApprovalId(99), login="ada-renamed")

TABLE: list[tuple[dict[str, Any], tuple[ApprovalFact, ...], Verdict, list[str]]] = [
    ({}, (), "off", []),
    ({"approvals": {"count": 0}}, (), "off", []),
    (ONE, (), "wait", []),
    (ONE, (approval(ADA),), "pass", []),
    (TWO, (approval(ADA),), "wait", []),
    (TWO, (approval(ADA), approval(GRACE)), "pass", []),
    (TWO, (approval(ADA), AGAIN), "wait", []),
    (ONE, (approval(CUTTER),), "wait", ["cut"]),
    (ONE, (replace(approval(CUTTER), user_id=UserId(99)),), "wait", ["cut"]),
    (ONE, (replace(approval(ADA), user_id=UserId(CUTTER)),), "wait", ["cut"]),
    (ONE, (approval(REQUESTER),), "wait", ["requested"]),
    (ONE, (approval(AUTHOR),), "wait", ["author"]),
    (BY_AUTHORS, (approval(AUTHOR),), "pass", []),
    (BY_AUTHORS, (approval(CUTTER), approval(REQUESTER)), "wait", ["cut", "requested"]),
    (ONE, (approval(ADA, person(ADA, "write")),), "wait", ["not_listed"]),
    (ONE, (approval(ADA, person(ADA, "admin")),), "pass", []),
    (ONE, (approval(ADA, person(ADA, "none")),), "wait", ["not_listed"]),
    (ONE, (approval(ADA, person(ADA, is_gone=True)),), "wait", ["gone"]),
    (ONE, (approval(ADA, person(ADA, None)),), "wait", ["unknown"]),
    (ONE, (approval(ADA, person(GRACE)),), "wait", ["unknown"]),
    (ONE, (approval(ADA, approved_at=NOW - WEEK),), "wait", ["expired"]),
    (ONE, (approval(ADA, approved_at=NOW - WEEK + timedelta(seconds=1)),), "pass", []),
    (ONE, (approval(ADA, approved_at=NOW - WEEK), approval(ADA)), "pass", ["expired"]),
    ({"approvals": {"count": 1, "expire_after": "1h"}}, (approval(ADA),), "wait", ["expired"]),
    (BY_TEAM, (approval(ADA, person(ADA, "admin")),), "wait", ["not_listed"]),
    (BY_TEAM, (approval(GRACE, person(GRACE, "none", RELEASE)),), "pass", []),
    (BY_TEAM, (approval(ADA, UNREAD),), "wait", ["unknown"]),
]


@pytest.mark.parametrize(("settings", "given", "verdict", "not_counted"), TABLE)
def test_approvals_count_that_somebody_else_who_is_listed_gave(
    settings: dict[str, Any], given: tuple[ApprovalFact, ...], verdict: Verdict, not_counted: list[str]
) -> None:
    result = decide(facts(settings, approvals=given)).result_of("approvals")
    assert result.verdict == verdict
    assert [each["because"] for each in result.facts.get("not_counted", [])] == not_counted
    assert result.is_unread == ("unknown" in not_counted)


def test_users_are_known_by_their_id() -> None:
    given = facts(BY_TEAM, approvals=(approval(ADA, person(ADA, "none")),))
    assert judged("approvals", replace(given, users={"ada": GitHubUserId(ADA + 100)}))[0] == "pass"
    assert judged("approvals", replace(given, users={"ada": GitHubUserId(ALAN + 100)}))[0] == "wait"


def test_writers_approve_where_the_tier_is_not_production() -> None:
    given = facts(ONE, approvals=(approval(ADA, person(ADA, "write")),), tier="development")
    assert judged("approvals", given)[0] == "pass"


def test_the_sentence_names_who_may_approve() -> None:
    settings = {"approvals": {"count": 2, "from": ["role:admin", "team:acme/release"]}}
    result = decide(facts(settings, approvals=(approval(ADA, person(ADA, "admin")),))).result_of("approvals")
    assert result.sentence == "1 of 2 approvals by `role:admin` or `team:acme/release`"
    assert result.who_can_help == ("role:admin", "team:acme/release")
    assert result.facts == {
        "needed": 2,
        "given": 1,
        "approved_by": [{"by": "user4", "at": (NOW - HOUR).isoformat(), "by_operator": False}],
        "not_counted": [],
        "unlinked_authors": [],
    }


@pytest.mark.parametrize(
    ("authors", "error"),
    [(AuthorsFact(problem="timeout"), "timeout"), (None, "the authors of the commits were not read")],
)
def test_nobody_counts_while_it_is_not_known_who_wrote_the_commits(authors: AuthorsFact | None, error: str) -> None:
    given = facts(ONE, approvals=(approval(ADA),), authors=authors)
    result = decide(given).result_of("approvals")
    assert (result.verdict, result.facts["error"]) == ("wait", error)
    assert result.facts["not_counted"] == [{"by": "user4", "because": "unknown"}]
    assert judged("approvals", facts(BY_AUTHORS, approvals=(approval(ADA),), authors=authors))[0] == "pass"


def test_an_approver_whom_github_was_not_asked_about_does_not_count() -> None:
    unread = replace(approval(ADA), person=None, problem="timeout")
    result = decide(facts(ONE, approvals=(unread,))).result_of("approvals")
    assert (result.verdict, result.facts["error"]) == ("wait", "timeout")
    enough = decide(facts(ONE, approvals=(unread, approval(GRACE)))).result_of("approvals")
    assert enough.verdict == "pass" and "error" not in enough.facts
    cutter = replace(approval(CUTTER), person=None, problem="timeout")
    assert decide(facts(ONE, approvals=(cutter,))).result_of("approvals").facts["not_counted"][0]["because"] == "cut"


def test_authors_without_an_account_stand_in_the_facts() -> None:
    result = decide(facts(ONE, authors=AuthorsFact(unlinked=("A. Nonymous",)))).result_of("approvals")
    assert result.facts["unlinked_authors"] == ["A. Nonymous"]


@pytest.mark.parametrize(
    ("number", "who", "sentence"),
    [
        (ADA, person(ADA), None),
        (CUTTER, person(CUTTER), "You cut this candidate: somebody else has to approve it"),
        (REQUESTER, person(REQUESTER), "You asked for this deployment: somebody else has to approve it"),
        (
            AUTHOR,
            person(AUTHOR),
            "You wrote a commit that this deployment would bring: somebody else has to approve it",
        ),
        (ADA, person(ADA, "write"), "You may not approve it here: `role:maintain` may"),
        (ADA, person(ADA, is_gone=True), "Your account on GitHub does not exist any more"),
    ],
)
def test_who_may_not_approve_is_told_why(number: int, who: PersonFact, sentence: str | None) -> None:
    assert why_not_approve(facts(ONE), who, UserId(number)) == sentence


@pytest.mark.parametrize("authors", [FACTS.authors, AuthorsFact(problem="timeout"), None])
def test_an_approval_is_not_taken_while_github_does_not_say_whose_it_is(authors: AuthorsFact | None) -> None:
    who = person(ADA, None if authors is FACTS.authors else "maintain", problems={"role": "timeout"})
    with pytest.raises(Unavailable):
        why_not_approve(facts(ONE, authors=authors), who, UserId(ADA))


def test_nobody_asked_for_an_automatic_deployment() -> None:
    automatic = Requester(UserId(ADA), "Longshore", automatic=True)
    assert why_not_approve(facts(ONE, requester=automatic), person(ADA), UserId(ADA)) is None


def test_without_an_approval_it_does_not_matter_who_wrote_the_commits() -> None:
    result = decide(facts(ONE, authors=AuthorsFact(problem="timeout"))).result_of("approvals")
    assert result.verdict == "wait"
    assert "error" not in result.facts
