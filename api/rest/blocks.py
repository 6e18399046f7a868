"""The native API of what stops deployments: freezes, locks, holds and bans. Errors are problem details (RFC 9457)."""

from types import NoneType

from api.http.endpoints import Call, Endpoint, Result
from api.http.errors import native_dialect
from api.rest.block_schemas import (
    BlockBody,
    FreezeResponse,
    HoldResponse,
    LockResponse,
    ReasonBody,
    freeze_response,
    lock_response,
)
from api.rest.projects import ENVIRONMENT, PROJECT, RELEASE
from api.rest.schemas import CandidateResponse, candidate_response
from bot.context import Context
from bot.operations import bans, candidates, freezes, locks, releases
from bot.rules.versions import parse_candidate_version

LOCK = f"{ENVIRONMENT}/lock"
ENVIRONMENT_FREEZES = f"{ENVIRONMENT}/freezes"
PROJECT_FREEZES = f"{PROJECT}/freezes"
FREEZES = "/api/freezes"
HOLD = f"{RELEASE}/hold"
BAN = f"{PROJECT}/candidates/{{candidate}}/ban"


# --- locks


async def take_lock(context: Context, call: Call[BlockBody, None]) -> Result:
    """Lock an environment for oneself, or change one's lock: 201 for a new lock, 200 for one's own."""
    body, project, environment = call.body, call.path["project"], call.path["environment"]
    lock, is_new = await locks.lock(context, project, environment, body.reason, body.until, body.lasts)
    return Result(lock_response(lock), 201 if is_new else 200)


async def release_lock(context: Context, call: Call[None, None]) -> Result:
    """Release the lock of an environment: one's own, or with `deployment:force` somebody else's."""
    await locks.unlock(context, call.path["project"], call.path["environment"])
    return Result(None, 204)


async def show_lock(context: Context, call: Call[None, None]) -> LockResponse:
    """Show the lock of an environment; 404 if it is not locked."""
    return lock_response(await locks.find(context, call.path["project"], call.path["environment"]))


# --- freezes


async def freeze_environment(context: Context, call: Call[BlockBody, None]) -> FreezeResponse:
    """Freeze an environment, besides other freezes of it."""
    body, project, environment = call.body, call.path["project"], call.path["environment"]
    return freeze_response(
        await freezes.freeze_environment(context, project, environment, body.reason, body.until, body.lasts)
    )


async def list_environment_freezes(context: Context, call: Call[None, None]) -> list[FreezeResponse]:
    """List the freezes in force on an environment, whatever their scope, oldest first."""
    rows = await freezes.list_of_environment(context, call.path["project"], call.path["environment"])
    return [freeze_response(row) for row in rows]


async def end_environment_freeze(context: Context, call: Call[None, None]) -> Result:
    """End a freeze of an environment."""
    await freezes.end_of_environment(context, call.path["project"], call.path["environment"], call.row_id("freeze"))
    return Result(None, 204)


async def freeze_project(context: Context, call: Call[BlockBody, None]) -> FreezeResponse:
    """Freeze all environments of a project."""
    body = call.body
    return freeze_response(
        await freezes.freeze_project(context, call.path["project"], body.reason, body.until, body.lasts)
    )


async def list_project_freezes(context: Context, call: Call[None, None]) -> list[FreezeResponse]:
    """List the freezes in force of a project, of its environments and of the service, oldest first."""
    return [freeze_response(row) for row in await freezes.list_of_project(context, call.path["project"])]


async def end_project_freeze(context: Context, call: Call[None, None]) -> Result:
    """End a freeze of a project."""
    await freezes.end_of_project(context, call.path["project"], call.row_id("freeze"))
    return Result(None, 204)


async def freeze_service(context: Context, call: Call[BlockBody, None]) -> FreezeResponse:
    """Freeze all environments of all projects."""
    body = call.body
    return freeze_response(await freezes.freeze_service(context, body.reason, body.until, body.lasts))


async def list_service_freezes(context: Context, call: Call[None, None]) -> list[FreezeResponse]:
    """List the freezes of all projects that are in force, oldest first."""
    return [freeze_response(row) for row in await freezes.list_of_service(context)]


async def end_service_freeze(context: Context, call: Call[None, None]) -> Result:
    """End a freeze of all projects."""
    await freezes.end_of_service(context, call.row_id("freeze"))
    return Result(None, 204)


# --- holds and bans


async def hold_release(context: Context, call: Call[ReasonBody, None]) -> HoldResponse:
    """Hold a release: no candidate of it can be deployed. An existing hold is kept as it is."""
    release = await releases.hold(context, call.path["project"], call.path["version"], call.body.reason)
    return HoldResponse(release_version=release.version, held=dict(release.held or {}))


async def unhold_release(context: Context, call: Call[None, None]) -> Result:
    """End the hold of a release."""
    await releases.unhold(context, call.path["project"], call.path["version"])
    return Result(None, 204)


async def ban_candidate(context: Context, call: Call[ReasonBody, None]) -> CandidateResponse:
    """Ban a candidate that is ready: it can no longer be deployed."""
    project, version = call.path["project"], parse_candidate_version(call.path["candidate"])
    candidate = await bans.ban(context, project, version, call.body.reason)
    return candidate_response(call.base_url, project, candidate, await candidates.newest_build(candidate))


async def unban_candidate(context: Context, call: Call[None, None]) -> Result:
    """End the ban of a candidate. Refused while its tag is at another commit."""
    await bans.unban(context, call.path["project"], parse_candidate_version(call.path["candidate"]))
    return Result(None, 204)


DIALECT = native_dialect(
    "blocks",
    Endpoint("GET", LOCK, show_lock, LockResponse),
    Endpoint("POST", LOCK, take_lock, LockResponse, 201, request_model=BlockBody, other_statuses=(200,)),
    Endpoint("DELETE", LOCK, release_lock, NoneType, 204),
    Endpoint("GET", ENVIRONMENT_FREEZES, list_environment_freezes, list[FreezeResponse]),
    Endpoint("POST", ENVIRONMENT_FREEZES, freeze_environment, FreezeResponse, 201, request_model=BlockBody),
    Endpoint("DELETE", f"{ENVIRONMENT_FREEZES}/{{freeze}}", end_environment_freeze, NoneType, 204),
    Endpoint("GET", PROJECT_FREEZES, list_project_freezes, list[FreezeResponse]),
    Endpoint("POST", PROJECT_FREEZES, freeze_project, FreezeResponse, 201, request_model=BlockBody),
    Endpoint("DELETE", f"{PROJECT_FREEZES}/{{freeze}}", end_project_freeze, NoneType, 204),
    Endpoint("GET", FREEZES, list_service_freezes, list[FreezeResponse]),
    Endpoint("POST", FREEZES, freeze_service, FreezeResponse, 201, request_model=BlockBody),
    Endpoint("DELETE", f"{FREEZES}/{{freeze}}", end_service_freeze, NoneType, 204),
    Endpoint("POST", HOLD, hold_release, HoldResponse, request_model=ReasonBody),
    Endpoint("DELETE", HOLD, unhold_release, NoneType, 204),
    Endpoint("POST", BAN, ban_candidate, CandidateResponse, request_model=ReasonBody),
    Endpoint("DELETE", BAN, unban_candidate, NoneType, 204),
)
