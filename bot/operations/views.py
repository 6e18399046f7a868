"""What has to be shown anew on GitHub after an act: jobs, enqueued in its transaction by `events.record`."""

from collections.abc import Callable

from bot.events.event import Event, RowEvent
from bot.events.releases import CandidateEvent, DeploymentEvent, RunAdopted
from bot.operations import view_jobs
from bot.queue.jobs import Job, enqueue
from bot.rules.ids import CandidateId, ProjectId
from bot.rules.views import Part, shows
from bot.store.candidates import Candidate
from bot.store.deployments import Deployment
from bot.store.github_views import STATUS_COMMENT, GitHubView
from bot.store.projects import Environment, Project
from bot.store.runs import Run

ABOUT_PROJECTS = frozenset({"approval", "configuration", "environment", "gate", "project", "release"})
"""First words of the acts after which other candidates of a project than one may look different."""
SHOWN: tuple[Part, ...] = ("comments", "checks", "deployments")
MAX_OF_RELEASE = 20  # candidates of a release that are shown anew when it is held, the newest ones


async def on_event(event: Event) -> None:
    """Enqueue what has to be shown after an event, in the caller's transaction."""
    if isinstance(event, DeploymentEvent):
        deployment = await Deployment.get_or_none(id=event.deployment_id)
        if deployment is not None:
            await on_deployment(deployment)
    elif isinstance(event, RunAdopted):
        await _on_run(event.request_id)
    elif isinstance(event, CandidateEvent) and event.project_id is not None:
        candidate = await Candidate.get_or_none(project_id=event.project_id, version=event.version)
        if candidate is not None:
            await show(candidate.id)
    elif event.project_id is not None and event.name.partition(".")[0] in ABOUT_PROJECTS:
        await _on_project(event.project_id, event)
    elif event.name.startswith("service."):
        for project in await Project.filter(archived=False, repository_id__not_isnull=True):
            await _show_if_shown(project)


async def _on_run(request_id: str) -> None:
    """Show that GitHub has started a run, and where it is."""
    run = await Run.get_or_none(request_id=request_id)
    if run is None:
        return
    if run.deployment_id is not None:
        await on_deployment(await Deployment.get(id=run.deployment_id))
    elif run.candidate_id is not None:
        await show(run.candidate_id)


async def show(candidate_id: CandidateId) -> None:
    """Show a candidate anew: its check run, and its comments."""
    candidate = await Candidate.get(id=candidate_id).select_related("project")
    if shows(candidate.project.show, "checks"):
        await _once_more(lambda again: view_jobs.ShowCheckRun(candidate.id, again))
    if shows(candidate.project.show, "comments"):
        for view in await GitHubView.filter(kind=STATUS_COMMENT, candidate_id=candidate.id, gone=False).only("id"):
            await show_comment(view)


async def show_comment(view: GitHubView) -> None:
    """Write or edit a status comment."""
    await _once_more(lambda again: view_jobs.ShowComment(view.id, again))


async def show_deployment(deployment: Deployment) -> None:
    """Show a deployment anew in GitHub's list of deployments."""
    number, environment = deployment.id, deployment.environment_id
    await _once_more(lambda again: view_jobs.ShowDeployment(number, environment, again))


async def show_project(project: ProjectId) -> None:
    """Show those candidates of a project anew that something about its environments may concern."""
    await _once_more(lambda again: view_jobs.ShowProject(project, again))


async def on_deployment(deployment: Deployment) -> None:
    """Enqueue what has to be shown after a change of a deployment, in the caller's transaction."""
    environment = await Environment.get(id=deployment.environment_id).select_related("project")
    project = environment.project
    if not any(shows(project.show, part) for part in SHOWN):
        return
    await show(deployment.candidate_id)
    if shows(project.show, "deployments") and not deployment.waiting:
        await show_deployment(deployment)
    if deployment.status not in ("pending", "in_progress"):  # what is live may have changed for others
        await show_project(project.id)


async def _on_project(project: ProjectId, event: Event) -> None:
    found = await Project.get_or_none(id=project)
    if found is None or found.repository_id is None:
        return
    await _show_if_shown(found)
    if event.name.startswith("release.") and isinstance(event, RowEvent):
        of_release = Candidate.filter(project_id=found.id, release__version=event.target)
        for candidate in await of_release.order_by("-id").limit(MAX_OF_RELEASE).only("id"):
            await show(candidate.id)


async def _show_if_shown(project: Project) -> None:
    if shows(project.show, "checks") or shows(project.show, "comments"):
        await show_project(project.id)


async def _once_more(job: Callable[[bool], Job]) -> None:
    """Enqueue a job; if one about the same is unfinished, which may have begun, another one after it."""
    if not await enqueue(job(False)):
        await enqueue(job(True))
