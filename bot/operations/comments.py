"""Commands in comments: performed for whoever wrote them, and answered where they stand."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from bot.context import Context
from bot.errors import NotFound, Refusal
from bot.operations import audit, candidates, deployments, runs, statuses, users
from bot.operations.candidates import CutRequest
from bot.queue.jobs import enqueue
from bot.rules import replies
from bot.rules.commands import Command, Mistake, parse
from bot.rules.versions import INVALID, is_release_version, parse_candidate_version
from bot.store.candidates import Candidate
from bot.store.deployments import Deployment
from bot.store.projects import Project, Repository

log = structlog.get_logger()

CHANGING = ("cut", "deploy")
LATE = timedelta(hours=1)  # after which nobody expects a command to be performed


@dataclass(frozen=True)
class CommandComment:
    """A comment with commands. `place` is `pull` or `commit`; `where` is the pull request's number or the commit."""

    repository: int
    place: str
    where: str
    comment: int
    author_id: int
    author: str
    body: str
    at: str

    @property
    def mark(self) -> str:
        """What names this comment among all."""
        return f"{self.place}-comment:{self.comment}"


async def on_comment(context: Context, said: CommandComment) -> None:
    """Take a comment in: if there are commands in it, a job performs them. One that comes late is only answered."""
    if not parse(said.body):
        return
    if _is_late(context, said):
        payload = {"said": vars(said), "body": replies.late(), "reaction": "confused"}
        await enqueue("reply", payload, key=f"reply:{said.mark}", keep=True, priority=10)
    else:
        await enqueue("command", dict(vars(said)), key=said.mark, keep=True, priority=20)


async def run_commands(context: Context, said: CommandComment) -> None:
    """Job `command`: perform a comment's commands with its author's role of this moment, and have the answer posted."""
    repository = await Repository.get_or_none(github_id=said.repository)
    if repository is None or repository.installation_id is None:
        log.info("command ignored", why="no project has this repository", repository=said.repository)
        return
    await _react(context, repository, said, "eyes")
    actor = await users.actor_from_github(context, said.author_id, said.author, repository)
    acting = context.acting_as(actor, f"{said.place} comment")
    parts, good = [], True
    for number, command in enumerate(parse(said.body)):
        try:
            if await _is_too_late(context, said, command, f"{said.mark}:{number}"):
                parts.append(replies.late())
                good = False
                continue
            parts.append(await _perform(acting, repository, said, command, f"{said.mark}:{number}"))
        except Refusal as refusal:
            await _note_refusal(acting, repository, said, command, refusal)
            parts.append(replies.refused(refusal.sentence, refusal.details))
            good = False
        good = good and isinstance(command, Command)
    payload = {"said": vars(said), "body": replies.together(parts), "reaction": "rocket" if good else "-1"}
    await enqueue("reply", payload, key=f"reply:{said.mark}", keep=True, priority=10)


async def _is_too_late(context: Context, said: CommandComment, command: Command | Mistake, origin: str) -> bool:
    """Whether a command that changes something has waited so long that nobody expects it to be performed."""
    if not isinstance(command, Command) or command.word not in CHANGING or not _is_late(context, said):
        return False
    return not (await Candidate.exists(origin=origin) or await Deployment.exists(origin=origin))


def _is_late(context: Context, said: CommandComment) -> bool:
    return context.now() - datetime.fromisoformat(said.at) > LATE


async def _note_refusal(
    context: Context, repository: Repository, said: CommandComment, command: Command | Mistake, refusal: Refusal
) -> None:
    asked = {"command": command.word, **command.arguments} if isinstance(command, Command) else {}
    after = {**asked, "refusal": refusal.sentence, "comment": said.mark}
    await audit.record(context, "command.refused", repository.full_name, after=after)


async def reply(context: Context, said: CommandComment, body: str, reaction: str) -> None:
    """Job `reply`: post an answer once. It is looked for first: an attempt before may have posted it after all."""
    repository = await Repository.get(github_id=said.repository)
    repo = context.at(repository)
    await _react(context, repository, said, reaction)
    since = datetime.fromisoformat(said.at)
    if any(replies.is_marked(text, said.mark) for text in await repo.replies(said.place, said.where, since)):
        return
    await repo.reply(said.place, said.where, replies.marked(body, said.mark))


async def _react(context: Context, repository: Repository, said: CommandComment, reaction: str) -> None:
    """A reaction is a courtesy: a command never fails for want of one."""
    try:
        await context.at(repository).react(said.place, said.comment, reaction)
    except Exception as error:  # noqa: BLE001
        log.warning("no reaction", reaction=reaction, comment=said.comment, error=str(error))


async def _perform(
    context: Context, repository: Repository, said: CommandComment, command: Command | Mistake, origin: str
) -> str:
    if isinstance(command, Mistake):
        return replies.mistaken(command)
    if command.word == "help":
        return replies.helped()
    project = await _project(repository, command.arguments.get("project"))
    return await _ACTS[command.word](context, project, said, command.arguments, origin)


async def _cut(context: Context, project: Project, said: CommandComment, arguments: dict[str, str], origin: str) -> str:
    release, number = _version(arguments["version"])
    commit = arguments.get("sha") or await _commit(context, project, said)
    wish = CutRequest(release, commit, number=number, origin=origin)
    candidate, _ = await candidates.cut(context, project.name, wish)
    building = await runs.newest(candidate_id=candidate.id) is not None
    return replies.cut(candidate.version, candidate.commit, candidate.status, building=building)


async def _deploy(
    context: Context, project: Project, said: CommandComment, arguments: dict[str, str], origin: str
) -> str:
    version = parse_candidate_version(arguments["candidate"])
    deployment = await deployments.deploy(context, project.name, arguments["environment"], version, origin=origin)
    return replies.deployed(str(version), arguments["environment"], deployment.id)


async def _status(
    context: Context, project: Project, said: CommandComment, arguments: dict[str, str], origin: str
) -> str:
    return await statuses.told(context, project.name)


_ACTS = {"cut": _cut, "deploy": _deploy, "status": _status}


async def _project(repository: Repository, named: str | None) -> Project:
    found = await Project.filter(repository_id=repository.github_id, archived=False).order_by("id")
    if named is not None:
        found = [project for project in found if named in (project.name, project.permalink)]
    if not found:
        raise NotFound("Release project not found", project=named, repo=repository.full_name)
    if len(found) > 1:
        raise Refusal(replies.several_projects(project.name for project in found))
    return found[0]


def _version(text: str) -> tuple[str, int | None]:
    """A release version, to be numbered by us, or a candidate version that says its number."""
    if is_release_version(text):
        return text, None
    version = parse_candidate_version(text)
    return version.release, version.number


async def _commit(context: Context, project: Project, said: CommandComment) -> str:
    """The commit that a comment is about: the one it stands on, or what its pull request was merged as."""
    if said.place == "commit":
        return said.where
    repository = await Repository.get(github_id=said.repository)
    pull = await context.at(repository).pull_request(int(said.where))
    if pull is None:
        raise Refusal(INVALID, reason=f"pull request {said.where} is gone")
    return pull.merged_sha or pull.head_sha


def said_from(written: dict[str, Any]) -> CommandComment:
    """A comment as a job carries it."""
    return CommandComment(**written)
