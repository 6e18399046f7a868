"""Where everything is: the status of a project, and the environments on which a commit is live."""

from collections.abc import Mapping, Sequence

from bot.context import Context, allowed
from bot.errors import NotFound, Refusal
from bot.github import pull_requests
from bot.github.repository import RepositoryClient
from bot.operations import gate_answers
from bot.rules.commits import parse_sha
from bot.rules.deployments import UNFINISHED
from bot.rules.ids import CommitSha
from bot.rules.status_replies import EnvironmentStatus, EnvironmentWithCommit, Presence, ProjectStatus, Whereabouts
from bot.store.candidates import Candidate
from bot.store.comparisons import StoredComparison
from bot.store.deployments import Deployment, live_deployment
from bot.store.gates import EnvironmentLock, Freeze, freezes_by_environment, locks_by_environment
from bot.store.projects import Environment, Project
from bot.store.releases import Release

MAX_ENVIRONMENTS = 30  # on which a commit is looked for
MAX_LISTED = 10  # candidates and releases that a reply lists
PRESENCES: Mapping[str, Presence] = {
    "identical": "live",
    "ahead": "live",  # what is live has the commit, and more
    "behind": "not live",
    "diverged": "not live",
}


@allowed("project:read")
async def project_status(context: Context, project: Project) -> ProjectStatus:
    """Read the newest candidate of a project, the releases on hold, and the status of each of its environments."""
    newest = await Candidate.filter(project_id=project.id).order_by("-id").first()
    environments = await Environment.filter(project_id=project.id).order_by("position", "id")
    freezes = await freezes_by_environment(environments, context.now())
    locks = await locks_by_environment(environments, context.now())
    held = Release.filter(project_id=project.id, held__not_isnull=True).order_by("-id").limit(MAX_LISTED)
    statuses = [await _environment_status(each, freezes[each.id], locks.get(each.id)) for each in environments]
    return ProjectStatus(
        project.name,
        newest.version if newest else None,
        tuple(statuses),
        tuple(release.version for release in await held),
    )


@allowed("project:read")
async def where(context: Context, project: Project, commit: str) -> Whereabouts:
    """Find the environments of a project where a commit is live: it is what is live there, or an ancestor of that.

    GitHub is asked once for each live commit that the commit was not compared with before.
    """
    return await _where(context, project, parse_sha(commit))


@allowed("project:read")
async def where_pull_request(context: Context, project: Project, number: int) -> Whereabouts:
    """Find the environments where a pull request is live: the commit by which it was merged, or its head."""
    pull = await pull_requests.get(_client(context, project), number)
    if pull is None:
        raise NotFound(f"There is no pull request {number}.")
    is_merged = pull.merged_sha is not None
    return await _where(context, project, pull.merged_sha or pull.head_sha, number, merged=is_merged)


async def _where(
    context: Context, project: Project, commit: CommitSha, pull: int | None = None, *, merged: bool = True
) -> Whereabouts:
    client = _client(context, project)
    environments = await Environment.filter(project_id=project.id).order_by("position", "id")
    looked_at = environments[:MAX_ENVIRONMENTS]
    at_commit = Candidate.filter(project_id=project.id, commit=commit).order_by("-id").limit(MAX_LISTED)
    return Whereabouts(
        commit,
        [await _presence(context, client, environment, commit) for environment in looked_at],
        [candidate.version for candidate in await at_commit],
        pull,
        merged,
        more=len(environments) - len(looked_at),
    )


async def _presence(
    context: Context, client: RepositoryClient, environment: Environment, commit: CommitSha
) -> EnvironmentWithCommit:
    """Whether a commit is live on an environment. The answer of GitHub for two commits is stored."""
    live = await live_deployment(environment.id).select_related("candidate")
    if live is None:
        return EnvironmentWithCommit(environment.name, "nothing live")
    version, head = live.candidate.version, live.candidate.commit
    if head == commit:
        return EnvironmentWithCommit(environment.name, "live", version)
    pairs = StoredComparison.filter(repository_id=client.id, base=commit, head=head)
    stored = await pairs.first()
    if stored is None:
        problem = await gate_answers.store_comparison(context, client, commit, head, with_authors=False)
        stored = await pairs.first()
        if stored is None:
            return EnvironmentWithCommit(environment.name, "unknown", version, problem)
    return EnvironmentWithCommit(environment.name, PRESENCES[stored.status], version)


def _client(context: Context, project: Project) -> RepositoryClient:
    """A client for a project's repository, which must have been fetched."""
    if project.repository is None:
        raise Refusal("Release project has no repository", project=project.name)
    return context.client_for(project.repository)


async def _environment_status(
    environment: Environment, freezes: Sequence[Freeze], lock: EnvironmentLock | None
) -> EnvironmentStatus:
    live = await live_deployment(environment.id).select_related("candidate")
    unfinished = Deployment.filter(environment_id=environment.id, status__in=list(UNFINISHED)).order_by("-id")
    rows = await unfinished.select_related("candidate")
    active = next((row for row in rows if not row.waiting), None)
    waiting = next((row for row in rows if row.waiting), None)
    return EnvironmentStatus(
        name=environment.name,
        live=live.candidate.version if live else None,
        commit=live.candidate.commit[:12] if live else None,
        under_way=f"{active.candidate.version} ({active.status})" if active else None,
        frozen=freezes[0].reason if freezes else None,
        banned=live is not None and live.candidate.status == "banned",
        waits=f"{waiting.candidate.version} for {', '.join(waiting.waits_for or ())}" if waiting else None,
        locked=f"{lock.owner.name}: {lock.reason}" if lock else None,
    )
