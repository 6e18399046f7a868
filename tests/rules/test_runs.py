"""Workflow runs: which facts about one are news, in whatever order they arrive."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.ids import CommitSha, RunId
from bot.rules.runs import RunFact, duration, has_request_id, is_news, rank, workflow_file, workflow_path

FACT = RunFact(
    id=RunId(1),
    attempt=1,
    status="queued",
    conclusion=None,
    head_sha=CommitSha("a" * 40),
    head_branch="main",
    workflow=".github/workflows/build.yml",
    title="build",
    url="http://github.test/1",
    event="workflow_dispatch",
    actor="longshore[bot]",
    created_at=datetime(2026, 11, 21, tzinfo=UTC),
)
WAITING = ("queued", "requested", "waiting", "pending", "a future status")


@pytest.mark.parametrize(
    ("status", "expected"),
    [*((status, 0) for status in WAITING), (None, 0), ("in_progress", 1), ("completed", 2)],
    ids=str,
)
def test_statuses_are_ranked_waiting_running_completed(status: str | None, expected: int) -> None:
    assert rank(status) == expected


@pytest.mark.parametrize(
    ("attempt", "status", "new_attempt", "new_status", "news"),
    [
        (1, None, 1, "queued", True),
        (1, "queued", 1, "queued", False),
        (1, "queued", 1, "in_progress", True),
        (1, "queued", 1, "completed", True),
        (1, "in_progress", 1, "queued", False),
        (1, "completed", 1, "in_progress", False),
        (1, "completed", 1, "completed", False),
        (1, "completed", 2, "queued", True),
        (1, None, 2, "in_progress", True),
        (2, "queued", 1, "completed", False),
        (2, None, 1, "completed", False),
    ],
)
def test_only_a_later_attempt_or_status_is_news(
    attempt: int, status: str | None, new_attempt: int, new_status: str, news: bool
) -> None:
    assert is_news(attempt, status, replace(FACT, attempt=new_attempt, status=new_status)) is news


FACTS = st.builds(
    lambda attempt, status: replace(FACT, attempt=attempt, status=status),
    st.integers(1, 3),
    st.sampled_from(["queued", "in_progress", "completed"]),
)


@given(st.lists(FACTS, min_size=1, max_size=6).flatmap(lambda facts: st.tuples(st.just(facts), st.permutations(facts))))
def test_the_order_and_repetition_of_facts_does_not_matter(orders: tuple[list[RunFact], list[RunFact]]) -> None:
    def state_after(facts: list[RunFact]) -> tuple[int, int]:
        attempt, status = 1, None
        for fact in [*facts, *facts]:
            if is_news(attempt, status, fact):
                attempt, status = fact.attempt, fact.status
        return attempt, rank(status)

    original, shuffled = orders
    assert state_after(original) == state_after(shuffled)
    assert state_after(original) == max((fact.attempt, rank(fact.status)) for fact in original)


@pytest.mark.parametrize(
    ("title", "request_id", "expected"),
    [
        ("build (r-12)", "r-12", True),
        ("r-12", "r-12", True),
        ("deploy: r-12!", "r-12", True),
        ("build r-123", "r-12", False),
        ("build xr-12", "r-12", False),
        ("build r-12-x", "r-12", False),
        ("build -r-12", "r-12", False),
        ("build r_12", "r-12", False),
        ("build r-1", "r-12", False),
        ("build rx12", "r.12", False),
        ("", "r-12", False),
    ],
)
def test_a_title_carries_a_request_id_only_as_a_whole_word(title: str, request_id: str, expected: bool) -> None:
    assert has_request_id(title, request_id) is expected


def test_a_long_title_is_searched_quickly() -> None:
    started = time.process_time()
    assert not has_request_id("r-1" * 300_000, "r-12")
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    ("workflow", "path", "file"),
    [
        ("build.yml", ".github/workflows/build.yml", "build.yml"),
        (".github/workflows/build.yml", ".github/workflows/build.yml", "build.yml"),
        (".github/workflows/build.yml@refs/heads/main", ".github/workflows/build.yml", "build.yml"),
        (".github/workflows/build.yml@main", ".github/workflows/build.yml", "build.yml"),
    ],
)
def test_a_workflow_is_identified_by_the_path_of_its_file(workflow: str, path: str, file: str) -> None:
    assert workflow_path(workflow) == path
    assert workflow_file(workflow_path(workflow)) == file


@pytest.mark.parametrize(
    ("seconds", "was_requested", "expected"),
    [
        (90.5, True, 90.5),
        (0.0, True, 0.0),
        (-3.0, True, 0.0),  # the clock was set back
        (90.5, False, 90.5),
        (0.2, False, None),  # its end is all that was heard of it
        (-3.0, False, None),
    ],
)
def test_a_duration_is_never_negative_and_unknown_when_only_the_end_was_seen(
    seconds: float, was_requested: bool, expected: float | None
) -> None:
    ended_at = FACT.created_at + timedelta(seconds=seconds)
    assert duration(FACT.created_at, ended_at, was_requested=was_requested) == expected
