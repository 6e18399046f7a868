"""Candidates' git tags: created before anything is dispatched on them, and watched afterwards."""

from collections.abc import Iterable

import structlog

from bot.context import Context
from bot.errors import Refusal
from bot.events.releases import CutByTagRefused, TagDeleted, TagElsewhere, TagMoved
from bot.github import tags
from bot.github.repository import RepositoryClient
from bot.log import shortened
from bot.operations import bans, candidates, events, jobs, runs, tag_alarms, users
from bot.operations.candidates import CutRequest
from bot.queue.jobs import enqueue
from bot.rules.candidates import UNFINISHED
from bot.rules.tags import Prefixes, TagPush, version_in_tag, why_misspelled
from bot.rules.versions import CandidateVersion, parse_candidate_version
from bot.store.candidates import Candidate
from bot.store.database import transaction
from bot.store.projects import Project, Repository

log = structlog.get_logger()


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
    """Handle a pushed tag: if it is a candidate's own and changed, check it; if it names a new candidate, cut that."""
    candidate = await Candidate.get_or_none(repository_id=push.repository, tag=push.tag)
    if candidate is not None and candidate.commit != push.commit:
        await enqueue(jobs.CheckTag(candidate.id, push.sender))
    if push.deleted:
        return
    if (named := await _named_candidate(push)) is None:
        if candidate is None:
            await _log_if_misspelled(push)
    elif push.commit is None or push.sender_id is None:
        why = "it does not point to a commit" if push.commit is None else "GitHub does not say who pushed it"
        _log("tag refused", push, named[0].repository, f"The tag cuts nothing: {why}.")
    else:
        await enqueue(jobs.CutByTag(push))


async def cut(context: Context, job: jobs.CutByTag) -> None:
    """Job: cut the candidate that a pushed tag names, with the current role of the user who pushed it.

    There is no reply: a refusal is logged, and recorded in the audit log.
    """
    push = job.push
    named = await _named_candidate(push)
    if named is None or named[0].repository is None:
        return
    try:
        await _cut(context, push, *named)
    except Refusal as refusal:
        details = ", ".join(f"{name}: {value}" for name, value in refusal.details.items())
        reason = f"{refusal.sentence} ({details})" if details else refusal.sentence
        _log("tag refused", push, named[0].repository, reason)
        raise


async def _cut(context: Context, push: TagPush, project: Project, version: CandidateVersion) -> None:
    if project.repository is None or push.commit is None or push.sender_id is None:
        return
    actor = await users.actor_from_github(context, push.sender_id, push.sender, project.repository)
    acting = context.acting_as(actor, "tag").with_origin(f"tag:{push.repository}:{push.tag}:{push.commit}")
    request = CutRequest(version.release, push.commit, number=version.number, tag=push.tag)
    try:
        await candidates.cut(acting, project.name, request)
    except Refusal as refusal:
        refused = CutByTagRefused(
            project_id=project.id,
            commit=push.commit,
            tag=push.tag,
            refusal=refusal.sentence,
            details=refusal.details,
        )
        await events.record(acting, refused)
        raise


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


async def _log_if_misspelled(push: TagPush) -> None:
    """Log a tag that cuts nothing although it looks as if it should: it is misspelled, or its project is archived."""
    projects = await Project.filter(repository_id=push.repository).select_related("repository")
    known = [Prefixes(project.trigger_tag_prefix, project.tag_prefix) for project in projects]
    if projects and (named := _name_candidate(push.tag, projects)) is not None and named[0].archived:
        _log("tag refused", push, named[0].repository, f"The project `{named[0].name}` is archived.")
    elif projects and (reason := why_misspelled(push.tag, known)) is not None:
        _log("tag not recognized", push, projects[0].repository, reason)


def _log(event: str, push: TagPush, repository: Repository | None, reason: str) -> None:
    """Log a pushed tag that cuts nothing. Its texts may come from a stranger to us."""
    name = None if repository is None else repository.full_name
    texts = {"repository": name, "tag": push.tag, "pusher": push.sender, "commit": push.commit, "reason": reason}
    log.info(event, **{key: shortened(text) for key, text in texts.items()})


async def _named_candidate(push: TagPush) -> tuple[Project, CandidateVersion] | None:
    """The project and candidate that a trigger tag names: the longest prefix wins. Candidates' own tags name none."""
    rows = await Project.filter(repository_id=push.repository, archived=False).select_related("repository")
    return _name_candidate(push.tag, rows)


def _name_candidate(tag: str, rows: Iterable[Project]) -> tuple[Project, CandidateVersion] | None:
    projects = {project.id: project for project in rows}
    trigger = version_in_tag(tag, {key: project.trigger_tag_prefix for key, project in projects.items()})
    own_tag = version_in_tag(tag, {key: project.tag_prefix for key, project in projects.items()})
    if trigger is None or (own_tag is not None and len(own_tag[1]) < len(trigger[1])):
        return None
    try:
        return projects[trigger[0]], parse_candidate_version(trigger[1])
    except Refusal:
        return None  # some other tag, such as v1.2.0
