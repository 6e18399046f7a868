"""Candidates' tags: made before anything is dispatched on them, and watched afterwards."""

from dataclasses import dataclass

from bot.context import Context
from bot.errors import Refusal
from bot.github.client import Repo
from bot.operations import audit, candidates, users
from bot.operations.candidates import Wish
from bot.queue import enqueue
from bot.rules.candidates import version_in_tag
from bot.rules.versions import CandidateVersion, parse_candidate_version
from bot.store.candidates import Candidate
from bot.store.database import transaction
from bot.store.deployments import Deployment
from bot.store.projects import Project


@dataclass(frozen=True)
class Pushed:
    """A tag that somebody pushed, and the commit that it points to (annotated tags peeled)."""

    repository: int
    tag: str
    commit: str
    sender_id: int
    sender: str
    delivery: str


class TagElsewhere(Refusal):
    """A candidate's tag is there and points to something other than its commit."""


async def place(context: Context, repo: Repo, candidate: Candidate) -> str:
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


async def hear(context: Context, pushed: Pushed) -> None:
    """Take a pushed tag in: if it is one that cuts a candidate, a job does so."""
    project, _ = await _trigger(pushed) or (None, None)
    if project is not None:
        await enqueue("cut_by_tag", vars(pushed).copy(), key=f"tag:{pushed.delivery}", keep=True, priority=10)


async def cut(context: Context, pushed: Pushed) -> None:
    """Job `cut_by_tag`: cut the candidate that a pushed tag names, with the pusher's role of this moment.

    Nobody waits for an answer: a refusal is an audit entry that says why.
    """
    project, version = await _trigger(pushed) or (None, None)
    if project is None or version is None or project.repository is None:
        return
    actor = await users.with_role(context, pushed.sender_id, pushed.sender, project.repository)
    acting = context.acting_as(actor, "tag")
    origin = f"tag:{pushed.repository}:{pushed.tag}:{pushed.commit}"
    wish = Wish(version.release, pushed.commit, number=version.number, origin=origin, tag=pushed.tag)
    try:
        await candidates.cut(acting, project.name, wish)
    except Refusal as refusal:
        why = {"refusal": refusal.sentence, **refusal.details}
        await audit.record(acting, "candidate.refused", pushed.tag, project=project.id, commit=pushed.commit, after=why)
        raise


async def _trigger(pushed: Pushed) -> tuple[Project, CandidateVersion] | None:
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


async def changed(context: Context, repository: int, tag: str, commit: str | None) -> None:
    """Take note that somebody moved a tag, or deleted it (`commit` None): an alarm if it is a candidate's.

    A candidate that was deployed nowhere yet is not to be trusted any more once its tag points elsewhere.
    """
    async with transaction():
        candidate = await Candidate.select_for_update().get_or_none(repository_id=repository, tag=tag)
        if candidate is None or not candidate.tagged or candidate.commit == commit:
            return
        deployed = await Deployment.exists(candidate_id=candidate.id)
        if commit is not None and not deployed and candidate.status == "ready":
            await candidates.spoil(context, candidate, f"Its tag `{tag}` was moved to {commit}.")
        else:
            await audit.alarm(
                context,
                "tag.moved" if commit else "tag.deleted",
                tag,
                project=candidate.project_id,
                commit=candidate.commit,
                after=commit,
            )
