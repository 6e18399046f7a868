"""Deploying a candidate: at once if the gates are open, later if they wait and the caller does too."""

from dataclasses import dataclass, replace

from tortoise.exceptions import IntegrityError

from bot.context import Context, allowed_on_tier, authorize
from bot.errors import Conflict, Refusal
from bot.operations import candidates, decisions, deployments, performed_requests, projects
from bot.operations.decisions import Outdated, Subject
from bot.operations.deployments import NewDeployment
from bot.operations.previews import Preview as Preview
from bot.rules.gate_facts import Override
from bot.rules.gate_questions import Answers
from bot.rules.gate_refusals import refusal
from bot.rules.gate_results import Decision
from bot.rules.gates import decide
from bot.rules.versions import CandidateVersion
from bot.store.candidates import Candidate
from bot.store.database import transaction
from bot.store.deployments import Deployment, live_deployment
from bot.store.projects import Environment, Project

WAITS = "deployment.wait"
"""The act of who asks for a deployment that waits."""
DEPLOYS = ("deployment.deploy", WAITS)
"""The acts by which a deployment is asked for."""
MAX_REASON = 1000  # characters


@dataclass(frozen=True)
class DeployRequest:
    """A request to deploy a candidate.

    `wait`: let it wait while gates may still open. `force` is the reason for which gates are overridden.
    """

    version: CandidateVersion
    wait: bool = False
    force: str | None = None


@allowed_on_tier("deployment:start", production="deployment:production")
async def deploy(
    context: Context, project: Project, environment: Environment, request: DeployRequest
) -> tuple[Deployment, bool]:
    """Deploy a candidate; returns the deployment and whether it is new. A job dispatches the environment's workflow.

    Refused in this order: an archived project, `force` without its grant or a reason, an unknown candidate, a gate
    (`bot/rules/gates.py`). While gates only wait, the deployment waits if the caller does; a deployment of the same
    candidate that waits there already is returned as it is, one of another candidate is superseded.
    """
    if (earlier := await deployments.performed(context, *DEPLOYS)) is not None:
        return earlier, False
    request = replace(request, force=check_force(context, project, request.force))
    subject = await _subject(context, project, environment, request)
    for _ in range(decisions.ROUNDS):
        answers = await decisions.ask_github(context, subject)
        try:
            async with transaction():
                return await _deploy(context, subject, request, answers)
        except Outdated:
            continue
        except IntegrityError as clash:
            if (earlier := await deployments.performed(context, *DEPLOYS)) is not None:
                return earlier, False
            raise Conflict("Another deployment is in progress", environment=environment.name) from clash
    raise decisions.keeps_changing(environment)


@allowed_on_tier("deployment:start", production="deployment:production")
async def preview(context: Context, project: Project, environment: Environment, request: DeployRequest) -> Preview:
    """Say what `deploy` would do, with the same refusals but those of gates. Nothing changes."""
    request = replace(request, force=check_force(context, project, request.force))
    subject = await _subject(context, project, environment, request)
    decision = await decisions.decide_now(context, subject, override=override_of(context, request.force))
    waiting = await Deployment.get_or_none(environment_id=environment.id, waiting=True).select_related("candidate")
    if waiting is not None and waiting.candidate_id == subject.candidate.id and request.force is None:
        return Preview((f"Nothing: deployment {waiting.id} of {request.version} waits there already.",), decision)
    would = _would(subject, request, decision)
    is_superseded = waiting is not None and (not decision.closed() or (request.wait and decision.verdict == "wait"))
    if waiting is not None and is_superseded:
        would.append(f"Supersede deployment {waiting.id} of {waiting.candidate.version}, which waits there.")
    live = await live_deployment(environment.id)
    if live is not None and live.candidate_id == subject.candidate.id:
        would.append(f"{request.version} is live there already.")
    return Preview(tuple(would), decision)


def override_of(context: Context, reason: str | None) -> Override | None:
    """The actor's override of gates, if they gave a reason for one."""
    return None if reason is None else Override(context.actor.name, reason)


def check_force(context: Context, project: Project, reason: str | None) -> str | None:
    """Refuse to override gates without the grant for it, or with an empty reason; returns the reason."""
    if reason is None:
        return None
    authorize(context.actor, "deployment:force", project=project)
    if not reason.strip():
        raise Refusal("`reason` must say why gates are overridden.", field="reason")
    return reason.strip()[:MAX_REASON]


async def supersede(context: Context, environment: Environment, candidate: Candidate) -> None:
    """End the deployment that waits on an environment, whose row is locked, in favor of another candidate."""
    waiting = await Deployment.filter(environment_id=environment.id, waiting=True).select_for_update().first()
    if waiting is not None:
        sentence = f"Superseded by {candidate.version}."
        await deployments.end_wait(context, waiting, "superseded", sentence)


async def _subject(context: Context, project: Project, environment: Environment, request: DeployRequest) -> Subject:
    projects.refuse_archived(project)
    candidate = await candidates.get(context, project, request.version)
    return Subject(environment, candidate, decisions.requester_of(context))


async def _deploy(
    context: Context, subject: Subject, request: DeployRequest, answers: Answers
) -> tuple[Deployment, bool]:
    """Decide under the environment's lock, so that the gates are still as they were when the row is inserted."""
    environment = await Environment.select_for_update().get(id=subject.environment.id)
    if (earlier := await deployments.performed(context, *DEPLOYS)) is not None:
        # by a concurrent handling of the same message
        return earlier, False
    waiting = await Deployment.get_or_none(environment_id=environment.id, waiting=True)
    if waiting is not None and waiting.candidate_id == subject.candidate.id and request.force is None:
        if context.origin is not None:  # the message is handled, and follows what becomes of it
            await performed_requests.record(context, WAITS, waiting.id)
        return waiting, False
    candidate = await Candidate.select_for_update().get(id=subject.candidate.id)
    locked = Subject(environment, candidate, subject.requester)
    facts = await decisions.read_facts(context, locked, answers)
    decision = decide(facts, override=override_of(context, request.force))
    refused = refusal(decision)
    if refused is not None and not (request.wait and decision.verdict == "wait"):
        raise refused
    await supersede(context, environment, candidate)
    uses_force = bool(decision.closed() or decision.overridden)
    new = NewDeployment(decision=decision, force_reason=request.force if uses_force else None)
    deployment = await deployments.insert(context, environment, candidate, new)
    if not new.waits:
        await Environment.filter(id=environment.id).update(promotion_held=False)
    return deployment, True


def _would(subject: Subject, request: DeployRequest, decision: Decision) -> list[str]:
    """Say in sentences what a request to deploy would do."""
    target = f"{subject.candidate.version} to {subject.environment.name}"
    if decision.verdict == "refuse":
        return [f"Refuse to deploy {target}."]
    if decision.closed():
        gates = ", ".join(each.gate for each in decision.closed())
        if request.wait:
            return [f"Wait for {gates}, then deploy {target}."]
        return [f"Refuse to deploy {target} now: it would have to wait for {gates}."]
    workflow = subject.environment.workflow
    how = f"dispatch {workflow}" if workflow else "wait for a pipeline's report, since the environment has no workflow"
    return [f"Deploy {target}: {how}."]
