"""The check run of a pull request that changes the configuration file. What stands there is read and has no effect."""

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from bot.context import Context
from bot.errors import Refusal
from bot.github import check_runs, contents, pull_requests, workflows
from bot.github.repository import RepositoryClient
from bot.github.workflows import DispatchDenied
from bot.operations.config_jobs import LintConfiguration
from bot.operations.showing import showing
from bot.queue.jobs import enqueue
from bot.rules import config_columns as columns
from bot.rules import config_texts
from bot.rules.checks import Annotation, CheckRunContent
from bot.rules.config import ConfigFile, load
from bot.rules.config_changes import changes
from bot.rules.config_model import VERSION, Config, ProjectConfig
from bot.rules.config_nodes import PATH, ConfigError, ConfigErrors
from bot.rules.ids import CommitSha, RepositoryId
from bot.rules.releases import make_permalink
from bot.store.projects import Environment, Project, Repository

NAME = "Longshore configuration"
MAX_WORKFLOWS = 10  # files that are looked at
MAX_PAGES, MAX_PAGES_OF_OTHERS = 30, 3  # of a hundred files of a pull request each


@dataclass(frozen=True)
class PullHint:
    """A pull request that was opened or got commits. `trusted`: its head is in the repository itself."""

    repository: RepositoryId
    number: int
    base: str
    trusted: bool


async def on_pull_request(hint: PullHint) -> None:
    """Handle a pull request into the default branch of a known repository: enqueue a job that looks at its files."""
    repository = await Repository.get_or_none(github_id=hint.repository)
    if repository is None or hint.base != repository.default_branch:
        return
    job = LintConfiguration(hint.repository, hint.number, hint.trusted)
    if not await enqueue(job):
        await enqueue(replace(job, again=True))


async def lint(context: Context, job: LintConfiguration) -> None:
    """Job: if a pull request changes the file, show on its head what is wrong with it, or what will change.

    Of pull requests from forks, only the first files are looked at.
    """
    repository = await Repository.get(github_id=job.repository)
    if repository.installation_id is None:
        return
    client = context.client_for(repository)
    pull = await pull_requests.get(client, job.pull)
    if pull is None or pull.base != repository.default_branch:
        return
    files, complete = await pull_requests.files(client, job.pull, MAX_PAGES if job.trusted else MAX_PAGES_OF_OTHERS)
    is_unknown = not complete and job.trusted
    if not is_unknown and not any(PATH in (file.name, file.previous_name) for file in files):
        return
    content = await _content(client, repository, _Subject(job.pull, pull.head_sha, job.trusted))
    with showing("checks", repository.github_id):
        if await check_runs.find_own(client, pull.head_sha, NAME, content.external_id) is None:
            await check_runs.create(client, content)


@dataclass(frozen=True)
class _Subject:
    """The head of a pull request."""

    pull: int
    head: CommitSha
    trusted: bool

    @property
    def id(self) -> str:
        """Our own id of its check run."""
        return f"configuration:{self.pull}:{self.head}"


async def _content(client: RepositoryClient, repository: Repository, subject: _Subject) -> CheckRunContent:
    """What the check run shows."""
    try:
        file = await _read(client, subject.head)
        if file is not None and subject.trusted:
            await _refuse_names(repository, file)
    except ConfigErrors as errors:
        return _broken(subject, errors)
    old = await _in_force(repository, file)
    found = changes(old, None if file is None else file.config, repository.default_branch)
    warnings = [] if file is None else [each async for each in _warnings(client, file, subject.head)]
    return CheckRunContent(
        name=NAME,
        head_sha=subject.head,
        external_id=subject.id,
        status="completed",
        conclusion="success",
        title=config_texts.title(found),
        summary=config_texts.summary(found),
        annotations=tuple(_annotation(line, "warning", sentence) for line, sentence in warnings),
    )


def _broken(subject: _Subject, errors: ConfigErrors) -> CheckRunContent:
    count = len(errors.errors)
    return CheckRunContent(
        name=NAME,
        head_sha=subject.head,
        external_id=subject.id,
        status="completed",
        conclusion="failure",
        title="1 error" if count == 1 else f"{count}{' or more' if errors.has_more else ''} errors",
        summary="Merged like this, the file would change nothing: the last one that is valid stays in force.",
        annotations=tuple(_annotation(each.line, "failure", each.sentence, each.path) for each in errors.errors),
    )


def _annotation(line: int, level: Literal["failure", "warning"], sentence: str, title: str = "") -> Annotation:
    return Annotation(PATH, line, line, level, sentence, title)


async def _in_force(repository: Repository, file: ConfigFile | None) -> Config:
    """What is in force now of what the file sets, or would set: it may come from REST, or from an older file."""
    wanted = {} if file is None else file.config.projects
    projects = {}
    for row in await Project.filter(repository_id=repository.github_id).order_by("id"):
        if row.managed or row.name in wanted:
            names = wanted[row.name].environments if row.name in wanted else {}
            environments = await Environment.filter(project_id=row.id).order_by("position", "id")
            projects[row.name] = _project(row, [each for each in environments if each.managed or each.name in names])
    return Config.model_construct(version=VERSION, command=repository.command, projects=projects)


def _project(row: Project, environments: Iterable[Environment]) -> ProjectConfig:
    own = columns.project_config({name: getattr(row, name) for name in columns.PROJECT_COLUMNS})
    found = {
        each.name: columns.environment_config({name: getattr(each, name) for name in columns.ENVIRONMENT_COLUMNS})
        for each in environments
    }
    return own.model_copy(update={"environments": found})


async def _read(client: RepositoryClient, head: CommitSha) -> ConfigFile | None:
    """The file at the head; None if it is removed there. Raises ConfigErrors."""
    try:
        found = await contents.get_file(client, PATH, head)
    except Refusal as refusal:
        raise ConfigErrors([ConfigError(1, 1, "", refusal.sentence)]) from refusal
    return None if found is None else load(found.content)


async def _refuse_names(repository: Repository, file: ConfigFile) -> None:
    """Raise ConfigErrors for projects that belong elsewhere: only people who can push are told that there are such."""
    own = {project.name for project in await Project.filter(repository_id=repository.github_id)}
    errors = []
    for name in file.config.projects:
        if name not in own and (
            await Project.exists(name=name) or await Project.exists(permalink=make_permalink(name))
        ):
            line = file.line("projects", name) or 1
            errors.append(ConfigError(line, 1, f"projects.{name}", config_texts.ELSEWHERE))
    if errors:
        raise ConfigErrors(errors)


async def _warnings(client: RepositoryClient, file: ConfigFile, head: CommitSha) -> AsyncIterator[tuple[int, str]]:
    """The lines of workflows that could not be started, and of inputs that they do not declare, with why."""
    found: dict[str, frozenset[str] | str] = {}
    for path, workflow, inputs in _workflows(file):
        if workflow not in found:
            if len(found) == MAX_WORKFLOWS:
                return
            found[workflow] = await _declared(client, workflow, head)
        declared = found[workflow]
        if isinstance(declared, str):
            yield file.line(*path, "workflow") or 1, declared
            continue
        for name in inputs:
            if name not in declared:
                line = file.line(*path, "inputs", name) or 1
                yield line, f"`{workflow}` does not declare the input `{name}`, so it is not sent."


def _workflows(file: ConfigFile) -> Iterator[tuple[tuple[str, ...], str, Iterable[str]]]:
    """The workflows that a file names: where, which, and with what inputs."""
    for name, project in file.config.projects.items():
        if project.build.workflow is not None:
            yield ("projects", name, "build"), project.build.workflow, project.build.inputs
        for environment, settings in project.environments.items():
            if settings.workflow is not None:
                yield ("projects", name, "environments", environment), settings.workflow, settings.inputs


async def _declared(client: RepositoryClient, workflow: str, head: CommitSha) -> frozenset[str] | str:
    """The inputs that a workflow file declares at the head, or why it could not be started."""
    try:
        return (await workflows.get_file(client, workflow, head, head[:12])).content.inputs
    except DispatchDenied as denied:
        return denied.sentence
