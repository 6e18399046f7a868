"""The status transitions of deployments, and the target of a rollback."""

from collections.abc import Iterable
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bot.rules.deployments import (
    ACTIVE,
    FINAL,
    MOVES,
    STATUSES,
    PastDeployment,
    is_change,
    is_new_deployment,
    may_move,
    rollback_target,
    status_after_run,
)
from bot.rules.ids import CandidateId

FINAL_STATUSES = {"success", "failure", "error", "canceled", "unknown"}
ALLOWED = {
    "pending": FINAL_STATUSES | {"in_progress", "canceling"},
    "in_progress": FINAL_STATUSES | {"canceling"},
    "canceling": FINAL_STATUSES,
}
ALL_STATUSES = {"pending", "in_progress", "success", "failure", "canceling", "canceled", "error", "unknown"}


@pytest.mark.parametrize(("before", "after"), list(product(STATUSES, STATUSES)))
def test_a_deployment_only_moves_forward_and_never_out_of_a_final_status(before: str, after: str) -> None:
    assert may_move(before, after) is (after in ALLOWED.get(before, ()))


def test_there_are_eight_statuses_each_with_its_transitions() -> None:
    assert set(STATUSES) == set(MOVES) == ALL_STATUSES
    assert len(STATUSES) == 8
    assert set(FINAL) == FINAL_STATUSES
    assert set(ACTIVE) == {"pending", "in_progress"}


@pytest.mark.parametrize(("before", "after"), list(product(STATUSES, STATUSES)))
def test_only_an_active_status_after_a_final_one_reports_a_new_deployment(before: str, after: str) -> None:
    restarts = before in FINAL_STATUSES and after not in FINAL_STATUSES
    assert is_new_deployment(before, after) is restarts


@pytest.mark.parametrize(("before", "after"), list(product(STATUSES, STATUSES)))
def test_repeating_a_final_status_or_running_while_canceling_is_no_change(before: str, after: str) -> None:
    repeats_end = before == after and after in FINAL_STATUSES
    still_running = before == "canceling" and after in ("pending", "in_progress")
    assert is_change(before, after) is not (repeats_end or still_running)


@pytest.mark.parametrize(
    ("conclusion", "status", "explained"),
    [
        ("success", "success", False),
        ("cancelled", "canceled", False),
        ("failure", "failure", True),
        ("timed_out", "failure", True),
        ("startup_failure", "failure", True),
        (None, "failure", True),
    ],
    ids=str,
)
def test_a_run_ends_its_deployment(conclusion: str | None, status: str, explained: bool) -> None:
    new_status, message = status_after_run(conclusion)
    assert new_status == status and (message is not None) is explained
    assert all(may_move(before, new_status) for before in ("pending", "in_progress", "canceling"))


def history(text: str) -> list[PastDeployment]:
    """Read `1 2x R1 3!` as deployments: x failed, c canceled, ? unknown, R a rollback, ! barred."""
    ends = {"x": "failure", "c": "canceled", "?": "unknown"}
    return [
        PastDeployment(
            candidate=CandidateId(int(word.strip("Rxc?!"))),
            status=next((ends[sign] for sign in word if sign in ends), "success"),
            rollback=word.startswith("R"),
            barred="!" in word,
        )
        for word in text.split()
    ]


@pytest.mark.parametrize(
    ("past", "target"),
    [
        ("", None),
        ("1", None),
        ("1x", None),
        ("1c 2x", None),
        ("1 1", None),
        ("1 2", 1),
        ("1 2 2", 1),
        ("1 2 3", 2),
        ("1 2 1", 2),
        ("1 2x", 1),
        ("1 2c", 1),
        ("1 2?", 1),
        ("1 2 3x 4x", 2),
        ("1 2! 3", 1),
        ("1! 2", None),
        ("1 2! 3x", 1),
        # after a rollback: further back, never forward
        ("1 2 R1", None),
        ("1 2 3 R2", 1),
        ("1 2 3 R2 R1", None),
        ("1 2 3x R2", 1),
        ("1 2 1 R2", None),
        ("1 2 3 2 R3", 1),
        # a rollback that did not succeed is retried
        ("1 2 R1x", 1),
        ("1 2 R1?", 1),
        ("1 2 3 R2x R2", 1),
        ("1 2 3 R2x", 2),
        # a canceled rollback does not count
        ("1 2 R1c", 1),
        ("1 2 3 R2c", 2),
        ("1 2 R1c 3x", 2),
        ("1 2 3x R2c", 2),
        # a deployment makes a candidate that was rolled back from a target again
        ("1 2 R1 2", 1),
        ("1 2 R1 2 3", 2),
        ("1 2 R1 3", 1),
        ("1 2 R1 3x", 1),
        ("1 2 R1 2x", 1),
        # the target's own deployment is older than the history
        ("2 3 R1", None),
        ("2 3 R1x", 1),
        ("2 3 R1 4", 1),
    ],
)
def test_a_rollback_goes_to_the_last_success_that_was_not_rolled_back(past: str, target: int | None) -> None:
    assert rollback_target(history(past)) == target


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from(sorted(FINAL))), max_size=10))
def test_without_rollbacks_the_target_is_the_last_success_before_the_current_one(steps: list[tuple[int, str]]) -> None:
    past = [PastDeployment(CandidateId(candidate), status) for candidate, status in steps]
    succeeded = [entry.candidate for entry in past if entry.status == "success"]
    if past and past[-1].status == "success":
        succeeded = [candidate for candidate in succeeded if candidate != past[-1].candidate]
    assert rollback_target(past) == (succeeded[-1] if succeeded else None)


class Environment(RuleBasedStateMachine):
    """A history, checked against a simple model: a stack of live candidates and those that were rolled back from."""

    def __init__(self) -> None:
        super().__init__()
        self.past: list[tuple[int, str, bool]] = []
        self.barred: set[int] = set()
        self.live: list[int] = []
        self.abandoned: set[int] = set()
        self.succeeded: set[int] = set()

    def history(self) -> Iterable[PastDeployment]:
        return [
            PastDeployment(CandidateId(candidate), status, rollback, candidate in self.barred)
            for candidate, status, rollback in self.past
        ]

    @property
    def is_live(self) -> bool:
        """Whether the newest deployment that counts succeeded."""
        counting = [status for _, status, rollback in self.past if not (rollback and status == "canceled")]
        return bool(counting) and counting[-1] == "success"

    def expected(self) -> int | None:
        excluded = self.barred | self.abandoned | ({self.live[-1]} if self.is_live and self.live else set())
        return next((candidate for candidate in reversed(self.live) if candidate not in excluded), None)

    @rule(candidate=st.integers(1, 5), status=st.sampled_from(["success", "success", "failure", "canceled", "error"]))
    def deploy(self, candidate: int, status: str) -> None:
        self.past.append((candidate, status, False))
        if status == "success":
            self.abandoned.discard(candidate)
            self.live.append(candidate)
            self.succeeded.add(candidate)

    @precondition(lambda self: self.past)
    @rule(status=st.sampled_from(["success", "success", "failure", "canceled"]))
    def roll_back(self, status: str) -> None:
        target = rollback_target(self.history())
        if target is None:
            return
        self.past.append((target, status, True))
        if status != "canceled":
            while self.live[-1] != target:
                self.abandoned.add(self.live.pop())
            self.abandoned.discard(target)

    @rule(candidate=st.integers(1, 5))
    def bar_or_unbar(self, candidate: int) -> None:
        self.barred ^= {candidate}

    @invariant()
    def the_target_is_what_the_model_expects(self) -> None:
        assert rollback_target(self.history()) == self.expected()

    @invariant()
    def the_target_succeeded_here_and_is_not_excluded(self) -> None:
        target = rollback_target(self.history())
        assert target is None or (target in self.succeeded and target not in self.barred | self.abandoned)

    @invariant()
    def repeated_rollbacks_end_and_visit_nothing_twice(self) -> None:
        past, visited = list(self.history()), []
        while (target := rollback_target(past)) is not None:
            assert target not in visited
            visited.append(target)
            past.append(PastDeployment(target, "success", rollback=True))


TestEnvironment = Environment.TestCase
TestEnvironment.settings = settings(max_examples=60, stateful_step_count=15, deadline=None, database=None)
