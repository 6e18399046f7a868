"""Bans of candidates: a banned one is not deployed any more. Where it is live, it stays and is shown as banned."""

from bot.context import Context, allowed, unknown_candidate
from bot.errors import Conflict
from bot.events.gates import BanEvent, CandidateBanned, CandidateUnbanned
from bot.github import tags
from bot.operations import candidates, events, performed_requests, users
from bot.operations.candidate_moves import move
from bot.rules.blocks import check_reason, told
from bot.rules.versions import CandidateVersion
from bot.store.candidates import Candidate
from bot.store.database import rehearsal, transaction
from bot.store.gates import Ban
from bot.store.projects import Project

TAG_MOVED = "tag moved"


@allowed("release:hold")
async def ban(context: Context, project: Project, version: CandidateVersion, reason: str) -> Candidate:
    """Ban a candidate that is ready: it cannot be deployed until it is unbanned. Refuses any other candidate."""
    reason = check_reason(reason)
    async with transaction():
        candidate = await _lock(context, project, version)
        if await performed_requests.result_of(context, CandidateBanned.act) is None:
            if candidate.status != "ready":
                raise await _not_bannable(context, candidate)
            await _ban(context, candidate, reason, tag_moved=False)
    return await candidates.with_relations(candidate.id)


@allowed("release:hold")
async def unban(context: Context, project: Project, version: CandidateVersion, *, dry_run: bool = False) -> Candidate:
    """Allow deployments of a banned candidate again. Refused while its tag is at another commit.

    With `dry_run`, nothing is written.

    GitHub is asked where the tag is. A deleted tag is no obstacle: the next deployment creates it at the candidate's
    commit.
    """
    if await performed_requests.result_of(context, CandidateUnbanned.act) is not None:
        return await candidates.get(context, project, version)
    found = await candidates.get(context, project, version)
    is_tagged = await _check_tag(context, found)
    async with rehearsal() if dry_run else transaction():
        candidate = await _lock(context, project, version)
        if await performed_requests.result_of(context, CandidateUnbanned.act) is not None:
            # by a concurrent handling of the same message
            return candidate
        if candidate.status != "banned":
            raise Conflict("Release candidate is not banned", release_candidate_version=str(version))
        reason, now = candidate.reason or "", context.now()
        await Ban.filter(candidate_id=candidate.id, ended_at=None).update(
            ended_at=now, ended_by_id=context.actor.user_id
        )
        await move(context, candidate, "ready", None)
        await Candidate.filter(id=candidate.id).update(tagged=is_tagged)
        await events.record(context, _event(CandidateUnbanned, candidate, reason))
    return await candidates.with_relations(candidate.id)


async def ban_for_tag(context: Context, candidate: Candidate, reason: str) -> None:
    """Ban a candidate that is ready because its tag was moved or deleted, in the caller's transaction: by Longshore."""
    acting = context.acting_as(await users.system_actor(context), context.channel)
    await _ban(acting, candidate, f"{TAG_MOVED}: {reason[:1].lower()}{reason[1:]}", tag_moved=True)


async def _ban(context: Context, candidate: Candidate, reason: str, *, tag_moved: bool) -> None:
    await Ban.create(
        candidate_id=candidate.id,
        created_by_id=context.actor.user_id,
        reason=reason,
        tag_moved=tag_moved,
        since=context.now(),
    )
    await move(context, candidate, "banned", reason)
    await events.record(context, _event(CandidateBanned, candidate, reason))


def _event(event: type[BanEvent], candidate: Candidate, reason: str) -> BanEvent:
    return event(
        project_id=candidate.project_id,
        commit=candidate.commit,
        version=candidate.version,
        candidate_id=candidate.id,
        reason=reason,
    )


async def _lock(context: Context, project: Project, version: CandidateVersion) -> Candidate:
    """Find a candidate by its version and lock its row, in the caller's transaction."""
    candidate = await Candidate.select_for_update().get_or_none(project_id=project.id, version=str(version))
    if candidate is None:
        raise await unknown_candidate(context, project, version)
    return candidate


async def _not_bannable(context: Context, candidate: Candidate) -> Conflict:
    """Build the error for a candidate that is not ready: it is banned already, or cannot be deployed anyway."""
    details = {"release_candidate_version": candidate.version, "candidate_status": candidate.status}
    ban = await Ban.filter(candidate_id=candidate.id, ended_at=None).select_related("created_by").first()
    if ban is not None:
        fact = f"The candidate is banned by {ban.created_by.name}"
        return Conflict(told(fact, ban.since, None, ban.reason, context.now()), **details)
    sentence = f"The candidate is {candidate.status}: only one that is ready can be banned."
    return Conflict(sentence, **details, reason=candidate.reason)


async def _check_tag(context: Context, candidate: Candidate) -> bool:
    """Return whether a candidate's tag is at its commit, by asking GitHub; refuse if it is at another one."""
    if candidate.tag is None:
        return False
    commit = await tags.commit_of(context.client_for(candidate.repository), candidate.tag)
    if commit not in (None, candidate.commit):
        raise Conflict(
            f"The tag `{candidate.tag}` is at {commit}, not at the candidate's commit: move it back, or cut a new "
            "candidate.",
            release_candidate_version=candidate.version,
            tag=candidate.tag,
            commit=candidate.commit,
        )
    return commit is not None
