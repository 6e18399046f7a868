"""Deployments that Longshore did not start: reported by pipelines, or re-run on GitHub. No gate can refuse them."""

from dataclasses import dataclass

from bot.context import Context, allowed
from bot.errors import Refusal
from bot.events.releases import DeployedAgainstGates, DeploymentReported, ReportedAgainstGates, RerunAgainstGates
from bot.operations import candidates, deployments, environments, events
from bot.rules.deployments import STATUSES, is_change, is_new_deployment
from bot.rules.gate_refusals import refusal
from bot.rules.gate_results import Gate
from bot.rules.versions import CandidateVersion
from bot.store.candidates import Candidate
from bot.store.database import transaction
from bot.store.deployments import Deployment
from bot.store.projects import Environment, Project

IGNORED_GATES: tuple[Gate, ...] = ("busy",)
"""Closed gates that raise no alarm: a pipeline may deploy while another deployment is under way."""


@dataclass(frozen=True)
class Report:
    """A pipeline's report about the deployment of a candidate."""

    version: CandidateVersion
    status: str
    error_message: str | None = None


@allowed("deployment:report")
async def report(context: Context, project: Project, environment_name: str, reported: Report) -> Deployment:
    """Record a pipeline's report. It is a fact, so no gate can refuse it.

    Changes the newest deployment of the candidate on the environment, or inserts one: if there is none, or if an
    unfinished status follows a final one. The alarm is raised when a gate would have refused the new one.
    """
    environment = await environments.find_by_name(context, project, environment_name)
    candidate = await candidates.get(context, project, reported.version)
    if reported.status not in STATUSES:
        raise Refusal(f"`status` must be one of {', '.join(STATUSES)}.", field="status")
    async with transaction():
        environment = await Environment.select_for_update().get(id=environment.id)
        rows = Deployment.filter(environment_id=environment.id, candidate_id=candidate.id)
        newest = await rows.order_by("-id").select_for_update().first()
        if newest is None or is_new_deployment(newest.status, reported.status):
            await _alarm_if_gated(context, environment, candidate, ReportedAgainstGates)
            new = deployments.NewDeployment(reported=True)
            newest = await deployments.insert(context, environment, candidate, new)
        old_status = newest.status
        if is_change(old_status, reported.status):
            await deployments.set_status(context, newest, reported.status, reported.error_message)
        if newest.status != old_status:
            fields = deployments.event_fields(newest, environment, candidate, old_status)
            seconds = deployments.seconds_of(newest)
            await events.record(context, DeploymentReported(**fields, project=project.name, seconds=seconds))
    return newest


async def record_rerun(context: Context, finished: Deployment) -> Deployment:
    """Insert, in the caller's transaction, a new deployment for the re-run of a finished deployment's run on GitHub.

    It is a fact, so no gate can refuse it; the alarm is raised when one would have.
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
    """Raise the alarm about a deployment that a gate other than IGNORED_GATES would have refused."""
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
