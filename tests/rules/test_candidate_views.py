"""What GitHub shows about a candidate: whole texts, and that nobody can mention, link or mark up anything in them."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.candidate_checks import (
    Button,
    NextDeployment,
    Note,
    button_of,
    candidate_of,
    check_run,
    name_of,
    own_id,
    state_of,
)
from bot.rules.candidate_views import (
    BuildView,
    CandidateView,
    EnvironmentState,
    EnvironmentView,
    WaitView,
    headline,
    marker,
    status_comment,
)
from bot.rules.candidate_views import state_of as environment_state
from bot.rules.checks import MAX_IDENTIFIER
from bot.rules.ids import CandidateId, CommitSha, DeploymentId, EnvironmentId

SHA = CommitSha("0123456789abcdef0123456789abcdef01234567")
NOON = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
RUN = "https://github.com/acme/site/actions/runs/{}"
CANDIDATE = CandidateView(
    id=CandidateId(7),
    project="site",
    version="1.4.0-rc1",
    commit=SHA,
    commit_url=f"https://github.com/acme/site/commit/{SHA}",
    status="ready",
    reason=None,
    cut_by="alice",
    cut_at=NOON,
    build=BuildView("succeeded", RUN.format(1)),
)


def environment(name: str, state: EnvironmentState, **fields: Any) -> EnvironmentView:
    standard = {"id": EnvironmentId(1), "since": NOON, "asked_by": "alice", "deployment": DeploymentId(3)}
    return EnvironmentView(name=name, state=state, **{**standard, **fields})


LIVE = environment("staging", "live", url=RUN.format(2))
WAITING = environment(
    "production",
    "waiting",
    asked_by="bob",
    waits=(
        WaitView("approvals", "1 of 2 approved", who_can_help=("role:maintain", "team:acme/ops")),
        WaitView("lock", "Locked by carol: tests; until 2026-11-30 12:00 UTC"),
    ),
    expires_at=datetime(2026, 12, 7, 12, 0, tzinfo=UTC),
)

WAITS = f"""\
**`1.4.0-rc1`** of `site` at [`{SHA}`](https://github.com/acme/site/commit/{SHA}), cut by `alice`.

- Build: [succeeded](https://github.com/acme/site/actions/runs/1)

| environment | state | since | asked by |
| --- | --- | --- | --- |
| `staging` | [live](https://github.com/acme/site/actions/runs/2) | 2026-11-30 12:00 UTC | `alice` |
| `production` | waits | 2026-11-30 12:00 UTC | `bob` |

`production`:
- **approvals**: 1 of 2 approved. Who can help: `role:maintain`, `team:acme/ops`
- **lock**: Locked by carol: tests; until 2026-11-30 12:00 UTC
- Otherwise it expires on 2026-12-07 12:00 UTC.

<!-- longshore:status:7 -->"""

ENDED = f"""\
**`1.4.0-rc1`** of `site` at [`{SHA}`](https://github.com/acme/site/commit/{SHA}), cut by `alice`.

- Without a build, banned.
- Held by `dan`: `later`
- Banned: `it burns`

| environment | state | since | asked by |
| --- | --- | --- | --- |
| `qa` | superseded | 2026-11-30 12:00 UTC | `alice` |
| `staging` | [failed](https://github.com/acme/site/actions/runs/2) | 2026-11-30 12:00 UTC | `alice` |
| `production` | was live, rolled back | 2026-11-30 12:00 UTC | `alice` |

`qa`:
- Superseded by 1.4.0-rc2.

`staging`:
- The deployment run ended with `failure`.

`production`:
- Overridden: freeze, lock, because `an outage`

<!-- longshore:status:7 -->"""

BUILD_FAILED = f"""\
**`1.4.0-rc1`** of `site` at [`{SHA}`](https://github.com/acme/site/commit/{SHA}), cut by `alice`.

- Build: [failed](https://github.com/acme/site/actions/runs/1): The build run ended with `failure`.

<!-- longshore:status:7 -->"""


def test_a_candidate_that_waits() -> None:
    assert status_comment(replace(CANDIDATE, environments=(LIVE, WAITING))) == WAITS


def test_a_candidate_whose_deployments_have_ended() -> None:
    ended = (
        environment("qa", "superseded", message="Superseded by 1.4.0-rc2."),
        environment("staging", "failure", message="The deployment run ended with `failure`.", url=RUN.format(2)),
        environment("production", "rolled_back", overridden=("freeze", "lock"), reason="an outage"),
    )
    view = replace(CANDIDATE, build=None, status="banned", reason="it burns", held=("dan", "later"), environments=ended)
    assert status_comment(view) == ENDED


def test_a_candidate_whose_build_failed() -> None:
    failed = replace(
        CANDIDATE,
        status="failed",
        reason="The build run ended with `failure`.",
        build=BuildView("failed", RUN.format(1)),
    )
    assert status_comment(failed) == BUILD_FAILED


def test_a_text_is_cut_to_what_github_accepts_and_found_again() -> None:
    long = replace(WAITING, waits=(WaitView("lock", "x" * 70_000),))
    text = status_comment(replace(CANDIDATE, environments=(long,)))
    assert len(text) < 65_536
    assert text.endswith(f"…\n\n{marker(CANDIDATE.id)}")


HOSTILE = st.text(st.sampled_from("@#|`*_[]()<>!\\\n\r a1:/w.&~-")) | st.text()


@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
def test_texts_of_people_are_code_or_escaped(name: str, reason: str, sentence: str, helper: str) -> None:
    waits = (WaitView("lock", f"Locked: {sentence}", who_can_help=(helper,)),)
    view = replace(
        CANDIDATE,
        project=name,
        status="failed",
        reason=reason,
        cut_by=name,
        held=(name, reason),
        environments=(environment(name, "waiting", asked_by=name, waits=waits, reason=reason, overridden=("lock",)),),
    )
    text = status_comment(view)
    assert text.endswith(marker(view.id))
    outside = "".join(re.sub(r"`[^`\n]*`", "", line) for line in text.removesuffix(marker(view.id)).splitlines())
    assert not re.search(r"@(?!\u200b)|#(?!\u200b)|<", outside)
    assert len([line for line in text.splitlines() if line.startswith("| ")]) == 3


@pytest.mark.parametrize(
    "view, words",
    [
        (replace(CANDIDATE, status="pending"), "The build was requested"),
        (replace(CANDIDATE, status="building"), "Building"),
        (replace(CANDIDATE, status="failed"), "The build failed"),
        (replace(CANDIDATE, status="canceled"), "The build was canceled"),
        (replace(CANDIDATE, status="banned"), "Banned"),
        (CANDIDATE, "Ready"),
        (replace(CANDIDATE, held=("a", "b")), "Held"),
        (replace(CANDIDATE, environments=(LIVE, WAITING)), "Live on staging; waits for approvals, lock on production"),
    ],
)
def test_the_headline_says_the_state_in_a_few_words(view: CandidateView, words: str) -> None:
    assert headline(view) == words


@pytest.mark.parametrize(
    "status, outcome, waiting, live, rolled_back, state",
    [
        ("pending", None, True, False, False, "waiting"),
        ("pending", None, False, False, False, "queued"),
        ("pending", "dispatched", False, False, False, "queued"),
        ("in_progress", None, False, False, False, "in_progress"),
        ("canceling", None, False, False, False, "canceling"),
        ("success", None, False, True, False, "live"),
        ("success", "dispatched", False, True, True, "live"),
        ("success", None, False, False, False, "replaced"),
        ("success", None, False, False, True, "rolled_back"),
        ("canceled", "superseded", False, False, False, "superseded"),
        ("error", "refused", False, False, False, "refused"),
        ("error", "expired", False, False, False, "expired"),
        ("canceled", "canceled", False, False, False, "canceled"),
        ("error", None, False, False, False, "error"),
        ("unknown", None, False, False, False, "unknown"),
    ],
)
def test_the_state_on_an_environment(
    status: str, outcome: str | None, waiting: bool, live: bool, rolled_back: bool, state: str
) -> None:
    found = environment_state(status, outcome, waiting=waiting, is_live=live, rolled_back=rolled_back)
    assert found == state


@pytest.mark.parametrize(
    "view, status, conclusion",
    [
        (replace(CANDIDATE, status="pending"), "queued", None),
        (replace(CANDIDATE, status="building"), "in_progress", None),
        (replace(CANDIDATE, status="failed"), "completed", "failure"),
        (replace(CANDIDATE, status="canceled"), "completed", "cancelled"),
        (replace(CANDIDATE, status="banned"), "completed", "neutral"),
        (replace(CANDIDATE, held=("a", "b")), "completed", "neutral"),
        (CANDIDATE, "completed", "success"),
        (replace(CANDIDATE, environments=(LIVE,)), "completed", "success"),
        (replace(CANDIDATE, environments=(LIVE, WAITING)), "in_progress", None),
        (replace(CANDIDATE, environments=(environment("x", "canceling"),)), "in_progress", None),
        (replace(CANDIDATE, environments=(LIVE, environment("x", "error"))), "completed", "failure"),
        (replace(CANDIDATE, environments=(environment("x", "expired"),)), "completed", "neutral"),
        (replace(CANDIDATE, environments=(environment("x", "replaced"),)), "completed", "success"),
    ],
)
def test_the_check_run_concludes_when_nothing_is_under_way(
    view: CandidateView, status: str, conclusion: str | None
) -> None:
    assert state_of(view) == (status, conclusion)


def test_the_check_run_shows_the_same_text_and_its_buttons() -> None:
    view = replace(CANDIDATE, environments=(LIVE,))
    content = check_run(view, NextDeployment(EnvironmentId(2), "production", 41), None)
    assert (content.name, content.head_sha, content.external_id) == ("Longshore / site", SHA, "candidate:7")
    assert content.title == "1.4.0-rc1: Live on staging"
    assert content.summary.startswith("`1.4.0-rc1`, cut by `alice`.\n\n- Build: [succeeded](")
    assert [(each.label, each.identifier) for each in content.actions] == [("Deploy to production", "deploy:2.41")]
    assert "longshore:status" not in content.summary


def test_what_is_under_way_is_canceled_before_what_waits() -> None:
    busy = environment("staging", "in_progress", deployment=DeploymentId(9))
    content = check_run(replace(CANDIDATE, environments=(WAITING, busy)), None, None)
    assert [(each.label, each.identifier) for each in content.actions] == [("Cancel", "cancel:9")]
    content = check_run(replace(CANDIDATE, environments=(WAITING,)), None, None)
    assert [each.identifier for each in content.actions] == ["cancel:3"]
    content = check_run(replace(CANDIDATE, status="building"), None, 5)
    assert [each.identifier for each in content.actions] == ["build:5"]


def test_a_refused_click_is_told_above_everything_else() -> None:
    note = Note("wendy", "deploying to `production`", "You may not: @all <b>")
    content = check_run(CANDIDATE, None, None, note)
    assert content.summary.splitlines()[0] == (
        "`wendy`: deploying to `production` was refused: You may not: @\u200ball &lt;b&gt;"
    )


@given(st.sampled_from(["cancel", "build"]), st.integers(0, 10**9 - 1))
def test_the_identifier_of_a_button_is_read_back(act: Any, subject: int) -> None:
    assert button_of(Button(act, subject).identifier) == Button(act, subject)


@given(st.integers(0, 10**6 - 1), st.integers(0, 10**6 - 1))
def test_the_identifier_of_the_button_to_deploy_is_read_back_and_short(environment_id: int, newest: int) -> None:
    button = Button("deploy", environment_id, newest)
    assert button_of(button.identifier) == button
    assert len(button.identifier) <= MAX_IDENTIFIER


@given(st.text())
def test_any_other_text_is_no_button(text: str) -> None:
    button = button_of(text)
    assert button is None or button.identifier == text or text.split(":")[1].lstrip("0") != text.split(":")[1]


def test_our_own_id_is_read_back_and_others_are_not_ours() -> None:
    assert candidate_of(own_id(CandidateId(12))) == 12
    assert [candidate_of(text) for text in ("", "12", "candidate:", "candidate:0", "candidate:1 ", "candidate:٣")] == [
        None
    ] * 6
    assert name_of("site") == "Longshore / site"
