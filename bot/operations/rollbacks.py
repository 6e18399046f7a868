"""Rollbacks: deploy what was live before."""

from dataclasses import dataclass

from bot.context import Context, allowed_on_tier, authorize
from bot.errors import Conflict, NotFound
from bot.operations import decisions, deployments, gate_facts, projects
from bot.operations.decisions import Outdated, Subject
from bot.operations.deploying import MAX_REASON
from bot.operations.deployments import NewDeployment
from bot.operations.previews import Preview
from bot.rules import gate_settings
from bot.rules.deployments import FINAL, PastDeployment, rollback_target
from bot.rules.gate_facts import CandidateFact, GateFacts, Override
from bot.rules.gate_questions import Answers
from bot.rules.gate_refusals import refusal
from bot.rules.gate_results import GATES, ROLLBACK_EXEMPT
from bot.rules.gates import decide
from bot.rules.ids import CommitSha, EnvironmentId
from bot.store.candidates import Candidate
from bot.store.database import transaction
from bot.store.deployments import RAN, Deployment
from bot.store.projects import Environment, Project

HISTORY = 500  # deployments that a rollback looks back over
ROLLS_BACK = "deployment.rollback"
"""The act of a rollback."""
NO_REASON = "no reason was given"
NOTHING = "No previous deployment to roll back from"


@dataclass(frozen=True)
class RollbackRequest:
    """How an environment is to be rolled back: with which override of its gates, and for what reason."""

    override: Override | None
    reason: str | None


@allowed_on_tier("deployment:start", production="deployment:production")
async def roll_back(
    context: Context,
    project: Project,
    environment: Environment,
    *,
    force: bool = False,
    reason: str | None = None,
    expected: str | None = None,
) -> Deployment:
    """Deploy what was live before. Deployments that are under way or wait are canceled first, if the gates allow it.

    Only the gates candidate, hold, freeze, lock and deployers are evaluated. `force`, which needs a separate grant,
    overrides a freeze and a lock. Refuses an environment without an earlier deployment, and one where a candidate of
    another version than `expected` was live before: somebody else has just rolled it back.
    """
    if (earlier := await deployments.performed(context, ROLLS_BACK)) is not None:
        return earlier
    projects.refuse_archived(project)
    override = _override(context, project, force=force, reason=reason)
    for _ in range(decisions.ROUNDS):
        candidate = await _target(context, environment, override)
        if expected not in (None, candidate.version):
            sentence = f"A rollback would now lead to {candidate.version}, no longer to {expected}."
            raise Conflict(sentence, environment=environment.name)
        subject = Subject(environment, candidate, decisions.requester_of(context))
        answers = await decisions.ask_github(context, subject, exempt=ROLLBACK_EXEMPT)
        try:
            async with transaction():
                return await _roll_back(context, subject, RollbackRequest(override, reason), answers)
        except Outdated:
            continue
    raise decisions.keeps_changing(environment)


@allowed_on_tier("deployment:start", production="deployment:production")
async def preview(
    context: Context, project: Project, environment: Environment, *, force: bool = False, reason: str | None = None
) -> Preview:
    """Say what `roll_back` would do, with the same refusals but those of gates. Nothing changes."""
    projects.refuse_archived(project)
    override = _override(context, project, force=force, reason=reason)
    candidate = await _target(context, environment, override)
    subject = Subject(environment, candidate, decisions.requester_of(context))
    decision = await decisions.decide_now(context, subject, exempt=ROLLBACK_EXEMPT, override=override)
    if decision.closed():
        return Preview(
            (f"Refuse to roll {environment.name} back to {candidate.version}.",), decision, candidate.version
        )
    canceled = [f"Cancel deployment {row.id} of {row.candidate.version}." for row in await _unfinished(environment.id)]
    return Preview((*canceled, f"Roll {environment.name} back to {candidate.version}."), decision, candidate.version)


async def _roll_back(context: Context, subject: Subject, request: RollbackRequest, answers: Answers) -> Deployment:
    """Decide under the environment's lock, then cancel what is under way and insert the rollback."""
    override = request.override
    environment = await Environment.select_for_update().get(id=subject.environment.id)
    if (earlier := await deployments.performed(context, ROLLS_BACK)) is not None:
        # by a concurrent handling of the same message
        return earlier
    candidate = await Candidate.select_for_update().get(id=subject.candidate.id)
    if (await _target(context, environment, override)).id != candidate.id:
        raise Outdated
    locked = Subject(environment, candidate, subject.requester)
    facts = await decisions.read_facts(context, locked, answers, exempt=ROLLBACK_EXEMPT)
    decision = decide(facts, exempt=ROLLBACK_EXEMPT, override=override)
    if (refused := refusal(decision)) is not None:
        raise refused
    for row in await _unfinished(environment.id):
        await deployments.cancel_locked(context, await Deployment.select_for_update().get(id=row.id))
    after_canceled = await Deployment.exists(environment_id=environment.id, status="canceling")
    forced = override.reason if override is not None and deployments.overridden(decision) else None
    new = NewDeployment(
        "rollback",
        after_canceled=after_canceled,
        decision=decision,
        force_reason=forced,
        rollback_reason=(request.reason or "").strip()[:MAX_REASON] or None,
    )
    deployment = await deployments.insert(context, environment, candidate, new)
    await Environment.filter(id=environment.id).update(promotion_held=True)
    return deployment


def _override(context: Context, project: Project, *, force: bool, reason: str | None) -> Override | None:
    if not force:
        return None
    authorize(context.actor, "deployment:force", project=project)
    return Override(context.actor.name, (reason or "").strip()[:MAX_REASON] or NO_REASON)


async def _unfinished(environment: EnvironmentId) -> list[Deployment]:
    """The deployments that a rollback cancels: those under way, and the one that waits."""
    rows = Deployment.filter(environment_id=environment, status__in=["pending", "in_progress"])
    return await rows.order_by("id").select_related("candidate")


async def _target(context: Context, environment: Environment, override: Override | None) -> Candidate:
    """The candidate to roll back to. Refuses an environment without one, a frozen one for the freeze."""
    target = rollback_target(await _history(environment.id))
    if target is not None:
        return await Candidate.get(id=target)
    facts = GateFacts(
        environment=environment.name,
        tier=environment.tier,
        settings=gate_settings.read(environment.gate_settings),
        candidate=CandidateFact("", CommitSha(""), "ready"),
        requester=decisions.requester_of(context),
        now=context.now(),
        closed=environment.closed,
        freezes=await gate_facts.read_freezes(environment, context.now()),
    )
    exempt = [gate for gate in GATES if gate != "freeze"]
    raise refusal(decide(facts, exempt=exempt, override=override)) or NotFound(NOTHING)


async def _history(environment: EnvironmentId) -> list[PastDeployment]:
    """Read the newest deployments of an environment, oldest first; those under way count as canceled.

    Those that waited and never ran are left out.
    """
    # the ids first, on their index: for whole rows, PostgreSQL scans the newest of every environment
    ran = (
        await Deployment.filter(RAN, environment_id=environment, waiting=False)
        .order_by("-id")
        .limit(HISTORY)
        .values_list("id", flat=True)
    )
    rows = await Deployment.filter(id__in=ran).order_by("-id").select_related("candidate", "candidate__release")
    return [
        PastDeployment(
            candidate=row.candidate_id,
            status=row.status if row.status in FINAL else "canceled",
            rollback=row.kind == "rollback",
            barred=row.candidate.status == "banned" or row.candidate.release.held is not None,
        )
        for row in reversed(rows)
    ]
