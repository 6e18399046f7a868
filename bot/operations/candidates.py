"""Release candidates: cut, built, canceled."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from tortoise.exceptions import IntegrityError

from bot.context import Context, allowed
from bot.errors import Conflict, NotFound, Refusal
from bot.github.client import Repo
from bot.operations import audit, projects, releases, repositories, runs
from bot.rules import candidates as rules
from bot.rules.commits import INVALID, is_glob, is_repository_name, matches, parse_sha
from bot.rules.projects import branches_to_search
from bot.rules.versions import CandidateVersion, check_scheme
from bot.store.candidates import Candidate
from bot.store.database import after_commit, transaction
from bot.store.projects import Project, Repository
from bot.store.releases import Release
from bot.store.runs import Run

TRIES = 5  # of a transaction that somebody else's was faster than
MOST_BRANCHES = 200
AT_ONCE = 10  # branches that GitHub is asked about


@dataclass(frozen=True)
class CutRequest:
    """What somebody wants cut, through whichever door.

    `number` None is the next one. `repo` is what the caller believes the project's repository to be. `build` None means
    to build where a build workflow is configured. `origin` names the message that asks, so that one handled twice cuts
    once. `tag` is the candidate's tag where it is there already.
    """

    release: str
    commit: str
    number: int | None = None
    repo: str | None = None
    build: bool | None = None
    origin: str | None = None
    tag: str | None = None


@allowed("release:cut")
async def cut(context: Context, project: Project, wish: CutRequest) -> tuple[Candidate, bool]:
    """Cut a candidate at an exact commit, and tell whether it is new: the same one again gives what is there.

    Refused in this order: another commit under the same version, an archived project, a build without a workflow,
    a repository that is not the project's, a commit that is on no allowed branch of it.
    """
    check_scheme(wish.release, project.version_scheme)
    if (existing := await _existing(project, wish)) is not None:
        return existing, False
    projects.refuse_archived(project)
    wish = replace(wish, build=_builds(project, wish.build))
    repository = await _repository(context, project, wish.repo)
    sha, branch, tip_at = await _proven(context, project, repository, wish.commit)
    return await _write(context, project, replace(wish, commit=sha), branch, tip_at)


@allowed("project:read")
async def find(context: Context, project: Project, version: CandidateVersion) -> Candidate:
    """A candidate of a project."""
    candidate = await of_version(project, version)
    if candidate is None:
        raise NotFound("Release not found")
    return candidate


async def of_version(project: Project, version: CandidateVersion) -> Candidate | None:
    """The candidate of a version, if there is one."""
    return await Candidate.get_or_none(project_id=project.id, version=str(version)).select_related(
        "release", "repository", "created_by"
    )


@allowed("release:cut")
async def cancel(context: Context, project: Project, version: CandidateVersion) -> Candidate:
    """Cancel a candidate's build: at once where it was not sent yet, else once GitHub says that it has ended."""
    async with transaction():
        candidate = await Candidate.select_for_update().get_or_none(project_id=project.id, version=str(version))
        if candidate is None:
            raise NotFound("Release not found")
        rules.check_cancelable(candidate.version, candidate.status)
        reason = f"{context.actor.name} asked for the build to be cancelled."
        if await runs.cancel(context, await runs.newest(candidate_id=candidate.id)):
            await finish_build(context, candidate, "canceled", reason)
        else:
            await _move(context, candidate, candidate.status, reason)
        await audit.record(context, "candidate.cancel", candidate.version, project=project.id, commit=candidate.commit)
    await candidate.fetch_related("release", "repository", "created_by")
    return candidate


async def begin_build(context: Context, candidate: Candidate) -> None:
    """Take note, in the caller's transaction, that GitHub runs a candidate's build: the first time, or again."""
    if candidate.status != "building" and rules.may_move(candidate.status, "building"):
        await _move(context, candidate, "building", None)


async def finish_build(context: Context, candidate: Candidate, status: str, reason: str | None) -> None:
    """End a candidate's build, in the caller's transaction. The one place where builds end; a second end is none."""
    if candidate.status not in rules.UNFINISHED:
        return
    await _move(context, candidate, status, reason)
    after_commit(context.metrics.builds.labels(status).inc)
    after = {"status": status, "reason": reason}
    await audit.record(
        context,
        "candidate.finish_build",
        candidate.version,
        project=candidate.project_id,
        commit=candidate.commit,
        after=after,
    )


async def invalidate(context: Context, candidate: Candidate, reason: str) -> None:
    """Fail a candidate that turned out not to be what was approved, in the caller's transaction, with an alarm."""
    before = candidate.status
    if before in rules.UNFINISHED:
        await finish_build(context, candidate, "failed", reason)
    elif rules.may_move(before, "failed"):
        await _move(context, candidate, "failed", reason)
    await audit.alarm(
        context,
        "candidate.spoiled",
        candidate.version,
        project=candidate.project_id,
        commit=candidate.commit,
        before=before,
        after=reason,
    )


async def _move(context: Context, candidate: Candidate, status: str, reason: str | None) -> None:
    if status != candidate.status and not rules.may_move(candidate.status, status):
        raise Conflict(f"A candidate that is {candidate.status} cannot become {status}.")
    candidate.update_from_dict({"status": status, "reason": reason, "updated_at": context.now()})
    await candidate.save(update_fields=["status", "reason", "updated_at"])


async def _existing(project: Project, wish: CutRequest) -> Candidate | None:
    if wish.origin is not None and (before := await Candidate.get_or_none(origin=wish.origin)) is not None:
        return before
    if wish.number is None:
        return None
    candidate = await of_version(project, CandidateVersion(wish.release, wish.number))
    if candidate is not None and candidate.commit != wish.commit.lower():
        raise Conflict(
            "Release candidate already exists with another commit",
            release_candidate_version=candidate.version,
            commit=candidate.commit,
        )
    return candidate


def _builds(project: Project, build: bool | None) -> bool:
    if build is None:
        return project.build_workflow is not None
    if build and project.build_workflow is None:
        raise Refusal("Build workflow is not configured", project=project.name)
    return build


async def _repository(context: Context, project: Project, repo: str | None) -> Repository:
    """The project's repository. One named otherwise is asked of GitHub: it may be the same under a new name."""
    known = project.repository
    if repo is not None and not is_repository_name(repo):
        raise Refusal("`repo` must be a GitHub repository as `owner/name`.", field="repo")
    if known is None:
        raise Refusal("Release project has no repository", project=project.name)
    if repo is not None and repo.lower() != known.full_name.lower():
        fact = await repositories.find(context, repo)
        if fact.id != known.github_id:
            raise Refusal("Repository does not belong to the release project", repo=repo, expected=known.full_name)
        return await repositories.upsert(context, fact)
    if known.installation_id is None:
        return await repositories.upsert(context, await repositories.find(context, known.full_name))
    return known


async def _proven(
    context: Context, project: Project, repository: Repository, commit: str
) -> tuple[str, str, datetime | None]:
    """The commit in full, the allowed branch that it was proven reachable from, and when it was that branch's tip.

    The default branch is asked first, so that the common case is one call.
    """
    sha, repo, asked_at = parse_sha(commit), context.at(repository), context.now()
    patterns = branches_to_search(project.allowed_branches, repository.default_branch)
    for pattern in patterns:
        for branches in _batched(await _branches(repo, pattern), AT_ONCE):
            standings = await asyncio.gather(*(repo.branch_position(branch, sha) for branch in branches))
            for branch, standing in zip(branches, standings, strict=True):
                if standing is not None:
                    return sha, branch, asked_at if standing == "tip" else None
    if await repo.fact() is None:
        raise NotFound("GitHub repository not found", repo=repository.full_name)
    raise Refusal(INVALID, commit=sha, reason=f"not on a branch that may be released from: {', '.join(patterns)}")


def _batched(names: list[str], size: int) -> Iterator[list[str]]:
    """A list in pieces of at most a size."""
    return (names[start : start + size] for start in range(0, len(names), size))


async def _branches(repo: Repo, pattern: str) -> list[str]:
    if not is_glob(pattern):
        return [pattern]
    names = await repo.branches(pattern.partition("*")[0])
    matching = [name for name in names if matches(name, pattern)]
    if len(matching) > MOST_BRANCHES:
        raise Refusal(f"More than {MOST_BRANCHES} branches match `{pattern}`: narrow the project's allowed branches.")
    return matching


async def _write(
    context: Context, project: Project, wish: CutRequest, branch: str, tip_at: datetime | None
) -> tuple[Candidate, bool]:
    """Write release, candidate and wish for a build in one transaction: constraints decide between two writers."""
    for _ in range(TRIES):
        if (existing := await _existing(project, wish)) is not None:
            return existing, False
        number = wish.number
        if number is None:
            number = await projects.next_candidate_number(project, wish.release)
        try:
            async with transaction():
                candidate = await _insert(
                    context, project, wish, CandidateVersion(wish.release, number), branch, tip_at
                )
        except IntegrityError:
            continue
        await candidate.fetch_related("release", "repository", "created_by")
        return candidate, True
    raise Conflict("Somebody else keeps cutting candidates of this release: try again.")


async def _insert(
    context: Context,
    project: Project,
    wish: CutRequest,
    version: CandidateVersion,
    branch: str,
    tip_at: datetime | None,
) -> Candidate:
    now = context.now()
    release = await releases.get_or_create(context, project, version.release)
    await Release.filter(id=release.id).update(commit=wish.commit, updated_at=now)  # moves as candidates are cut
    own_tag = rules.tag_name(project.tag_prefix, str(version)) if project.tag_candidates else None
    tag = wish.tag or own_tag
    namesake = await Candidate.get_or_none(repository_id=project.repository_id, tag=tag) if tag else None
    if namesake is not None and namesake.version != str(version):
        raise Conflict(f"The tag `{tag}` is that of the candidate {namesake.version} of another project.")
    candidate = await Candidate.create(
        project_id=project.id,
        release_id=release.id,
        repository_id=project.repository_id,
        number=version.number,
        version=str(version),
        commit=wish.commit,
        branch=branch,
        tag=tag,
        tip_at=tip_at,
        status="pending" if wish.build else "ready",
        origin=wish.origin,
        created_by_id=context.actor.user_id,
        created_at=now,
        updated_at=now,
    )
    if wish.build and project.build_workflow is not None:
        await runs.want(
            context, candidate=candidate, workflow=project.build_workflow, minutes=project.build_deadline_minutes
        )
    after = {"build": wish.build, "branch": branch}
    await audit.record(context, "candidate.cut", str(version), project=project.id, commit=wish.commit, after=after)
    return candidate


async def build_of(candidate: Candidate) -> Run | None:
    """The newest run of a candidate's build, if it has one."""
    return await runs.newest(candidate_id=candidate.id)
