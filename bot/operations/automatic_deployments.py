"""Automatic deployments: of every candidate that becomes ready, to environments that take them all (`auto`)."""

from bot.context import Context
from bot.events.releases import AutomaticDeploymentRefused
from bot.operations import decisions, deploying, deployments, events, gate_answers, gate_jobs
from bot.operations.decisions import Outdated, Subject
from bot.operations.deployments import NewDeployment
from bot.queue.jobs import RetryLater
from bot.rules import gate_settings
from bot.rules.gate_questions import Answers
from bot.rules.gate_refusals import refusal
from bot.rules.gate_results import OPEN, from_json
from bot.rules.gates import decide
from bot.store.candidates import Candidate
from bot.store.comparisons import StoredComparison
from bot.store.database import transaction
from bot.store.deployments import Deployment
from bot.store.projects import Environment, Project, Repository

TIMED = frozenset({"order", "freeze"})
"""Gates that may be closed until a known time: by a soak or a calendar window."""


async def deploy(context: Context, job: gate_jobs.DeployAutomatically) -> None:
    """Job: deploy a candidate that has become ready, or let it wait, on behalf of Longshore itself.

    Nothing happens while the environment is held after a rollback, if the candidate was deployed there before, or if
    another deployment waits there that it may not supersede.
    """
    environment = await Environment.get(id=job.environment)
    candidate = await Candidate.get(id=job.candidate)
    subject = Subject(environment, candidate, decisions.requester_of(context, automatic=True))
    for _ in range(decisions.ROUNDS):
        if not await _is_wanted(context, environment, candidate):
            return
        answers = await decisions.ask_github(context, subject)
        try:
            async with transaction():
                await _deploy(context, subject, answers)
            return
        except Outdated:
            continue
    raise RetryLater(context.now(), "the environment keeps changing")


async def _deploy(context: Context, subject: Subject, answers: Answers) -> None:
    environment = await Environment.select_for_update().get(id=subject.environment.id)
    candidate = await Candidate.select_for_update().get(id=subject.candidate.id)
    if not await _is_wanted(context, environment, candidate, may_ask=False):
        return
    locked = Subject(environment, candidate, subject.requester)
    decision = decide(await decisions.read_facts(context, locked, answers))
    refused = refusal(decision)
    if refused is not None and decision.verdict == "refuse":
        event = AutomaticDeploymentRefused(
            project_id=environment.project_id,
            commit=candidate.commit,
            environment=environment.name,
            version=candidate.version,
            refusal=refused.sentence,
            gates=tuple(each.gate for each in decision.closed()),
        )
        await events.record(context, event)
        return
    await deploying.supersede(context, environment, candidate)
    await deployments.insert(context, environment, candidate, NewDeployment(decision=decision, automatic=True))


async def _is_wanted(context: Context, environment: Environment, candidate: Candidate, *, may_ask: bool = True) -> bool:
    """Whether the candidate may be deployed automatically, leaving the gates aside."""
    settings = gate_settings.read(environment.gate_settings)
    if not settings.auto or environment.promotion_held or candidate.status != "ready":
        return False
    if await Project.exists(id=environment.project_id, archived=True):
        return False
    if await Deployment.exists(environment_id=environment.id, candidate_id=candidate.id):
        return False
    waiting = await Deployment.get_or_none(environment_id=environment.id, waiting=True).select_related("candidate")
    if waiting is None:
        return True
    if not waiting.automatic or _waits_for_time_only(waiting):
        return False
    return await _is_ahead(context, waiting.candidate, candidate, may_ask=may_ask)


def _waits_for_time_only(waiting: Deployment) -> bool:
    """Whether a deployment will be dispatched at a known time: superseding it each time would delay it for ever."""
    if waiting.decision is None:
        return False
    decision = from_json(waiting.decision)
    closed = [gate for gate in decision.gates if gate.verdict not in OPEN]
    return bool(closed) and all(gate.gate in TIMED and gate.until is not None for gate in closed)


async def _is_ahead(context: Context, older: Candidate, newer: Candidate, *, may_ask: bool) -> bool:
    """Whether a candidate's commit comes after another's. `may_ask`: GitHub is asked, if that is not known yet."""
    known = await _comparison(older, newer)
    if known is None and may_ask:
        client = context.client_for(await Repository.get(github_id=newer.repository_id))
        await gate_answers.store_comparison(context, client, older.commit, newer.commit, with_authors=False)
        known = await _comparison(older, newer)
    return known is not None and known.status == "ahead"


async def _comparison(older: Candidate, newer: Candidate) -> StoredComparison | None:
    return await StoredComparison.get_or_none(repository_id=newer.repository_id, base=older.commit, head=newer.commit)
