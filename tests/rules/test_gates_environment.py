"""The gates that an environment's settings set: what comes before it, downgrades, and who may deploy."""

from typing import Any

import pytest

from bot.rules.approvers import Team
from bot.rules.gate_facts import EarlierEnvironment, LiveFact, Requester
from bot.rules.gate_results import Verdict
from bot.rules.gates import decide
from bot.rules.ids import GitHubUserId, UserId
from tests.rules.gate_samples import COMMIT, HOUR, LIVE, NOW, facts, judged, person

# --- order


def earlier(name: str = "staging", hours: float | None = None, failed: float | None = None) -> EarlierEnvironment:
    """An environment to which the commit was deployed so many hours ago, and where it failed so many hours ago."""
    times = [None if each is None else NOW - each * HOUR for each in (hours, failed)]
    return EarlierEnvironment(name, deployed_at=times[0], failed_at=times[1])


STAGING, BOTH = {"after": ["staging"]}, {"after": ["test", "staging"]}
SOAK = {**BOTH, "soak": "2h"}
ORDER: list[tuple[dict[str, Any], tuple[EarlierEnvironment, ...], Verdict, str]] = [
    ({}, (), "off", ""),
    (STAGING, (), "wait", "The commit was never deployed to `staging`: deploy it there first"),
    (STAGING, (earlier(),), "wait", "The commit was never deployed to `staging`"),
    (STAGING, (earlier(hours=0),), "pass", ""),
    (STAGING, (earlier(hours=2, failed=1),), "wait", "The commit failed on `staging`, or was rolled back from it"),
    (STAGING, (earlier(failed=1),), "wait", "The commit failed on `staging`"),
    (STAGING, (earlier(hours=1, failed=2),), "pass", ""),
    (STAGING, (EarlierEnvironment("staging", exists=False),), "refuse", "`after` names `staging`, which the project"),
    (BOTH, (earlier(hours=9),), "wait", "The commit was never deployed to `test`: deploy it there first"),
    (BOTH, (earlier(), earlier("test")), "wait", "The commit was never deployed to `test`: deploy it there first; The"),
    (SOAK, (earlier(hours=2), earlier("test", hours=3)), "pass", ""),
    (SOAK, (earlier(hours=1), earlier("test", hours=3)), "wait", "The commit soaks on `staging` until 2026-11-21 13:"),
    (SOAK, (earlier(hours=1), earlier("test", hours=0)), "wait", "The commit soaks on `test` and `staging` until"),
    (SOAK, (earlier(hours=1), earlier("test")), "wait", "The commit was never deployed to `test`"),
]


@pytest.mark.parametrize(("settings", "environments", "verdict", "sentence"), ORDER)
def test_the_commit_has_to_be_on_each_earlier_environment_for_as_long_as_it_soaks(
    settings: dict[str, Any], environments: tuple[EarlierEnvironment, ...], verdict: Verdict, sentence: str
) -> None:
    assert (given := judged("order", facts(settings, earlier=environments)))[0] == verdict
    assert given[1].startswith(sentence) and bool(given[1]) == bool(sentence)


def test_a_soak_ends_with_that_of_the_last_environment() -> None:
    result = decide(facts(SOAK, earlier=(earlier(hours=1), earlier("test", hours=0.5)))).result_of("order")
    assert (result.since, result.until) == (NOW - 0.5 * HOUR, NOW + 1.5 * HOUR)
    assert result.facts["soak"] == 2 * 60 * 60
    assert result.facts["after"][1] == {
        "environment": "staging",
        "exists": True,
        "deployed_at": (NOW - HOUR).isoformat(),
        "failed_at": None,
    }


def test_what_does_not_open_by_itself_has_no_end() -> None:
    result = decide(facts(SOAK, earlier=(earlier(hours=1), earlier("test")))).result_of("order")
    assert (result.verdict, result.until) == ("wait", None)


# --- downgrade

DOWNGRADE: list[tuple[dict[str, Any], str, LiveFact | None, Verdict, str]] = [
    ({}, "production", None, "pass", ""),
    ({}, "production", LiveFact("1.1", LIVE, "ahead"), "pass", ""),
    ({}, "production", LiveFact("1.1", LIVE, "identical"), "pass", ""),
    ({}, "production", LiveFact("1.1", LIVE, "behind"), "refuse", "1.1 is live and contains this commit: to go back, "),
    ({}, "production", LiveFact("1.1", LIVE, "diverged"), "pass", "The commit is on another branch than 1.1, which is"),
    ({}, "production", LiveFact("1.1", LIVE, None, "timeout"), "wait", "The commit could not be compared with the liv"),
    ({}, "production", LiveFact("1.1", LIVE, None), "wait", "The commit could not be compared"),
    ({}, "production", LiveFact("1.1", COMMIT, None, "timeout"), "pass", ""),
    ({}, "development", LiveFact("1.1", LIVE, "behind"), "off", ""),
    ({"downgrade": "refuse"}, "development", LiveFact("1.1", LIVE, "behind"), "refuse", "1.1 is live"),
    ({"downgrade": "allow"}, "production", LiveFact("1.1", LIVE, "behind"), "off", ""),
]


@pytest.mark.parametrize(("settings", "tier", "live", "verdict", "sentence"), DOWNGRADE)
def test_an_ancestor_of_what_is_live_is_refused(
    settings: dict[str, Any], tier: str, live: LiveFact | None, verdict: Verdict, sentence: str
) -> None:
    given = judged("downgrade", facts(settings, tier=tier, live=live))
    assert given[0] == verdict
    assert given[1].startswith(sentence) and bool(given[1]) == bool(sentence)
    assert ("`rollback`" in given[1]) == (verdict == "refuse")


def test_a_comparison_that_could_not_be_read_stands_in_the_facts() -> None:
    result = decide(facts(live=LiveFact("1.1", LIVE, None, "timeout"))).result_of("downgrade")
    assert result.facts == {"live": "1.1", "live_commit": LIVE, "comparison": None, "error": "timeout"}


# --- deployers

RELEASE = Team("acme", "release")
LISTED = {"deployers": ["role:admin", "team:acme/release", "user:Ada"]}
UNREAD = {"team:acme/release": "timeout"}


def requester(**fields: Any) -> Requester:
    return Requester(UserId(4), "ada", GitHubUserId(104), **fields)


DEPLOYERS: list[tuple[dict[str, Any], Requester, Verdict, str]] = [
    ({}, requester(), "off", ""),
    (LISTED, Requester(UserId(0), "Longshore", automatic=True), "pass", ""),
    (LISTED, requester(person=person(4, "admin")), "pass", ""),
    (LISTED, requester(person=person(4, "read", RELEASE)), "pass", ""),
    (
        LISTED,
        requester(person=person(4, "write")),
        "refuse",
        "ada may not deploy here: only `role:admin`, `team:acme/r",
    ),
    (LISTED, requester(person=person(4, "admin", is_gone=True)), "refuse", "ada may not deploy here"),
    (
        LISTED,
        requester(person=person(4, "write", problems=UNREAD)),
        "wait",
        "Whether ada may deploy here could not be ",
    ),
    (LISTED, requester(person=person(4, None)), "wait", "Whether ada may deploy here could not be read: GitHub was no"),
    (LISTED, requester(person=person(4, "admin", problems=UNREAD)), "pass", ""),
    (LISTED, requester(), "wait", "Whether ada may deploy here could not be read"),
    (LISTED, requester(person=person(5, "admin")), "wait", "Whether ada may deploy here could not be read"),
    (LISTED, Requester(UserId(4), "ci"), "refuse", "ci has no account on GitHub: only `role:admin`"),
]


@pytest.mark.parametrize(("settings", "who", "verdict", "sentence"), DEPLOYERS)
def test_where_deployers_are_named_nobody_else_may_deploy(
    settings: dict[str, Any], who: Requester, verdict: Verdict, sentence: str
) -> None:
    given = judged("deployers", facts(settings, requester=who))
    assert given[0] == verdict
    assert given[1].startswith(sentence) and bool(given[1]) == bool(sentence)


def test_a_deployer_who_is_named_is_known_by_their_id() -> None:
    who = requester(person=person(4, "none"))
    assert judged("deployers", facts(LISTED, requester=who, users={"ada": GitHubUserId(104)}))[0] == "pass"
    assert judged("deployers", facts(LISTED, requester=who, users={"ada": GitHubUserId(105)}))[0] == "refuse"
    result = decide(facts(LISTED, requester=who)).result_of("deployers")
    assert result.who_can_help == ("role:admin", "team:acme/release", "user:Ada")
