"""Dispatch workflows; start, finish, cancel and re-run their runs."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sandbox import git, workflows
from sandbox.accounts import Account
from sandbox.errors import ApiError, invalid, not_found
from sandbox.events import emit
from sandbox.records import Dispatch, EnvironmentJob, Push, Repository, Run, Workflow
from sandbox.serializers import actions as serialize
from sandbox.state import State
from sandbox.use_cases import environments, job_checks, steps

WORKFLOWS_FOLDER = ".github/workflows"
CANCEL_SECONDS = 0.2
SKIP_MARKS = ("[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]")


@dataclass(frozen=True, slots=True)
class WorkflowRevision:
    """A workflow as defined at one commit of a ref, with the event that runs it."""

    workflow: Workflow
    definition: workflows.WorkflowDefinition
    ref: str
    sha: str
    event: str = "workflow_dispatch"


async def read_file(repository: Repository, sha: str, name: str) -> tuple[str, bytes] | None:
    """Read a file at a commit as (blob SHA, content), cached; None when it does not exist."""
    if (sha, name) not in repository.file_cache:
        repository.file_cache[sha, name] = await git.read_file(repository.path, sha, name)
    blob: tuple[str, bytes] | None = repository.file_cache[sha, name]
    return blob


async def _workflow_files(repository: Repository, sha: str) -> list[str]:
    key = (sha, f"{WORKFLOWS_FOLDER}/")
    if key not in repository.file_cache:
        repository.file_cache[key] = await git.list_folder(repository.path, sha, WORKFLOWS_FOLDER)
    entries: list[git.Entry] = repository.file_cache[key]
    return [entry.path for entry in entries if entry.type == "file" and entry.path.endswith((".yml", ".yaml"))]


async def read_definition(repository: Repository, sha: str, path: str) -> workflows.WorkflowDefinition | None:
    """Parse a workflow file at a commit; None when it does not exist."""
    blob = await read_file(repository, sha, path)
    return workflows.parse(path, blob[1]) if blob else None


async def list_workflows(state: State, repository: Repository) -> list[tuple[Workflow, str]]:
    """List the default branch's workflows with their display names."""
    head = repository.history.refs[f"refs/heads/{repository.default_branch}"]
    result = []
    for path in await _workflow_files(repository, head):
        definition = await read_definition(repository, head, path)
        result.append((_get_or_create_workflow(state, repository, path), definition.name if definition else path))
    return result


def _get_or_create_workflow(state: State, repository: Repository, path: str) -> Workflow:
    if path not in repository.workflows:
        repository.workflows[path] = Workflow(next(state.ids.others), path)
    return repository.workflows[path]


async def find_workflow(state: State, repository: Repository, name: str) -> tuple[Workflow, str]:
    """Find a workflow of the default branch by id, path or file name; 404 when there is none."""
    for workflow, display_name in await list_workflows(state, repository):
        if name in (str(workflow.id), workflow.path, workflow.path.rsplit("/", 1)[-1]):
            return workflow, display_name
    raise not_found()


def _full_ref(repository: Repository, ref: str) -> str | None:
    candidates = (ref,) if ref.startswith("refs/") else (f"refs/heads/{ref}", f"refs/tags/{ref}")
    return next((candidate for candidate in candidates if candidate in repository.history.refs), None)


async def dispatch(
    state: State, repository: Repository, name: str, ref: str, inputs: Mapping[str, Any], by: Account
) -> Run:
    """Start a workflow at the head of a branch or tag; raise GitHub's error when it cannot be dispatched."""
    workflow, _ = await find_workflow(state, repository, name)
    _check_execution(repository, workflow)
    full = _full_ref(repository, ref)
    if full is None or not full.startswith(("refs/heads/", "refs/tags/")):
        raise invalid(f"No ref found for: {ref}")
    if workflow.state != "active":
        raise invalid("Cannot trigger a 'workflow_dispatch' on a disabled workflow")
    sha = repository.history.peel(repository.history.refs[full])
    definition = await read_definition(repository, sha, workflow.path)
    if definition is None:
        raise invalid("Workflow does not have 'workflow_dispatch' trigger")
    revision = WorkflowRevision(workflow, definition, full, sha)
    run = _create_run(state, repository, revision, workflows.resolve_inputs(definition, inputs), by)
    state.dispatches.append(Dispatch(workflow.path, ref, run.inputs, run.id, repository.full_name))
    await _begin(state, repository, run)
    return run


async def _begin(state: State, repository: Repository, run: Run) -> None:
    """Begin an attempt of a run, whose jobs may have to wait; GitHub sends no `requested` event for later ones."""
    environments.hold(state, repository, run)
    if run.run_attempt == 1:
        await emit_run(state, run, "requested")
    job_checks.report(state, repository, run)
    environments.request(state, repository, run)
    if run.status == "queued":
        _schedule_completion(state, run)


def _check_execution(repository: Repository, workflow: Workflow) -> None:
    """Refuse with the sentences of https://docs.github.com/en/actions/concepts/about-actions-policies."""
    sentences = {
        "event": "Event 'workflow_dispatch' is not allowed to trigger Actions workflows. "
        f"Workflow file: '{workflow.path}'.",
        "actor": "Actor is not allowed to trigger Actions workflows.",
    }
    if repository.execution_protection:
        raise ApiError(403, sentences[repository.execution_protection])


def _schedule_completion(state: State, run: Run) -> None:
    if state.run_seconds:
        state.start_task(complete_automatically(state, run, state.run_seconds))


def _create_run(
    state: State, repository: Repository, revision: WorkflowRevision, inputs: dict[str, str], by: Account
) -> Run:
    now = state.now()
    run = Run(
        id=next(state.ids.runs),
        ordinal=len(state.runs) + 1,
        repository=repository.id,
        workflow=revision.workflow.path,
        workflow_id=revision.workflow.id,
        workflow_name=revision.definition.name,
        head_sha=_reported_sha(state, repository, revision.sha),
        head_branch=revision.ref.split("/", 2)[2],
        ref=revision.ref,
        event=revision.event,
        display_title=workflows.render_title(revision.definition, inputs, _default_title(repository, revision)),
        inputs=inputs,
        actor=by,
        created_at=now,
        updated_at=now,
        started_at=now,
        triggering_actor=by,
        uses=workflows.resolve_environments(revision.definition, inputs),
        jobs=revision.definition.jobs,
        steps=workflows.resolve_steps(revision.definition, inputs),
    )
    state.runs.append(run)
    return run


def _default_title(repository: Repository, revision: WorkflowRevision) -> str:
    if revision.event == "push":
        return repository.history.commits[revision.sha].message.partition("\n")[0]
    return revision.definition.name


async def run_for_push(state: State, repository: Repository, push: Push) -> None:
    """Run the workflows of a pushed commit that its push triggers; those of workflows themselves trigger none."""
    message = repository.history.commits[push.sha].message
    if push.by is state.actions_bot or any(mark in message for mark in SKIP_MARKS):
        return
    for path in await _workflow_files(repository, push.sha):
        definition = await read_definition(repository, push.sha, path)
        workflow = _get_or_create_workflow(state, repository, path)
        trigger = definition.push if definition and workflow.state == "active" else None
        if definition and trigger and trigger.matches(push.ref, push.files):
            revision = WorkflowRevision(workflow, definition, push.ref, push.sha, "push")
            await _begin(state, repository, _create_run(state, repository, revision, {}, push.by))


def _reported_sha(state: State, repository: Repository, sha: str) -> str:
    if not state.faults.wrong_shas:
        return sha
    state.faults.wrong_shas -= 1
    return (repository.history.commits[sha].parents or (sha[::-1],))[0]


async def emit_run(
    state: State, run: Run, action: str, *, conclusion: str | None = None, delivery: str | None = None
) -> None:
    """Send a `workflow_run` event; `conclusion` overrides the run's own in the payload only."""
    repository = state.repositories.get(run.repository)
    if repository is None:
        return
    reported = replace(run, conclusion=conclusion or run.conclusion)
    workflow = _get_or_create_workflow(state, repository, run.workflow)
    body = {
        "action": action,
        "workflow_run": serialize.workflow_run(state, repository, reported),
        "workflow": serialize.workflow(state, repository, workflow, run.workflow_name),
    }
    emit(state, "workflow_run", repository, run.triggering_actor, body, delivery=delivery)


async def start(state: State, run: Run) -> None:
    """Start a queued run, whose steps are performed; it fails if one of them does."""
    if run.status == "completed":
        return
    environments.check_waiting(run)
    run.status, run.started_at, run.updated_at = "in_progress", state.now(), state.now()
    await emit_run(state, run, "in_progress")
    if run.repository not in state.repositories:
        return
    repository = state.repositories[run.repository]
    job_checks.report(state, repository, run)
    environments.report_start(state, repository, run)
    if not await steps.perform(state, repository, run):
        await finish(state, run, "failure")


async def finish(state: State, run: Run, conclusion: str, delivery: str | None = None) -> None:
    """Complete a run; if it is already completed, it keeps its conclusion and only the event is sent again."""
    if run.status == "queued" and run.steps and conclusion == "success":
        await start(state, run)
        if run.status == "completed":
            return
    if run.status != "completed":
        if conclusion == "success":
            environments.check_success(run)
        run.status, run.conclusion, run.updated_at = "completed", conclusion, state.now()
        if run.repository in state.repositories:
            environments.report_end(state, state.repositories[run.repository], run, conclusion)
            job_checks.report(state, state.repositories[run.repository], run)
    await emit_run(state, run, "completed", conclusion=conclusion, delivery=delivery)


async def finish_job(state: State, run: Run, name: str, conclusion: str = "success") -> None:
    """Complete a job of a run that is in progress; if it does not succeed, the run fails."""
    repository = state.repositories[run.repository]
    if conclusion != "success":
        await finish(state, run, "failure")
        return
    environments.finish_job(state, repository, run, name)
    job_checks.report(state, repository, run)


async def rerun(state: State, run: Run, by: Account | None = None) -> None:
    """Re-run under the same id, as triggered by an account, or by whom it was triggered last."""
    if run.status != "completed":
        raise ApiError(403, "This workflow is already running")
    run.attempts.append({"status": run.status, "conclusion": run.conclusion, "updated_at": run.updated_at})
    run.run_attempt += 1
    run.triggering_actor = by or run.triggering_actor
    run.status, run.conclusion, run.updated_at = "queued", None, state.now()
    if run.repository in state.repositories:
        await _begin(state, state.repositories[run.repository], run)


async def review(state: State, run: Run, job: EnvironmentJob, what: str, verdict: str) -> None:
    """Approve or reject a waiting job, as `reviewers` or as `rule`; a rejected one fails, and with it the run."""
    if verdict == "rejected":
        await finish(state, run, "failure")
    elif environments.approve(state, state.repositories[run.repository], run, job, what):
        _schedule_completion(state, run)


async def cancel(state: State, run: Run) -> None:
    """Cancel a run: after a short time if runs complete on their own, otherwise at once."""
    if run.status == "completed":
        raise ApiError(409, "Cannot cancel a workflow run that is completed.")
    if state.run_seconds:
        state.start_task(_cancel_later(state, run))
    else:
        await finish(state, run, "cancelled")


async def _cancel_later(state: State, run: Run) -> None:
    await asyncio.sleep(CANCEL_SECONDS)
    if run.status != "completed":
        await finish(state, run, "cancelled")


async def complete_automatically(state: State, run: Run, seconds: tuple[float, float]) -> None:
    """Start a run and complete it with success after a random time within a range of seconds."""
    attempt, total = run.run_attempt, state.faults.random.uniform(*seconds)
    await asyncio.sleep(total / 3)
    if run.status == "queued" and run.run_attempt == attempt:
        await start(state, run)
    await asyncio.sleep(total * 2 / 3)
    if run.status == "completed" or run.run_attempt != attempt:
        return
    while names := environments.jobs_before_gates(run):
        await finish_job(state, run, names[0])
    if run.status != "waiting":
        await finish(state, run, "success")
