"""Deployments of ours in GitHub's own list of deployments, at most one of them active on an environment.

A job with an `environment` makes a deployment on GitHub by itself: then there is none of ours. Whether a run has such a
job is read from its workflow file when that is dispatched. Where the file does not say, because it calls other
workflows or computes the environment's name, GitHub's list is asked once the run has ended, and until then none of ours
is created.
"""

from bot.context import Context
from bot.github import deployments as github_deployments
from bot.github.deployments import NewDeployment, NewStatus
from bot.github.repository import RepositoryClient
from bot.operations import candidate_views, runs, showing, view_jobs
from bot.rules import github_deployments as rules
from bot.rules.deployments import FINAL
from bot.rules.github_deployments import GONE, INACTIVE, OF_JOB, EnvironmentUse, State
from bot.rules.ids import GitHubDeploymentId
from bot.rules.views import shows
from bot.store.deployments import Deployment, live_deployment
from bot.store.projects import Repository
from bot.store.runs import Run

REQUEST_SECONDS = 20
REPLACED = "Another deployment is live"
ACTIONS_BOT = "github-actions[bot]"
"""Who makes the deployments of jobs."""


async def show(context: Context, job: view_jobs.ShowDeployment) -> None:
    """Job: create a deployment on GitHub once its run has been started, and give it the state that it has here."""
    deployment = await Deployment.get(id=job.deployment).select_related("environment__project", "candidate", "actor")
    run = await runs.newest(deployment_id=deployment.id)
    repository = await Repository.get(github_id=deployment.candidate.repository_id)
    if repository.archived or not shows(deployment.environment.project.show, "deployments"):
        return
    with showing.showing("deployments", repository.github_id):
        client = context.client_for(repository)
        live = await live_deployment(deployment.environment_id)
        live = deployment if live is not None and live.id == deployment.id else live
        if run is not None and run.github_id is not None:
            await _show(context, client, deployment, run, is_live=live is deployment)
        if live is not None:
            await _deactivate_replaced(context, client, deployment, live)


async def _show(context: Context, client: RepositoryClient, deployment: Deployment, run: Run, *, is_live: bool) -> None:
    state = rules.state_of(deployment.status)
    if state is None or not rules.is_due(deployment.github_state, state):
        return
    if deployment.github_state is None:
        if await _is_of_job(client, deployment, run):
            return
        await _create(context, client, deployment)
    if state != "queued":
        await _set_state(context, client, deployment, run, is_live=is_live)


async def _is_of_job(client: RepositoryClient, deployment: Deployment, run: Run) -> bool:
    """Whether a job has made, or may make, a deployment of its own, so that none of ours is to be created now."""
    use: EnvironmentUse = run.uses_environment or "maybe"  # type: ignore[assignment]
    if use == "maybe" and deployment.status in FINAL:
        environment = deployment.environment.name
        found = await github_deployments.list_for(client, run.commit, environment)
        use = "yes" if any(each.creator == ACTIONS_BOT for each in found) else "no"
    if use == "yes":
        await _save(deployment, github_state=OF_JOB)
    return use != "no"


async def _create(context: Context, client: RepositoryClient, deployment: Deployment) -> None:
    """Create the deployment, unless an earlier attempt whose answer is not known has created it."""
    candidate, environment = deployment.candidate, deployment.environment
    number = None
    if deployment.github_sending is not None:
        number = await github_deployments.find(client, candidate.commit, environment.name, str(deployment.id))
    if number is None:
        await _prepare(context, deployment, "queued")
        number = await github_deployments.create(
            client,
            NewDeployment(
                sha=candidate.commit,
                environment=environment.name,
                own_id=str(deployment.id),
                production=environment.tier == "production",
                description=f"{candidate.version}, deployed by {deployment.actor.name}",
            ),
        )
    await _save(deployment, github_deployment_id=GitHubDeploymentId(number), github_state="queued", github_sending=None)


async def _set_state(
    context: Context, client: RepositoryClient, deployment: Deployment, run: Run, *, is_live: bool
) -> None:
    """Give the deployment its state, unless an earlier attempt has done it, or somebody has deleted it."""
    number, state = deployment.github_deployment_id, rules.state_of(deployment.status)
    if number is None or state is None:
        return
    if deployment.github_sending == state and await github_deployments.newest_state(client, number) == state:
        await _save(deployment, github_state=state, github_sending=None)
        return
    await _prepare(context, deployment, state)
    repository = await Repository.get(github_id=run.repository_id)
    status = NewStatus(
        state,
        rules.description(deployment.status, deployment.candidate.version, deployment.actor.name),
        candidate_views.run_url(context, repository, run),
        deployment.environment.url,
        auto_inactive=is_live,
    )
    exists = await github_deployments.set_status(client, number, status)
    await _save(deployment, github_state=state if exists else GONE, github_sending=None)


async def _deactivate_replaced(context: Context, client: RepositoryClient, shown: Deployment, live: Deployment) -> None:
    """Make the deployments inactive that are not live any more.

    GitHub does it by itself when another of ours succeeds, but not on production: then only our own rows change.
    """
    is_automatic = shown.environment.tier != "production" and live.github_state == "success"
    replaced = Deployment.filter(environment_id=live.environment_id, github_state="success").exclude(id=live.id)
    for deployment in await replaced.order_by("id"):
        number = deployment.github_deployment_id
        if number is not None and (deployment.id == shown.id or not is_automatic):
            await context.ensure_lease(REQUEST_SECONDS)
            await github_deployments.set_status(client, number, NewStatus("inactive", REPLACED))
        await _save(deployment, github_state=INACTIVE)


async def _prepare(context: Context, deployment: Deployment, state: State) -> None:
    """Record, before a request is sent, that it may have been: after a crash the next attempt looks first."""
    await context.ensure_lease(REQUEST_SECONDS)
    await _save(deployment, github_sending=state)


async def _save(deployment: Deployment, **values: object) -> None:
    await deployment.update_from_dict(values).save(update_fields=list(values))
