"""The check run of a candidate: shown at its commit, with buttons for what may be done next."""

from bot.context import Context
from bot.github import check_runs
from bot.github.repository import RepositoryClient
from bot.operations import candidate_views, decisions, showing, users, view_jobs
from bot.operations.decisions import Subject
from bot.rules import candidates as candidate_rules
from bot.rules.candidate_checks import NextDeployment, Note, check_run
from bot.rules.candidate_views import UNDER_WAY, CandidateView
from bot.rules.checks import CheckRunContent
from bot.rules.gate_facts import Requester
from bot.rules.gate_results import Gate
from bot.rules.gates import decide
from bot.rules.ids import CandidateId, CheckRunId, RunRowId
from bot.rules.views import shows
from bot.store.candidates import Candidate
from bot.store.deployments import Deployment
from bot.store.github_views import CHECK_RUN, GitHubView
from bot.store.projects import Environment
from bot.store.runs import Run

CREATE_SECONDS = 20
REACHED = frozenset({"live", "replaced", "rolled_back"})
"""States of a candidate on an environment that it has been live on."""
OF_THE_PERSON: tuple[Gate, ...] = ("deployers",)
"""Gates that depend on who clicks, who is not known when the button is shown."""


async def show(context: Context, job: view_jobs.ShowCheckRun) -> None:
    """Job: create the check run of a candidate, or change what it shows."""
    candidate = await Candidate.get(id=job.candidate).select_related("project", "repository")
    repository = candidate.repository
    if repository.archived or not shows(candidate.project.show, "checks"):
        return
    view = await view_of(context, candidate.id)
    content = await _content(context, candidate, view)
    digest = showing.digest_of(content)
    if digest == view.digest:
        return
    showing.wait_for_interval(context, view.shown_at)
    with showing.showing("checks", repository.github_id):
        number = await _write(context, context.client_for(repository), view, content)
        await save(view, github_id=number, sending=False, digest=digest, shown_at=context.now())


async def view_of(context: Context, candidate: CandidateId) -> GitHubView:
    """The row of a candidate's check run."""
    view, _ = await GitHubView.get_or_create(
        kind=CHECK_RUN, candidate_id=candidate, thread="", thread_id="", defaults={"created_at": context.now()}
    )
    return view


async def save(view: GitHubView, **values: object) -> None:
    """Set some columns of a row."""
    await view.update_from_dict(values).save(update_fields=list(values))


async def _write(context: Context, client: RepositoryClient, view: GitHubView, content: CheckRunContent) -> int:
    """Change the check run, or create it if there is none; returns GitHub's id of it."""
    number = None if view.github_id is None else CheckRunId(view.github_id)
    if number is None and view.sending:
        found = await check_runs.find_own(client, content.head_sha, content.name, content.external_id)
        number = None if found is None else CheckRunId(found.id)
    if number is not None and await check_runs.update(client, number, content):
        return number
    await context.ensure_lease(CREATE_SECONDS)
    await save(view, github_id=None, sending=True)
    return (await check_runs.create(client, content)).id


async def _content(context: Context, candidate: Candidate, view: GitHubView) -> CheckRunContent:
    shown = await candidate_views.read(context, candidate.id)
    note = None if view.note is None else Note(**view.note)
    build = await _cancelable_build(candidate)
    next_deployment = None if candidate.project.archived else await _next_deployment(context, candidate, shown)
    return check_run(shown, next_deployment, build, note)


async def _cancelable_build(candidate: Candidate) -> RunRowId | None:
    """The run of a build that can be canceled."""
    if candidate.status not in candidate_rules.UNFINISHED:
        return None
    run = await Run.filter(candidate_id=candidate.id).order_by("-id").first()
    return None if run is None or run.cancel_requested else run.id


async def _next_deployment(context: Context, candidate: Candidate, shown: CandidateView) -> NextDeployment | None:
    """The next environment after those that the candidate has been live on, leaving out those that refuse it.

    None while a deployment of it is under way or waits. GitHub is not asked: what it has to say is decided when the
    button is clicked.
    """
    states = {each.id: each.state for each in shown.environments}
    if candidate.status != "ready" or UNDER_WAY.union({"waiting"}) & set(states.values()):
        return None
    environments = await Environment.filter(project_id=candidate.project_id).order_by("position", "id")
    reached = [index for index, each in enumerate(environments) if states.get(each.id) in REACHED]
    for environment in environments[max(reached, default=-1) + 1 :]:
        if not await _is_refused(context, environment, candidate):
            newest = await Deployment.filter(environment_id=environment.id).order_by("-id").first()
            return NextDeployment(environment.id, environment.name, 0 if newest is None else newest.id)
    return None


async def _is_refused(context: Context, environment: Environment, candidate: Candidate) -> bool:
    """Whether a gate refuses the candidate by what is stored, whoever asks."""
    system = await users.system_actor(context)
    requester = Requester(system.user_id, system.name)
    facts = await decisions.stored_facts(context, Subject(environment, candidate, requester))
    return decide(facts, exempt=OF_THE_PERSON).verdict == "refuse"
