"""Waiting deployments: evaluated again until they are dispatched, or end for a reason that is told."""

from dataclasses import dataclass, replace

from tortoise.expressions import Q

from bot.context import Context
from bot.events.releases import DeploymentStarted
from bot.operations import decisions, deployments, events, gate_jobs, users, views, wait_reactions, waiting
from bot.operations.decisions import Outdated, Subject
from bot.queue.jobs import RetryLater, enqueue
from bot.rules.approvers import PersonFact
from bot.rules.gate_facts import GateFacts, Override
from bot.rules.gate_questions import Answers
from bot.rules.gate_results import Decision, GateResult, from_json, to_json, waits_for
from bot.rules.gates import decide
from bot.rules.permissions import covers, grants_of_role
from bot.store.candidates import Candidate
from bot.store.database import fetch, transaction
from bot.store.deployments import Deployment, live_deployment
from bot.store.projects import Environment, Project

DUE = "SELECT id, environment_id FROM deployments WHERE waiting AND evaluate_at <= $1 ORDER BY evaluate_at LIMIT 1000"


@dataclass(frozen=True)
class Standing:
    """Whether a requester may still deploy: `lost` says why not, `unknown` why that cannot be told."""

    lost: str | None = None
    unknown: str | None = None


async def sweep(context: Context, job: gate_jobs.SweepWaiting) -> None:
    """Job: enqueue the evaluation of the waiting deployments, and of the protection requests, that are due."""
    for row in await fetch(DUE, context.now()):
        await enqueue(gate_jobs.EvaluateWaiting(row["id"], row["environment_id"]))
    await waiting.reevaluate_requests(Q(evaluate_at__lte=context.now()))


async def evaluate(context: Context, job: gate_jobs.EvaluateWaiting) -> None:
    """Job: dispatch a waiting deployment if its gates are open now; end it if it is refused or has expired."""
    deployment = await Deployment.get(id=job.deployment).select_related("environment", "candidate")
    if not deployment.waiting:
        return
    requester = await decisions.stored_requester(deployment)
    is_person = requester.github_id is not None and not deployment.automatic
    subject = Subject(deployment.environment, deployment.candidate, requester, deployment.id, ask_requester=is_person)
    for _ in range(decisions.ROUNDS):
        answers = await decisions.ask_github(context, subject)
        try:
            async with transaction():
                await _evaluate(context, subject, answers)
            return
        except Outdated:
            continue
    raise RetryLater(context.now(), "the environment keeps changing")


async def _evaluate(context: Context, subject: Subject, answers: Answers) -> None:
    environment = await Environment.select_for_update().get(id=subject.environment.id)
    project = await Project.get(id=environment.project_id).select_related("repository")
    deployment = await Deployment.select_for_update().get(id=subject.deployment)
    if not deployment.waiting:
        return
    candidate = await Candidate.select_for_update().get(id=subject.candidate.id)
    locked = Subject(environment, candidate, subject.requester, deployment.id, ask_requester=subject.ask_requester)
    facts = await decisions.read_facts(context, locked, answers)
    if deployment.expires_at is not None and deployment.expires_at <= context.now():
        waited = ", ".join(deployment.waits_for or ())
        await deployments.end_wait(context, deployment, "expired", f"It waited too long for: {waited}.")
        return
    standing = await _standing(context, project, deployment, facts)
    if standing.lost is not None or project.archived:
        reason = standing.lost or "The project is archived."
        await deployments.end_wait(context, deployment, "refused", reason)
        return
    decision = _with_standing(_decide(deployment, facts), standing)
    if decision.verdict == "refuse":
        sentences = "; ".join(each.sentence for each in decision.closed() if each.verdict == "refuse")
        await _note(deployment, decision)
        await deployments.end_wait(context, deployment, "refused", sentences)
    elif decision.closed():
        await _go_on(context, deployment, decision)
    else:
        await _dispatch(context, environment, candidate, deployment, decision)


async def _dispatch(
    context: Context, environment: Environment, candidate: Candidate, deployment: Deployment, decision: Decision
) -> None:
    """Start a deployment whose gates are open, in the transaction that saw them open."""
    live = await live_deployment(environment.id)
    deployment.update_from_dict(
        {
            "waiting": False,
            "wait_outcome": "dispatched",
            "waits_for": None,
            "evaluate_at": None,
            "decision": to_json(decision),
            "from_candidate_id": None if live is None else live.candidate_id,
        }
    )
    await deployment.save()
    await deployments.start(context, environment, candidate, deployment)
    if not deployment.automatic:
        await Environment.filter(id=environment.id).update(promotion_held=False)
    started = DeploymentStarted(
        **deployments.event_fields(deployment, environment, candidate, "pending"),
        kind=deployment.kind,
        reason=deployment.force_reason,
        overridden=deployments.overridden(decision),
    )
    await events.record(context, started)
    await wait_reactions.add(deployment, "rocket")


async def _go_on(context: Context, deployment: Deployment, decision: Decision) -> None:
    """Let a deployment go on waiting."""
    now = context.now()
    expires_at = deployment.expires_at or now
    deployment.evaluate_at = deployments.next_evaluation(decision, now, expires_at)
    deployment.waits_for = list(waits_for(decision))
    await _note(deployment, decision)
    await views.on_deployment(deployment)


async def _note(deployment: Deployment, decision: Decision) -> None:
    deployment.decision = to_json(decision)
    await deployment.save(update_fields=["decision", "waits_for", "evaluate_at"])


def _decide(deployment: Deployment, facts: GateFacts) -> Decision:
    """Decide anew. An override holds for the gates that it has opened, and for none that has closed since then."""
    decision = decide(facts)
    if deployment.force_reason is None or deployment.decision is None:
        return decision
    opened = {gate.gate for gate in from_json(deployment.decision).overridden}
    forced = decide(facts, override=Override(facts.requester.name, deployment.force_reason))
    gates = (forced.result_of(gate.gate) if gate.gate in opened else gate for gate in decision.gates)
    return replace(forced, gates=tuple(gates))


async def _standing(context: Context, project: Project, deployment: Deployment, facts: GateFacts) -> Standing:
    """Ask again whether the requester may deploy there: a role may have been lost, a token revoked.

    The holder of a personal token needs both, the token and the role; so does an operator, who needs neither otherwise.
    """
    grant = "deployment:production" if facts.tier == "production" else "deployment:start"
    needed = (grant, "deployment:force") if deployment.force_reason is not None else (grant,)
    requester = facts.requester
    if requester.automatic:
        return Standing()
    if deployment.token_id is not None:
        actor = await users.actor_of_token(deployment.token_id, context.now())
        if actor is None:
            return Standing(lost=f"The token of {requester.name} is no longer valid.")
        reaches = actor.project_id in (None, project.id)  # a person's role in the repository is asked for below
        if not (reaches and all(actor.holds(each) for each in needed)):
            return Standing(lost=f"The token of {requester.name} may no longer deploy here.")
    needs_role = deployment.token_id is not None or requester.github_id not in context.operators
    if requester.github_id is not None and needs_role:
        return _standing_of_person(requester.name, requester.person, needed)
    return Standing()


def _with_standing(decision: Decision, standing: Standing) -> Decision:
    """A decision that waits for what is not known about the requester, as if the environment named who may deploy."""
    if standing.unknown is None:
        return decision
    unread = GateResult("deployers", "wait", standing.unknown, facts={"error": standing.unknown})
    gates = (unread if gate.gate == "deployers" and gate.is_open else gate for gate in decision.gates)
    return replace(decision, gates=tuple(gates))


def _standing_of_person(name: str, person: PersonFact | None, needed: tuple[str, ...]) -> Standing:
    if person is not None and person.is_gone:
        return Standing(lost=f"The account of {name} no longer exists.")
    if person is None or person.role is None:
        return Standing(unknown="GitHub did not say which role the requester has")
    held = grants_of_role(person.role)
    if not all(covers(held, each) for each in needed):
        return Standing(lost=f"{name} may no longer deploy here: the role in the repository is {person.role} now.")
    return Standing()
