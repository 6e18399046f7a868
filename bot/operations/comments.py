"""Comments with commands: perform them on behalf of the author, and reply on the pull request or commit."""

from datetime import datetime, timedelta

import structlog

from bot.context import Context
from bot.errors import Refusal
from bot.events.administration import CommandRefused
from bot.github import comments as github_comments
from bot.operations import events, jobs, performed_requests, users
from bot.operations.commands import COMMANDS, GRAMMARS, CommandCall
from bot.queue.jobs import enqueue
from bot.rules import replies
from bot.rules.commands import Mistake, ParsedCommand, parse
from bot.rules.comments import CommandComment
from bot.store.projects import Repository

log = structlog.get_logger()

MAX_AGE = timedelta(hours=1)  # of a command that is still performed


async def on_comment(context: Context, comment: CommandComment) -> None:
    """Handle a new comment: enqueue a job for its commands, or only a reply if it arrives late."""
    if not parse(comment.body, GRAMMARS):
        return
    if _is_late(context, comment):
        await enqueue(jobs.PostReply(comment, replies.late(), "confused"))
    else:
        await enqueue(jobs.RunCommands(comment))


async def run_commands(context: Context, job: jobs.RunCommands) -> None:
    """Job: perform a comment's commands with its author's current role, and enqueue the reply."""
    comment = job.comment
    repository = await Repository.get_or_none(github_id=comment.repository_id)
    if repository is None or repository.installation_id is None:
        log.info(
            "command ignored",
            why="the repository belongs to no project or cannot be reached",
            repository=comment.repository_id,
        )
        return
    await _react(context, repository, comment, "eyes")
    actor = await users.actor_from_github(context, comment.author_id, comment.author, repository)
    acting = context.acting_as(actor, f"{comment.thread} comment")
    texts, succeeded = [], True
    for line, command in enumerate(parse(comment.body, GRAMMARS)):
        text, ok = await _run(acting.with_origin(f"{comment.marker}:{line}"), repository, comment, command)
        texts.append(text)
        succeeded = succeeded and ok
    await enqueue(jobs.PostReply(comment, replies.together(texts), "rocket" if succeeded else "-1"))


async def post_reply(context: Context, job: jobs.PostReply) -> None:
    """Job: post a reply, unless an earlier attempt of the job has posted it."""
    comment = job.comment
    repository = await Repository.get(github_id=comment.repository_id)
    client = context.client_for(repository)
    await _react(context, repository, comment, job.reaction)
    since = datetime.fromisoformat(comment.created_at)
    bodies = await github_comments.bodies_since(client, comment.thread, comment.thread_id, since)
    if not any(replies.has_marker(body, comment.marker) for body in bodies):
        reply = replies.with_marker(job.body, comment.marker)
        await github_comments.post(client, comment.thread, comment.thread_id, reply)


async def _run(
    context: Context, repository: Repository, comment: CommandComment, parsed: ParsedCommand | Mistake
) -> tuple[str, bool]:
    """Perform one command; returns the reply to it, and whether it succeeded."""
    if isinstance(parsed, Mistake):
        return replies.mistaken(parsed), False
    command = COMMANDS[parsed.word]
    if command.changes and _is_late(context, comment) and await performed_requests.result_of(context) is None:
        return replies.late(), False
    try:
        return await command.run(CommandCall(context, repository, comment, parsed)), True
    except Refusal as refusal:
        await events.record(
            context,
            CommandRefused(
                repository=repository.full_name,
                command={"command": parsed.word, **parsed.arguments},
                refusal=refusal.sentence,
                comment=comment.marker,
            ),
        )
        return replies.refused(refusal.sentence, refusal.details), False


def _is_late(context: Context, comment: CommandComment) -> bool:
    return context.github_now() - datetime.fromisoformat(comment.created_at) > MAX_AGE


async def _react(context: Context, repository: Repository, comment: CommandComment, reaction: str) -> None:
    """Add a reaction; a failure is only logged."""
    try:
        await github_comments.react(context.client_for(repository), comment.thread, comment.comment_id, reaction)
    except Exception as error:  # noqa: BLE001
        log.warning("reaction not added", reaction=reaction, comment=comment.comment_id, error=str(error))
