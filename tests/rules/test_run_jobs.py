"""The states of jobs and steps."""

import pytest

from bot.rules.run_jobs import state_of, words_of


@pytest.mark.parametrize(
    ("status", "conclusion", "state", "words"),
    [
        ("queued", None, "wait", "queued"),
        ("in_progress", None, "run", "running"),
        ("completed", "success", "good", "succeeded"),
        ("completed", "failure", "bad", "failed"),
        ("completed", "cancelled", "idle", "canceled"),
        ("completed", "skipped", "idle", "skipped"),
        ("completed", "action_required", "bad", "action required"),
        ("completed", None, "bad", "ended"),
    ],
)
def test_every_state_has_a_shape_and_words(status: str, conclusion: str | None, state: str, words: str) -> None:
    assert (state_of(status, conclusion), words_of(status, conclusion)) == (state, words)
