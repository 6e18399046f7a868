"""Freezes: deployments to an environment, to all of a project, or to all of the service are stopped until they end.

Several may be in force at once: each stops deployments until it ends. The rows are written under the locks of the
environments that they stop, which a deployment takes as well: none that was not there before a freeze follows it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tortoise.expressions import Q

from bot.context import FORBIDDEN, READ, Context, allowed, authorize, unknown_environment
from bot.errors import Conflict, Forbidden, NotFound
from bot.events.gates import (
    EnvironmentFrozen,
    EnvironmentUnfrozen,
    ProjectFrozen,
    ProjectUnfrozen,
    ServiceFrozen,
    ServiceUnfrozen,
)
from bot.operations import board, events, performed_requests
from bot.operations.waiting import reevaluate
from bot.rules.blocks import Terms, terms
from bot.rules.ids import EnvironmentId
from bot.store.database import transaction
from bot.store.gates import Freeze, freezes_by_environment, in_force
from bot.store.projects import Environment, Project

SERVICE = "all projects"  # what a freeze of the service is about, in the audit log


@dataclass(frozen=True)
class Unfrozen:
    """The freezes that were ended, and those that still stop deployments there: oldest first."""

    ended: Sequence[Freeze]
    remaining: Sequence[Freeze]


@allowed("freeze:write")
async def freeze_environment(
    context: Context,
    project: Project,
    environment: str,
    reason: str,
    until: datetime | None = None,
    lasts: timedelta | None = None,
) -> Freeze:
    """Stop deployments to an environment, besides other freezes of it: until a time, for some time, or until ended."""
    wanted = terms(context.now(), reason, until, lasts)
    async with transaction():
        row = await lock_environment(context, project, environment)
        if (earlier := await _performed(context, EnvironmentFrozen.act)) is not None:
            return earlier
        return await _freeze_environment(context, project, row, wanted)


@allowed("freeze:write")
async def set_of_environment(
    context: Context, project: Project, environment: str, reason: str, until: datetime | None = None
) -> Freeze:
    """Stop deployments to an environment by one freeze that replaces all others of its own."""
    wanted = terms(context.now(), reason, until, within="frozen.")
    async with transaction():
        row = await lock_environment(context, project, environment)
        replaced = await _end(context, await _own_freezes(context, row))
        return await _freeze_environment(context, project, row, wanted, replaced)


@allowed("freeze:write")
async def freeze_project(
    context: Context, project: Project, reason: str, until: datetime | None = None, lasts: timedelta | None = None
) -> Freeze:
    """Stop deployments to all environments of a project."""
    wanted = terms(context.now(), reason, until, lasts)
    async with transaction():
        await _lock_environments(project)
        if (earlier := await _performed(context, ProjectFrozen.act)) is not None:
            return earlier
        freeze = await _insert(context, wanted, scope="project", project_id=project.id)
        new = {"frozen": freeze.record}
        await events.record(context, ProjectFrozen(project_id=project.id, target=project.name, row=freeze.id, new=new))
        await reevaluate(environment__project_id=project.id)
    return freeze


async def freeze_service(
    context: Context, reason: str, until: datetime | None = None, lasts: timedelta | None = None
) -> Freeze:
    """Stop deployments to all environments of all projects. Needs `freeze:write` on all of them."""
    authorize(context.actor, "freeze:write", everywhere=True)
    wanted = terms(context.now(), reason, until, lasts)
    async with transaction():
        await _lock_environments(None)
        freeze = await _insert(context, wanted, scope="service")
        new = {"frozen": freeze.record}
        await events.record(context, ServiceFrozen(target=SERVICE, row=freeze.id, new=new))
        await reevaluate()
    return freeze


@allowed("freeze:write")
async def end_all_of_environment(
    context: Context, project: Project, environment: str, *, only: Collection[int] | None = None
) -> Unfrozen:
    """End all freezes of an environment's own; says which of its project and of the service remain.

    `only` are the ids of those that the caller knows of: others, which were added meanwhile, stay in force.
    """
    async with transaction():
        row = await lock_environment(context, project, environment)
        on_it = (await freezes_by_environment([row], context.now()))[row.id]
        own = [freeze for freeze in on_it if freeze.scope == "environment"]
        is_repeated = await performed_requests.result_of(context, EnvironmentUnfrozen.act) is not None
        ended = [] if is_repeated else await _end(context, _known(own, only))
        if ended:
            await _record_unfrozen(context, project, row, ended, row.id)
    return Unfrozen(ended, [freeze for freeze in on_it if freeze.scope != "environment"])


@allowed("freeze:write")
async def end_all_of_project(context: Context, project: Project, *, only: Collection[int] | None = None) -> Unfrozen:
    """End all freezes of a project as a whole; says which of the service and of its environments remain.

    `only` are the ids of those that the caller knows of: others, which were added meanwhile, stay in force.
    """
    async with transaction():
        await Project.select_for_update(no_key=True).get(id=project.id)
        found = await _concerning(project, context.now())
        own = [freeze for freeze in found if freeze.scope == "project"]
        is_repeated = await performed_requests.result_of(context, ProjectUnfrozen.act) is not None
        ended = [] if is_repeated else await _end(context, _known(own, only))
        if ended:
            await _record_project_unfrozen(context, project, ended, project.id)
    return Unfrozen(ended, [freeze for freeze in found if freeze.scope != "project"])


@allowed("freeze:write")
async def end_of_environment(context: Context, project: Project, environment: str, freeze_id: int) -> None:
    """End one freeze of an environment by its id; one that has ended is kept as it is."""
    async with transaction():
        row = await lock_environment(context, project, environment)
        freeze = await _by_id(freeze_id, scope="environment", environment_id=row.id)
        if ended := await _end(context, [freeze]):
            await _record_unfrozen(context, project, row, ended, freeze.id)


@allowed("freeze:write")
async def end_of_project(context: Context, project: Project, freeze_id: int) -> None:
    """End one freeze of a project as a whole by its id; one that has ended is kept as it is."""
    async with transaction():
        freeze = await _by_id(freeze_id, scope="project", project_id=project.id)
        if ended := await _end(context, [freeze]):
            await _record_project_unfrozen(context, project, ended, freeze.id)


async def end_of_service(context: Context, freeze_id: int) -> None:
    """End one freeze of all projects by its id; one that has ended is kept as it is."""
    authorize(context.actor, "freeze:write", everywhere=True)
    async with transaction():
        freeze = await _by_id(freeze_id, scope="service")
        if ended := await _end(context, [freeze]):
            await events.record(context, ServiceUnfrozen(target=SERVICE, row=freeze.id, **_change(ended, None)))
            await reevaluate()


@allowed("project:read")
async def list_of_environment(context: Context, project: Project, environment: str) -> list[Freeze]:
    """List the freezes in force on an environment, whatever their scope: oldest first."""
    row = await Environment.get_or_none(project_id=project.id, name=environment)
    if row is None:
        raise await unknown_environment(context, project, environment)
    return (await freezes_by_environment([row], context.now()))[row.id]


@allowed("project:read")
async def list_of_project(context: Context, project: Project) -> list[Freeze]:
    """List the freezes in force that concern a project: its own, its environments' and the service's, oldest first."""
    return await _concerning(project, context.now())


async def list_of_service(context: Context) -> list[Freeze]:
    """List the freezes of all projects that are in force, oldest first. Needs to read some project."""
    authorize(context.actor, READ)
    if context.actor.is_unconfirmed and not await board.visible_projects(context):
        raise Forbidden(FORBIDDEN, reason="You may read no project here.")
    found = Freeze.filter(in_force(context.now()), scope="service").order_by("since", "id")
    return await found.select_related("created_by", "environment")


def _known(found: list[Freeze], only: Collection[int] | None) -> list[Freeze]:
    """Those freezes of which the caller knows. Refuses if there are only others, which were added meanwhile."""
    known = found if only is None else [freeze for freeze in found if freeze.id in only]
    if found and not known:
        raise Conflict("What was frozen has ended, and has been frozen anew: look again.", freezes=len(found))
    return known


async def lock_environment(context: Context, project: Project, name: str) -> Environment:
    """Find an environment by its name and lock its row, in the caller's transaction."""
    row = await Environment.select_for_update().get_or_none(project_id=project.id, name=name)
    if row is None:
        raise await unknown_environment(context, project, name)
    return row


async def _lock_environments(project: Project | None) -> None:
    """Lock the rows of all environments of a project, or of all projects, in the order in which others lock them."""
    projects, environments = Project.select_for_update(no_key=True), Environment.select_for_update()
    if project is not None:
        projects, environments = projects.filter(id=project.id), environments.filter(project_id=project.id)
    await projects.order_by("id").only("id")
    await environments.order_by("id").only("id")


async def _freeze_environment(
    context: Context,
    project: Project,
    environment: Environment,
    wanted: Terms,
    replaced: Sequence[Freeze] = (),
) -> Freeze:
    own = {"environment_id": environment.id, "project_id": project.id}
    freeze = await _insert(context, wanted, scope="environment", **own)
    target = f"{project.name}/{environment.name}"
    changed = _change(replaced, freeze)
    await events.record(context, EnvironmentFrozen(project_id=project.id, target=target, row=freeze.id, **changed))
    await reevaluate(environment_id=environment.id)
    return freeze


async def _insert(context: Context, wanted: Terms, **where: Any) -> Freeze:
    freeze = await Freeze.create(created_by_id=context.actor.user_id, **vars(wanted), **where)
    return await Freeze.get(id=freeze.id).select_related("created_by", "environment")


async def _performed(context: Context, act: str) -> Freeze | None:
    """Find the freeze that was made when the same message was handled before."""
    freeze_id = await performed_requests.result_of(context, act)
    return None if freeze_id is None else await Freeze.get(id=freeze_id).select_related("created_by", "environment")


async def _own_freezes(context: Context, environment: Environment) -> list[Freeze]:
    on_it = (await freezes_by_environment([environment], context.now()))[environment.id]
    return [freeze for freeze in on_it if freeze.scope == "environment"]


async def _concerning(project: Project, now: datetime) -> list[Freeze]:
    where = in_force(now) & (Q(project_id=project.id) | Q(scope="service"))
    return await Freeze.filter(where).order_by("since", "id").select_related("created_by", "environment")


async def _by_id(freeze_id: int, **where: Any) -> Freeze:
    freeze = await Freeze.get_or_none(id=freeze_id, **where).select_related("created_by")
    if freeze is None:
        raise NotFound("Freeze not found")
    return freeze


async def _end(context: Context, freezes: Iterable[Freeze]) -> list[Freeze]:
    """End those freezes that have not ended yet, and return them."""
    now, ended = context.now(), []
    for freeze in freezes:
        if freeze.ended_at is None and (freeze.until is None or freeze.until > now):
            open_row = Freeze.filter(id=freeze.id, ended_at=None)
            if await open_row.update(ended_at=now, ended_by_id=context.actor.user_id):
                ended.append(freeze)
    return ended


async def _record_unfrozen(
    context: Context, project: Project, environment: Environment, ended: Sequence[Freeze], row: EnvironmentId | int
) -> None:
    target = f"{project.name}/{environment.name}"
    event = EnvironmentUnfrozen(project_id=project.id, target=target, row=row, **_change(ended, None))
    await events.record(context, event)
    await reevaluate(environment_id=environment.id)


async def _record_project_unfrozen(context: Context, project: Project, ended: Sequence[Freeze], row: int) -> None:
    event = ProjectUnfrozen(project_id=project.id, target=project.name, row=row, **_change(ended, None))
    await events.record(context, event)
    await reevaluate(environment__project_id=project.id)


def _change(ended: Sequence[Freeze], new: Freeze | None) -> dict[str, Any]:
    """The audit entry's values: the oldest freeze that was ended, the others if there are any, and the new one."""
    first, others = (ended[0].record if ended else None), [freeze.record for freeze in ended[1:]]
    old = {"frozen": first, **({"others": others} if others else {})}
    return {"old": old, "new": {"frozen": None if new is None else new.record}}
