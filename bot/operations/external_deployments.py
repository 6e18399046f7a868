"""Deployments that Longshore did not start: reported by pipelines, or re-run on GitHub. No gate can refuse them."""

from dataclasses import dataclass
from datetime import timedelta

from bot.context import Context, allowed
from bot.errors import FactUnknown, Refusal
from bot.events.releases import DeployedAgainstGates, DeploymentReported, ReportedAgainstGates, RerunAgainstGates
from bot.operations import candidates, decisions, deployments, environments, events, gate_jobs
from bot.operations.decisions import Subject
from bot.queue.jobs import RetryLater, enqueue
from bot.rules.deployments import STATUSES, is_change, is_new_deployment
from bot.rules.gate_questions import questions
from bot.rules.gate_refusals import refusal
from bot.rules.gate_results import GATES, ROLLBACK_EXEMPT, Decision, Gate
from bot.rules.gates import decide
from bot.rules.versions import CandidateVersion
from bot.store.candidates import Candidate
from bot.store.database import transaction
from bot.store.deployments import RAN, Deployment
from bot.store.projects import Environment, Project

IGNORED_GATES: tuple[Gate, ...] = ("busy",)
"""Closed gates that raise no alarm: a pipeline may deploy while another deployment is under way."""
ASKED: tuple[Gate, ...] = ("downgrade", "checks", "approvals", "deployers")
"""Gates that may depend on what GitHub answers."""
MAX_UNKNOWN = timedelta(hours=1)
"""How long GitHub is asked again, before the alarm says what it did not answer."""
MIN_PAUSE = timedelta(seconds=10)


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
        rows = Deployment.filter(RAN, environment_id=environment.id, candidate_id=candidate.id, waiting=False)
        newest = await rows.order_by("-id").select_for_update().first()
        if newest is None or is_new_deployment(newest.status, reported.status):
            new = deployments.NewDeployment(reported=True)
            newest = await deployments.insert(context, environment, candidate, new)
            await _judge(context, environment, candidate, newest, rerun=False)
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
    await _judge(context, environment, candidate, deployment, rerun=True)
    return deployment


async def judge(context: Context, job: gate_jobs.JudgeDeployment) -> None:
    """Job: raise the alarm about a deployment if one of the gates is closed that depend on GitHub's answers.

    While all that closes them is that GitHub does not answer, it is asked again with growing pauses, for at most
    MAX_UNKNOWN.
    """
    deployment = await Deployment.get(id=job.deployment).select_related("environment", "candidate")
    subject = Subject(
        deployment.environment, deployment.candidate, await decisions.stored_requester(deployment), deployment.id
    )
    judged = set(ASKED) - set(ROLLBACK_EXEMPT if deployment.kind == "rollback" else ())
    exempt = [gate for gate in GATES if gate not in judged]
    decision = await decisions.decide_now(context, subject, exempt=exempt)
    now, end = context.now(), deployment.created_at + MAX_UNKNOWN
    if isinstance(refusal(decision), FactUnknown) and now < end:
        pause = max(MIN_PAUSE, (now - deployment.created_at) / 4)
        raise RetryLater(min(now + pause, end), _closed(decision))
    async with transaction():
        await _alarm_if_closed(context, deployment.environment, deployment.candidate, decision, rerun=job.rerun)


async def _judge(
    context: Context, environment: Environment, candidate: Candidate, deployment: Deployment, *, rerun: bool
) -> None:
    """Raise the alarm about a deployment, in the caller's transaction, if a gate would have refused it or kept it.

    Those that depend on GitHub's answers are evaluated by a job.
    """
    subject = Subject(environment, candidate, decisions.requester_of(context), deployment.id)
    facts = await decisions.stored_facts(context, subject)
    asks = not questions(facts).is_empty
    exempt = (*IGNORED_GATES, *(ROLLBACK_EXEMPT if deployment.kind == "rollback" else ()), *(ASKED if asks else ()))
    decision = decide(facts, exempt=exempt)
    alarmed = await _alarm_if_closed(context, environment, candidate, decision, rerun=rerun)
    if asks and not alarmed:
        await enqueue(gate_jobs.JudgeDeployment(deployment.id, rerun))


async def _alarm_if_closed(
    context: Context, environment: Environment, candidate: Candidate, decision: Decision, *, rerun: bool
) -> bool:
    refused = refusal(decision)
    if refused is None:
        return False
    event: type[DeployedAgainstGates] = RerunAgainstGates if rerun else ReportedAgainstGates
    await events.record(
        context,
        event(
            project_id=environment.project_id,
            commit=candidate.commit,
            environment=environment.name,
            version=candidate.version,
            refusal=_closed(decision) if isinstance(refused, FactUnknown) else refused.sentence,
            details=refused.details,
        ),
    )
    return True


def _closed(decision: Decision) -> str:
    """What the closed gates say."""
    return "; ".join(result.sentence for result in decision.closed())
