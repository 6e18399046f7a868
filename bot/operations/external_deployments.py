"""Deployments that Longshore did not start: reported by pipelines, or run again on GitHub. Facts cannot be refused."""

from dataclasses import dataclass

from bot.context import Context, allowed
from bot.errors import Refusal
from bot.events.releases import DeployedAgainstGates, DeploymentReported, ReportedAgainstGates, RerunAgainstGates
from bot.operations import candidates, deployments, environments, events
from bot.rules.deployments import STATUSES, is_change, is_new_deployment
from bot.rules.gates import Gate, refusal
from bot.rules.versions import CandidateVersion
from bot.store.candidates import Candidate
from bot.store.database import transaction
from bot.store.deployments import Deployment
from bot.store.projects import Environment, Project

IGNORED_GATES: tuple[Gate, ...] = ("busy",)
"""Gates that a deployment may pass unseen: a pipeline may deploy while another deployment is under way."""


@dataclass(frozen=True)
class Report:
    """What a pipeline reports about the deployment of a candidate."""

    version: CandidateVersion
    status: str
    error_message: str | None = None


@allowed("deployment:report")
async def report(context: Context, project: Project, environment: str, reported: Report) -> Deployment:
    """Record what a pipeline reports. A fact cannot be refused: no gate, no freeze, no workflow.

    Changes the newest deployment of the candidate on the environment, or makes one: if there is none, or if a running
    status follows a final one. The alarm is raised when a gate would have refused the new one.
    """
    on = await environments.find_by_name(project, environment)
    candidate = await candidates.get(project, reported.version)
    if reported.status not in STATUSES:
        raise Refusal(f"`status` must be one of {', '.join(STATUSES)}.", field="status")
    async with transaction():
        on = await Environment.select_for_update().get(id=on.id)
        same = Deployment.filter(environment_id=on.id, candidate_id=candidate.id)
        newest = await same.order_by("-id").select_for_update().first()
        if newest is None or is_new_deployment(newest.status, reported.status):
            await _alarm_if_gated(context, on, candidate, ReportedAgainstGates)
            newest = await deployments.insert(context, on, candidate, deployments.NewDeployment(reported=True))
        old_status = newest.status
        if is_change(old_status, reported.status):
            await deployments.set_status(context, newest, reported.status, reported.error_message)
        if newest.status != old_status:
            await events.record(
                context, DeploymentReported(**deployments.event_fields(newest, on, candidate, old_status))
            )
    return newest


async def record_rerun(context: Context, finished: Deployment) -> Deployment:
    """Record, in the caller's transaction, that GitHub runs a finished deployment's run again: a new deployment.

    It is a fact and cannot be refused; the alarm is raised when a gate would have refused it.
    """
    environment = await Environment.get(id=finished.environment_id)
    candidate = await Candidate.get(id=finished.candidate_id)
    deployment = await deployments.insert(
        context, environment, candidate, deployments.NewDeployment(finished.kind, reported=True)
    )
    await _alarm_if_gated(context, environment, candidate, RerunAgainstGates)
    return deployment


async def _alarm_if_gated(
    context: Context, environment: Environment, candidate: Candidate, event: type[DeployedAgainstGates]
) -> None:
    """Raise the alarm when a deployment happens that a gate would have refused; being busy is no such gate."""
    decision = await deployments.evaluate_gates(context, environment, candidate)
    refused = refusal(decision, ignoring=IGNORED_GATES)
    if refused is not None:
        await events.record(
            context,
            event(
                project_id=environment.project_id,
                commit=candidate.commit,
                environment=environment.name,
                version=candidate.version,
                refusal=refused.sentence,
                details=refused.details,
            ),
        )
