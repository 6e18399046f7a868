"""Candidates' git tags: created before anything is dispatched on them, and watched afterwards."""

from bot.context import Context
from bot.errors import Refusal
from bot.events.tags import TagDeleted, TagElsewhere, TagMoved
from bot.github import tags
from bot.github.repository import RepositoryClient
from bot.operations import bans, candidates, events, found_tags, jobs, pushed_tags, runs, tag_alarms
from bot.queue.jobs import enqueue
from bot.rules.candidates import UNFINISHED
from bot.rules.tags import TagPush
from bot.store.candidates import Candidate
from bot.store.database import transaction


class TagPointsElsewhere(Refusal):
    """A candidate's tag exists and points to something other than the candidate's commit."""


async def ensure_tag(context: Context, client: RepositoryClient, candidate: Candidate) -> str:
    """Return the ref to dispatch a candidate's workflows on: its tag, created if need be, or its branch without one.

    Creating a ref is atomic on GitHub: a tag at our commit is ours, one elsewhere invalidates the candidate.
    """
    if candidate.tag is None:
        return candidate.branch
    if not candidate.tagged:
        existing = await tags.create(client, candidate.tag, candidate.commit)
        if existing not in (None, candidate.commit):
            raise TagPointsElsewhere(f"The tag `{candidate.tag}` points to {existing}, not to the candidate's commit.")
        await Candidate.filter(id=candidate.id).update(tagged=True)
        candidate.tagged = True
    return candidate.tag


async def on_push(context: Context, push: TagPush) -> None:
    """Handle a pushed tag: if it is a candidate's own and changed, check it; then see what it asks for."""
    candidate = await Candidate.get_or_none(repository_id=push.repository, tag=push.tag)
    if candidate is not None and candidate.commit != push.commit:
        await enqueue(jobs.CheckTag(candidate.id, push.sender))
    if push.deleted:
        await found_tags.note_pushed(context, push)
    else:
        await pushed_tags.on_push(context, push, known=candidate is not None)


async def check(context: Context, job: jobs.CheckTag) -> None:
    """Job: ask GitHub where a candidate's tag points now; raise the alarm if that is elsewhere, or nowhere."""
    candidate = await Candidate.get(id=job.candidate).select_related("repository", "project")
    runs.bind_subject(candidate, None)
    commit = await tags.commit_of(context.client_for(candidate.repository), candidate.tag or "")
    if commit == candidate.commit:
        return
    async with transaction():
        candidate = await Candidate.select_for_update().get(id=job.candidate)
        if commit is None:
            await _handle_deletion(context, candidate, job.by)
        else:
            reason = f"Its tag `{candidate.tag}` was moved to {commit} by {job.by}."
            await handle_mismatch(context, candidate, TagMoved, reason)


async def handle_mismatch(
    context: Context, candidate: Candidate, event: type[TagMoved | TagElsewhere], reason: str
) -> None:
    """Raise the alarm about a tag that points elsewhere, in the caller's transaction: once until it is correct again.

    A candidate that is ready is banned, whether or not it was deployed. Before the next dispatch on the tag, GitHub is
    asked where it points.
    """
    is_known = not candidate.tagged and await tag_alarms.mismatches_of(candidate).exists()
    await Candidate.filter(id=candidate.id).update(tagged=False)
    was_ready = candidate.status == "ready"
    if was_ready:
        await bans.ban_for_tag(context, candidate, reason)
    if is_known:
        return
    if was_ready or candidate.status in {*UNFINISHED, "banned"}:
        await events.record(
            context,
            event(project_id=candidate.project_id, commit=candidate.commit, version=candidate.version, reason=reason),
        )
    else:
        await candidates.invalidate(context, candidate, reason)


async def _handle_deletion(context: Context, candidate: Candidate, by: str) -> None:
    """Raise the alarm about a candidate's tag that was deleted, and ban the candidate if it is ready."""
    is_known = not candidate.tagged and await tag_alarms.deletions_of(candidate).exists()
    await Candidate.filter(id=candidate.id).update(tagged=False)
    if candidate.status == "ready":
        await bans.ban_for_tag(context, candidate, f"Its tag `{candidate.tag}` was deleted by {by}.")
    if not is_known:
        await events.record(
            context, TagDeleted(project_id=candidate.project_id, commit=candidate.commit, tag=str(candidate.tag), by=by)
        )
