"""Tags that people push: they cut or deploy candidates, and their messages may hold commands.

Tags of bots and workflows, and those that are pushed while the candidate at their commit is being deployed, do nothing
and are not answered: a deployment may tag what it has deployed. They are audited.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import structlog
from tortoise.expressions import Q

from bot.context import Actor, Context
from bot.errors import Refusal
from bot.events.tags import CutByTagRefused, PromotionByTagRefused, TagIgnored
from bot.github import tags as github_tags
from bot.github.comments import BEGINNING
from bot.github.transport import ApiError
from bot.log import shortened
from bot.operations import (
    candidates,
    comment_limits,
    comments,
    deploying,
    events,
    found_tags,
    jobs,
    performing,
    status_comments,
    tag_jobs,
    users,
)
from bot.operations.candidates import CutRequest
from bot.operations.commands import GRAMMARS
from bot.operations.deploying import DeployRequest
from bot.queue.jobs import enqueue
from bot.rules import replies, tag_replies
from bot.rules.commands import parse_message
from bot.rules.comments import Place
from bot.rules.ids import GitHubUserId
from bot.rules.permissions import includes_write
from bot.rules.tags import Prefixes, TagMessage, TagPush, version_in_tag, why_misspelled, why_no_commands
from bot.rules.versions import CandidateVersion, parse_candidate_version, parse_requested_version
from bot.store.candidates import Candidate
from bot.store.database import transaction
from bot.store.deployments import RAN, Deployment
from bot.store.projects import Project, Repository
from bot.store.runs import Run

log = structlog.get_logger()

BOT = "a bot or a workflow pushed it"
UNDER_WAY = "it was pushed while the candidate at its commit was being deployed"
SLACK = timedelta(seconds=2)  # GitHub gives the time of a push in whole seconds
MAX_LOGIN = 100  # characters
NOTHING = ("misspelled", "archived")
NO_CANDIDATE = "No candidate of {release} was cut at this commit"


@dataclass(frozen=True)
class TagRequest:
    """What a tag asks for: to cut a candidate, or to deploy that of a release; or `why` it asks for nothing."""

    act: Literal["cut", "promote", "misspelled", "archived"]
    project: Project
    release: str = ""
    number: int | None = None
    why: str = ""


async def on_push(context: Context, push: TagPush, *, known: bool) -> None:
    """Handle a pushed tag: enqueue jobs for what it asks for, and for its message. `known`: it is a candidate's own."""
    asked = await _request_of(push)
    if asked is not None and asked.act == "cut":
        await found_tags.note_pushed(context, push)
    if asked is not None and asked.act in NOTHING and known:
        asked = None
    if push.by_bot:
        if asked is not None and not known:
            await _ignore(context, push, asked.project, BOT)
        return
    if push.commit is None or push.sender_id is None:
        if asked is not None:
            why = "it does not point to a commit" if push.commit is None else "GitHub does not say who pushed it"
            _log("tag refused", push, asked.project.repository, f"The tag cuts nothing: {why}.")
        return
    if asked is not None:
        await enqueue(jobs.CutByTag(push))
    if push.is_annotated and await Project.exists(repository_id=push.repository, archived=False):
        await enqueue(tag_jobs.RunTagCommands(push))


async def handle(context: Context, job: jobs.CutByTag) -> None:
    """Job: do what a pushed tag asks for, with the current role of who pushed it; say why if that is refused."""
    push, asked = job.push, await _request_of(job.push)
    if asked is None or asked.project.repository is None or (push.sender_id is None and not push.is_found):
        return
    if await _is_being_deployed(context, push):
        await _ignore(context, push, asked.project, UNDER_WAY)
        return
    repository = asked.project.repository
    if asked.act in NOTHING:
        _log("tag refused" if asked.act == "archived" else "tag not recognized", push, repository, asked.why)
        await _answer_writer(context, push, repository, tag_replies.misspelled(push.tag, asked.why))
        return
    try:
        actor = await _actor(context, push, repository)
        acting = context.acting_as(actor, "tag").with_origin(f"tag:{push.repository}:{push.tag}:{push.commit}")
        await _perform(acting, push, asked)
    except Refusal as refusal:
        details = ", ".join(f"{name}: {value}" for name, value in refusal.details.items())
        _log("tag refused", push, repository, f"{refusal.sentence} ({details})" if details else refusal.sentence)
        word = tag_replies.cuts_nothing if asked.act == "cut" else tag_replies.deploys_nothing
        await _answer_writer(context, push, repository, word(push.tag, refusal.sentence, refusal.details))


async def run_commands(context: Context, job: tag_jobs.RunTagCommands) -> None:
    """Job: perform the commands in the message of a tag with the authority of who pushed it, and answer on its commit.

    Only the message of a tag that was made within the last hour by who pushed it counts.
    """
    push, repository = job.push, await Repository.get_or_none(github_id=job.push.repository)
    if repository is None or repository.installation_id is None or push.object is None or push.sender_id is None:
        return
    tag = await github_tags.annotated(context.client_for(repository), push.object)
    if tag is None or tag.commit is None or tag.commit != push.commit:
        return
    parsed = await asyncio.to_thread(parse_message, tag.message, GRAMMARS, repository.command)
    if not parsed.commands:
        return
    if await _is_being_deployed(context, push):
        await _ignore(context, push, None, UNDER_WAY)
        return
    if (why := why_no_commands(push, tag.tagger_email, tag.tagged_at, context.github_now())) is not None:
        await _answer_writer(context, push, repository, tag_replies.no_commands(push.tag, why))
        return
    actor = await users.actor_from_github(context, push.sender_id, push.sender, repository)
    if not includes_write(actor.grants) or tag.tagged_at is None:
        return
    message = TagMessage(push.repository, tag.commit, tag.sha, push.sender_id, tag.tagged_at.isoformat())
    await comment_limits.note(context, message, may_write=True)
    verdict = await comment_limits.decide(context, message, len(parsed.commands))
    if verdict == "tell":
        text = replies.too_many(comment_limits.MAX_COMMANDS, repository.command)
    elif verdict == "perform":
        text = (await performing.perform(context.acting_as(actor, "tag"), repository, message, parsed)).text
    else:
        return
    body = tag_replies.performed(push.tag, text)
    await enqueue(tag_jobs.AnswerTag(push.repository, tag.commit, message.marker, body))


async def post_answer(context: Context, job: tag_jobs.AnswerTag) -> None:
    """Job: post a comment on the commit of a tag, unless an earlier attempt has, or nobody can comment there."""
    repository, place = await Repository.get(github_id=job.repository), Place("commit", job.commit)
    try:
        await comments.post_once(context, repository, place, job.body, job.marker, BEGINNING)
    except ApiError as error:
        error.raise_unless(*comments.UNWANTED)
        log.info("tag not answered", why=error.message, commit=job.commit)
        return
    await status_comments.follow(context, place, job.marker)


async def _perform(context: Context, push: TagPush, asked: TagRequest) -> None:
    """Cut or deploy what a tag asks for. A refusal is audited."""
    refused = CutByTagRefused if asked.act == "cut" else PromotionByTagRefused
    try:
        await (_cut if asked.act == "cut" else _promote)(context, push, asked)
    except Refusal as refusal:
        event = refused(
            project_id=asked.project.id,
            commit=push.commit,
            tag=push.tag,
            refusal=refusal.sentence,
            details=refusal.details,
        )
        await events.record(context, event)
        raise


async def _cut(context: Context, push: TagPush, asked: TagRequest) -> None:
    request = CutRequest(asked.release, push.commit or "", number=asked.number, tag=push.tag)
    await candidates.cut(context, asked.project.name, request)


async def _promote(context: Context, push: TagPush, asked: TagRequest) -> None:
    """Deploy the candidate of a release at the commit of its tag: of several, the one with the highest number."""
    at_commit = Candidate.filter(project_id=asked.project.id, release__version=asked.release, commit=push.commit)
    candidate = await at_commit.order_by("-number").first()
    if candidate is None:
        raise Refusal(NO_CANDIDATE.format(release=asked.release), expected="a tag at the commit of a candidate")
    request = DeployRequest(CandidateVersion(asked.release, candidate.number), wait=True)
    await deploying.deploy(context, asked.project.name, asked.project.promote_on_tag or "", request)


async def _is_being_deployed(context: Context, push: TagPush) -> bool:
    """Whether a candidate at the commit of a tag was being deployed when the tag was pushed."""
    pushed = context.now()
    if push.pushed_at is not None:  # GitHub's time: how long ago that is does not depend on our clock
        pushed -= context.github_now() - datetime.fromtimestamp(push.pushed_at, UTC)
    unended = Q(deploy_end_at=None) | Q(deploy_end_at__gte=pushed)
    of_commit = {"candidate__repository_id": push.repository, "candidate__commit": push.commit, "waiting": False}
    for row in await Deployment.filter(RAN, unended, **of_commit):
        run = await Run.filter(deployment_id=row.id).order_by("id").first()  # it may have waited before
        if (row if run is None else run).created_at <= pushed + SLACK:
            return True
    return False


async def _answer_writer(context: Context, push: TagPush, repository: Repository, text: str) -> None:
    """Answer a tag on its commit if who pushed it has the role write, or more."""
    if push.commit is None:
        return
    if not push.is_found and not includes_write((await _actor(context, push, repository)).grants):
        return
    async with transaction():
        if await comment_limits.may_answer_tag(context, push, GitHubUserId(push.sender_id or 0)):
            await enqueue(tag_jobs.AnswerTag(push.repository, push.commit, push.marker, text))


async def _actor(context: Context, push: TagPush, repository: Repository) -> Actor:
    """Who pushed a tag, with their current role; Longshore itself for one that was found, which somebody may write."""
    if push.sender_id is None:
        return await users.system_actor(context)
    return await users.actor_from_github(context, push.sender_id, push.sender, repository)


async def _ignore(context: Context, push: TagPush, project: Project | None, reason: str) -> None:
    """Audit a tag that does nothing although it looks as if it should."""
    ignored = TagIgnored(
        project_id=None if project is None else project.id,
        commit=push.commit,
        tag=push.tag,
        by=push.sender[:MAX_LOGIN],
        reason=reason,
    )
    await events.record(context, ignored)


async def _request_of(push: TagPush) -> TagRequest | None:
    """What a tag asks for, by its name: the longest prefix of a project wins. Candidates' own tags ask for nothing."""
    rows = await Project.filter(repository_id=push.repository).select_related("repository").order_by("id")
    asked = _named(push.tag, [row for row in rows if not row.archived])
    if asked is not None or not rows:
        return asked
    archived = _named(push.tag, rows)
    if archived is not None:
        return replace(archived, act="archived", why=f"The project `{archived.project.name}` is archived.")
    known = [Prefixes(project.trigger_tag_prefix, project.tag_prefix) for project in rows]
    why = why_misspelled(push.tag, known)
    return None if why is None else TagRequest("misspelled", rows[0], why=why)


def _named(tag: str, rows: Iterable[Project]) -> TagRequest | None:
    projects = {project.id: project for project in rows}
    trigger = version_in_tag(tag, {key: project.trigger_tag_prefix for key, project in projects.items()})
    own_tag = version_in_tag(tag, {key: project.tag_prefix for key, project in projects.items()})
    if trigger is None or (own_tag is not None and len(own_tag[1]) < len(trigger[1])):
        return None
    project, version = projects[trigger[0]], trigger[1]
    try:
        candidate = parse_candidate_version(version)
        return TagRequest("cut", project, candidate.release, candidate.number)
    except Refusal:
        pass  # a release, or some other tag
    if project.promote_on_tag is None:
        return None
    try:
        return TagRequest("promote", project, parse_requested_version(version).release)
    except Refusal:
        return None


def _log(event: str, push: TagPush, repository: Repository | None, reason: str) -> None:
    """Log a pushed tag that does nothing. Its texts may come from a stranger to us."""
    name = None if repository is None else repository.full_name
    texts = {"repository": name, "tag": push.tag, "pusher": push.sender, "commit": push.commit, "reason": reason}
    log.info(event, **{key: shortened(text) for key, text in texts.items()})
