"""What GitHub shows about a candidate: the facts, and the text that the status comment and the check run share.

Texts by people are put in code spans or escaped: they cannot mention, link or mark up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bot.rules.ids import CandidateId, CommitSha, DeploymentId, EnvironmentId
from bot.rules.replies import MAX_LENGTH, code, plain
from bot.rules.texts import cut_markdown

BuildState = Literal["requested", "in progress", "succeeded", "failed", "canceled"]
EnvironmentState = Literal[
    "waiting",
    "queued",
    "in_progress",
    "canceling",
    "live",
    "replaced",
    "rolled_back",
    "failure",
    "error",
    "canceled",
    "unknown",
    "superseded",
    "refused",
    "expired",
]
STATES: dict[EnvironmentState, str] = {
    "waiting": "waits",
    "queued": "requested",
    "in_progress": "is being deployed",
    "canceling": "is being canceled",
    "live": "live",
    "replaced": "was live, replaced by another candidate",
    "rolled_back": "was live, rolled back",
    "failure": "failed",
    "error": "failed",
    "canceled": "canceled",
    "unknown": "outcome unknown",
    "superseded": "superseded",
    "refused": "refused",
    "expired": "expired",
}
"""The state of a candidate on an environment, in words."""
UNDER_WAY: frozenset[EnvironmentState] = frozenset({"queued", "in_progress", "canceling"})
FAILED: frozenset[EnvironmentState] = frozenset({"failure", "error", "unknown"})
MARKER = "<!-- longshore:status:{} -->"


@dataclass(frozen=True)
class BuildView:
    """The build of a candidate. `url` is that of its run on GitHub."""

    state: BuildState
    url: str | None = None


@dataclass(frozen=True)
class WaitView:
    """A closed gate that a deployment waits for. The sentence says until when, and may quote what people wrote."""

    gate: str
    sentence: str
    who_can_help: tuple[str, ...] = ()


@dataclass(frozen=True)
class RollbackView:
    """A rollback that took a candidate off an environment: to which candidate, who asked for it, and why."""

    to: str
    by: str
    reason: str | None = None


@dataclass(frozen=True)
class EnvironmentView:
    """The newest deployment of the candidate on an environment.

    `since` is when it came into this state; `url` is that of its run on GitHub, `site` that of the environment.
    `overridden` are the gates that were overridden, for `reason`. `rollback` is the one by which it was rolled back.
    """

    id: EnvironmentId
    name: str
    state: EnvironmentState
    since: datetime
    asked_by: str
    deployment: DeploymentId
    message: str | None = None
    url: str | None = None
    site: str | None = None
    waits: tuple[WaitView, ...] = ()
    expires_at: datetime | None = None
    overridden: tuple[str, ...] = ()
    reason: str | None = None
    rollback: RollbackView | None = None


@dataclass(frozen=True)
class CandidateView:
    """A candidate. `reason` says why it failed, was canceled or is banned, `held` why its release is held, by whom.

    `environments` are those that it was to be deployed to, in the project's order.
    """

    id: CandidateId
    project: str
    version: str
    commit: CommitSha
    commit_url: str
    status: str
    reason: str | None
    cut_by: str
    cut_at: datetime
    build: BuildView | None = None
    held: tuple[str, str] | None = None
    environments: tuple[EnvironmentView, ...] = ()


def state_of(
    status: str, wait_outcome: str | None, *, waiting: bool, is_live: bool, rolled_back: bool
) -> EnvironmentState:
    """The state of a candidate on an environment, by its newest deployment there."""
    if waiting:
        return "waiting"
    if wait_outcome in ("superseded", "refused", "expired"):
        return wait_outcome  # type: ignore[return-value]
    if status == "success":
        return "live" if is_live else "rolled_back" if rolled_back else "replaced"
    return "queued" if status == "pending" else status  # type: ignore[return-value]


def marker(candidate: CandidateId) -> str:
    """The hidden text by which the status comment of a candidate is found again."""
    return MARKER.format(candidate)


def status_comment(view: CandidateView) -> str:
    """The text of the status comment."""
    commit = f"[`{view.commit}`]({view.commit_url})"
    heading = f"**{code(view.version)}** of {code(view.project)} at {commit}, cut by {code(view.cut_by)}."
    text = "\n".join([heading, "", *body(view)])
    return f"{cut_markdown(text, MAX_LENGTH)}\n\n{marker(view.id)}"


def body(view: CandidateView) -> list[str]:
    """The lines about the build, what stops the candidate, and each environment."""
    paragraphs = [_facts(view), _table(view.environments)]
    paragraphs += [_details(environment) for environment in view.environments]
    lines: list[str] = []
    for paragraph in filter(None, paragraphs):
        lines += [*([""] if lines else []), *paragraph]
    return lines


def headline(view: CandidateView) -> str:
    """The candidate's state in a few words, without markup."""
    if view.status == "banned":
        return "Banned"
    if view.status != "ready":
        words = {"pending": "The build was requested", "building": "Building", "failed": "The build failed"}
        return words.get(view.status, "The build was canceled")
    parts = ["held"] if view.held is not None else []
    parts += [_in_short(environment) for environment in view.environments]
    text = "; ".join(parts) or "ready"
    return text[:1].upper() + text[1:]


def _in_short(environment: EnvironmentView) -> str:
    state, name = environment.state, environment.name
    if state == "waiting":
        return f"waits for {', '.join(wait.gate for wait in environment.waits) or 'its gates'} on {name}"
    words = {"live": "live", "replaced": "was live", "rolled_back": "rolled back"}
    return f"{words.get(state, STATES[state])} on {name}"


def _facts(view: CandidateView) -> list[str]:
    lines = [f"Build: {_build(view)}" if view.build is not None else f"Without a build, {view.status}."]
    if view.held is not None:
        by, reason = view.held
        lines.append(f"Held by {code(by)}: {code(reason)}")
    if view.status == "banned":
        lines.append(f"Banned: {code(view.reason or 'no reason was given')}")
    return [f"- {line}" for line in lines]


def _build(view: CandidateView) -> str:
    build = view.build
    if build is None:
        return ""
    text = f"[{build.state}]({build.url})" if build.url else build.state
    because = f": {plain(view.reason)}" if view.reason and view.status in ("failed", "canceled") else ""
    return f"{text}{because}"


def _table(environments: Sequence[EnvironmentView]) -> list[str]:
    if not environments:
        return []
    heading = ["| environment | state | since | asked by |", "| --- | --- | --- | --- |"]
    return [*heading, *(_row(environment) for environment in environments)]


def _row(environment: EnvironmentView) -> str:
    state = STATES[environment.state]
    if environment.url and environment.state not in ("waiting", "superseded", "refused", "expired"):
        state = f"[{state}]({environment.url})"
    cells = [_cell(environment.name), state, _time(environment.since), _cell(environment.asked_by)]
    return f"| {' | '.join(cells)} |"


def _details(environment: EnvironmentView) -> list[str]:
    """What a waiting deployment waits for, how a finished one ended, and which gates were overridden."""
    lines = []
    if environment.message and environment.state not in ("live", "waiting"):
        lines.append(plain(environment.message))
    if environment.state == "rolled_back" and (rollback := environment.rollback) is not None:
        because = f": {code(rollback.reason)}" if rollback.reason else ""
        lines.append(f"Rolled back to {code(rollback.to)} by {code(rollback.by)}{because}")
    if environment.overridden:
        lines.append(f"Overridden: {', '.join(environment.overridden)}, because {code(environment.reason)}")
    lines += [_wait(wait) for wait in environment.waits]
    if environment.state == "waiting" and environment.expires_at is not None:
        lines.append(f"Otherwise it expires on {_time(environment.expires_at)}.")
    return [f"{code(environment.name)}:", *(f"- {line}" for line in lines)] if lines else []


def _wait(wait: WaitView) -> str:
    text = f"**{wait.gate}**: {plain(wait.sentence)}"
    if wait.who_can_help:
        text += f". Who can help: {', '.join(map(code, wait.who_can_help))}"
    return text


def _cell(text: str) -> str:
    return code(text).replace("|", "\\|")


def _time(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
