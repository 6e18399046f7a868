"""Environments of GitHub that ask whether a job may deploy (custom deployment protection rules).

The gates decide, as they do for deployments of ours. For the run of a deployment of ours, that deployment's requester
and override count; for any other run, whoever triggered it is the requester, and the candidates are those at its
commit: of each project of the repository that has one there and such an environment, all of which have to agree. So it
is when somebody starts a run of ours again on GitHub.
"""

from dataclasses import dataclass
from datetime import timedelta

import structlog

from bot.context import Actor, Context, authorize
from bot.errors import Forbidden
from bot.github import protection_rules, workflow_runs
from bot.github.protection_rules import Verdict
from bot.github.repository import RepositoryClient
from bot.operations import decisions, deployments, showing, users, view_jobs, waiting
from bot.operations.decisions import Subject
from bot.queue.jobs import RetryLater
from bot.rules import protection_texts
from bot.rules.gate_facts import Override, Requester
from bot.rules.gate_results import ROLLBACK_EXEMPT
from bot.rules.ids import CandidateId, CommitSha, DeploymentId, RepositoryId
from bot.rules.protection_rules import run_of_callback
from bot.rules.protection_texts import ProjectDecision, verdict_of, without_building
from bot.rules.views import shows
from bot.store.candidates import Candidate
from bot.store.database import transaction
from bot.store.deployments import Deployment
from bot.store.github_views import ProtectionRequest
from bot.store.projects import Environment, Project, Repository
from bot.store.runs import Run

MAX_REPORTS = 10  # of progress, by GitHub
MAX_AGE = timedelta(days=30)  # after which GitHub fails the job
ADOPTION = timedelta(minutes=2)  # until a run of ours is known
PAUSE = timedelta(seconds=1)
NO_CANDIDATE = "no release candidate is at this commit"

log = structlog.get_logger()


@dataclass(frozen=True)
class Question:
    """A job that waits for our answer, as GitHub's webhook describes it."""

    repository: RepositoryId
    full_name: str
    environment: str
    commit: CommitSha
    callback_url: str


@dataclass(frozen=True)
class Asker:
    """On whose behalf a job is to deploy: whoever triggered its run (`actor`), or else requested it from us (`run`).

    Both are there when somebody has started a run of ours again.
    """

    requester: Requester
    actor: Actor | None = None
    run: Run | None = None

    @property
    def of_build(self) -> CandidateId | None:
        """The candidate that the run builds, if it is a build of ours."""
        return None if self.run is None else self.run.candidate_id


@dataclass(frozen=True)
class Answer:
    """What GitHub is told. While the verdict is None, the job goes on waiting and is evaluated again."""

    verdict: Verdict | None
    comment: str


async def on_question(context: Context, question: Question) -> None:
    """Enqueue an answer to an environment, if a project of the repository gives any.

    A callback address that is not GitHub's is ignored: nothing is ever sent to it anyway.
    """
    run = run_of_callback(question.callback_url, context.github.api_url, question.full_name, question.repository)
    if run is None:
        log.warning("protection rule ignored", why="not an address of GitHub", url=question.callback_url[:300])
        return
    if not await _projects(question.repository):
        return
    due = context.now() + deployments.POLL
    values = {"commit": question.commit, "state": "waiting", "reports": 0, "digest": None, "evaluate_at": due}
    async with transaction():
        request, created = await ProtectionRequest.get_or_create(
            repository_id=question.repository,
            run_id=run,
            environment=question.environment,
            defaults={**values, "requested_at": context.now()},
        )
        if not created and request.state != "waiting":  # by another attempt of the run
            await _save(request, **values, requested_at=context.now())
        await waiting.enqueue_request(request.id)


async def close(repository: RepositoryId, run: int) -> None:
    """Forget the questions of a run that has ended."""
    await ProtectionRequest.filter(repository_id=repository, run_id=run, state="waiting").update(state="closed")


async def answer(context: Context, job: view_jobs.AnswerProtection) -> None:
    """Job: evaluate the gates, and approve or reject the job that waits, or tell what it waits for."""
    request = await ProtectionRequest.get(id=job.request).select_related("repository")
    if request.state != "waiting":
        return
    if request.repository.archived or request.requested_at + MAX_AGE <= context.now():
        await _save(request, state="closed")
        return
    if not await _projects(request.repository_id):  # switched off meanwhile
        return
    await _save(request, evaluate_at=context.now() + deployments.POLL)
    with showing.showing("protection", request.repository_id):
        client = context.client_for(request.repository)
        await _tell(context, client, request, await _answer(context, client, request))


async def _tell(context: Context, client: RepositoryClient, request: ProtectionRequest, found: Answer) -> None:
    """Send an answer. A report of progress is sent at most once, a verdict until GitHub has it."""
    digest = showing.digest_of(found)
    is_known = digest == request.digest
    if found.verdict is None and (is_known or request.reports >= MAX_REPORTS):
        return
    await _save(request, digest=digest, reports=request.reports + (found.verdict is None))
    is_taken = await protection_rules.respond(client, request.run_id, request.environment, found.verdict, found.comment)
    if found.verdict is not None and (is_taken or is_known):
        await _save(request, state=found.verdict, answered_at=context.now())
    elif not is_taken:
        await _save(request, state="closed")


async def _answer(context: Context, client: RepositoryClient, request: ProtectionRequest) -> Answer:
    rows = Run.filter(repository_id=request.repository_id, github_id=request.run_id)
    run = await rows.order_by("-first_attempt").first()
    if run is not None and not _may_be_rerun(run, request):
        return await _answer_ours(context, request, run)
    fact = await workflow_runs.get(client, request.run_id)
    if fact is None:  # GitHub does not always find a run at once
        return Answer(None, "GitHub does not show the run at the moment.")
    if run is not None and fact.attempt == 1:
        return await _answer_ours(context, request, run)
    if fact.head_sha != request.commit:
        return _rejected(f"the run is at {fact.head_sha}, not at {request.commit}")
    if fact.triggering_actor == await context.github.bot_login():
        if context.now() < request.requested_at + ADOPTION:
            raise RetryLater(context.now() + PAUSE, "the run may be one that is being dispatched")
        return _rejected("Longshore did not request this run")
    actor = await _triggering_actor(context, request, fact.triggering_actor_id, fact.triggering_actor)
    if actor is None:
        return _rejected("nobody is known to have triggered the run")
    return await _answer_for(context, request, Asker(Requester(actor.user_id, actor.name, actor.github_id), actor, run))


def _may_be_rerun(run: Run, request: ProtectionRequest) -> bool:
    """Whether somebody may have started a run of ours again on GitHub, which who may write can do.

    What its first attempt was allowed to do, with its requester and its override, says nothing about another one.
    """
    return run.state != "running" or run.attempt > 1 or request.answered_at is not None


async def _answer_ours(context: Context, request: ProtectionRequest, run: Run) -> Answer:
    """Answer about the only attempt of a run that we have requested."""
    deployment = await _deployment_of(run, request)
    if deployment is not None:
        return _worded([await _decide_deployment(context, deployment)])
    return await _answer_for(context, request, Asker(await _requester_of(run), run=run))


async def _deployment_of(run: Run, request: ProtectionRequest) -> Deployment | None:
    """The deployment of ours that a run makes on just this environment, at its commit."""
    if run.deployment_id is None or run.commit != request.commit:
        return None
    deployment = await Deployment.get(id=run.deployment_id).select_related("environment__project", "candidate")
    return deployment if deployment.environment.name_key == request.environment.lower() else None


async def _decide_deployment(context: Context, deployment: Deployment) -> ProjectDecision:
    """Decide about a deployment of ours once more, with its requester and its override; it is not busy with itself."""
    requester = await decisions.stored_requester(deployment)
    is_person = requester.github_id is not None and not deployment.automatic
    subject = Subject(deployment.environment, deployment.candidate, requester, deployment.id, ask_requester=is_person)
    reason = deployment.force_reason
    override = None if reason is None else Override(requester.name, reason)
    exempt = ROLLBACK_EXEMPT if deployment.kind == "rollback" else ()
    decision = await decisions.decide_now(context, subject, exempt=exempt, override=override)
    return ProjectDecision(deployment.environment.project.name, decision)


async def _requester_of(run: Run) -> Requester:
    """The requester of a run of ours: of its deployment, or of its build."""
    if run.deployment_id is not None:
        return await decisions.stored_requester(await Deployment.get(id=run.deployment_id))
    user = (await Candidate.get(id=run.candidate_id).select_related("created_by")).created_by
    return Requester(user.id, user.name, user.github_id)


async def _triggering_actor(
    context: Context, request: ProtectionRequest, github_id: int | None, login: str
) -> Actor | None:
    if github_id is None or not login:
        return None
    await _save(request, requester_id=github_id, requester=login)
    return await users.actor_from_github(context, github_id, login, request.repository)


async def _answer_for(context: Context, request: ProtectionRequest, asker: Asker) -> Answer:
    """Decide about every project that has a candidate at the commit, and an environment of that name."""
    decided, has_candidate = [], False
    for project in await _projects(request.repository_id):
        candidate = await _candidate(project, request.commit, asker.of_build)
        environment = await Environment.get_or_none(project_id=project.id, name_key=request.environment.lower())
        has_candidate = has_candidate or candidate is not None
        if candidate is not None and environment is not None:
            own = await _deployment_by(asker.run, environment)
            subject = Subject(environment, candidate, asker.requester, own)
            decided.append(await _decide(context, project, subject, asker))
    if decided:
        return _worded(decided)
    if not has_candidate:
        return _rejected(NO_CANDIDATE)
    return _rejected(f"Longshore knows no environment `{request.environment}`")


async def _deployment_by(run: Run | None, environment: Environment) -> DeploymentId | None:
    """The deployment that a run of ours makes on an environment, which is not busy with it."""
    if run is None or run.deployment_id is None:
        return None
    own = await Deployment.get_or_none(id=run.deployment_id, environment_id=environment.id)
    return None if own is None else own.id


async def _decide(context: Context, project: Project, subject: Subject, asker: Asker) -> ProjectDecision:
    decision = await decisions.decide_now(context, subject)
    if asker.of_build is not None:
        decision = without_building(decision)
    return ProjectDecision(project.name, decision, await _why_not(context, project, subject.environment, asker))


async def _why_not(context: Context, project: Project, environment: Environment, asker: Asker) -> str | None:
    """Why the one who asks may not deploy to the environment at all; None if they may.

    Whoever requested a run of ours may do so on other environments than production, but was perhaps not asked for the
    grant that this one needs: workflows name whatever environments they like.
    """
    is_production, actor = environment.tier == "production", asker.actor
    if asker.run is not None and actor is None:
        if not is_production or await _is_for_production(asker.run):
            return None
        actor = await _actor_behind(context, asker.run)
        if actor is None:
            return f"It is not known whether {asker.requester.name} may deploy to production."
    if actor is None:
        return "Nobody is known to have asked for this."
    try:
        authorize(actor, "deployment:production" if is_production else "deployment:start", project=project)
    except Forbidden as forbidden:
        return forbidden.sentence
    return None


async def _is_for_production(run: Run) -> bool:
    """Whether a run of ours makes a deployment to production, as whoever requested it was allowed to."""
    if run.deployment_id is None:
        return False
    deployment = await Deployment.get(id=run.deployment_id).select_related("environment")
    return deployment.environment.tier == "production"


async def _actor_behind(context: Context, run: Run) -> Actor | None:
    """Whoever requested a run of ours, with the grants of now; None if these cannot be known."""
    token, user = None, None
    if run.deployment_id is not None:
        deployment = await Deployment.get(id=run.deployment_id).select_related("actor")
        if deployment.automatic:
            return None
        token, user = deployment.token_id, deployment.actor
    else:
        user = (await Candidate.get(id=run.candidate_id).select_related("created_by")).created_by
    if token is not None:
        return await users.actor_of_token(token, context.now())
    if user.github_id is None:
        return None
    repository = await Repository.get(github_id=run.repository_id)
    return await users.actor_from_github(context, user.github_id, user.name, repository)


async def _candidate(project: Project, commit: CommitSha, of_build: CandidateId | None) -> Candidate | None:
    """The candidate of a project at a commit: the one that is being built, else the newest."""
    at_commit = Candidate.filter(project_id=project.id, commit=commit)
    if of_build is not None:
        built = await at_commit.get_or_none(id=of_build)
        if built is not None:
            return built
    return await at_commit.order_by("-id").first()


async def _projects(repository: RepositoryId) -> list[Project]:
    """The projects of a repository that answer protection rules."""
    rows = Project.filter(repository_id=repository, archived=False).order_by("id").select_related("repository")
    return [project for project in await rows if shows(project.show, "protection")]


def _worded(decided: list[ProjectDecision]) -> Answer:
    verdicts: dict[str, Verdict | None] = {"refuse": "rejected", "wait": None}
    return Answer(verdicts.get(verdict_of(decided), "approved"), protection_texts.answer(decided))


def _rejected(sentence: str) -> Answer:
    return Answer("rejected", protection_texts.refused(sentence))


async def _save(request: ProtectionRequest, **values: object) -> None:
    await request.update_from_dict(values).save(update_fields=list(values))
