"""Which state a deployment has on GitHub, and when it is told."""

from itertools import product

import pytest

from bot.rules.deployments import STATUSES
from bot.rules.github_deployments import GONE, INACTIVE, OF_JOB, description, is_due, state_of


def test_every_status_has_a_state_but_that_of_being_canceled() -> None:
    assert {status: state_of(status) for status in STATUSES} == {
        "pending": "queued",
        "in_progress": "in_progress",
        "success": "success",
        "failure": "failure",
        "canceling": None,
        "canceled": "error",
        "error": "error",
        "unknown": "error",
    }


@pytest.mark.parametrize("known", [None, "queued", "in_progress", "success", "failure", "error"])
def test_a_state_is_told_once_and_never_goes_back(known: str | None) -> None:
    due = [state for state in ("queued", "in_progress", "success", "failure", "error") if is_due(known, state)]
    assert (
        due
        == {
            None: ["queued", "in_progress", "success", "failure", "error"],
            "queued": ["in_progress", "success", "failure", "error"],
            "in_progress": ["success", "failure", "error"],
            "success": ["failure", "error"],  # a pipeline has reported another end
            "failure": ["success", "error"],
            "error": ["success", "failure"],  # what was unknown has become known
        }[known]
    )


def test_what_is_not_shown_any_more_is_told_nothing() -> None:
    for known, state in product((INACTIVE, GONE, OF_JOB), ("queued", "in_progress", "success", "failure", "error")):
        assert not is_due(known, state)  # type: ignore[arg-type]


def test_a_description_says_what_happened() -> None:
    assert description("success", "1.0-rc1", "alice") == "1.0-rc1 is live, deployed by alice"
    assert description("canceled", "1.0-rc1", "alice") == "1.0-rc1 was canceled"
    assert description("error", "1.0-rc1", "alice") == "1.0-rc1 failed"
