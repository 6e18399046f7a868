"""Candidates' tags: made before anything is dispatched on them, and watched afterwards."""

from dataclasses import dataclass

from bot.context import Context
from bot.errors import Refusal
from bot.github.client import Repo
from bot.operations import audit, candidates, runs, users
from bot.operations.candidates import CutRequest
from bot.queue.jobs import enqueue
from bot.rules.candidates import UNFINISHED, version_in_tag
from bot.rules.versions import CandidateVersion, parse_candidate_version
from bot.store.audit import AuditEntry
from bot.store.candidates import Candidate
from bot.store.database import transaction
from bot.store.deployments import Deployment
from bot.store.projects import Project


@dataclass(frozen=True)
class TagPush:
    """A tag that somebody pushed, and the commit it points to (annotated tags peeled); "" where it was deleted."""

    repository: int
    tag: str
    commit: str
    sender_id: int
    sender: str
    delivery: str


ELSEWHERE = ("tag.moved", "tag.elsewhere", "candidate.spoiled")


class TagElsewhere(Refusal):
    """A candidate's tag is there and points to something other than its commit."""


async def ensure_tag(context: Context, repo: Repo, candidate: Candidate) -> str:
    """The ref that a candidate's workflows are dispatched on: its tag, made now if need be, or its branch without one.

    Creating a ref is atomic on GitHub: a tag that is there at our commit is ours, one elsewhere spoils the candidate.
    """
    if candidate.tag is None:
        return candidate.branch
    if not candidate.tagged:
        found = await repo.create_tag(candidate.tag, candidate.commit)
        if found not in (None, candidate.commit):
            raise TagElsewhere(f"The tag `{candidate.tag}` points to {found}, not to the candidate's commit.")
        await Candidate.filter(id=candidate.id).update(tagged=True)
        candidate.tagged = True
    return candidate.tag


async def on_push(context: Context, pushed: TagPush) -> None:
    """Take a pushed tag in: a candidate's is looked at if it has changed, one that cuts a candidate does so."""
    await _watch(pushed)
    project, _ = await _trigger(pushed) or (None, None)
    if project is not None and pushed.commit:
        await enqueue("cut_by_tag", vars(pushed).copy(), key=f"tag:{pushed.delivery}", keep=True, priority=10)


async def cut(context: Context, pushed: TagPush) -> None:
    """Job `cut_by_tag`: cut the candidate that a pushed tag names, with the pusher's role of this moment.

    Nobody waits for an answer: a refusal is an audit entry that says why.
    """
    project, version = await _trigger(pushed) or (None, None)
    if project is None or version is None or project.repository is None:
        return
    actor = await users.actor_from_github(context, pushed.sender_id, pushed.sender, project.repository)
    acting = context.acting_as(actor, "tag")
    origin = f"tag:{pushed.repository}:{pushed.tag}:{pushed.commit}"
    wish = CutRequest(version.release, pushed.commit, number=version.number, origin=origin, tag=pushed.tag)
    try:
        await candidates.cut(acting, project.name, wish)
    except Refusal as refusal:
        why = {"refusal": refusal.sentence, **refusal.details}
        await audit.record(acting, "candidate.refused", pushed.tag, project=project.id, commit=pushed.commit, after=why)
        raise


async def _trigger(pushed: TagPush) -> tuple[Project, CandidateVersion] | None:
    """The project and candidate that a trigger tag names: the longest prefix wins, our own tags are no triggers."""
    found = await Project.filter(repository_id=pushed.repository, archived=False).select_related("repository")
    projects = {project.id: project for project in found}
    triggers = version_in_tag(pushed.tag, {key: project.trigger_tag_prefix for key, project in projects.items()})
    own = version_in_tag(pushed.tag, {key: project.tag_prefix for key, project in projects.items()})
    if triggers is None or (own is not None and len(own[1]) < len(triggers[1])):
        return None
    try:
        return projects[triggers[0]], parse_candidate_version(triggers[1])
    except Refusal:
        return None  # a tag of their own, such as v1.2.0


async def _watch(pushed: TagPush) -> None:
    candidate = await Candidate.get_or_none(repository_id=pushed.repository, tag=pushed.tag)
    if candidate is not None and candidate.commit != pushed.commit:
        payload = {"candidate": candidate.id, "by": pushed.sender}
        await enqueue("check_tag", payload, lock=f"candidate:{candidate.id}", priority=9)


async def check(context: Context, candidate_id: int, by: str) -> None:
    """Job `check_tag`: ask where a candidate's tag points now; an alarm if it is elsewhere, or gone."""
    candidate = await Candidate.get(id=candidate_id).select_related("repository", "project")
    runs.tell(candidate, None)
    commit = await context.at(candidate.repository).tagged_commit(candidate.tag or "")
    if commit == candidate.commit:
        return
    async with transaction():
        candidate = await Candidate.select_for_update().get(id=candidate_id)
        if commit is not None:
            reason = f"Its tag `{candidate.tag}` was moved to {commit} by {by}."
            await distrust(context, candidate, "tag.moved", reason)
            return
        await Candidate.filter(id=candidate.id).update(tagged=False)
        await audit.alarm(
            context, "tag.deleted", str(candidate.tag), project=candidate.project_id, commit=candidate.commit, after=by
        )


async def distrust(context: Context, candidate: Candidate, what: str, reason: str) -> None:
    """Raise the alarm over a candidate's tag that points elsewhere, in the caller's transaction; once until it is back.

    Before anything more is dispatched on the tag, GitHub is asked where it points. A candidate that is ready and was
    deployed nowhere yet fails.
    """
    told = AuditEntry.filter(alarm=True, project_id=candidate.project_id, subject=candidate.version, act__in=ELSEWHERE)
    if not candidate.tagged and await told.exists():
        return
    await Candidate.filter(id=candidate.id).update(tagged=False)
    begun = Deployment.filter(candidate_id=candidate.id).exclude(status__in=["pending", "error"])
    if candidate.status not in UNFINISHED and not await begun.exists():
        await candidates.invalidate(context, candidate, reason)
    else:
        await audit.alarm(
            context, what, candidate.version, project=candidate.project_id, commit=candidate.commit, after=reason
        )
