"""The table of commands in comments: a new command needs a row, a function that performs it, and a reply."""

from collections.abc import Mapping
from typing import Any

from bot.errors import NotFound, Refusal
from bot.github import commits, pull_requests
from bot.operations import candidates, deploying, runs, statuses
from bot.operations.candidates import CutRequest
from bot.operations.command_calls import Command, CommandCall
from bot.operations.deploying import DeployRequest
from bot.rules import replies
from bot.rules.command_arguments import AT_COMMIT, CANDIDATE, COMMAND, ENVIRONMENT, IN_PROJECT, SHA, VERSION
from bot.rules.commands import meant
from bot.rules.commits import FULL_LENGTH, INVALID
from bot.rules.grammar import Clause, Grammar
from bot.rules.names import unknown
from bot.rules.replies import CutResult, DeployResult, HelpResult, ProjectStatus
from bot.rules.versions import parse_requested_version, parse_written_candidate


async def _cut(call: CommandCall) -> CutResult:
    project = await call.project()
    version = parse_requested_version(await call.version(project, VERSION))
    written = call.arguments.get(SHA)
    commit = await _commit(call) if written is None else await _full_sha(call, written)
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


async def _help(call: CommandCall) -> HelpResult:
    prefix, written = call.repository.command, call.arguments.get(COMMAND)
    if written is None:
        return HelpResult([command.help_with(prefix) for command in ROWS])
    words = _words(written.lower())
    if not words:
        raise NotFound(f"I know no command `{written}`", **unknown("commands", written, list(COMMANDS)))
    return HelpResult([COMMANDS[word].help_with(prefix) for word in words], detailed=True)


def _words(written: str) -> list[str]:
    """The words of the commands that somebody asks about: one, those with that first part, or those nearly so."""
    family = [word for word in COMMANDS if f"{word} ".startswith(f"{written} ")]
    return family or meant(written, COMMANDS)


async def _full_sha(call: CommandCall, written: str) -> str:
    """A SHA in full. Refuses an abbreviated one that does not stand for exactly one commit on GitHub."""
    if len(written) >= FULL_LENGTH:
        return written
    sha = await commits.find(call.context.client_for(call.repository), written)
    if sha is None:
        reason = "it is not the beginning of the SHA of exactly one commit, or the name of a branch or tag"
        raise Refusal(INVALID, reason=reason, commit=written)
    return sha


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
        Grammar("cut", required=(VERSION,), clauses=(AT_COMMIT, IN_PROJECT)),
        grants=("release:cut",),
        changes=True,
        perform=_cut,
        reply=replies.cut,
        summary="cut a release candidate",
        example="/release cut 1.4.0",
        details="Without `at SHA`, the commit is the one that was commented on, the one that the pull request was "
        "merged as, or the pull request's head if it is not merged.",
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
        Grammar("help", optional=(COMMAND,)),
        grants=(),
        changes=False,
        perform=_help,
        reply=replies.help_text,
        summary="list the commands, or explain one",
        example="/release help deploy",
    ),
)
COMMANDS: Mapping[str, Command[Any]] = {command.grammar.word: command for command in ROWS}
GRAMMARS: Mapping[str, Grammar] = {word: command.grammar for word, command in COMMANDS.items()}
