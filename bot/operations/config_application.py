"""Applying a configuration file: its projects and environments are made, adopted and changed in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from bot.context import Context
from bot.errors import Conflict
from bot.events.administration import EnvironmentChanged, EnvironmentCreated, ProjectChanged, ProjectCreated
from bot.events.configuration import ConfigurationApplied
from bot.operations import config_pending, events, tag_prefixes
from bot.operations.config_pending import Reading, Rule, Weakening, rule_of
from bot.operations.tag_prefixes import Claim
from bot.operations.waiting import reevaluate
from bot.rules import config_columns as columns
from bot.rules.approvers import logins_in
from bot.rules.config_changes import Change, environment_changes, project_changes
from bot.rules.config_model import COMMAND, EnvironmentConfig, ProjectConfig
from bot.rules.config_nodes import ConfigError, ConfigErrors
from bot.rules.config_strength import stricter, stricter_project
from bot.rules.config_texts import ELSEWHERE
from bot.rules.projects import default_prefixes
from bot.rules.releases import make_permalink
from bot.rules.tag_prefixes import FIELDS as PREFIXES
from bot.store.config_files import StoredConfigFile
from bot.store.database import transaction
from bot.store.projects import Environment, Project, Repository

LEFT = "The configuration file does not name this environment any more"
RENAMED = "It was added to the configuration file while another one left it, which has to be approved"


async def apply(context: Context, reading: Reading) -> None:
    """Apply a file, in one transaction. What is weaker waits for approval, all else takes effect.

    Raises ConfigErrors for names and tag prefixes that are taken: then nothing has changed.
    """
    async with transaction():
        stored = await StoredConfigFile.select_for_update().get(repository_id=reading.repository.github_id)
        await _Application(context, reading).run()
        command = COMMAND if reading.file is None else reading.file.config.command
        await Repository.filter(github_id=reading.repository.github_id).update(command=command)
        if stored.applied_blob != reading.blob:
            new = {"blob": reading.blob, "command": command}
            target = reading.repository.full_name
            await events.record(context, ConfigurationApplied(target=target, commit=reading.commit, new=new))
        await StoredConfigFile.filter(id=stored.id).update(
            state="applied" if reading.file is not None else "absent",
            blob=reading.blob,
            commit=reading.commit,
            errors=[],
            applied_blob=reading.blob,
            applied_commit=reading.commit,
            applied_text=reading.text,
            checked_at=context.now(),
        )


def _where(reading: Reading, *path: str) -> tuple[int, int]:
    found = None if reading.file is None else reading.file.root.entry(*path)
    return (1, 1) if found is None else (found[0].line, found[0].column)


@dataclass(frozen=True)
class _Application:
    context: Context
    reading: Reading

    async def run(self) -> None:
        """Bring the projects of the repository to what the file says."""
        own = (
            Project.select_for_update(no_key=True)
            .filter(repository_id=self.reading.repository.github_id)
            .order_by("id")
        )
        await own  # in the order in which changes of projects over REST take their locks
        await tag_prefixes.lock(self.reading.repository.github_id)
        rows = await own
        known = {row.name: row for row in rows}
        leaving = [row for row in rows if row.managed and row.name not in self.reading.projects]
        waiting = [row for row in leaving if not await self._leave(row)]
        gone = await Environment.filter(project_id__in=[row.id for row in waiting]) if waiting else []
        for name, wanted in self.reading.projects.items():
            row = known.get(name) or await self._create(name, wanted, first=not rows)
            await self._change_project(row, wanted)
            await self._change_environments(row, wanted, gone)

    async def _leave(self, project: Project) -> bool:
        """Let a project leave the file; returns whether it is free. Until that is approved, REST cannot change it."""
        await config_pending.withdraw(self.context, project)
        environments = await Environment.filter(project_id=project.id)
        change = Change(project.name, "", "", None, None, "removed", weaker=True)
        weakening = Weakening(project, None, [change], rule_of(environments))
        if not await config_pending.may_take_effect(self.context, self.reading, weakening):
            return False
        await self._write_project(project, {"managed": False})
        for environment in environments:
            await self._write_environment(project, environment, {"managed": False})
        return True

    # --- projects

    async def _create(self, name: str, wanted: ProjectConfig, *, first: bool) -> Project:
        permalink = make_permalink(name)
        if await Project.exists(name=name) or await Project.exists(permalink=permalink):
            self._refuse(ELSEWHERE, "projects", name)
        others = await Project.exists(repository_id=self.reading.repository.github_id)
        values = {
            **default_prefixes(permalink, first=first and not others),
            **columns.project_columns(wanted),
            "name": name,
            "permalink": permalink,
            "managed": True,
        }
        await self._refuse_overlaps(name, permalink, {field: values[field] for field in PREFIXES}, None)
        now = self.context.now()
        row = await Project.create(
            repository_id=self.reading.repository.github_id, created_at=now, updated_at=now, **values
        )
        created = ProjectCreated(project_id=row.id, commit=self.reading.commit, target=name, new=values)
        await events.record(self.context, created)
        return row

    async def _change_project(self, row: Project, wanted: ProjectConfig) -> None:
        current = columns.project_config({name: getattr(row, name) for name in columns.PROJECT_COLUMNS})
        branch = self.reading.repository.default_branch
        weaker = [each for each in project_changes(row.name, current, wanted, branch) if each.weaker]
        rule = rule_of(await Environment.filter(project_id=row.id)) if weaker else Rule(1, (), {}, None)
        may = await config_pending.may_take_effect(self.context, self.reading, Weakening(row, None, weaker, rule))
        values = columns.project_columns(wanted if may else stricter_project(current, wanted, branch))
        claimed = {name: values[name] for name in PREFIXES if name in values and values[name] != getattr(row, name)}
        if claimed:
            await self._refuse_overlaps(row.name, row.permalink, claimed, row.id)
        await self._write_project(row, {**values, "managed": True})

    async def _refuse_overlaps(
        self, name: str, permalink: str, claimed: Mapping[str, str], project: int | None
    ) -> None:
        claim = Claim(self.reading.repository.github_id, permalink, claimed, (), project)
        try:
            await tag_prefixes.refuse_overlaps(self.context, claim)
        except Conflict as conflict:
            self._refuse(conflict.sentence, "projects", name)

    async def _write_project(self, row: Project, values: Mapping[str, Any]) -> None:
        changed = {name: value for name, value in values.items() if getattr(row, name) != value}
        if not changed:
            return
        old = {name: getattr(row, name) for name in changed}
        row.update_from_dict({**changed, "updated_at": self.context.now()})
        await row.save(update_fields=[*changed, "updated_at"])
        event = ProjectChanged(project_id=row.id, commit=self.reading.commit, target=row.name, old=old, new=changed)
        await events.record(self.context, event)

    # --- environments

    async def _change_environments(self, project: Project, wanted: ProjectConfig, gone: Sequence[Environment]) -> None:
        """Bring a project's environments to what the file says. `gone` are those of projects that wait for leaving."""
        rows = await Environment.select_for_update().filter(project_id=project.id).order_by("id")
        known = {row.name_key: row for row in rows}
        names = {name.lower() for name in wanted.environments}
        leaving = [row for row in rows if row.managed and row.name_key not in names]
        waiting = [*gone, *[row for row in leaving if not await self._close(project, row)]]
        for position, (name, environment) in enumerate(wanted.environments.items()):
            row = known.get(name.lower())
            is_new = row is None or row.closed == RENAMED
            if row is None:
                row = await self._create_environment(project, name, environment, RENAMED if waiting else None)
            values = await self._environment_values(project, row, environment, waiting if is_new else [])
            await self._write_environment(project, row, {**values, "name": name, "position": position, "managed": True})

    async def _close(self, project: Project, row: Environment) -> bool:
        """Close an environment that has left the file; returns whether it is free."""
        change = Change(project.name, row.name, "", None, None, "removed", weaker=True)
        weakening = Weakening(project, row, [change], rule_of([row]))
        may = await config_pending.may_take_effect(self.context, self.reading, weakening)
        await self._write_environment(project, row, {"closed": LEFT, "managed": not may})
        return may

    async def _create_environment(
        self, project: Project, name: str, wanted: EnvironmentConfig, closed: str | None
    ) -> Environment:
        values = {**columns.environment_columns(wanted), "closed": closed}
        row = await Environment.create(
            project=project, name=name, name_key=name.lower(), created_at=self.context.now(), managed=True, **values
        )
        target = f"{project.name}/{name}"
        created = EnvironmentCreated(project_id=project.id, commit=self.reading.commit, target=target, new=values)
        await events.record(self.context, created)
        return row

    async def _environment_values(
        self, project: Project, row: Environment, wanted: EnvironmentConfig, waiting: Sequence[Environment]
    ) -> dict[str, Any]:
        """The columns of an environment. While others wait for leaving the file, a new one may be one of them."""
        current = columns.environment_config({name: getattr(row, name) for name in columns.ENVIRONMENT_COLUMNS})
        weaker = [each for each in environment_changes(project.name, row.name, current, wanted) if each.weaker]
        if waiting:
            weaker = [Change(project.name, row.name, "", None, None, "added", weaker=True)]
        weakening = Weakening(project, row, weaker, rule_of(waiting or [row]))
        may = await config_pending.may_take_effect(self.context, self.reading, weakening)
        effective = wanted if may or waiting else stricter(current, wanted)
        values = columns.environment_columns(effective)
        values["listed_users"] = self._listed(effective, row)
        values["closed"] = RENAMED if waiting and not may else None
        return values

    def _listed(self, environment: EnvironmentConfig, row: Environment) -> dict[str, int]:
        """The ids of the logins in an environment's settings. One that was known before stands for the same account."""
        known = {**(self.reading.users or {}), **row.listed_users}
        logins = logins_in([*environment.approvers(environment.tier), *environment.deployers])
        return {login: known[login] for login in sorted(logins) if login in known}

    async def _write_environment(self, project: Project, row: Environment, values: Mapping[str, Any]) -> None:
        changed = {name: value for name, value in values.items() if getattr(row, name) != value}
        if not changed:
            return
        old = {name: getattr(row, name) for name in changed}
        row.update_from_dict(changed)
        await row.save(update_fields=list(changed))
        target = f"{project.name}/{row.name}"
        event = EnvironmentChanged(
            project_id=project.id, commit=self.reading.commit, target=target, old=old, new=changed
        )
        await events.record(self.context, event)
        await reevaluate(environment_id=row.id)

    def _refuse(self, sentence: str, *path: str) -> NoReturn:
        line, column = _where(self.reading, *path)
        raise ConfigErrors([ConfigError(line, column, ".".join(path), sentence)])
