"""How long the decision about a deployment takes: the pure function, the request that shows it, and the waiting ones.

The pure function has every gate set and all facts at hand. See `decision_route` and `waiting` for the others.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from benchmarks import decision_route, waiting
from benchmarks.databases import ENGINES_NOTE
from benchmarks.intake import EVENT_LOOP, event_loop_runner
from benchmarks.reporting import markdown_table, measured_on
from bot.rules.approvers import PersonFact, Team
from bot.rules.checks import CheckResult
from bot.rules.gate_facts import (
    ApprovalFact,
    AuthorsFact,
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
from bot.rules.gate_results import Decision
from bot.rules.gate_settings import read
from bot.rules.gates import decide
from bot.rules.ids import ApprovalId, CommitSha, DeploymentId, GitHubUserId, UserId

MAX_MICROSECONDS = 50.0
REQUIRED = ("every gate passes",)
CALLS = 2000
SETTINGS = read(
    {
        "after": ["test", "staging"],
        "soak": "2h",
        "checks": ["build", {"name": "lint", "app": "github-actions"}, "test *"],
        "approvals": {"count": 2, "from": ["role:maintain", "team:acme/release", "user:ada"]},
        "deployers": ["role:maintain", "team:acme/release"],
        "windows": [
            {"deny": "FREQ=WEEKLY;BYDAY=FR;BYHOUR=14", "for": "64h", "timezone": "Europe/Berlin", "reason": "weekend"},
            {"allow": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=9", "for": "8h", "timezone": "America/New_York"},
        ],
    }
)
TUESDAY = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
SATURDAY = datetime(2026, 11, 28, 15, 0, tzinfo=UTC)


def facts(now: datetime) -> GateFacts:
    """Facts with which every gate passes, on a weekday during the day."""
    results = [CheckResult(name, "github-actions", "green") for name in ("build", "lint", "docs")]
    results += [CheckResult(f"test 3.{minor}", "github-actions", "green") for minor in range(10)]
    return GateFacts(
        environment="production",
        tier="production",
        settings=SETTINGS,
        candidate=CandidateFact("1.4.0-rc2", CommitSha("a" * 40), "ready", None, UserId(1), GitHubUserId(101)),
        requester=Requester(UserId(2), "grace", GitHubUserId(102), person=person(102)),
        now=now,
        earlier=tuple(EarlierEnvironment(name, deployed_at=now - timedelta(hours=3)) for name in SETTINGS.after),
        live=LiveFact("1.3.0", CommitSha("b" * 40), "ahead"),
        checks=ChecksFact(tuple(results)),
        approvals=tuple(approval(number, now) for number in (103, 104, 105)),
        authors=AuthorsFact(frozenset({GitHubUserId(101), GitHubUserId(106)}), base=CommitSha("b" * 40)),
        users={"ada": GitHubUserId(103)},
    )


def closed_facts(now: datetime) -> GateFacts:
    """Facts with which most gates are closed, at a weekend."""
    open_facts = facts(now)
    return GateFacts(
        **{
            **vars(open_facts),
            "earlier": (),
            "live": LiveFact("1.5.0", CommitSha("c" * 40), "behind"),
            "checks": ChecksFact((CheckResult("build", "github-actions", "failed"),)),
            "approvals": open_facts.approvals[:1],
            "freezes": (Freeze("project", "ada", "audit", now, now + timedelta(hours=1)),),
            "lock": LockFact(UserId(9), "alan", "tests", now),
            "busy_with": DeploymentId(7),
        }
    )


def person(github_id: int) -> PersonFact:
    """A maintainer who is in the team."""
    team = frozenset({Team("acme", "release")})
    return PersonFact(GitHubUserId(github_id), f"user{github_id}", "maintain", team)


def approval(github_id: int, now: datetime) -> ApprovalFact:
    """An approval an hour ago."""
    login, user = f"user{github_id}", UserId(github_id)
    hour_ago = now - timedelta(hours=1)
    return ApprovalFact(ApprovalId(github_id), user, login, GitHubUserId(github_id), hour_ago, person(github_id))


def microseconds(call: Callable[[], Decision]) -> float:
    """The processor time of one call, of many in a row."""
    began = time.process_time()
    for _ in range(CALLS):
        call()
    return (time.process_time() - began) / CALLS * 1e6


def measure(rounds: int) -> dict[str, list[float]]:
    """The times of each case, which take turns."""
    is_open, closed = facts(TUESDAY), closed_facts(SATURDAY)
    cases: dict[str, Callable[[], Decision]] = {
        "every gate passes": lambda: decide(is_open),
        "most gates are closed": lambda: decide(closed),
        "most gates are overridden": lambda: decide(closed, override=Override("ada", "an outage")),
    }
    assert decide(is_open).verdict == "pass", decide(is_open).closed()
    assert len(decide(closed).closed()) == 7, decide(closed).closed()
    times: dict[str, list[float]] = {case: [] for case in cases}
    for number in range(rounds):
        for case in list(cases)[:: -1 if number % 2 else 1]:
            times[case].append(microseconds(cases[case]))
    return times


def report(rounds: int) -> tuple[str, bool]:
    """Measure the pure function; return the table and whether the requirement is met."""
    rows, met = [], True
    for case, taken in measure(rounds).items():
        met = met and (case not in REQUIRED or min(taken) <= MAX_MICROSECONDS)
        required = f"≤ {MAX_MICROSECONDS:g} µs" if case in REQUIRED else ""
        rows.append([case, f"{min(taken):.0f} µs", required])
    return markdown_table(["decision", "time", "required"], rows), met


def main() -> int:
    """Measure and print the results; return 1 when a requirement is not met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=1.0, help="seconds of each measurement of the request")
    args = parser.parse_args()
    print(f"{measured_on()} {args.rounds} rounds, {EVENT_LOOP}. {ENGINES_NOTE}\n")
    function, is_function_fast = report(args.rounds)
    print(f"{function}\n")
    with event_loop_runner() as runner:
        request, is_request_fast = decision_route.report(runner.run(decision_route.run(args.rounds, args.seconds)))
    print(f"{request}\n")
    sweep, is_sweep_fast = waiting.report(waiting.measure(args.rounds))
    print(sweep)
    return 0 if is_function_fast and is_request_fast and is_sweep_fast else 1


if __name__ == "__main__":
    sys.exit(main())
