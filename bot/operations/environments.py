"""Environments: create, find, list and change."""

from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

from tortoise.exceptions import IntegrityError

from bot.context import Context, allowed, confirmed, unknown_environment
from bot.errors import Conflict
from bot.events.administration import EnvironmentChanged, EnvironmentCreated
from bot.operations import config_guard, environment_gates, events, freezes
from bot.operations.environment_gates import Listed
from bot.rules import projects as rules
from bot.store import queries
from bot.store.database import transaction
from bot.store.projects import Environment, Project


class EnvironmentSettings(TypedDict, total=False):
    """The settings of a new environment besides its name.

    `gates` are those of `bot/rules/gate_settings.py`, in the words in which they are written; None is the default.
    """

    tier: str
    workflow: str | None
    inputs: dict[str, str]
    position: int
    deploy_deadline_minutes: int
    url: str | None
    gates: Mapping[str, Any]


class EnvironmentChanges(EnvironmentSettings, total=False):
    """The settings of an environment that callers may change. `closed` can only be None: it opens the environment."""

    name: str
    closed: None


@allowed("project:write")
async def create(
    context: Context, project: Project, /, name: str, **values: Unpack[EnvironmentSettings]
) -> Environment:
    """Create an environment. Refuses invalid values, and a name that differs from another only in case."""
    rules.check({"name": name, **values}, rules.ENVIRONMENT)
    gates = values.pop("gates", {})
    found = await environment_gates.find_users(context, project.name, None, gates) if gates else {}
    columns: dict[str, Any] = dict(values)
    try:
        async with transaction():
            await Project.select_for_update(no_key=True).get(id=project.id)
            await _refuse_clash(project, name)
            if gates:
                columns |= await environment_gates.columns(project, name, None, gates, found)
            environment = await Environment.create(
                project=project, name=name, name_key=name.lower(), created_at=context.now(), **columns
            )
            target = f"{project.name}/{name}"
            await events.record(context, EnvironmentCreated(project_id=project.id, target=target, new=columns))
    except IntegrityError as clash:
        raise Conflict(f"An environment `{name}` has just been created.", field="name") from clash
    return environment


@allowed("project:read")
async def find_all(context: Context, project: Project, *, limit: int, offset: int = 0) -> list[Environment]:
    """List one page of a project's environments, by position."""
    rows = Environment.filter(project_id=project.id).order_by("position", "id")
    return await rows.limit(limit).offset(offset)


@allowed("project:read")
async def find(context: Context, project: Project, name: str) -> Environment:
    """Find an environment of a project by its case-sensitive name."""
    return await find_by_name(context, project, name)


async def find_by_name(context: Context, project: Project, name: str) -> Environment:
    """Find an environment of a project by its case-sensitive name, without checking grants."""
    environment = await queries.find_environment(project.id, name)
    if environment is None:
        raise await unknown_environment(context, project, name)
    return environment


@allowed("project:write")
async def change(context: Context, project: Project, name: str, /, **values: Unpack[EnvironmentChanges]) -> Environment:
    """Change an environment's settings; fields that are not passed are kept. Refuses a change of nothing."""
    if not values:
        await find_by_name(context, project, name)
    rules.refuse_empty(values, rules.ENVIRONMENT_FIELDS)
    rules.check(values, rules.ENVIRONMENT)
    gates = values.get("gates")
    found = await environment_gates.find_users(context, project.name, name, gates) if gates else {}
    return await _change(context, project, name, dict(values), found)


@allowed("project:write")
async def _change_with(
    context: Context, project: Project, name: str, values: dict[str, Any], found: Listed
) -> Environment:
    """Change settings within the caller's transaction; `found` are the accounts that were asked for before it."""
    rules.check(values, rules.ENVIRONMENT)
    return await _change(context, project, name, values, found)


async def amend(context: Context, project: str, name: str, /, **values: Any) -> Environment:
    """Change settings and, if `frozen` is among the values, freeze or unfreeze: each needs its grant, all or none.

    `frozen` replaces the freezes of the environment's own; None ends them.
    """
    if "frozen" not in values:
        return await change(context, project, name, **values)
    frozen = values.pop("frozen")
    context = await confirmed(context, project, "project:write", "freeze:write")
    gates = values.get("gates")
    found = await environment_gates.find_users(context, project, name, gates) if gates else {}
    async with transaction():
        await Project.select_for_update(no_key=True).get_or_none(name=project)  # before the environment, as in `_write`
        if frozen:
            await freezes.set_of_environment(context, project, name, **frozen)
        else:
            await freezes.end_all_of_environment(context, project, name)
        if values:
            return await _change_with(context, project, name, values, found)
        return await Environment.get(project__name=project, name=name)


async def _change(context: Context, project: Project, name: str, values: dict[str, Any], found: Listed) -> Environment:
    try:
        return await _write(context, project, name, values, found)
    except IntegrityError as clash:
        raise Conflict(f"An environment `{values.get('name')}` has just been created.", field="name") from clash


async def _write(context: Context, project: Project, name: str, values: dict[str, Any], found: Listed) -> Environment:
    async with transaction():
        if "name" in values or "gates" in values:  # other environments are concerned, or concern this one
            await Project.select_for_update(no_key=True).get(id=project.id)
        environment = await Environment.select_for_update().get_or_none(project_id=project.id, name=name)
        if environment is None:
            raise await unknown_environment(context, project, name)
        columns = {column: value for column, value in values.items() if column != "gates"}
        await config_guard.refuse_environment(project, environment, (*columns, *values.get("gates", ())))
        if new_name := values.get("name"):
            await _refuse_clash(project, new_name, environment)
        if "gates" in values:
            columns |= await environment_gates.columns(project, name, environment, values["gates"], found)
        before = {column: getattr(environment, column) for column in columns}
        environment.update_from_dict(columns)
        environment.name_key = environment.name.lower()
        await environment.save(update_fields=[*columns, "name_key"])
        event = EnvironmentChanged(project_id=project.id, target=f"{project.name}/{name}", old=before, new=columns)
        await events.record(context, event)
        await environment_gates.follow(context, project, environment, before, name)
    return environment


async def _refuse_clash(project: Project, name: str, own: Environment | None = None) -> None:
    other = await Environment.get_or_none(project_id=project.id, name_key=name.lower())
    if other is not None and (own is None or other.id != own.id):
        why = "" if other.name == name else ", and GitHub's environment names are not case-sensitive"
        raise Conflict(
            f"The project already has an environment `{other.name}`{why}.",
            field="name",
            environment=other.name,
        )
