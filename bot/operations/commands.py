"""The table of commands in comments: a new command needs a row, a function that performs it, and a reply."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from bot.context import Context, authorize
from bot.errors import Refusal, project_not_found
from bot.github import pull_requests
from bot.operations import candidates, deploying, runs, statuses
from bot.operations.candidates import CutRequest
from bot.operations.deploying import DeployRequest
from bot.rules import replies
from bot.rules.commands import Argument, Clause, Grammar, ParsedCommand
from bot.rules.comments import CommandComment
from bot.rules.commits import INVALID
from bot.rules.names import unknown
from bot.rules.permissions import role_for
from bot.rules.replies import CommandHelp, CutResult, DeployResult, ProjectStatus
from bot.rules.versions import INVALID as INVALID_VERSION
from bot.rules.versions import parse_requested_version, parse_written_candidate, release_part, without_prefix
from bot.store.projects import Project, Repository
from bot.store.releases import Release

R = TypeVar("R")

VERSION = Argument("version", str)
CANDIDATE = Argument("candidate", str)
ENVIRONMENT = Argument("environment", str)
SHA = Argument("sha", str)
PROJECT = Argument("project", str)

IN_PROJECT = Clause("in", PROJECT)
SPELLINGS: Mapping[Argument[str], Callable[[str], object]] = {
    VERSION: parse_requested_version,
    CANDIDATE: parse_written_candidate,
}
"""The arguments that are versions, and what refuses the ones that are misspelled."""


@dataclass(frozen=True)
class CommandCall:
    """One command of a comment, to be performed on behalf of the comment's author."""

    context: Context
    repository: Repository
    comment: CommandComment
    arguments: ParsedCommand

    async def project(self) -> Project:
        """The project that the command is about: the one named by `in PROJECT`, or the repository's only one."""
        name = self.arguments.get(PROJECT)
        projects = await Project.filter(repository_id=self.repository.github_id, archived=False).order_by("id")
        if name is not None:
            projects = [project for project in projects if name in (project.name, project.permalink)]
        if not projects:
            raise await self._unknown(name)
        if len(projects) > 1:
            several = replies.several_projects(project.name for project in projects)
            self._refuse_misspelled(projects, several)
            raise Refusal(several)
        return projects[0]

    def _refuse_misspelled(self, projects: Sequence[Project], several: str) -> None:
        """Refuse a version that none of these projects would take, so that one reply tells of all that is wrong."""
        for argument, parse in SPELLINGS.items():
            written = self.arguments.get(argument)
            if written is None:
                continue
            refusals = []
            for project in projects:
                try:
                    parse(without_prefix(written, project.trigger_tag_prefix) or written)
                except Refusal as refusal:
                    refusals.append(refusal)
            if len(refusals) == len(projects):
                nearest = min(refusals, key=lambda refusal: len(refusal.details["expected"]))  # without a prefix
                raise Refusal(nearest.sentence, **nearest.details, reason=several)

    async def _unknown(self, name: str | None) -> Refusal:
        """Build the error for a project that the repository does not have."""
        if name is None:
            return project_not_found(repo=self.repository.full_name)
        others = await Project.filter(repository_id=self.repository.github_id, archived=False).order_by("name")
        return project_not_found(
            project=name, repo=self.repository.full_name, **unknown("projects", name, [each.name for each in others])
        )

    async def version(self, project: Project, argument: Argument[str]) -> str:
        """A version as the project calls it: `v1.4.0` is `1.4.0` where tags `v…` cut candidates.

        Unless the project has a release of just that name.
        """
        written = self.arguments.require(argument)
        prefix = project.trigger_tag_prefix
        if written.lower() == prefix.lower():
            raise Refusal(INVALID_VERSION, expected=f"a version, as in {prefix}1.4.0 or 1.4.0")
        bare = without_prefix(written, prefix)
        if bare is None or await Release.exists(project_id=project.id, version=release_part(written)):
            return written
        return bare


@dataclass(frozen=True)
class Command(Generic[R]):
    """A command: its grammar, the function that performs it, and the one that words the reply to its result.

    `grants` are shown in the help, the second one for production; the operation checks them. A command that `changes`
    something is not performed when it arrives late.
    """

    grammar: Grammar
    grants: tuple[str, ...]
    changes: bool
    perform: Callable[[CommandCall], Awaitable[R]]
    reply: Callable[[R], str]
    summary: str
    example: str

    @property
    def help(self) -> CommandHelp:
        """The command as the help shows it."""
        role, *production = [role_for(grant) or "" for grant in self.grants] or [""]
        roles = "; ".join([role, *(f"{each} for production" for each in production)])
        return CommandHelp(self.grammar.usage, self.summary, self.example, roles)

    async def run(self, call: CommandCall) -> str:
        """Perform the command; returns the text of the reply. Who lacks the role is told nothing else."""
        if self.grants:
            authorize(call.context.actor, *self.grants)
        return self.reply(await self.perform(call))


async def _cut(call: CommandCall) -> CutResult:
    project = await call.project()
    version = parse_requested_version(await call.version(project, VERSION))
    commit = call.arguments.get(SHA) or await _commit(call)
    request = CutRequest(version.release, commit, number=version.number)
    candidate, _ = await candidates.cut(call.context, project.name, request)
    building = await runs.newest(candidate_id=candidate.id) is not None
    return CutResult(candidate.version, candidate.commit, candidate.status, building)


async def _deploy(call: CommandCall) -> DeployResult:
    project = await call.project()
    version = parse_written_candidate(await call.version(project, CANDIDATE))
    environment = call.arguments.require(ENVIRONMENT)
    request = DeployRequest(version, wait=True)
    deployment, _ = await deploying.deploy(call.context, project.name, environment, request)
    return DeployResult(str(version), environment, deployment.id)


async def _status(call: CommandCall) -> ProjectStatus:
    project = await call.project()
    return await statuses.project_status(call.context, project.name)


async def _help(call: CommandCall) -> list[CommandHelp]:
    return [command.help for command in ROWS]


async def _commit(call: CommandCall) -> str:
    """The commit that a comment is about: its own, or its pull request's merge commit, or head if not merged."""
    if call.comment.thread == "commit":
        return call.comment.thread_id
    number = int(call.comment.thread_id)
    pull = await pull_requests.get(call.context.client_for(call.repository), number)
    if pull is None:
        raise Refusal(INVALID, reason=f"pull request {number} no longer exists")
    return pull.merged_sha or pull.head_sha


ROWS: tuple[Command[Any], ...] = (
    Command(
        Grammar("cut", required=(VERSION,), clauses=(Clause("at", SHA), IN_PROJECT)),
        grants=("release:cut",),
        changes=True,
        perform=_cut,
        reply=replies.cut,
        summary="cut a release candidate",
        example="/release cut 1.4.0",
    ),
    Command(
        Grammar("deploy", required=(CANDIDATE,), clauses=(Clause("to", ENVIRONMENT, required=True), IN_PROJECT)),
        grants=("deployment:start", "deployment:production"),
        changes=True,
        perform=_deploy,
        reply=replies.deployed,
        summary="deploy a release candidate",
        example="/release deploy 1.4.0-rc1 to staging",
    ),
    Command(
        Grammar("status", clauses=(IN_PROJECT,)),
        grants=("project:read",),
        changes=False,
        perform=_status,
        reply=replies.status,
        summary="say where everything is",
        example="/release status",
    ),
    Command(
        Grammar("help"),
        grants=(),
        changes=False,
        perform=_help,
        reply=replies.help_text,
        summary="show this list",
        example="/release help",
    ),
)
COMMANDS: Mapping[str, Command[Any]] = {command.grammar.word: command for command in ROWS}
GRAMMARS: Mapping[str, Grammar] = {word: command.grammar for word, command in COMMANDS.items()}
