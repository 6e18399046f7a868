"""Weaker changes of configuration files: they wait until enough people have approved them, under the old rule."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from bot.context import Context
from bot.events.configuration import ConfigurationWaits
from bot.operations import events
from bot.rules.config import ConfigFile
from bot.rules.config_changes import Change
from bot.rules.config_model import ProjectConfig
from bot.rules.gate_settings import read
from bot.rules.ids import CommitSha, EnvironmentId, GitHubUserId
from bot.store.config_files import ConfigChange
from bot.store.projects import Environment, Project, Repository

WITHOUT_RULE = ("role:admin",)
"""Who approves where no approvals were required before."""


@dataclass(frozen=True)
class Reading:
    """A configuration file as it was read: None if there is none, then `blob` is empty too.

    `authors` are those of the changes since the one that was applied before, with who pushed them; None if they are not
    known. `users` are the ids of the logins that the file names, in lower case.
    """

    repository: Repository
    blob: str
    commit: CommitSha
    file: ConfigFile | None
    text: str = ""
    authors: frozenset[GitHubUserId] | None = None
    users: Mapping[str, GitHubUserId] | None = None

    @property
    def projects(self) -> Mapping[str, ProjectConfig]:
        """The projects of the file by name."""
        return {} if self.file is None else self.file.config.projects


@dataclass(frozen=True)
class Rule:
    """How many people of whom have to approve: the rule of an environment before the change."""

    needed: int
    approvers: tuple[str, ...]
    listed_users: Mapping[str, int]
    environment: EnvironmentId | None


@dataclass(frozen=True)
class Weakening:
    """Weaker changes of one environment, or of a project's own settings, and the rule under which they are approved."""

    project: Project
    environment: Environment | None
    changes: Sequence[Change]
    rule: Rule

    @property
    def target(self) -> str:
        """What is changed, for people."""
        return self.project.name if self.environment is None else f"{self.project.name}/{self.environment.name}"


def rule_of(environments: Iterable[Environment]) -> Rule:
    """The rule of the environment with the most approvals; one by an administrator if none requires any."""
    strictest = max(environments, key=lambda each: read(each.gate_settings).approvals.count, default=None)
    settings = None if strictest is None else read(strictest.gate_settings)
    if strictest is None or settings is None or settings.approvals.count == 0:
        return Rule(1, WITHOUT_RULE, {}, None)
    approvers = settings.approvers(strictest.tier)
    return Rule(settings.approvals.count, approvers, strictest.listed_users, strictest.id)


async def may_take_effect(context: Context, reading: Reading, weakening: Weakening) -> bool:
    """Whether weaker changes have been approved for this version of the file, in the caller's transaction.

    If not, they wait from now on. Without changes, what waited is withdrawn.
    """
    environment_id = None if weakening.environment is None else weakening.environment.id
    rows = ConfigChange.filter(project_id=weakening.project.id, environment_id=environment_id)
    waiting = await rows.get_or_none(outcome=None)
    approved = await rows.filter(outcome="approved", blob=reading.blob).exists()
    await rows.filter(outcome="approved").exclude(blob=reading.blob).update(outcome="superseded")
    if approved or not weakening.changes:
        await rows.filter(outcome="approved").update(outcome="applied")
        await rows.filter(outcome=None).update(outcome="withdrawn", decided_at=context.now())
        return True
    if waiting is not None and waiting.blob == reading.blob:
        await _add_authors(waiting, reading)
        return False
    await rows.filter(outcome=None).update(outcome="superseded", decided_at=context.now())
    await _wait(context, reading, weakening, waiting)
    return False


async def withdraw(context: Context, project: Project) -> None:
    """Withdraw all changes of a project's environments that wait: the project has left the file."""
    waiting = ConfigChange.filter(project_id=project.id, outcome=None, environment_id__not_isnull=True)
    await waiting.update(outcome="withdrawn", decided_at=context.now())


async def _wait(context: Context, reading: Reading, weakening: Weakening, before: ConfigChange | None) -> None:
    """Insert the row of changes that wait. Those that waited before leave their rule and their authors."""
    rule, authors = weakening.rule, reading.authors
    if before is not None:
        authors = None if authors is None or before.author_ids is None else authors | set(_ids(before.author_ids))
        rule = Rule(before.needed, tuple(before.approvers), before.listed_users, before.rule_environment_id)
    await ConfigChange.create(
        repository_id=reading.repository.github_id,
        project_id=weakening.project.id,
        environment_id=None if weakening.environment is None else weakening.environment.id,
        rule_environment_id=rule.environment,
        blob=reading.blob,
        commit=reading.commit,
        changes=[asdict(change) for change in weakening.changes],
        needed=rule.needed,
        approvers=list(rule.approvers),
        listed_users=dict(rule.listed_users),
        author_ids=None if authors is None else sorted(authors),
        created_at=context.now(),
    )
    new = {"blob": reading.blob, "needed": rule.needed, "approvers": list(rule.approvers)}
    waits = ConfigurationWaits(project_id=weakening.project.id, commit=reading.commit, target=weakening.target, new=new)
    await events.record(context, waits)


async def _add_authors(waiting: ConfigChange, reading: Reading) -> None:
    """Add authors that are known only now, such as a second person who pushed."""
    if waiting.author_ids is not None and reading.authors is not None:
        authors = sorted(set(_ids(waiting.author_ids)) | reading.authors)
        if authors != waiting.author_ids:
            await ConfigChange.filter(id=waiting.id).update(author_ids=authors)


def _ids(numbers: Iterable[int]) -> Iterable[GitHubUserId]:
    return map(GitHubUserId, numbers)
