"""Tags that no webhook has reported: GitHub sends none for more than three tags that are pushed at once.

They are found in lists. Nobody says who has pushed them: only people and workflows that may write can, so Longshore
itself cuts their candidates. What was there when the tags of a project were listed first is left alone.
"""

from datetime import timedelta

from bot.context import Context
from bot.github import tags as github_tags
from bot.github.repository import RepositoryClient
from bot.github.tags import ListedTag
from bot.operations import jobs, tag_jobs
from bot.queue.jobs import enqueue
from bot.rules.ids import CommitSha, RepositoryId
from bot.rules.tags import MAX_TAG, TagPush, version_in_tag
from bot.rules.versions import is_candidate_version
from bot.store.candidates import Candidate
from bot.store.projects import Project, Repository
from bot.store.seen_tags import SeenTag

PATIENCE = timedelta(minutes=45)  # for a webhook that GitHub has to be asked for
MAX_FOUND = 20  # tags of a repository that are handled in one pass
SOMEBODY = "somebody"


async def note_pushed(context: Context, push: TagPush) -> None:
    """Note that a webhook has reported a tag, so that it is not taken for one that none reports."""
    if push.deleted:
        await SeenTag.filter(repository_id=push.repository, tag=push.tag).delete()
    else:
        await _note(context, push.repository, [push.tag], handled=True)


async def find(context: Context, job: tag_jobs.FindTags) -> None:
    """Job: list the tags of a repository that name candidates, and handle those that no webhook has reported."""
    repository = await Repository.get(github_id=job.repository)
    if repository.installation_id is None:
        return
    client = context.client_for(repository)
    projects = await Project.filter(repository_id=repository.github_id, archived=False).order_by("id")
    for project in projects:
        named = [tag for tag in await github_tags.listed(client, project.trigger_tag_prefix) if _names(tag, project)]
        await _handle_new(context, client, project, named)


async def _handle_new(context: Context, client: RepositoryClient, project: Project, named: list[ListedTag]) -> None:
    """Handle the tags that were found a while ago, and that no webhook has reported since; note the others."""
    repository, now = client.id, context.now()
    baseline = f"{project.trigger_tag_prefix}*"
    rows = {row.tag: row for row in await SeenTag.filter(repository_id=repository)}
    if baseline not in rows:
        await _note(context, repository, [baseline, *(tag.name for tag in named)], handled=True)
        return
    await _note(context, repository, [tag.name for tag in named if tag.name not in rows], handled=False)
    waited = [tag for tag in named if tag.name in rows and not rows[tag.name].handled]
    due = [tag for tag in waited if rows[tag.name].seen_at <= now - PATIENCE]
    for tag in due[:MAX_FOUND]:
        commit = CommitSha(tag.target) if tag.is_commit else await github_tags.commit_of(client, tag.name)
        cut = await Candidate.exists(repository_id=repository, tag=tag.name)
        if commit is not None and not cut:
            delivery = f"found:{repository}:{tag.name}:{commit}"
            push = TagPush(repository, tag.name, commit, None, SOMEBODY, delivery, object=tag.target, is_found=True)
            await enqueue(jobs.CutByTag(push))
        await SeenTag.filter(repository_id=repository, tag=tag.name).update(handled=True)


def _names(tag: ListedTag, project: Project) -> bool:
    """Whether a tag names a candidate of the project, and is not one of its candidates' own."""
    if len(tag.name) > MAX_TAG:
        return False
    found = version_in_tag(tag.name, {project.id: project.trigger_tag_prefix})
    own = version_in_tag(tag.name, {project.id: project.tag_prefix})
    if found is None or (own is not None and len(own[1]) < len(found[1])):
        return False
    return is_candidate_version(found[1])


async def _note(context: Context, repository: RepositoryId, tags: list[str], *, handled: bool) -> None:
    rows = [SeenTag(repository_id=repository, tag=tag, handled=handled, seen_at=context.now()) for tag in tags]
    if rows:
        conflict = {"on_conflict": ["repository_id", "tag"], "update_fields": ["handled"]}
        await SeenTag.bulk_create(rows, **(conflict if handled else {"ignore_conflicts": True}))
