"""The check run of a candidate: its conclusion, its text, and its buttons."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bot.rules.candidate_views import FAILED, UNDER_WAY, CandidateView, EnvironmentView, body, headline
from bot.rules.checks import CheckAction, CheckRunContent, CheckStatus, Conclusion
from bot.rules.ids import CandidateId, DeploymentId, EnvironmentId
from bot.rules.replies import code, plain
from bot.rules.texts import cut_markdown

NAME = "Longshore / {}"
_OWN_ID = re.compile(r"candidate:([1-9][0-9]{0,8})")
_BUTTON = re.compile(r"(deploy|cancel|build):([0-9]{1,9})(?:\.([0-9]{1,9}))?")
MAX_NOTE = 1000


@dataclass(frozen=True)
class Button:
    """A click on a button of a check run, by its identifier.

    `deploy` has the environment, and the number of the newest deployment there when the button was shown, so that two
    clicks on the same button are one request. `cancel` has the deployment, `build` (to cancel it) the build's run.
    """

    act: Literal["deploy", "cancel", "build"]
    subject: int
    newest: int = 0

    @property
    def identifier(self) -> str:
        """The text by which GitHub tells us of the click: at most 20 characters in the first 10 million rows."""
        return f"{self.act}:{self.subject}" + (f".{self.newest}" if self.act == "deploy" else "")


def button_of(identifier: str) -> Button | None:
    """Read the identifier of a button; None if it is not one of ours."""
    found = _BUTTON.fullmatch(identifier)
    if found is None or (found[3] is not None) != (found[1] == "deploy"):
        return None
    return Button(found[1], int(found[2]), int(found[3] or 0))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Note:
    """What became of somebody's click: why it was refused. The sentence may quote what people wrote."""

    by: str
    what: str
    sentence: str


@dataclass(frozen=True)
class NextDeployment:
    """An environment that the candidate may be deployed to next, and its newest deployment (0: none)."""

    id: EnvironmentId
    name: str
    newest: int


def name_of(project: str) -> str:
    """The name of the check runs of a project: the same for all of its candidates."""
    return NAME.format(project)


def own_id(candidate: CandidateId) -> str:
    """Our own id of a candidate's check run."""
    return f"candidate:{candidate}"


def candidate_of(external_id: str) -> CandidateId | None:
    """The candidate of a check run, by our own id of it; None if it is not one of ours."""
    found = _OWN_ID.fullmatch(external_id)
    return None if found is None else CandidateId(int(found[1]))


def check_run(
    view: CandidateView, next_deployment: NextDeployment | None, build_run: int | None, note: Note | None = None
) -> CheckRunContent:
    """What the check run shows. `build_run` is the build's run while the build can be canceled."""
    status, conclusion = state_of(view)
    lines = [f"{code(view.version)}, cut by {code(view.cut_by)}.", "", *body(view)]
    if note is not None:
        told = f"{code(note.by)}: {note.what} was refused: {plain(note.sentence)}"
        lines = [cut_markdown(told, MAX_NOTE), "", *lines]
    return CheckRunContent(
        name=name_of(view.project),
        head_sha=view.commit,
        external_id=own_id(view.id),
        status=status,
        conclusion=conclusion,
        title=f"{view.version}: {headline(view)}",
        summary="\n".join(lines),
        actions=tuple(_buttons(view, next_deployment, build_run)),
    )


def state_of(view: CandidateView) -> tuple[CheckStatus, Conclusion | None]:
    """The status of the check run and, when nothing is under way, its conclusion.

    A candidate that failed to build, or whose newest deployment on some environment failed, is a failure; one that is
    held or banned, or that was not deployed in the end, is neutral.
    """
    states = {environment.state for environment in view.environments}
    if view.status == "pending":
        return "queued", None
    if view.status == "building" or "waiting" in states or states & UNDER_WAY:
        return "in_progress", None
    if view.status == "failed" or (view.status == "ready" and states & FAILED):
        return "completed", "failure"
    if view.status == "canceled":
        return "completed", "cancelled"
    is_neutral = view.status == "banned" or view.held is not None or states & {"refused", "expired", "rolled_back"}
    return "completed", "neutral" if is_neutral else "success"


def _buttons(
    view: CandidateView, next_deployment: NextDeployment | None, build_run: int | None
) -> Sequence[CheckAction]:
    buttons = []
    if next_deployment is not None:
        label, what = f"Deploy to {next_deployment.name}", f"Deploy {view.version} to {next_deployment.name}"
        button = Button("deploy", next_deployment.id, next_deployment.newest)
        buttons.append(CheckAction.of(label, what, button.identifier))
    if build_run is not None:
        buttons.append(CheckAction.of("Cancel", "Cancel the build", Button("build", build_run).identifier))
    elif (pending := _cancelable(view.environments)) is not None:
        what = f"Cancel the deployment to {pending.name}"
        buttons.append(CheckAction.of("Cancel", what, _cancel(pending.deployment)))
    return buttons


def _cancelable(environments: Sequence[EnvironmentView]) -> EnvironmentView | None:
    """The deployment that the button cancels: one that is under way, else one that waits."""
    for states in ({"queued", "in_progress"}, {"waiting"}):
        for environment in environments:
            if environment.state in states:
                return environment
    return None


def _cancel(deployment: DeploymentId) -> str:
    return Button("cancel", deployment).identifier
