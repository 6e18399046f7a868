"""What is wrong with a workflow file, although GitHub would start it."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from bot.rules.names import in_words
from bot.rules.self_checks import Line, State
from bot.rules.workflow_files import Workflow

CHECK = "workflows"
IDS = {"build": "release_cut_id", "deploy": "deployment_id"}
"""The input that holds the request id, by what the workflow is for."""
RULE = "protection rule"


@dataclass(frozen=True)
class WorkflowUse:
    """A file that a project starts: to build, or to deploy to some of its environments.

    `settings` are the inputs that the project or its environments set.
    """

    project: str
    repository: str
    purpose: Literal["build", "deploy"]
    path: str
    environments: Sequence[str] = ()
    settings: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """What the file is, for people."""
        return f"`{self.path}` of {self.repository}, which {self.purpose}s {self.project},"


def lines(use: WorkflowUse, workflow: Workflow, prefix: str) -> Sequence[Line]:
    """Say what is wrong with a file. Names of inputs may also begin with `prefix`."""
    return [*_lines(use, workflow, prefix)] or [Line(CHECK, "ok", f"{use.name} can be started.")]


def denied(use: WorkflowUse, sentence: str) -> Line:
    """The line for a file that GitHub could not start; the sentence says what to change."""
    for_what = f" to {in_words(use.environments)}" if use.environments else ""
    start = "It builds" if use.purpose == "build" else "It deploys"
    return Line(CHECK, "failure", f"{use.repository}: {sentence}", f"{start} {use.project}{for_what}.")


def environments_without_deployment(use: WorkflowUse, workflow: Workflow) -> Sequence[str]:
    """The environments of a file's jobs with `deployment: false`; all that it deploys to for an expression."""
    found: dict[str, None] = {}
    for name in sorted(workflow.without_deployment):
        found |= dict.fromkeys(use.environments if "${{" in name else [name])
    return list(found)


def rule_unused(use: WorkflowUse, environment: str) -> Line:
    """The line for an environment whose rule asks us, but not for this file's jobs."""
    sentence = f"GitHub does not ask Longshore about `{environment}` in {use.name} as its job says `deployment: false`."
    return Line(RULE, "failure", sentence, "Remove `deployment: false` from the job, or the rule from the environment.")


def _lines(use: WorkflowUse, workflow: Workflow, prefix: str) -> Iterator[Line]:
    request = IDS[use.purpose]
    names = [name for name in (request, prefix + request) if name in workflow.inputs]
    if not names:
        remedy = f"Add `{request}: {{type: string}}` to its inputs."
        yield _warning(use, f"does not declare the input `{request}`", remedy)
    elif not _is_named_by(workflow.run_name, names):
        remedy = f"Add `run-name: {use.purpose} ${{{{ inputs.{names[0]} }}}}` to it: by it, a run is found again."
        yield _warning(use, "has no `run-name` with the request id", remedy)
    if len(use.environments) > 1 and "environment" not in workflow.inputs and not use.settings & workflow.inputs:
        to = in_words(use.environments)
        yield _warning(
            use,
            f"deploys to {to}, but does not declare the input `environment`",
            "Add `environment: {type: string}` to its inputs: otherwise it cannot tell where to deploy.",
            "failure",
        )
    if unknown := sorted(use.settings - workflow.inputs):
        yield _warning(
            use, f"does not declare {in_words(unknown)}, which the project sets", "Declare it, or stop setting it."
        )


def _warning(use: WorkflowUse, what: str, remedy: str, state: State = "warning") -> Line:
    return Line(CHECK, state, f"{use.name} {what}.", remedy)


def _is_named_by(run_name: str, inputs: Collection[str]) -> bool:
    return any(re.search(rf"\binputs\.{re.escape(name)}(?![\w-])", run_name) for name in inputs)
