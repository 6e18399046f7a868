"""Commands about environments: freeze and lock them, show their status, and find a commit on them."""

from typing import Any

from bot.operations import freezes, locks, statuses
from bot.operations.command_calls import Command, CommandCall
from bot.operations.deployment_commands import BY_TIER
from bot.operations.release_commands import full_sha
from bot.rules import block_replies, replies, status_replies
from bot.rules.block_replies import Block, RemainingFreeze
from bot.rules.command_arguments import (
    BECAUSE,
    DRY_RUN,
    ENVIRONMENT,
    ENVIRONMENT_OR_ALL,
    EVERYTHING,
    FOR_DURATION,
    IN_PROJECT,
    PULL_REQUEST,
    PULL_REQUEST_OR_SHA,
    SHA,
    UNTIL_OR_FOR,
)
from bot.rules.grammar import Grammar
from bot.rules.replies import Act
from bot.rules.status_replies import ProjectStatus, Whereabouts
from bot.store.gates import Freeze


async def _freeze(call: CommandCall) -> Act:
    project, reason, until = await call.project(), call.reason or "", call.until
    environment = _environment(call)
    if environment is None:
        freeze = await freezes.freeze_project(call.context, project.name, reason, until)
    else:
        freeze = await freezes.freeze_environment(call.context, project.name, environment, reason, until)
    return block_replies.frozen(environment, _block(freeze))


async def _unfreeze(call: CommandCall) -> Act:
    project, environment = await call.project(), _environment(call)
    if environment is None:
        unfrozen = await freezes.end_all_of_project(call.context, project.name)
    else:
        unfrozen = await freezes.end_all_of_environment(call.context, project.name, environment)
    remaining = [
        RemainingFreeze(row.scope, None if row.environment is None else row.environment.name, _block(row))
        for row in unfrozen.remaining
    ]
    return block_replies.unfrozen(environment, remaining)


def _environment(call: CommandCall) -> str | None:
    """The environment that a command names; None for all of the project."""
    return None if call.arguments.get(EVERYTHING) else call.arguments.require(ENVIRONMENT)


def _block(freeze: Freeze) -> Block:
    return Block(freeze.created_by.name, freeze.reason, freeze.until)


async def _lock(call: CommandCall) -> Act:
    project, environment = await call.project(), call.arguments.require(ENVIRONMENT)
    lock, _ = await locks.lock(call.context, project.name, environment, call.reason or "", call.until)
    return block_replies.locked(environment, Block(lock.owner.name, lock.reason, lock.until))


async def _unlock(call: CommandCall) -> Act:
    project, environment = await call.project(), call.arguments.require(ENVIRONMENT)
    lock = await locks.unlock(call.context, project.name, environment)
    return block_replies.unlocked(environment, lock.owner.name)


async def _status(call: CommandCall) -> ProjectStatus:
    project = await call.project()
    return await statuses.project_status(call.context, project.name)


async def _where(call: CommandCall) -> Whereabouts:
    project, written = await call.project(), call.arguments.get(SHA)
    pull = call.arguments.get(PULL_REQUEST)
    if written is not None:
        return await statuses.where(call.context, project.name, await full_sha(call, written))
    if pull is None and call.place.thread == "commit":
        return await statuses.where(call.context, project.name, call.place.thread_id)
    return await statuses.where_pull_request(call.context, project.name, pull or int(call.place.thread_id))


ROWS: tuple[Command[Any], ...] = (
    Command(
        Grammar(
            "freeze",
            required=(ENVIRONMENT_OR_ALL,),
            clauses=(UNTIL_OR_FOR, IN_PROJECT, BECAUSE),
            flags=(DRY_RUN,),
        ),
        grants=("freeze:write",),
        changes=True,
        perform=_freeze,
        reply=replies.acted,
        summary="stop deployments to an environment, or to all of a project",
        example="/release freeze production until 2026-12-24 18:00 because of the holidays",
    ),
    Command(
        Grammar("unfreeze", required=(ENVIRONMENT_OR_ALL,), clauses=(IN_PROJECT,), flags=(DRY_RUN,)),
        grants=("freeze:write",),
        changes=True,
        perform=_unfreeze,
        reply=replies.acted,
        summary="end the freezes of an environment, or of a project as a whole",
        example="/release unfreeze production",
        details="Freezes of the project or the whole service stay in force on an environment; the reply names them.",
    ),
    Command(
        Grammar("lock", required=(ENVIRONMENT,), clauses=(FOR_DURATION, IN_PROJECT, BECAUSE), flags=(DRY_RUN,)),
        grants=BY_TIER,
        changes=True,
        perform=_lock,
        reply=replies.acted,
        summary="reserve an environment: nobody else can deploy there",
        example="/release lock staging for 2h because of a migration",
    ),
    Command(
        Grammar("unlock", required=(ENVIRONMENT,), clauses=(IN_PROJECT,), flags=(DRY_RUN,)),
        grants=BY_TIER,
        changes=True,
        perform=_unlock,
        reply=replies.acted,
        summary="release an environment's lock",
        example="/release unlock staging",
        details="Somebody else's lock needs the role admin.",
    ),
)
READING: tuple[Command[Any], ...] = (
    Command(
        Grammar("status", clauses=(IN_PROJECT,)),
        grants=("project:read",),
        changes=False,
        perform=_status,
        reply=status_replies.status,
        summary="say where everything is, what is under way, what waits, and what is frozen or locked",
        example="/release status",
    ),
    Command(
        Grammar("where", optional=(PULL_REQUEST_OR_SHA,), clauses=(IN_PROJECT,)),
        grants=("project:read",),
        changes=False,
        perform=_where,
        reply=status_replies.where,
        summary="say on which environments a commit or pull request is live",
        example="/release where #12",
        details="Without an argument, it is about the pull request or commit that was commented on.",
    ),
)
