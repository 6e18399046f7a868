"""The gate `freeze`: freezes of three scopes, calendar windows, and environments that are closed."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.rules.gate_facts import Freeze
from bot.rules.gate_results import Verdict
from bot.rules.gates import decide
from tests.rules.gate_samples import HOUR, NOW, facts

AUDIT = Freeze("environment", "ada", "audit", NOW - HOUR)
HOLIDAYS = Freeze("project", "grace", "holidays", NOW - 2 * HOUR, NOW + HOUR)
OUTAGE = Freeze("service", "root", "an outage", NOW, NOW + 3 * HOUR)
MOVE = Freeze("service", "root", "a move", NOW - 3 * HOUR, NOW + 5 * HOUR)
OVER = Freeze("service", "root", "an outage", NOW - HOUR, NOW)
FROM_TWO_TO_FOUR = {"deny": "FREQ=DAILY;BYHOUR=14", "for": "2h", "reason": "rush"}
FROM_ELEVEN_TO_TWO = {"deny": "FREQ=DAILY;BYHOUR=11", "for": "3h", "reason": "lunch"}
FROM_SIX_TO_SEVEN = {"allow": "FREQ=DAILY;BYHOUR=18", "for": "1h", "reason": "evenings only"}

TABLE: list[tuple[list[dict[str, Any]], tuple[Freeze, ...], Verdict, datetime | None, str]] = [
    ([], (), "pass", None, ""),
    ([], (OVER,), "pass", None, ""),
    ([], (AUDIT,), "refuse", None, "The environment is frozen by ada: audit"),
    ([], (HOLIDAYS,), "wait", NOW + HOUR, "The project is frozen by grace: holidays; until 2026-11-21 13:00 UTC"),
    ([], (OUTAGE, HOLIDAYS), "wait", NOW + 3 * HOUR, "The project is frozen by grace: holidays (and 1 more freeze); u"),
    ([], (OUTAGE, HOLIDAYS, AUDIT), "refuse", None, "The project is frozen by grace: holidays (and 2 more freezes)"),
    (
        [],
        (HOLIDAYS, MOVE),
        "wait",
        NOW + 5 * HOUR,
        "All is frozen by root: a move (and 1 more freeze); until 2026-11-21",
    ),
    ([FROM_TWO_TO_FOUR], (), "pass", None, ""),
    ([FROM_ELEVEN_TO_TWO], (), "wait", NOW + 2 * HOUR, "A calendar window denies deployments: lunch; until 2026-11-21"),
    ([FROM_ELEVEN_TO_TWO, FROM_TWO_TO_FOUR], (), "wait", NOW + 4 * HOUR, "A calendar window denies deployments: lunch"),
    ([FROM_SIX_TO_SEVEN], (), "wait", NOW + 6 * HOUR, "No calendar window is open: evenings only; until 2026-11-21 18"),
    ([FROM_TWO_TO_FOUR], (OUTAGE,), "wait", NOW + 4 * HOUR, "All is frozen by root: an outage; until 2026-11-21 16:00"),
    ([FROM_TWO_TO_FOUR], (HOLIDAYS,), "wait", NOW + HOUR, "The project is frozen by grace: holidays; until 2026-11-21"),
    ([FROM_ELEVEN_TO_TWO], (HOLIDAYS,), "wait", NOW + 2 * HOUR, "The project is frozen by grace: holidays (and a cal"),
    ([FROM_ELEVEN_TO_TWO], (AUDIT,), "refuse", None, "The environment is frozen by ada: audit (and a calendar window"),
]


@pytest.mark.parametrize(("windows", "freezes", "verdict", "until", "sentence"), TABLE)
def test_freezes_and_windows_are_waited_for_until_all_of_them_are_over(
    windows: list[dict[str, Any]], freezes: tuple[Freeze, ...], verdict: Verdict, until: datetime | None, sentence: str
) -> None:
    result = decide(facts({"windows": windows}, freezes=freezes)).result_of("freeze")
    assert (result.verdict, result.until) == (verdict, until)
    assert result.sentence.startswith(sentence) and bool(result.sentence) == bool(sentence)


def test_the_oldest_freeze_is_named_and_all_stand_in_the_facts() -> None:
    result = decide(facts(freezes=(OUTAGE, AUDIT, HOLIDAYS))).result_of("freeze")
    assert result.since == NOW - 2 * HOUR
    assert result.who_can_help == ("grace", "ada", "root")
    assert [each["scope"] for each in result.facts["freezes"]] == ["project", "environment", "service"]
    assert (result.facts["by"], result.facts["reason"]) == ("grace", "holidays")


def test_windows_stand_in_the_facts_as_they_are_written() -> None:
    result = decide(facts({"windows": [FROM_ELEVEN_TO_TWO, FROM_TWO_TO_FOUR]})).result_of("freeze")
    assert result.facts == {"freezes": [], "windows": [{**FROM_ELEVEN_TO_TWO, "timezone": "UTC"}], "reason": "lunch"}


def test_a_closed_environment_is_refused_and_says_why() -> None:
    result = decide(facts(closed="it is gone from the file", freezes=(AUDIT,))).result_of("freeze")
    assert (result.verdict, result.until) == ("refuse", None)
    assert result.sentence == "The environment takes no deployments: it is gone from the file"


def test_the_end_of_a_window_that_goes_on_and_on_is_not_known() -> None:
    always = {"deny": "FREQ=DAILY", "for": "2d"}
    result = decide(facts({"windows": [always]})).result_of("freeze")
    assert (result.verdict, result.until) == ("wait", None)
    assert result.sentence == "A calendar window denies deployments"
    assert timedelta(days=2) == facts({"windows": [always]}).settings.windows[0].for_
