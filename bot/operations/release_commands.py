"""Commands about releases and candidates: cut, hold, ban, and the announcements of releases."""

from typing import Any

from bot.errors import Refusal
from bot.github import commits, pull_requests
from bot.operations import announcements, bans, candidates, cut_previews, projects, releases
from bot.operations.candidates import CutRequest
from bot.operations.command_calls import Command, CommandCall
from bot.rules import block_replies, deployment_replies, replies
from bot.rules.block_replies import Block
from bot.rules.command_arguments import AT_COMMIT, BECAUSE, CANDIDATE, DRY_RUN, IN_PROJECT, RELEASE, SHA, VERSION
from bot.rules.commits import FULL_LENGTH, INVALID
from bot.rules.deployment_replies import CutResult, Preview
from bot.rules.grammar import Grammar
from bot.rules.replies import Act
from bot.rules.versions import (
    CandidateVersion,
    RequestedVersion,
    is_release_version,
    parse_requested_version,
    parse_written_candidate,
)
from bot.store.projects import Project

NOT_MERGED = "This pull request is not merged: add `at SHA` with a commit of a branch that may be released from"
NO_RELEASE = "Invalid release version"


async def full_sha(call: CommandCall, written: str) -> str:
    """A SHA in full. Refuses an abbreviated one that does not stand for exactly one commit on GitHub."""
    if len(written) >= FULL_LENGTH:
        return written
    sha = await commits.find(call.context.client_for(call.repository), written)
    if sha is None:
        reason = "it is not the beginning of the SHA of exactly one commit, or the name of a branch or tag"
        raise Refusal(INVALID, reason=reason, commit=written)
    return sha


async def candidate_version(call: CommandCall, project: Project) -> CandidateVersion:
    """The candidate that a command names."""
    return parse_written_candidate(await call.version(project, CANDIDATE))


async def _release_version(call: CommandCall, project: Project) -> str:
    """The release that a command names. Refuses a candidate's version, whose release may be meant or not."""
    version = await call.version(project, RELEASE)
    if not is_release_version(version):
        raise Refusal(NO_RELEASE, version=version, expected="a release version, as in 1.4.0")
    return version


async def _cut(call: CommandCall) -> CutResult:
    project = await call.project()
    candidate, _ = await candidates.cut(call.context, project.name, await _cut_request(call, project))
    building = await candidates.newest_build(candidate) is not None
    return CutResult(candidate.version, candidate.commit, candidate.status, building)


async def _preview_cut(call: CommandCall) -> str:
    project = await call.project()
    preview = await cut_previews.preview_cut(call.context, project.name, await _cut_request(call, project))
    return deployment_replies.previewed(Preview(preview.would))


async def _cut_request(call: CommandCall, project: Project) -> CutRequest:
    version = await _requested_version(call, project)
    written = call.arguments.get(SHA)
    commit = await _commit(call) if written is None else await full_sha(call, written)
    return CutRequest(version.release, commit, number=version.number)


async def _requested_version(call: CommandCall, project: Project) -> RequestedVersion:
    """The version to cut: the one that is written, or else the next one by the project's scheme."""
    if call.arguments.get(VERSION) is not None:
        return parse_requested_version(await call.version(project, VERSION))
    found = await projects.next_version(call.context, project.name)
    return RequestedVersion(found["release_version"])


async def _commit(call: CommandCall) -> str:
    """The commit that a command is about: the one commented on, or the one by which its pull request was merged."""
    if call.place.thread == "commit":
        return call.place.thread_id
    number = int(call.place.thread_id)
    pull = await pull_requests.get(call.context.client_for(call.repository), number)
    if pull is None:
        raise Refusal(INVALID, reason=f"pull request {number} no longer exists")
    if pull.merged_sha is None:
        raise Refusal(NOT_MERGED)
    return pull.merged_sha


async def _hold(call: CommandCall) -> Act:
    project, context = await call.project(), call.context
    version, reason = await _release_version(call, project), call.reason or ""
    release = await releases.hold(context, project.name, version, reason)
    held = release.held or {"by": context.actor.name, "reason": reason}
    is_earlier = (held["by"], held["reason"]) != (context.actor.name, reason.strip())
    return block_replies.held(version, Block(held["by"], held["reason"]), already=is_earlier)


async def _unhold(call: CommandCall) -> Act:
    project = await call.project()
    version = await _release_version(call, project)
    await releases.unhold(call.context, project.name, version)
    return block_replies.unheld(version)


async def _ban(call: CommandCall) -> Act:
    project = await call.project()
    version, reason = await candidate_version(call, project), call.reason or ""
    await bans.ban(call.context, project.name, version, reason)
    return block_replies.banned(str(version), reason)


async def _unban(call: CommandCall) -> Act:
    project = await call.project()
    version = await candidate_version(call, project)
    await bans.unban(call.context, project.name, version, dry_run=call.is_dry_run)
    return block_replies.unbanned(str(version))


async def _preview_unban(call: CommandCall) -> str:
    return replies.would(await _unban(call))


async def _announce(call: CommandCall) -> Act:
    project = await call.project()
    version = await _release_version(call, project)
    await announcements.submit_notes(call.context, project.name, version)
    return block_replies.announced(version)


async def _approve_announcement(call: CommandCall) -> Act:
    project = await call.project()
    version = await call.version(project, RELEASE)
    await announcements.approve(call.context, project.name, version)
    return block_replies.announcement_approved(version)


async def _reject_announcement(call: CommandCall) -> Act:
    project = await call.project()
    version, reason = await call.version(project, RELEASE), call.reason or ""
    await announcements.reject(call.context, project.name, version, reason)
    return block_replies.announcement_rejected(version, reason)


CUT: Command[Any] = Command(
    Grammar("cut", optional=(VERSION,), clauses=(AT_COMMIT, IN_PROJECT), flags=(DRY_RUN,)),
    grants=("release:cut",),
    changes=True,
    perform=_cut,
    reply=lambda result: replies.acted(deployment_replies.cut(result)),
    preview=_preview_cut,
    summary="cut a release candidate",
    example="/release cut 1.4.0",
    details="Without a version, it is the next one by the project's version scheme. Without `at SHA`, the commit is "
    "the one that was commented on, or the one by which the pull request was merged.",
)
BLOCKS: tuple[Command[Any], ...] = (
    Command(
        Grammar("hold", required=(RELEASE,), clauses=(IN_PROJECT, BECAUSE), flags=(DRY_RUN,)),
        grants=("release:hold",),
        changes=True,
        perform=_hold,
        reply=replies.acted,
        summary="put a release on hold: none of its candidates is deployed",
        example="/release hold 1.4.0 because the login fails",
    ),
    Command(
        Grammar("unhold", required=(RELEASE,), clauses=(IN_PROJECT,), flags=(DRY_RUN,)),
        grants=("release:hold",),
        changes=True,
        perform=_unhold,
        reply=replies.acted,
        summary="end a release's hold",
        example="/release unhold 1.4.0",
    ),
    Command(
        Grammar("ban", required=(CANDIDATE,), clauses=(IN_PROJECT, BECAUSE), flags=(DRY_RUN,)),
        grants=("release:hold",),
        changes=True,
        perform=_ban,
        reply=replies.acted,
        summary="ban a candidate: it is not deployed any more",
        example="/release ban 1.4.0-rc1 because it loses data",
    ),
    Command(
        Grammar("unban", required=(CANDIDATE,), clauses=(IN_PROJECT,), flags=(DRY_RUN,)),
        grants=("release:hold",),
        changes=True,
        perform=_unban,
        reply=replies.acted,
        preview=_preview_unban,
        summary="end a candidate's ban",
        example="/release unban 1.4.0-rc1",
    ),
)
ANNOUNCEMENTS: tuple[Command[Any], ...] = (
    Command(
        Grammar("announce", required=(RELEASE,), clauses=(IN_PROJECT,), flags=(DRY_RUN,)),
        grants=("announcement:submit",),
        changes=True,
        perform=_announce,
        reply=replies.acted,
        summary="submit a release's notes as its announcement",
        example="/release announce 1.4.0",
    ),
    Command(
        Grammar("announcement approve", required=(RELEASE,), clauses=(IN_PROJECT,), flags=(DRY_RUN,)),
        grants=("announcement:approve",),
        changes=True,
        perform=_approve_announcement,
        reply=replies.acted,
        summary="approve an announcement",
        example="/release announcement approve 1.4.0",
    ),
    Command(
        Grammar("announcement reject", required=(RELEASE,), clauses=(IN_PROJECT, BECAUSE), flags=(DRY_RUN,)),
        grants=("announcement:approve",),
        changes=True,
        perform=_reject_announcement,
        reply=replies.acted,
        summary="reject an announcement",
        example="/release announcement reject 1.4.0 because the notes are incomplete",
    ),
)
