"""Configuration files of repositories: read from the tip of the default branch, and applied.

Webhooks say when to look; the file itself is always read from GitHub. A pull request's version has no effect.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import structlog

from bot.context import Context
from bot.errors import Refusal
from bot.events.configuration import ConfigurationBroken
from bot.github import branches, comments, commits, contents
from bot.github import repositories as github_repositories
from bot.github import users as users_on_github
from bot.github.commits import Touching
from bot.github.contents import File
from bot.github.repository import RepositoryClient
from bot.github.transport import ApiError
from bot.operations import config_application, events, repositories, users
from bot.operations.config_jobs import ApplyConfiguration, TellBroken
from bot.operations.config_pending import Reading
from bot.queue.jobs import enqueue
from bot.rules import config_texts, replies
from bot.rules.approvers import logins_in
from bot.rules.config import ConfigFile, load
from bot.rules.config_nodes import PATH, ConfigError, ConfigErrors
from bot.rules.ids import CommitSha, GitHubUserId, InstallationId, ProjectId, RepositoryId
from bot.store.config_files import ConfigChange, StoredConfigFile
from bot.store.database import transaction
from bot.store.projects import Project, Repository

CHANNEL = "file"
MAX_LOGINS = 100
GONE = (403, 404, 410, 422)
"""GitHub's answers about a commit that cannot be commented on: it is gone, or its repository is archived."""

log = structlog.get_logger()


@dataclass(frozen=True)
class PushHint:
    """A push to a default branch that may have changed the file. `installation` reaches the repository."""

    repository: RepositoryId
    installation: InstallationId | None
    pusher: GitHubUserId | None


async def on_push(hint: PushHint) -> None:
    """Handle a push: enqueue a job that reads the file.

    A repository that is not known may get its first project, if the same installation of the App reaches a known one:
    what others push causes no request.
    """
    if await Repository.exists(github_id=hint.repository) or (
        hint.installation is not None and await Repository.exists(installation_id=hint.installation)
    ):
        await schedule(ApplyConfiguration(hint.repository, hint.pusher, hint.installation))


async def schedule(job: ApplyConfiguration) -> None:
    """Enqueue a job that reads the file, again if an unfinished one may have read it before."""
    if not await enqueue(job):
        await enqueue(replace(job, again=True))


async def perform(context: Context, job: ApplyConfiguration) -> None:
    """Job: read the file at the tip of the default branch; apply it if it has changed, or was approved."""
    repository = await _repository(context, job)
    if repository is None or repository.installation_id is None:
        return
    context = context.acting_as(await users.system_actor(context), CHANNEL)
    client = context.client_for(repository)
    head = await branches.tip(client, repository.default_branch)
    if head is None:
        return
    try:
        file, fault = await contents.get_file(client, PATH, head), None
    except Refusal as refusal:  # a directory, a link, or too large
        file, fault = None, refusal.sentence
    await _process(context, repository, _Found(client, head, file, fault, job.pusher))


async def _repository(context: Context, job: ApplyConfiguration) -> Repository | None:
    """The repository of a job; one that is not known is looked up, and stored only if it has a file."""
    known = await Repository.get_or_none(github_id=job.repository)
    if known is not None or job.installation is None:
        return known
    fact = await github_repositories.get(context.github.client_for(job.installation, job.repository, ""))
    if fact is None:
        return None
    client = context.github.client_for(job.installation, fact.id, fact.full_name)
    file = await contents.get_file(client, PATH, fact.default_branch)
    return None if file is None else await repositories.upsert(context, fact)


@dataclass(frozen=True)
class _Found:
    """What GitHub has at the tip of the default branch: a file, a `fault` of what is there instead, or nothing."""

    client: RepositoryClient
    head: CommitSha
    file: File | None
    fault: str | None
    pusher: GitHubUserId | None

    @property
    def blob(self) -> str:
        """The SHA of the file; that of the commit where there is something else than a file."""
        return self.file.sha if self.file is not None else "" if self.fault is None else self.head


async def _process(context: Context, repository: Repository, found: _Found) -> None:
    defaults = {"state": "absent", "checked_at": context.now()}
    stored, _ = await StoredConfigFile.get_or_create(repository_id=repository.github_id, defaults=defaults)
    if found.blob == stored.blob:
        await StoredConfigFile.filter(id=stored.id).update(checked_at=context.now())
        if found.pusher is not None or await ConfigChange.exists(
            repository_id=repository.github_id, outcome="approved", blob=stored.applied_blob
        ):
            await _apply_again(context, repository, stored, found)
        return
    touching, complete = await commits.touching(found.client, PATH, found.head)
    commit = touching[0].sha if touching else found.head
    try:
        if found.fault is not None:
            raise ConfigErrors([ConfigError(1, 1, "", found.fault)])
        file = None if found.file is None else load(found.file.content)
        reading = Reading(
            repository=repository,
            blob=found.blob,
            commit=commit,
            file=file,
            text="" if found.file is None else found.file.content.decode("utf-8-sig"),
            authors=_authors(touching, stored.applied_commit, found.pusher, complete=complete),
            users=await _users(context, found.client, file),
        )
        await config_application.apply(context, reading)
    except ConfigErrors as errors:
        await _mark_broken(context, repository, found.blob, commit, errors)


async def _apply_again(context: Context, repository: Repository, stored: StoredConfigFile, found: _Found) -> None:
    """Apply the last valid file again: something in it has been approved, or another person has pushed."""
    file = load(stored.applied_text.encode()) if stored.applied_text else None
    if stored.state == "broken" or (file is None and not stored.applied_commit):
        return
    reading = Reading(
        repository=repository,
        blob=stored.applied_blob,
        commit=CommitSha(stored.applied_commit),
        file=file,
        text=stored.applied_text,
        authors=frozenset() if found.pusher is None else frozenset({found.pusher}),
        users=await _users(context, found.client, file),
    )
    await config_application.apply(context, reading)


def _authors(
    touching: Sequence[Touching], applied: str, pusher: GitHubUserId | None, *, complete: bool
) -> frozenset[GitHubUserId] | None:
    """Who wrote the file since the commit that was applied, and who pushed it; None if that cannot be told."""
    shas = [each.sha for each in touching]
    if applied not in shas and not complete:
        return None
    since = touching[: shas.index(CommitSha(applied))] if applied in shas else touching
    ids = {author.github_id for each in since for author in each.authors if author.github_id is not None}
    return frozenset(ids | ({pusher} if pusher is not None else set()))


async def _users(context: Context, client: RepositoryClient, file: ConfigFile | None) -> Mapping[str, GitHubUserId]:
    """The ids of the logins that a file names; those that GitHub does not know are left out, and match nobody."""
    projects = {} if file is None else file.config.projects
    logins = logins_in(
        entry
        for project in projects.values()
        for environment in project.environments.values()
        for entry in (*environment.approvers(environment.tier), *environment.deployers)
    )
    if len(logins) > MAX_LOGINS:
        sentence = f"The file names {len(logins)} people, of at most {MAX_LOGINS}: name teams instead."
        raise ConfigErrors([ConfigError(1, 1, "", sentence)])
    found = {login: await users_on_github.by_login(client, login) for login in sorted(logins)}
    return {login: account.id for login, account in found.items() if account is not None}


async def _mark_broken(
    context: Context, repository: Repository, blob: str, commit: CommitSha, errors: ConfigErrors
) -> None:
    """Record that a file is broken, raise the alarm, and have its commit commented on. Nothing else changes."""
    listed = [asdict(error) for error in errors.errors]
    async with transaction():
        await StoredConfigFile.filter(repository_id=repository.github_id).update(
            state="broken", blob=blob, commit=commit, errors=listed, checked_at=context.now()
        )
        managed = await Project.filter(repository_id=repository.github_id, managed=True).order_by("id")
        concerned: list[ProjectId | None] = [project.id for project in managed]
        for project_id in concerned or [None]:
            new = {"line": errors.errors[0].line, "error": errors.errors[0].sentence}
            broken = ConfigurationBroken(project_id=project_id, commit=commit, target=repository.full_name, new=new)
            await events.record(context, broken)
        await enqueue(TellBroken(repository.github_id, commit, blob, config_texts.broken(errors)))


async def tell_broken(context: Context, job: TellBroken) -> None:
    """Job: comment on the commit of a broken file, unless an earlier attempt of the job has done so."""
    repository = await Repository.get(github_id=job.repository)
    client, marker = context.client_for(repository), f"configuration:{job.blob}"
    try:
        if await comments.find_own(context.github, client, "commit", job.commit, replies.MARKER.format(marker)) is None:
            await comments.post(client, "commit", job.commit, replies.with_marker(job.body, marker))
    except ApiError as error:
        error.raise_unless(*GONE)
        log.info("broken configuration not told", repository=repository.full_name, why=error.message)
