"""The settings of gates in words."""

from datetime import timedelta

import pytest

from bot.rules.gate_settings import read
from bot.rules.gate_words import duration_words, in_sentences, notes

CASES = [
    ({}, "staging", []),
    ({}, "production", ["Commits older than the live one are refused; rollbacks are exempt."]),
    (
        {"after": ["staging", "qa"], "soak": "90m"},
        "staging",
        ["The same commit has to have been live on `staging` and `qa` for 90 minutes without a failure or rollback."],
    ),
    (
        {"checks": ["test", {"name": "lint", "app": "ci"}]},
        "staging",
        ["These checks have to be green at the commit: `test` and `lint (of ci)`."],
    ),
    (
        {"approvals": {"count": 2, "authors": True, "expire_after": "1d"}},
        "staging",
        ["2 people of `role:write` have to approve; authors of it may approve, too; an approval counts for 1 day."],
    ),
    (
        {"windows": [{"deny": "FREQ=WEEKLY;BYDAY=FR", "for": "2h", "timezone": "Europe/Berlin", "reason": "weekend."}]},
        "staging",
        ["Deployments are denied for 2 hours from each time of `FREQ=WEEKLY;BYDAY=FR` (Europe/Berlin): weekend."],
    ),
    ({"deployers": ["team:acme/ops"]}, "staging", ["Only `team:acme/ops` may deploy."]),
]


@pytest.mark.parametrize(("stored", "tier", "sentences"), CASES)
def test_each_gate_that_is_set_has_a_sentence(stored: dict[str, object], tier: str, sentences: list[str]) -> None:
    assert [sentence for _, sentence in in_sentences(read(stored), tier)] == sentences


def test_what_else_is_set_is_said() -> None:
    said = notes(read({"auto": True, "force": False, "wait_at_most": "1h"}))
    assert said[0] == "A deployment that has to wait does so for 1 hour at most."
    assert len(said) == 3


def test_durations_are_in_their_largest_unit() -> None:
    assert [duration_words(timedelta(seconds=each)) for each in (0, 1, 120, 7200, 90000)] == [
        *("0 seconds", "1 second", "2 minutes", "2 hours", "25 hours")
    ]
