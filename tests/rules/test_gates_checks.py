"""The gate `checks`: what is required has to be reported and green."""

from typing import Any

import pytest

from bot.rules.checks import CheckResult, CheckState
from bot.rules.gate_facts import ChecksFact
from bot.rules.gate_results import Verdict
from bot.rules.gates import decide
from tests.rules.gate_samples import facts, judged


def result(name: str, state: CheckState = "green", app: str | None = "actions", **fields: Any) -> CheckResult:
    return CheckResult(name, app, state, **fields)


GREEN = (result("build"), result("test 3.11"), result("test 3.12"))
OF_TWO_APPS = (result("build"), result("build", "failed", "circleci"))
IN_ACTIONS = {"name": "build", "app": "actions"}
TABLE: list[tuple[list[Any], tuple[CheckResult, ...], Verdict, str]] = [
    ([], (), "off", ""),
    (["build"], GREEN, "pass", ""),
    (["build"], (), "wait", "Not all required checks are green; not reported: `build`"),
    (["Build"], GREEN, "wait", "Not all required checks are green; not reported: `Build`"),
    (["build"], (result("build", "pending"),), "wait", "Not all required checks are green; pending: `build`"),
    (["build"], (result("build", "failed"),), "refuse", "`build` failed"),
    (["build", "lint"], (result("build", "failed"),), "refuse", "`build` failed"),
    (["build", "lint"], (result("build", "pending"),), "wait", "Not all required checks are green; pending: `build`; "),
    (["build"], (*GREEN, result("lint", "failed")), "pass", ""),
    (["test *"], GREEN, "pass", ""),
    (["test *"], (*GREEN, result("test 3.13", "failed")), "refuse", "`test 3.13` failed"),
    (["TEST *"], GREEN, "wait", "Not all required checks are green; not reported: `TEST *`"),
    (["test 3.1?"], GREEN, "pass", ""),
    (["test [x]"], (result("test [x]", "failed"),), "refuse", "`test [x]` failed"),
    (["all"], GREEN, "pass", ""),
    (["all"], (), "wait", "Not all required checks are green; not reported: `all`"),
    (["all"], (*GREEN, result("lint", "pending")), "wait", "Not all required checks are green; pending: `lint`"),
    (["all"], (result("longshore", is_ours=True),), "wait", "Not all required checks are green; not reported: `all`"),
    (["build"], OF_TWO_APPS, "refuse", "`build` failed"),
    ([IN_ACTIONS], OF_TWO_APPS, "pass", ""),
    ([IN_ACTIONS], OF_TWO_APPS[1:], "wait", "Not all required checks are green; not reported: `build`"),
    ([{"name": "all", "app": "actions"}], OF_TWO_APPS, "pass", ""),
    (["ci/status"], (result("ci/status", app=None),), "pass", ""),
]


@pytest.mark.parametrize(("required", "results", "verdict", "sentence"), TABLE)
def test_required_checks_have_to_be_reported_and_green(
    required: list[Any], results: tuple[CheckResult, ...], verdict: Verdict, sentence: str
) -> None:
    given = judged("checks", facts({"checks": required}, checks=ChecksFact(results)))
    assert given[0] == verdict
    assert given[1].startswith(sentence) and bool(given[1]) == bool(sentence)


@pytest.mark.parametrize(("read", "error"), [(ChecksFact(GREEN, "timeout"), "timeout"), (None, "the checks were not")])
def test_checks_that_could_not_be_read_never_pass(read: ChecksFact | None, error: str) -> None:
    judgement = decide(facts({"checks": ["build"]}, checks=read)).result_of("checks")
    assert judgement.verdict == "wait" and judgement.is_unread
    assert judgement.facts["error"].startswith(error)


def test_the_facts_name_each_check_that_is_not_green_once() -> None:
    results = (
        result("build", "failed", conclusion="timed_out", url="https://github.example/1"),
        result("lint", "pending"),
        result("docs"),
    )
    judgement = decide(facts({"checks": ["all", "build", "scan"]}, checks=ChecksFact(results))).result_of("checks")
    assert judgement.facts == {
        "required": [{"name": name, "app": None} for name in ("all", "build", "scan")],
        "green": 1,
        "failed": [
            {"name": "build", "app": "actions", "conclusion": "timed_out", "url": "https://github.example/1"},
        ],
        "pending": [{"name": "lint", "app": "actions", "conclusion": None, "url": None}],
        "missing": ["scan"],
    }


def test_a_sentence_names_a_few_checks() -> None:
    results = tuple(result(f"test {number}", "failed") for number in range(8))
    sentence = judged("checks", facts({"checks": ["all"]}, checks=ChecksFact(results)))[1]
    assert sentence == "`test 0`, `test 1`, `test 2`, `test 3`, `test 4` and 3 more failed"
