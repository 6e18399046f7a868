"""Release candidates: cut, find, build, and finish the build of."""

from dataclasses import dataclass, replace

from tortoise.exceptions import IntegrityError

from bot.context import Context, allowed, unknown_candidate
from bot.errors import Conflict, Refusal
from bot.events.releases import BuildFinished, BuildRequested, CandidateCut, CandidateInvalidated
from bot.operations import automatic, events, performed_requests, projects, releases, repositories, runs, views
from bot.operations.candidate_moves import move
from bot.operations.commit_proofs import ProvenCommit, prove
from bot.rules import candidates as rules
from bot.rules.commits import is_repository_name
from bot.rules.ids import CandidateId
from bot.rules.runs import duration
from bot.rules.tags import tag_name
from bot.rules.versions import CandidateVersion, check_scheme
from bot.store.candidates import Candidate
from bot.store.database import transaction
from bot.store.deployments import Deployment
from bot.store.projects import Project, Repository
from bot.store.releases import Release
from bot.store.runs import Run

TRIES = 5  # of a transaction that loses to a concurrent one
RELATED = ("release", "repository", "created_by")


@dataclass(frozen=True)
class CutRequest:
    """A request to cut a candidate.

    `number` None stands for the next one. `repo` is the repository that the caller expects the project to have. `build`
    None means to build if the project has a build workflow. `tag` is the candidate's tag if that exists already.
    """

    release: str
    commit: str
    number: int | None = None
    repo: str | None = None
    build: bool | None = None
    tag: str | None = None


@allowed("release:cut")
async def cut(context: Context, project: Project, request: CutRequest) -> tuple[Candidate, bool]:
    """Cut a candidate at an exact commit; returns it and whether it is new: the same request again finds the candidate.

    If it was cut without a build and now one is asked for, its build starts. Refused in this order: another commit
    under the same version, an archived project, a build without a workflow, a repository that is not the project's, a
    commit that is on no allowed branch of it.
    """
    check_scheme(request.release, project.version_scheme)
    if (existing := await find_existing(context, project, request)) is not None:
        if request.build:
            await _build_unbuilt(context, project, existing)
        return existing, False
    projects.refuse_archived(project)
    request = replace(request, build=should_build(project, request.build))
    repository = await find_repository(context, project, request.repo)
    proven = await prove(context, project, repository, request.commit, request.release)
    request = replace(request, commit=proven.sha)
    for _ in range(TRIES):  # constraints decide between two writers
        number = request.number
        if number is None:
            number = await projects.next_candidate_number(project, request.release)
        try:
            async with transaction():
                version = CandidateVersion(request.release, number)
                candidate = await _insert(context, project, request, version, proven)
        except IntegrityError:
            if (existing := await find_existing(context, project, request)) is not None:
                return existing, False
            continue
        await candidate.fetch_related(*RELATED)
        return candidate, True
    raise Conflict("Other requests keep cutting candidates of this release: try again.")


@allowed("project:read")
async def find(context: Context, project: Project, version: CandidateVersion) -> Candidate:
    """Find a candidate of a project by its version."""
    return await get(context, project, version)


async def get(context: Context, project: Project, version: CandidateVersion) -> Candidate:
    """Find a candidate of a project by its version, without checking grants."""
    candidate = await get_or_none(project, version)
    if candidate is None:
        raise await unknown_candidate(context, project, version)
    return candidate


async def get_or_none(project: Project, version: CandidateVersion) -> Candidate | None:
    """Find a candidate by its version, without checking grants; None when it does not exist."""
    return await Candidate.get_or_none(project_id=project.id, version=str(version)).select_related(*RELATED)


async def with_relations(candidate: CandidateId) -> Candidate:
    """Read a candidate with what it refers to, in one query."""
    return await Candidate.get(id=candidate).select_related(*RELATED)


async def newest_build(candidate: Candidate) -> Run | None:
    """The newest run of a candidate's build, if it has one."""
    return await runs.newest(candidate_id=candidate.id)


async def begin_build(context: Context, candidate: Candidate) -> None:
    """Record, in the caller's transaction, that a candidate is being built, for the first time or again."""
    if candidate.status != "building" and rules.may_move(candidate.status, "building"):
        await move(context, candidate, "building", None)
        await views.show(candidate.id)


async def finish_build(context: Context, candidate: Candidate, status: str, reason: str | None) -> None:
    """End a candidate's build, in the caller's transaction. All builds end here; a second end changes nothing."""
    if candidate.status not in rules.UNFINISHED:
        return
    seconds = await _seconds_of_build(context, candidate)
    project = await Project.get(id=candidate.project_id)
    await move(context, candidate, status, reason)
    await events.record(
        context,
        BuildFinished(
            project_id=candidate.project_id,
            commit=candidate.commit,
            version=candidate.version,
            project=project.name,
            status=status,
            reason=reason,
            seconds=seconds,
        ),
    )


async def _seconds_of_build(context: Context, candidate: Candidate) -> float | None:
    """The seconds since a build was requested, or seen to be re-run on GitHub; None if the end is its first news."""
    run = await newest_build(candidate)
    if run is not None and run.attempt == run.first_attempt:
        return duration(run.created_at, context.now(), was_requested=True)
    return duration(candidate.updated_at, context.now(), was_requested=False)


async def invalidate(context: Context, candidate: Candidate, reason: str) -> None:
    """Fail a candidate whose tag or run is not at its commit, in the caller's transaction, and raise the alarm."""
    old_status = candidate.status
    if old_status in rules.UNFINISHED:
        await finish_build(context, candidate, "failed", reason)
    elif rules.may_move(old_status, "failed"):
        await move(context, candidate, "failed", reason)
    await events.record(
        context,
        CandidateInvalidated(
            project_id=candidate.project_id,
            commit=candidate.commit,
            version=candidate.version,
            old_status=old_status,
            reason=reason,
        ),
    )


async def find_existing(context: Context, project: Project, request: CutRequest) -> Candidate | None:
    """Find the candidate that an earlier, equal request has cut. Conflict when it has another commit."""
    if (candidate_id := await performed_requests.result_of(context, CandidateCut.act)) is not None:
        return await Candidate.get(id=candidate_id).select_related(*RELATED)
    if request.number is None:
        return None
    candidate = await get_or_none(project, CandidateVersion(request.release, request.number))
    if candidate is not None and candidate.commit != request.commit.lower():
        raise Conflict(
            "Release candidate already exists with another commit",
            release_candidate_version=candidate.version,
            commit=candidate.commit,
        )
    return candidate


async def _build_unbuilt(context: Context, project: Project, candidate: Candidate) -> None:
    """Start the build of a candidate that was cut without one."""
    if candidate.status != "ready":
        return
    async with transaction():
        locked = await Candidate.select_for_update().get(id=candidate.id)
        if await is_unbuilt(locked):
            await check_build(project, locked)
            await start_build(context, project, locked)
    candidate.update_from_dict({"status": locked.status, "updated_at": locked.updated_at})


async def start_build(context: Context, project: Project, candidate: Candidate) -> None:
    """Request a run that builds a candidate, for the first time or again, in the caller's transaction."""
    await move(context, candidate, "pending", None)
    await _request_build(context, project, candidate)
    requested = BuildRequested(project_id=candidate.project_id, commit=candidate.commit, version=candidate.version)
    await events.record(context, requested)


async def is_unbuilt(candidate: Candidate) -> bool:
    """Whether a candidate is ready without ever having been built."""
    return candidate.status == "ready" and await newest_build(candidate) is None


async def check_build(project: Project, candidate: Candidate) -> None:
    """Refuse to build a candidate that was cut without one where that cannot be made up for."""
    projects.refuse_archived(project)
    should_build(project, build=True)
    await refuse_deployed(candidate)


async def refuse_deployed(candidate: Candidate) -> None:
    """Refuse to build a candidate that has been deployed: a failure would take it from those that may be."""
    if await Deployment.exists(candidate_id=candidate.id):
        raise Conflict(
            "Release candidate has been deployed without a build", release_candidate_version=candidate.version
        )


async def _request_build(context: Context, project: Project, candidate: Candidate) -> None:
    """Request the build's run, in the caller's transaction."""
    if project.build_workflow is not None:
        await runs.request(context, candidate, project.build_workflow, project.build_deadline_minutes)


def should_build(project: Project, build: bool | None) -> bool:
    """Whether a cut builds: as asked for, else if there is a build workflow. Refuses a build without one."""
    if build is None:
        return project.build_workflow is not None
    if build and project.build_workflow is None:
        raise Refusal("Build workflow is not configured", project=project.name)
    return build


async def find_repository(context: Context, project: Project, repo: str | None, *, store: bool = True) -> Repository:
    """Find the project's repository. A name other than the stored one is looked up: it may have been renamed.

    With `store`, what GitHub says of it then is kept.
    """
    stored = project.repository
    if repo is not None and not is_repository_name(repo):
        raise Refusal("`repo` must be a GitHub repository as `owner/name`.", field="repo")
    if stored is None:
        raise Refusal("Release project has no repository", project=project.name)
    name = stored.full_name if repo is None or repo.lower() == stored.full_name.lower() else repo
    if name == stored.full_name and stored.installation_id is not None:
        return stored
    fact = await repositories.find(context, name)
    if name != stored.full_name and fact.id != stored.github_id:
        raise Refusal("Repository does not belong to the release project", repo=repo, expected=stored.full_name)
    return await repositories.upsert(context, fact) if store else repositories.unstored(fact)


async def _insert(
    context: Context, project: Project, request: CutRequest, version: CandidateVersion, proven: ProvenCommit
) -> Candidate:
    """Insert the candidate, its release if need be, and the request for its build, in the caller's transaction."""
    now = context.now()
    release = await releases.get_or_create(context, project, version.release)
    await Release.filter(id=release.id).update(commit=proven.sha, updated_at=now)  # moves as candidates are cut
    tag = tag_of(project, request, version)
    await refuse_taken_tag(project, version, tag)
    candidate = await Candidate.create(
        project_id=project.id,
        release_id=release.id,
        repository_id=project.repository_id,
        number=version.number,
        version=str(version),
        commit=proven.sha,
        branch=proven.branch,
        tag=tag,
        tip_at=proven.tip_at,
        status="pending" if request.build else "ready",
        origin=context.origin,
        created_by_id=context.actor.user_id,
        created_at=now,
        updated_at=now,
    )
    if request.build:
        await _request_build(context, project, candidate)
    else:
        await automatic.on_ready(candidate)
    await events.record(context, _cut_event(candidate, request.build))
    return candidate


def tag_of(project: Project, request: CutRequest, version: CandidateVersion) -> str | None:
    """The tag of a candidate to cut; None if the project's candidates have none."""
    return request.tag or (tag_name(project.tag_prefix, str(version)) if project.tag_candidates else None)


async def refuse_taken_tag(project: Project, version: CandidateVersion, tag: str | None) -> None:
    """Refuse a tag that is another candidate's in the same repository."""
    other = await Candidate.get_or_none(repository_id=project.repository_id, tag=tag) if tag else None
    if other is not None and other.version != str(version):
        raise Conflict(f"The tag `{tag}` is that of the candidate {other.version} of another project.")


def _cut_event(candidate: Candidate, build: bool | None) -> CandidateCut:
    return CandidateCut(
        project_id=candidate.project_id,
        commit=candidate.commit,
        version=candidate.version,
        candidate_id=CandidateId(candidate.id),
        build=build,
        branch=candidate.branch,
    )
