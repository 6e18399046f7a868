"""The life of a deployment, every move of it, and where a rollback goes."""

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

ENDS = {"success", "failure", "error", "canceled", "unknown"}
NEXT = {
    "pending": ENDS | {"in_progress", "canceling"},
    "in_progress": ENDS | {"canceling"},
    "canceling": ENDS,
}
WORDS = {"pending", "in_progress", "success", "failure", "canceling", "canceled", "error", "unknown"}


@pytest.mark.parametrize(("before", "after"), list(product(STATUSES, STATUSES)))
def test_a_deployment_moves_only_forward_and_never_from_an_end(before: str, after: str) -> None:
    assert may_move(before, after) is (after in NEXT.get(before, ()))


def test_the_eight_words_are_all_and_each_has_its_moves() -> None:
    assert set(STATUSES) == set(MOVES) == WORDS
    assert len(STATUSES) == 8
    assert set(FINAL) == ENDS
    assert set(ACTIVE) == {"pending", "in_progress"}


@pytest.mark.parametrize(("before", "after"), list(product(STATUSES, STATUSES)))
def test_a_report_changes_the_newest_unless_it_begins_anew_after_an_end(before: str, after: str) -> None:
    begins_anew = before in ENDS and after not in ENDS
    assert is_new_deployment(before, after) is begins_anew


@pytest.mark.parametrize(("before", "after"), list(product(STATUSES, STATUSES)))
def test_a_report_says_nothing_new_of_an_end_said_again_and_of_running_on_while_being_cancelled(
    before: str, after: str
) -> None:
    said_again = before == after and after in ENDS
    runs_on = before == "canceling" and after in ("pending", "in_progress")
    assert is_change(before, after) is not (said_again or runs_on)


@pytest.mark.parametrize(
    ("conclusion", "status", "told"),
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
def test_a_run_ends_its_deployment(conclusion: str | None, status: str, told: bool) -> None:
    found, message = status_after_run(conclusion)
    assert found == status and (message is not None) is told
    assert all(may_move(before, found) for before in ("pending", "in_progress", "canceling"))


def history(text: str) -> list[PastDeployment]:
    """`1 2x R1 3!` as deployments: x failed, c was canceled, ? is unknown, R rolls back, ! is barred."""
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
        # after a rollback: further back, not forth
        ("1 2 R1", None),
        ("1 2 3 R2", 1),
        ("1 2 3 R2 R1", None),
        ("1 2 3x R2", 1),
        ("1 2 1 R2", None),
        ("1 2 3 2 R3", 1),
        # one that did not come to a good end is tried again
        ("1 2 R1x", 1),
        ("1 2 R1?", 1),
        ("1 2 3 R2x R2", 1),
        ("1 2 3 R2x", 2),
        # one that was canceled counts for nothing
        ("1 2 R1c", 1),
        ("1 2 3 R2c", 2),
        ("1 2 R1c 3x", 2),
        ("1 2 3x R2c", 2),
        # a deployment by hand makes what was left good again
        ("1 2 R1 2", 1),
        ("1 2 R1 2 3", 2),
        ("1 2 R1 3", 1),
        ("1 2 R1 3x", 1),
        ("1 2 R1 2x", 1),
        # where the target's own time is beyond what is remembered
        ("2 3 R1", None),
        ("2 3 R1x", 1),
        ("2 3 R1 4", 1),
    ],
)
def test_a_rollback_goes_back_as_told(past: str, target: int | None) -> None:
    assert rollback_target(history(past)) == target


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from(sorted(FINAL))), max_size=10))
def test_without_rollbacks_it_is_the_last_success_before_what_stands(steps: list[tuple[int, str]]) -> None:
    past = [PastDeployment(CandidateId(candidate), status) for candidate, status in steps]
    succeeded = [entry.candidate for entry in past if entry.status == "success"]
    if past and past[-1].status == "success":
        succeeded = [candidate for candidate in succeeded if candidate != past[-1].candidate]
    assert rollback_target(past) == (succeeded[-1] if succeeded else None)


class Environment(RuleBasedStateMachine):
    """An environment beside a plain model of it: what is on it, what was on it before, what was left."""

    def __init__(self) -> None:
        super().__init__()
        self.past: list[tuple[int, str, bool]] = []
        self.barred: set[int] = set()
        self.before: list[int] = []
        self.left: set[int] = set()
        self.succeeded: set[int] = set()

    def seen(self) -> Iterable[PastDeployment]:
        return [
            PastDeployment(CandidateId(candidate), status, back, candidate in self.barred)
            for candidate, status, back in self.past
        ]

    @property
    def stands(self) -> bool:
        """Whether the newest deployment that counts succeeded."""
        counting = [status for _, status, back in self.past if not (back and status == "canceled")]
        return bool(counting) and counting[-1] == "success"

    def expected(self) -> int | None:
        refused = self.barred | self.left | ({self.before[-1]} if self.stands and self.before else set())
        return next((candidate for candidate in reversed(self.before) if candidate not in refused), None)

    @rule(candidate=st.integers(1, 5), status=st.sampled_from(["success", "success", "failure", "canceled", "error"]))
    def deploy(self, candidate: int, status: str) -> None:
        self.past.append((candidate, status, False))
        if status == "success":
            self.left.discard(candidate)
            self.before.append(candidate)
            self.succeeded.add(candidate)

    @precondition(lambda self: self.past)
    @rule(status=st.sampled_from(["success", "success", "failure", "canceled"]))
    def roll_back(self, status: str) -> None:
        target = rollback_target(self.seen())
        if target is None:
            return
        self.past.append((target, status, True))
        if status != "canceled":
            while self.before[-1] != target:
                self.left.add(self.before.pop())
            self.left.discard(target)

    @rule(candidate=st.integers(1, 5))
    def bar_or_unbar(self, candidate: int) -> None:
        self.barred ^= {candidate}

    @invariant()
    def the_target_is_the_model_s(self) -> None:
        assert rollback_target(self.seen()) == self.expected()

    @invariant()
    def the_target_ran_here_and_may_run_again(self) -> None:
        target = rollback_target(self.seen())
        assert target is None or (target in self.succeeded and target not in self.barred | self.left)

    @invariant()
    def rolling_back_again_and_again_comes_to_an_end_and_visits_nothing_twice(self) -> None:
        past, visited = list(self.seen()), []
        while (target := rollback_target(past)) is not None:
            assert target not in visited
            visited.append(target)
            past.append(PastDeployment(target, "success", rollback=True))


TestEnvironment = Environment.TestCase
TestEnvironment.settings = settings(max_examples=60, stateful_step_count=15, deadline=None, database=None)
