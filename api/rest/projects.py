"""The native API for projects, their environments and releases. Errors are problem details (RFC 9457)."""

from dataclasses import asdict
from typing import Any

from pydantic import BaseModel

from api.http.endpoints import Call, Endpoint, Result
from api.http.errors import native_dialect
from api.http.pagination import KeysetQuery, LongPageQuery, adjacent_links, limit_and_offset, next_link
from api.rest.block_schemas import freeze_response, lock_response
from api.rest.gate_schemas import GateFields, WeakenedResponse
from api.rest.project_schemas import (
    ChangedEnvironmentResponse,
    ChangedProjectResponse,
    ChangeEnvironmentBody,
    ChangeProjectBody,
    ChangeReleaseBody,
    ConfigurationResponse,
    CreateEnvironmentBody,
    CreateProjectBody,
    EnvironmentResponse,
    NextVersionQuery,
    NextVersionResponse,
    ProjectResponse,
    ReleaseFilesResponse,
    ReleaseResponse,
    ReplaceFilesBody,
    ShownProjectResponse,
    ShowResponse,
)
from api.rest.schemas import (
    ReleaseSummary,
    candidate_response,
    deployment_response,
    serialize_release,
)
from bot.context import Context
from bot.operations import config_notices, environment_gates, environments, packages, projects, releases
from bot.operations.workflows import warnings
from bot.rules.gate_changes import shown
from bot.rules.gate_settings import FIELDS
from bot.rules.views import all_parts
from bot.store.deployments import Deployment
from bot.store.gates import EnvironmentLock, Freeze, freezes_by_environment, locks_by_environment
from bot.store.projects import Environment, Project

PROJECTS = "/api/projects"
PROJECT = f"{PROJECTS}/{{project}}"
RELEASES = f"{PROJECT}/releases"
RELEASE = f"{RELEASES}/{{version}}"
ENVIRONMENTS = f"{PROJECT}/environments"
ENVIRONMENT = f"{ENVIRONMENTS}/{{environment}}"


async def create_project(context: Context, call: Call[CreateProjectBody, None]) -> ChangedProjectResponse:
    """Create a project."""
    values = call.body.model_dump(exclude_none=True)
    return await _changed_project(context, await projects.create(context, **values), values)


async def list_projects(context: Context, call: Call[None, LongPageQuery]) -> Result:
    """List projects by name."""
    limit, offset = limit_and_offset(call.query.page, call.query.per_page)
    rows = await projects.find_all(context, limit=limit, offset=offset)
    return _page(call, [_project_response(project) for project in rows])


async def show_project(context: Context, call: Call[None, None]) -> ShownProjectResponse:
    """Show a project, and what its repository's configuration file says of it."""
    project = await projects.find(context, call.path["project"])
    notice = await config_notices.find(context, project.name)
    configuration = None if notice is None else ConfigurationResponse.model_validate(asdict(notice))
    return ShownProjectResponse(**dict(_project_response(project)), configuration=configuration)


async def change_project(context: Context, call: Call[ChangeProjectBody, None]) -> ChangedProjectResponse:
    """Change a project; only the fields that are sent are changed."""
    values = _changes(call.body, nullable=("build_workflow", "allowed_branches"))
    project = await projects.change(context, call.path["project"], **values)
    return await _changed_project(context, project, values)


async def next_version(context: Context, call: Call[None, NextVersionQuery]) -> object:
    """Show the next version of a project."""
    return await projects.next_version(context, call.path["project"], call.query.bump)


async def create_environment(context: Context, call: Call[CreateEnvironmentBody, None]) -> ChangedEnvironmentResponse:
    """Create an environment."""
    values = _environment_values(call.body, _changes(call.body, nullable=()))
    environment = await environments.create(context, call.path["project"], **values)
    return await _changed_environment(context, environment, values)


async def list_environments(context: Context, call: Call[None, LongPageQuery]) -> Result:
    """List the environments of a project in their order."""
    limit, offset = limit_and_offset(call.query.page, call.query.per_page)
    rows = await environments.find_all(context, call.path["project"], limit=limit, offset=offset)
    return _page(call, await _environment_responses(context, rows))


async def show_environment(context: Context, call: Call[None, None]) -> EnvironmentResponse:
    """Show an environment."""
    environment = await environments.find(context, call.path["project"], call.path["environment"])
    return (await _environment_responses(context, [environment]))[0]


async def change_environment(context: Context, call: Call[ChangeEnvironmentBody, None]) -> ChangedEnvironmentResponse:
    """Change, freeze or unfreeze an environment. `frozen` stands for the freezes of the environment's own."""
    values = _environment_values(call.body, _changes(call.body, nullable=("workflow", "frozen", "url", "closed")))
    environment = await environments.amend(context, call.path["project"], call.path["environment"], **values)
    return await _changed_environment(context, environment, values)


async def list_releases(context: Context, call: Call[None, KeysetQuery]) -> Result:
    """List the releases of a project, newest first."""
    size = call.query.per_page
    rows = await releases.find_all(context, call.path["project"], before=call.query.before, limit=size + 1)
    links = next_link(call.url, [row["id"] for row in rows], size)
    return Result([serialize_release(row) for row in rows[:size]], 200, links)


async def show_release(context: Context, call: Call[None, None]) -> ReleaseResponse:
    """Show a release with its candidates, their builds, and its deployments."""
    project = call.path["project"]
    release = await releases.find(context, project, call.path["version"])
    return _release_response(call.base_url, project, release)


async def change_release(context: Context, call: Call[ChangeReleaseBody, None]) -> ReleaseResponse:
    """Change the status, the date or the notes of a release."""
    project, values = call.path["project"], _changes(call.body, nullable=("release_date",))
    release = await releases.amend(context, project, call.path["version"], **values)
    return _release_response(call.base_url, project, release)


async def replace_release_files(context: Context, call: Call[ReplaceFilesBody, None]) -> object:
    """Replace all files of a release."""
    project, version = call.path["project"], call.path["version"]
    return {"files": await packages.replace_files(context, project, version, call.body.files)}


# --- responses


def _project_response(project: Project) -> ProjectResponse:
    """The response for a project, whose repository must have been fetched."""
    columns = {name: getattr(project, name) for name in ProjectResponse.model_fields if name not in ("repo", "show")}
    repo = project.repository.full_name if project.repository else None
    return ProjectResponse(**columns, repo=repo, show=ShowResponse(**all_parts(project.show)))


async def _changed_project(context: Context, project: Project, values: dict[str, Any]) -> ChangedProjectResponse:
    """The response for a project in which these values were set, with warnings of the workflow files among them."""
    moved = "repo" in values
    named = await warnings.of_project(project.id) if moved else [values.get("build_workflow")]
    found = await warnings.about(context, project.id, named)
    return ChangedProjectResponse(**dict(_project_response(project)), warnings=found)


async def _changed_environment(
    context: Context, environment: Environment, values: dict[str, Any]
) -> ChangedEnvironmentResponse:
    """The response for an environment in which these values were set, with a warning of its workflow file if set."""
    found = await warnings.about(context, environment.project_id, [values.get("workflow")])
    (response,) = await _environment_responses(context, [environment])
    return ChangedEnvironmentResponse(**dict(response), warnings=found)


async def _environment_responses(context: Context, environments: list[Environment]) -> list[EnvironmentResponse]:
    """The responses for environments, with what is in force on each."""
    now, ids = context.now(), [row.id for row in environments]
    freezes, locks = await freezes_by_environment(environments, now), await locks_by_environment(environments, now)
    waiting = await Deployment.filter(environment_id__in=ids, waiting=True).values_list("environment_id", "id")
    weakened = await environment_gates.last_weakenings(environments[0].project_id) if environments else {}
    waits, weak = dict(waiting), {row: WeakenedResponse(**asdict(each)) for row, each in weakened.items()}
    return [
        _environment_response(row, freezes[row.id], locks.get(row.id), waits.get(row.id), weak.get(row.id))
        for row in environments
    ]


def _environment_response(
    environment: Environment,
    freezes: list[Freeze],
    lock: EnvironmentLock | None,
    waiting: int | None,
    weakened: WeakenedResponse | None,
) -> EnvironmentResponse:
    return EnvironmentResponse(
        **shown(environment.gate_settings, environment.tier),
        url=environment.url,
        closed=environment.closed,
        waiting=waiting,
        weakened=weakened,
        id=environment.id,
        name=environment.name,
        tier=environment.tier,
        workflow=environment.workflow,
        inputs=environment.inputs,
        order=environment.position,
        deploy_deadline_minutes=environment.deploy_deadline_minutes,
        frozen=dict(freezes[0].record) if freezes else None,
        freezes=[freeze_response(freeze) for freeze in freezes],
        lock=None if lock is None else lock_response(lock),
        managed=environment.managed,
        created_at=environment.created_at,
    )


def _release_response(base_url: str, project: str, details: releases.ReleaseDetails) -> ReleaseResponse:
    release = details.release
    return ReleaseResponse(
        **serialize_release(details.row),
        release_date=release.release_date,
        notes=release.notes,
        held=release.held,
        files=release.files,
        candidates=[candidate_response(base_url, project, candidate, run) for candidate, run in details.candidates],
        deployments=[deployment_response(row, run) for row, run in details.deployments],
    )


def _page(call: Call[None, LongPageQuery], items: list[ProjectResponse] | list[EnvironmentResponse]) -> Result:
    size = call.query.per_page
    return Result(items[:size], 200, adjacent_links(call.url, call.query.page, more=len(items) > size))


def _changes(body: BaseModel, nullable: tuple[str, ...]) -> dict[str, Any]:
    """The fields that were sent. Null counts as not sent, except in `nullable` fields."""
    present = body.model_dump(exclude_unset=True, exclude=set(FIELDS) if isinstance(body, GateFields) else None)
    return {name: value for name, value in present.items() if value is not None or name in nullable}


def _environment_values(body: GateFields, values: dict[str, Any]) -> dict[str, Any]:
    """The values of an environment that were sent, with the gates' settings among them as one, `gates`."""
    own = {("position" if name == "order" else name): value for name, value in values.items()}
    return {**own, "gates": gates} if (gates := body.gates()) else own


DIALECT = native_dialect(
    "projects",
    Endpoint("GET", PROJECTS, list_projects, list[ProjectResponse], query_model=LongPageQuery),
    Endpoint("POST", PROJECTS, create_project, ChangedProjectResponse, 201, request_model=CreateProjectBody),
    Endpoint("GET", PROJECT, show_project, ShownProjectResponse),
    Endpoint("PATCH", PROJECT, change_project, ChangedProjectResponse, request_model=ChangeProjectBody),
    Endpoint("GET", f"{PROJECT}/next-version", next_version, NextVersionResponse, query_model=NextVersionQuery),
    Endpoint("GET", ENVIRONMENTS, list_environments, list[EnvironmentResponse], query_model=LongPageQuery),
    Endpoint(
        "POST", ENVIRONMENTS, create_environment, ChangedEnvironmentResponse, 201, request_model=CreateEnvironmentBody
    ),
    Endpoint("GET", ENVIRONMENT, show_environment, EnvironmentResponse),
    Endpoint("PATCH", ENVIRONMENT, change_environment, ChangedEnvironmentResponse, request_model=ChangeEnvironmentBody),
    Endpoint("GET", RELEASES, list_releases, list[ReleaseSummary], query_model=KeysetQuery, preserialized=True),
    Endpoint("GET", RELEASE, show_release, ReleaseResponse),
    Endpoint("PATCH", RELEASE, change_release, ReleaseResponse, request_model=ChangeReleaseBody),
    Endpoint("PUT", f"{RELEASE}/files", replace_release_files, ReleaseFilesResponse, request_model=ReplaceFilesBody),
)
