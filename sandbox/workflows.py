"""Parse workflow files and validate the inputs of dispatches."""

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from sandbox.errors import invalid
from sandbox.triggers import PushTrigger, parse_push

BUILD = """\
name: build
run-name: "build ${{ inputs.release_candidate_version }} (${{ inputs.release_cut_id }})"
on:
  workflow_dispatch:
    inputs:
      release_candidate_version: {type: string, required: false, description: "Version to build"}
      commit_sha: {type: string, required: false, description: "Commit to build"}
      release_cut_id: {type: string, required: false, description: "Request id"}
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - run: echo "build"
"""
DEPLOY = """\
name: deploy
run-name: "deploy ${{ inputs.release_candidate_version }} to ${{ inputs.environment }} (${{ inputs.deployment_id }})"
on:
  workflow_dispatch:
    inputs:
      release_candidate_version: {type: string, required: false, description: "Version to deploy"}
      commit_sha: {type: string, required: false, description: "Commit to deploy"}
      environment: {type: string, required: false, description: "Environment to deploy to"}
      deployment_id: {type: string, required: false, description: "Request id"}
jobs:
  deploy:
    runs-on: ubuntu-latest
    steps:
      - run: echo "deploy"
"""
DEFAULT_WORKFLOWS = {".github/workflows/build.yml": BUILD, ".github/workflows/deploy.yml": DEPLOY}
MAX_INPUTS = 25
MAX_DEPTH, MAX_NODES = 50, 50_000  # of a workflow file
MAX_DIRECTIVES = 100  # ours: thousands keep the parser busy for seconds
LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
MAX_CHARACTERS = 65_535
PERFORMED = ("sandbox/tag", "sandbox/release")


@dataclass(frozen=True, slots=True)
class EnvironmentUse:
    """A job's environment and its URL; without `deployment` the job makes no deployment there.

    `after` has the jobs that it needs, and those that these need.
    """

    job: str
    name: str
    url: str = ""
    deployment: bool = True
    after: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Step:
    """A step that the sandbox performs: `sandbox/tag` or `sandbox/release`, with its inputs."""

    action: str
    inputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class WorkflowDefinition:
    """A parsed workflow file; `inputs` is None when the workflow cannot be dispatched."""

    name: str
    run_name: str | None
    inputs: dict[str, dict[str, Any]] | None
    jobs: list[str] = field(default_factory=list)
    environments: tuple[EnvironmentUse, ...] = ()
    steps: tuple[Step, ...] = ()
    push: PushTrigger | None = None


@functools.lru_cache(maxsize=256)
def parse(path: str, text: bytes) -> WorkflowDefinition:
    """Parse a workflow file; an invalid file has no trigger."""
    content = _load(text)
    if not isinstance(content, dict):
        return WorkflowDefinition(path, None, None)
    jobs = content.get("jobs")
    name, run_name = content.get("name"), content.get("run-name")
    return WorkflowDefinition(
        str(name) if name else path,
        str(run_name) if run_name else None,
        _declared_inputs(content.get("on")),
        list(jobs) if isinstance(jobs, dict) else [],
        tuple(_environment_uses(jobs)) if isinstance(jobs, dict) else (),
        tuple(_performed_steps(jobs)) if isinstance(jobs, dict) else (),
        parse_push(content.get("on")),
    )


def _performed_steps(jobs: dict[str, Any]) -> Iterator[Step]:
    """The steps `uses: sandbox/tag@v1` and `uses: sandbox/release@v1` of all jobs."""
    for job in jobs.values():
        steps = job.get("steps") if isinstance(job, dict) else None
        for step in steps if isinstance(steps, list) else []:
            action = str(step.get("uses") or "").partition("@")[0] if isinstance(step, dict) else ""
            if action in PERFORMED:
                inputs = step.get("with") if isinstance(step.get("with"), dict) else {}
                yield Step(action, {name: str(value) for name, value in inputs.items()})


def resolve_steps(definition: WorkflowDefinition, inputs: Mapping[str, str]) -> list[Step]:
    """The steps of a run that the sandbox performs, with the values of their expressions."""
    return [
        Step(step.action, {name: render(value, inputs) for name, value in step.inputs.items()})
        for step in definition.steps
    ]


def _environment_uses(jobs: dict[str, Any]) -> Iterator[EnvironmentUse]:
    for name, job in jobs.items():
        used = job.get("environment") if isinstance(job, dict) else None
        details = {"name": used} if isinstance(used, str) else used
        if isinstance(details, dict) and isinstance(details.get("name"), str):
            makes_deployment = details.get("deployment") not in ("false", "False", "FALSE")
            after = frozenset(_needed(jobs, name)) - {name}
            yield EnvironmentUse(name, details["name"], str(details.get("url") or ""), makes_deployment, after)


def _needed(jobs: dict[str, Any], name: str) -> set[str]:
    """A job and all that it needs, directly or not."""
    found, pending = set[str](), [name]
    while pending:
        current = pending.pop()
        job = jobs.get(current)
        if current not in found and isinstance(job, dict):
            found.add(current)
            needs = job.get("needs") or []
            pending += [needs] if isinstance(needs, str) else map(str, needs)
    return found


def resolve_environments(definition: WorkflowDefinition, inputs: Mapping[str, str]) -> list[EnvironmentUse]:
    """The environments of a run's jobs; a job whose environment is an expression that becomes empty has none."""
    uses = [replace(use, name=render(use.name, inputs), url=render(use.url, inputs)) for use in definition.environments]
    return [use for use in uses if use.name]


def _load(text: bytes) -> Any:
    """Read a file with every scalar as text, within GitHub's limits; None when GitHub refuses the file."""
    depth = nodes = 0
    if text.count(b"\n%") > MAX_DIRECTIVES:
        return None
    try:
        for event in yaml.parse(text, Loader=LOADER):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            nodes += 1
            if depth > MAX_DEPTH or nodes > MAX_NODES:
                return None
        return yaml.load(text, Loader=LOADER)
    except (yaml.YAMLError, UnicodeDecodeError):
        return None


def _declared_inputs(triggers: Any) -> dict[str, dict[str, Any]] | None:
    if isinstance(triggers, str | list):
        return {} if "workflow_dispatch" in ([triggers] if isinstance(triggers, str) else triggers) else None
    if not isinstance(triggers, dict) or "workflow_dispatch" not in triggers or "<<" in triggers:
        return None
    trigger = _mapping(triggers["workflow_dispatch"])
    inputs = None if trigger is None else _mapping(trigger.get("inputs"))
    return None if inputs is None else {name: _mapping(details) or {} for name, details in inputs.items()}


def _mapping(value: Any) -> dict[str, Any] | None:
    """Return a mapping, which may be left out; None when the value is something else."""
    return {} if value in (None, "", "~", "null", "Null", "NULL") else value if isinstance(value, dict) else None


def _to_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def resolve_inputs(definition: WorkflowDefinition, provided: Mapping[str, Any]) -> dict[str, str]:
    """Validate a dispatch's inputs and fill in defaults; raise GitHub's error for invalid inputs."""
    if definition.inputs is None:
        raise invalid("Workflow does not have 'workflow_dispatch' trigger")
    if len(provided) > MAX_INPUTS:
        raise invalid(f"You may only define up to {MAX_INPUTS} `inputs` for a `workflow_dispatch` event")
    if sum(len(name) + len(_to_text(value)) for name, value in provided.items()) > MAX_CHARACTERS:
        raise invalid("inputs are too large.")
    unknown = [name for name in provided if name not in definition.inputs]
    if unknown:
        names = ", ".join(f'"{name}"' for name in unknown)
        raise invalid(f"Unexpected inputs provided: [{names}]")
    return {name: _resolve_input(name, details, provided.get(name)) for name, details in definition.inputs.items()}


def _resolve_input(name: str, details: Mapping[str, Any], provided: Any) -> str:
    value = _to_text(details.get("default") if provided is None else provided)
    input_type = details.get("type", "string")
    if details.get("required") in ("true", "True", "TRUE") and not value:
        raise invalid(f"Required input '{name}' not provided")
    options = [_to_text(option) for option in details.get("options") or []]
    if input_type == "boolean":
        value, options = value or "false", ["true", "false"]
    if input_type == "choice" and not value and options:
        value = options[0]
    if options and value not in options:
        raise invalid(f"Provided value '{value}' for input '{name}' not in the list of allowed values")
    return value


def render_title(definition: WorkflowDefinition, inputs: Mapping[str, str], fallback: str) -> str:
    """Render a run's title from `run-name`."""
    return render(definition.run_name or "", inputs) or fallback


def render(text: str, inputs: Mapping[str, str]) -> str:
    """Replace expressions in a text; those other than inputs become empty."""

    def value(match: re.Match[str]) -> str:
        reference = re.fullmatch(r"(?:github\.event\.)?inputs\.([\w-]+)", match.group(1))
        return inputs.get(reference.group(1), "") if reference else ""

    return re.sub(r"\$\{\{\s*(.*?)\s*\}\}", value, text).strip()
