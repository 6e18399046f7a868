"""What check runs of ours may contain, and which results of others count."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.checks import (
    CheckAction,
    CheckResult,
    CheckRunContent,
    CheckState,
    check_run_state,
    newest,
    status_state,
    workflow_run_of,
)
from bot.rules.ids import CommitSha

SHA = CommitSha("0123456789abcdef0123456789abcdef01234567")
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
RUN = "https://github.com/acme/site/actions/runs/17204330113"


@pytest.mark.parametrize(
    ("status", "conclusion", "state"),
    [
        ("queued", None, "pending"),
        ("in_progress", None, "pending"),
        ("waiting", None, "pending"),
        ("in_progress", "success", "pending"),
        ("completed", "success", "green"),
        ("completed", "neutral", "green"),
        ("completed", "skipped", "green"),
        ("completed", "failure", "failed"),
        ("completed", "cancelled", "failed"),
        ("completed", "timed_out", "failed"),
        ("completed", "action_required", "failed"),
        ("completed", "stale", "failed"),
        ("completed", "startup_failure", "failed"),
        ("completed", "something new", "failed"),
        ("completed", None, "failed"),
    ],
    ids=str,
)
def test_a_check_run_is_green_only_when_it_ended_well(status: str, conclusion: str | None, state: CheckState) -> None:
    assert check_run_state(status, conclusion) == state


@pytest.mark.parametrize(
    ("word", "state"),
    [("success", "green"), ("pending", "pending"), ("failure", "failed"), ("error", "failed"), ("odd", "failed")],
    ids=str,
)
def test_a_commit_status_is_green_only_when_it_succeeded(word: str, state: CheckState) -> None:
    assert status_state(word) == state


@pytest.mark.parametrize(
    ("app", "url", "run"),
    [
        ("github-actions", f"{RUN}/job/48", 17204330113),
        ("github-actions", RUN, 17204330113),
        ("github-actions", f"{RUN}?pr=1", 17204330113),
        ("github-actions", "https://github.example/a/b/actions/runs/7/attempts/2", 7),
        ("github-actions", f"{RUN}x", None),
        ("github-actions", "https://github.com/acme/site/runs/48", None),
        ("github-actions", "https://ci.example/?to=/actions/runs/7/", None),
        ("github-actions", f"{RUN}0000000000000000000", None),
        ("github-actions", "", None),
        ("some-ci", RUN, None),
        (None, RUN, None),
    ],
    ids=str,
)
def test_only_check_runs_of_github_actions_belong_to_a_workflow_run(app: str | None, url: str, run: int | None) -> None:
    assert workflow_run_of(app, url) == run


def result(
    number: int, name: str = "test", app: str | None = "ci", minutes: int | None = 0, **more: Any
) -> CheckResult:
    started = None if minutes is None else NOON + timedelta(minutes=minutes)
    fields: dict[str, Any] = {"app_id": 1, "state": "green", "conclusion": "success", "url": "", **more}
    return CheckResult(id=number, name=name, app=app, started_at=started, **fields)


@pytest.mark.parametrize(
    ("results", "kept"),
    [
        ([result(1, minutes=0), result(2, minutes=5)], {2}),
        ([result(1, minutes=5), result(2, minutes=0)], {1}),
        ([result(1), result(2)], {2}),
        ([result(1, minutes=5), result(2, minutes=None)], {2}),
        ([result(1, minutes=None), result(2, minutes=5)], {1}),
        ([result(1, app="ci"), result(2, app="other")], {1, 2}),
        ([result(1, name="test"), result(2, name="Test")], {1, 2}),
        ([result(1, app=None, name="test"), result(2, app=None, name="Test")], {2}),
        ([result(1, app=None), result(2, app="ci")], {1, 2}),
        ([], set()),
    ],
    ids=[
        *("later", "later though its id is lower", "the id decides", "not started", "not started, with a lower id"),
        *("two apps", "names of check runs keep their case", "names of statuses do not"),
        *("a status is no check run", "nothing"),
    ],
)
def test_the_newest_result_of_each_app_and_name_counts(results: list[CheckResult], kept: set[int]) -> None:
    assert {each.id for each in newest(results)} == kept
    assert newest(reversed(results)) == newest(results)


many = st.builds(
    result, st.integers(1, 9), st.sampled_from("aAb"), st.sampled_from([None, "x", "y"]), st.integers(0, 3)
)


@given(st.lists(many, unique_by=lambda each: each.id))
def test_no_name_of_an_app_is_lost_and_none_is_kept_twice(results: list[CheckResult]) -> None:
    def keys(some: list[CheckResult]) -> list[tuple[str | None, str]]:
        return [(each.app, each.name if each.app else each.name.lower()) for each in some]

    kept = newest(results)
    assert len(keys(kept)) == len(set(keys(kept))) and set(keys(kept)) == set(keys(results))
    assert all(each in results for each in kept)


def content(**fields: Any) -> CheckRunContent:
    standard: dict[str, Any] = {
        "name": "longshore",
        "head_sha": SHA,
        "external_id": "1",
        "status": "queued",
        "title": "Waiting",
        "summary": "",
    }
    return CheckRunContent(**{**standard, **fields})


BUTTON = CheckAction("Approve", "Approve this candidate", "approve")


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "completed"},
        {"status": "queued", "conclusion": "success"},
        {"title": ""},
        {"name": ""},
        {"actions": (BUTTON,) * 4},
    ],
    ids=str,
)
def test_a_check_run_that_github_would_refuse_cannot_be_made(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="check run"):
        content(**fields)


def test_a_check_run_may_have_three_buttons() -> None:
    assert content(status="completed", conclusion="success", actions=(BUTTON,) * 3).actions == (BUTTON,) * 3


@pytest.mark.parametrize(
    ("label", "description", "identifier"),
    [("x" * 21, "y", "z"), ("x", "y" * 41, "z"), ("x", "y", "z" * 21), ("", "y", "z"), ("x", "", "z"), ("x", "y", "")],
    ids=["label", "description", "identifier", "no label", "no description", "no identifier"],
)
def test_a_button_that_github_would_refuse_cannot_be_made(label: str, description: str, identifier: str) -> None:
    with pytest.raises(ValueError, match="button"):
        CheckAction(label, description, identifier)


def test_a_buttons_label_and_description_are_cut_but_never_its_identifier() -> None:
    button = CheckAction.of("Deploy to the production of Europe", "y" * 100, "z" * 20)
    assert button == CheckAction("Deploy to the produ…", "y" * 39 + "…", "z" * 20)
    with pytest.raises(ValueError, match="identifier"):
        CheckAction.of("Deploy", "Deploy it", "z" * 21)
