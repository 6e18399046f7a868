"""Status comments: one for each candidate in each thread where it was asked for, edited in place."""

from datetime import timedelta

from bot.context import Context
from bot.github import comments
from bot.github.repository import RepositoryClient
from bot.operations import candidate_views, showing, view_jobs, views
from bot.rules.candidate_views import marker, status_comment
from bot.rules.commands import MAX_COMMANDS
from bot.rules.comments import Place, Thread
from bot.rules.ids import CandidateId, CommentId
from bot.rules.views import shows
from bot.store.candidates import Candidate
from bot.store.database import transaction
from bot.store.deployments import Deployment
from bot.store.github_views import STATUS_COMMENT, GitHubView
from bot.store.performed_requests import PerformedRequest

MARGIN = timedelta(hours=1)  # between our clock and GitHub's, when a comment is searched for
POST_SECONDS = 20


async def follow(context: Context, place: Place, message: str) -> None:
    """Show on a pull request or commit, from now on, the candidates that the commands of a message cut or deployed.

    `message` is its unique name. This is done once it was answered, so that the answer comes first.
    """
    origins = [f"{message}:{number}" for number in range(MAX_COMMANDS)]
    for performed in await PerformedRequest.filter(origin__in=origins).order_by("id"):
        candidate = await _subject(performed)
        if candidate is not None and shows(candidate.project.show, "comments"):
            await _follow(context, place, candidate)


async def _follow(context: Context, place: Place, candidate: Candidate) -> None:
    async with transaction():
        view, _ = await GitHubView.get_or_create(
            kind=STATUS_COMMENT,
            candidate_id=candidate.id,
            thread=place.thread,
            thread_id=place.thread_id,
            defaults={"created_at": context.now()},
        )
        await views.show_comment(view)


async def _subject(performed: PerformedRequest) -> Candidate | None:
    """The candidate that a request cut, or deployed; None for any other request."""
    candidate: CandidateId | None = None
    if performed.act == "candidate.cut":
        candidate = CandidateId(performed.result_id)
    elif performed.act.startswith("deployment."):
        candidate = (await Deployment.get(id=performed.result_id)).candidate_id
    return None if candidate is None else await Candidate.get(id=candidate).select_related("project")


async def show(context: Context, job: view_jobs.ShowComment) -> None:
    """Job: write a status comment, edit it, or write it again if somebody has deleted it.

    It is edited only if its text has changed, and not more often than every few seconds.
    """
    related = ("candidate__project", "candidate__repository")
    view = await GitHubView.get(id=job.view).select_related(*related)
    repository = view.candidate.repository
    if view.gone or repository.archived or not shows(view.candidate.project.show, "comments"):
        return
    text = status_comment(await candidate_views.read(context, view.candidate_id))
    digest = showing.digest_of(text)
    if digest == view.digest:
        return
    showing.wait_for_interval(context, view.shown_at)
    with showing.showing("comments", repository.github_id) as shown:
        comment = await _write(context, context.client_for(repository), view, text)
        await _save(view, github_id=comment, sending=False, digest=digest, shown_at=context.now())
    if shown.is_gone:
        await _save(view, gone=True)


async def _write(context: Context, client: RepositoryClient, view: GitHubView, text: str) -> CommentId:
    """Edit the comment, or post it if there is none; returns its id."""
    thread: Thread = "pull" if view.thread == "pull" else "commit"
    comment = None if view.github_id is None else CommentId(view.github_id)
    if comment is None and view.sending:
        hidden, since = marker(view.candidate_id), view.created_at - MARGIN
        comment = await comments.find_own(context.github, client, thread, view.thread_id, hidden, since)
    if comment is not None and await comments.update(client, thread, comment, text):
        return comment
    await context.ensure_lease(POST_SECONDS)
    await _save(view, github_id=None, sending=True)
    return await comments.post(client, thread, view.thread_id, text)


async def _save(view: GitHubView, **values: object) -> None:
    await view.update_from_dict(values).save(update_fields=list(values))
