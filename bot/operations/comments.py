"""Comments with commands: perform them on behalf of the author, and reply on the pull request or commit."""

import asyncio
from dataclasses import replace
from datetime import datetime

import structlog

from bot.context import Context
from bot.github import comments as github_comments
from bot.github.transport import ApiError
from bot.operations import comment_limits, gate_jobs, jobs, performing, status_comments, users
from bot.operations.commands import GRAMMARS
from bot.queue.jobs import enqueue
from bot.rules import replies
from bot.rules.commands import ParsedComment, has_likely_commands, parse
from bot.rules.comments import CommandComment, Place, Thread
from bot.rules.ids import CommentId
from bot.rules.permissions import includes_write
from bot.store.database import transaction
from bot.store.projects import Repository

log = structlog.get_logger()

GONE = (404, 410)
"""GitHub's answers about a pull request or commit that was deleted, or is in a repository that was."""
SHORT = 200  # characters of a text that is parsed on the event loop: with the worst contents in a millisecond
UNWANTED = (403, 404, 410, 422)
"""GitHub's answers about a commit that is gone, or in a repository where comments on commits are off."""


async def on_comment(context: Context, comment: CommandComment) -> None:
    """Handle a new or edited comment that may hold commands: enqueue a job for them, if the repository is known.

    Each repository has a word of its own that commands begin with.
    """
    repository = await Repository.get_or_none(github_id=comment.repository_id)
    if repository is None or not has_likely_commands(comment.body, GRAMMARS, repository.command):
        return
    standing = await comment_limits.standing(comment)
    async with transaction():
        await comment_limits.receive(context, comment)
        await enqueue(jobs.RunCommands(comment, performing.is_late(context, comment), standing=standing))


async def run_commands(context: Context, job: jobs.RunCommands) -> None:
    """Job: perform a comment's commands with its author's current role, and enqueue the reply.

    A comment by a reader, who has less than the role write, is left to a job that runs after all other work.
    """
    comment = job.comment
    repository = await Repository.get(github_id=comment.repository_id)
    if repository.installation_id is None:
        log.info("command ignored", why="the repository cannot be reached", repository=comment.repository_id)
        return
    is_unknown = job.standing not in ("writer", "reader")
    asked_meanwhile = is_unknown and await comment_limits.standing(comment) == "reader"
    if asked_meanwhile:
        await enqueue(replace(job, standing="reader"))
        return
    job = await _show_as_seen(context, repository, job)
    actor = await users.actor_from_github(context, comment.author_id, comment.author, repository)
    may_write = includes_write(actor.grants)
    turned_out_reader = not may_write and job.standing != "reader"
    await comment_limits.note(context, comment, may_write=may_write, again=turned_out_reader)
    if turned_out_reader:
        await enqueue(replace(job, standing="reader"))
        return
    if await comment_limits.may_answer(context, comment):
        standing: jobs.Standing = "writer" if may_write else "reader"
        acting = context.acting_as(actor, f"{comment.thread} comment")
        await _answer(acting, repository, replace(job, standing=standing))


async def _show_as_seen(context: Context, repository: Repository, job: jobs.RunCommands) -> jobs.RunCommands:
    """React to the commands of somebody who could write lately, before GitHub is asked whether they still may.

    Within the limits on their commands, and once: an earlier attempt of the job may have done so.
    """
    comment = job.comment
    if job.standing != "writer" or job.late or job.seen or comment.is_edited:
        return job
    parsed = await _parse(comment, repository.command)
    if not parsed.commands and not parsed.remarks:
        return job
    decided = await comment_limits.is_decided(comment)
    if await comment_limits.decide(context, comment, len(parsed.commands) or 1, writer=True) != "perform":
        return job
    if not decided:
        await _react(context, repository, comment, "eyes")
    return replace(job, seen=True)


async def _answer(context: Context, repository: Repository, job: jobs.RunCommands) -> None:
    """Perform the commands of a comment within the limits, and enqueue the reply.

    Those of an edited comment are not performed: who added them has to write them again.
    """
    comment = job.comment
    parsed = await _parse(comment, repository.command)
    if not parsed.commands and not parsed.remarks:
        return
    count = 1 if comment.is_edited else len(parsed.commands) or 1
    verdict = await comment_limits.decide(context, comment, count)
    if verdict == "ignore":
        log.info("command ignored", why="its author or repository has reached a limit", comment=comment.marker)
        return
    if verdict == "tell":
        body, reaction = replies.too_many(comment_limits.MAX_COMMANDS, repository.command), "confused"
    elif comment.is_edited:
        body, reaction = replies.edited(repository.command), "confused"
    elif job.late and not await performing.has_performed(context, comment, parsed):
        body, reaction = replies.late(repository.command), "confused"
    else:
        if not job.seen:
            await _react(context, repository, comment, "eyes")
        outcome = await performing.perform(context, repository, comment, parsed)
        body, reaction = outcome.text, outcome.reaction
    await enqueue(jobs.PostReply(comment, body, reaction, standing=job.standing))


async def _parse(comment: CommandComment, prefix: str) -> ParsedComment:
    """The commands of a comment, read on another thread if the text is long: a hostile one takes a while."""
    if len(comment.body) + len(comment.body_before or "") <= SHORT:
        return _commands_of(comment, prefix)
    return await asyncio.to_thread(_commands_of, comment, prefix)


def _commands_of(comment: CommandComment, prefix: str) -> ParsedComment:
    """The commands of a comment; nothing of an edited one that had them all before."""
    parsed = parse(comment.body, GRAMMARS, prefix)
    if comment.body_before is None:
        return parsed
    return parsed if parsed.added_to(parse(comment.body_before, GRAMMARS, prefix)) else ParsedComment()


async def post_reply(context: Context, job: jobs.PostReply) -> None:
    """Job: post a reply, unless an earlier attempt of the job has posted it, or nobody can comment there any more."""
    try:
        await _post_reply(context, job)
    except ApiError as error:
        if not is_locked(error):
            error.raise_unless(*(GONE if job.comment.thread == "pull" else UNWANTED))
        log.info("reply not posted", why=error.message, comment=job.comment.marker)
        return
    await status_comments.follow(context, job.comment.place, job.comment.marker)


def is_locked(error: ApiError) -> bool:
    """Whether GitHub refuses a comment because somebody has locked the conversation, or archived the repository."""
    return error.status == 403 and any(word in error.message.lower() for word in ("locked", "archived"))


async def _post_reply(context: Context, job: jobs.PostReply) -> None:
    comment = job.comment
    repository = await Repository.get(github_id=comment.repository_id)
    await _react(context, repository, comment, job.reaction)
    since = datetime.fromisoformat(comment.created_at)
    await post_once(context, repository, comment.place, job.body, comment.marker, since)


async def post_once(
    context: Context, repository: Repository, place: Place, body: str, marker: str, since: datetime
) -> None:
    """Post a comment with a hidden marker, unless our App has posted one with that marker since that time."""
    client = context.client_for(repository)
    for posted in await github_comments.since(client, place.thread, place.thread_id, since):
        if replies.has_marker(posted.body, marker) and await github_comments.is_own(context.github, posted):
            return
    await github_comments.post(client, place.thread, place.thread_id, replies.with_marker(body, marker))


async def react(context: Context, job: gate_jobs.React) -> None:
    """Job: add a reaction to a comment whose command has ended; a failure is only logged."""
    repository = await Repository.get(github_id=job.repository)
    if repository.installation_id is not None:
        await _add_reaction(context, repository, job.thread, job.comment, job.reaction)


async def _react(context: Context, repository: Repository, comment: CommandComment, reaction: str) -> None:
    await _add_reaction(context, repository, comment.thread, comment.comment_id, reaction)


async def _add_reaction(
    context: Context, repository: Repository, thread: Thread, comment: CommentId, reaction: str
) -> None:
    """Add a reaction; a failure is only logged."""
    try:
        await github_comments.react(context.client_for(repository), thread, comment, reaction)
    except Exception as error:  # noqa: BLE001
        log.warning("reaction not added", reaction=reaction, comment=comment, error=str(error))
