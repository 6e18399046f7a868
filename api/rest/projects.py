"""Our own routes: projects, their environments and releases. Errors are problem details (RFC 9457)."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from api.http.bodies import MOST, Strict
from api.http.endpoints import Call, Dialect, Endpoint, Result
from api.http.pagination import Before, LongPage, neighbours, next_link
from api.http.problems import CONTENT_TYPE, ProblemShape, problem_details
from api.http.types import Instant, Moment, Status, by_rule
from api.rest.schemas import CandidateShape, DeploymentShape, ReleaseLine, candidate_shape, release_line
from bot.context import Context
from bot.operations import environments, projects, releases
from bot.rules.gates import is_frozen
from bot.rules.versions import parse_bump
from bot.store.projects import Environment, Project

PROJECT = "/api/projects/{project}"
RELEASE = f"{PROJECT}/releases/{{version}}"
ENVIRONMENT = f"{PROJECT}/environments/{{environment}}"


def _few(**more: Any) -> Any:
    """A list or an object that may be left out; of one that is too long, or has a wrong entry, no more is looked at."""
    return Field(None, max_length=MOST, fail_fast=True, **more)


class ProjectSettings(Strict):
    """What a project may be set to."""

    repo: str | None = Field(None, description="`owner/name` on GitHub.", examples=["acme/site"])
    permalink: str | None = None
    build_workflow: str | None = Field(None, examples=["build.yml"])
    build_inputs: dict[str, str] | None = _few()
    build_deadline_minutes: int | None = None
    allowed_branches: list[str] | None = _few()
    tag_prefix: str | None = None
    trigger_tag_prefix: str | None = None
    tag_candidates: bool | None = None
    version_scheme: str | None = None


class NewProject(ProjectSettings):
    """A project to be made."""

    name: str


class ProjectChange(ProjectSettings):
    """Changes to a project: only what is given is changed."""

    name: str | None = None
    archived: bool | None = None


class ProjectShape(BaseModel):
    """A project."""

    id: int
    name: str
    permalink: str
    repo: str | None
    build_workflow: str | None
    build_inputs: dict[str, str]
    build_deadline_minutes: int
    allowed_branches: list[str] | None
    tag_prefix: str
    trigger_tag_prefix: str
    tag_candidates: bool
    version_scheme: str
    archived: bool
    created_at: Moment


class NewEnvironment(Strict):
    """An environment to be made."""

    name: str
    tier: str
    workflow: str | None = None
    inputs: dict[str, str] | None = _few()
    order: int | None = None
    deploy_deadline_minutes: int | None = None


class Freeze(Strict):
    """Why an environment is frozen, and until when."""

    reason: str
    until: Instant | None = None


class EnvironmentChange(Strict):
    """Changes to an environment: only what is given is changed. `frozen: null` unfreezes."""

    name: str | None = None
    tier: str | None = None
    workflow: str | None = None
    inputs: dict[str, str] | None = _few()
    order: int | None = None
    deploy_deadline_minutes: int | None = None
    frozen: Freeze | None = None


class EnvironmentShape(BaseModel):
    """An environment."""

    id: int
    name: str
    tier: str
    workflow: str | None
    inputs: dict[str, str]
    order: int
    deploy_deadline_minutes: int
    frozen: dict[str, Any] | None
    created_at: Moment


class ReleaseChange(Strict):
    """Changes to a release: only what is given is changed. The status 20 holds it, any other unholds it."""

    status: Status | None = Field(None, examples=[40])
    release_date: Instant | None = None
    notes: str | None = None


class NextVersion(BaseModel):
    """The version that comes next."""

    release_version: str
    release_candidate_version: str


class Bump(BaseModel):
    """Which part of a SemVer version is to be raised."""

    bump: Annotated[str, by_rule(parse_bump)] = "patch"


class ReleaseShape(ReleaseLine):
    """A release with what is said of it, its candidates, their builds, and its deployments.

    `held` says who holds it, why and since when.
    """

    release_date: Moment | None
    notes: str
    held: dict[str, Any] | None
    candidates: list[CandidateShape]
    deployments: list[DeploymentShape]


def project_shape(project: Project) -> ProjectShape:
    """A project, with its repository at hand."""
    values = {name: getattr(project, name) for name in ProjectShape.model_fields if name != "repo"}
    return ProjectShape(**values, repo=project.repository.full_name if project.repository else None)


def environment_shape(environment: Environment, context: Context) -> EnvironmentShape:
    """An environment; a freeze that has run out is none."""
    return EnvironmentShape(
        id=environment.id,
        name=environment.name,
        tier=environment.tier,
        workflow=environment.workflow,
        inputs=environment.inputs,
        order=environment.position,
        deploy_deadline_minutes=environment.deploy_deadline_minutes,
        frozen=environment.frozen if is_frozen(environment.frozen, context.now()) else None,
        created_at=environment.created_at,
    )


async def _create_project(context: Context, call: Call) -> ProjectShape:
    """Create a project."""
    values = call.body.model_dump(exclude_none=True)
    return project_shape(await projects.create(context, **values))


async def _projects(context: Context, call: Call) -> Result:
    """List the projects, by name."""
    rows = await projects.find_all(context, **_window(call))
    return _page(call, [project_shape(project) for project in rows])


async def _project(context: Context, call: Call) -> ProjectShape:
    """Show a project."""
    return project_shape(await projects.find(context, call.path["project"]))


async def _change_project(context: Context, call: Call) -> ProjectShape:
    """Change a project's settings: only what is given is changed."""
    values = _changes(call.body, nullable=("build_workflow", "allowed_branches"))
    return project_shape(await projects.change(context, call.path["project"], **values))


async def _next_version(context: Context, call: Call) -> dict[str, str]:
    """Tell the version that comes next."""
    return await projects.next_version(context, call.path["project"], call.query.bump)


async def _create_environment(context: Context, call: Call) -> EnvironmentShape:
    """Create an environment."""
    values = _positioned(call.body.model_dump(exclude_none=True))
    return environment_shape(await environments.create(context, call.path["project"], **values), context)


async def _environments(context: Context, call: Call) -> Result:
    """List a project's environments, in their order."""
    rows = await environments.find_all(context, call.path["project"], **_window(call))
    return _page(call, [environment_shape(environment, context) for environment in rows])


async def _environment(context: Context, call: Call) -> EnvironmentShape:
    """Show an environment."""
    found = await environments.find(context, call.path["project"], call.path["environment"])
    return environment_shape(found, context)


async def _change_environment(context: Context, call: Call) -> EnvironmentShape:
    """Change, freeze or unfreeze an environment: only what is given is changed."""
    values = _positioned(_changes(call.body, nullable=("workflow", "frozen")))
    changed = await environments.amend(context, call.path["project"], call.path["environment"], **values)
    return environment_shape(changed, context)


async def _releases(context: Context, call: Call) -> Result:
    """List a project's releases, newest first."""
    size = call.query.per_page
    rows = await releases.find_all(context, call.path["project"], before=call.query.before, limit=size + 1)
    more = rows[size - 1]["id"] if len(rows) > size else None
    return Result([release_line(row) for row in rows[:size]], 200, next_link(call.url, more))


def dialect(base_url: str) -> Dialect:
    """The routes, for a service that is reached at an address."""

    def shape(found: releases.ReleaseDetails, project: str) -> ReleaseShape:
        told = {name: getattr(found.release, name) for name in ("release_date", "notes", "held")}
        pairs = found.candidates
        return ReleaseShape(
            **release_line(found.row),
            **told,
            candidates=[candidate_shape(base_url, project, candidate, run) for candidate, run in pairs],
            deployments=[DeploymentShape.model_validate(row) for row in found.deployments],
        )

    async def release(context: Context, call: Call) -> ReleaseShape:
        """Show a release with its candidates, their builds, and its deployments."""
        project = call.path["project"]
        return shape(await releases.find(context, project, call.path["version"]), project)

    async def change_release(context: Context, call: Call) -> ReleaseShape:
        """Change a release's status, date or notes."""
        project, values = call.path["project"], _changes(call.body, nullable=("release_date",))
        return shape(await releases.amend(context, project, call.path["version"], **values), project)

    return Dialect(
        name="projects",
        endpoints=(
            *ENDPOINTS,
            Endpoint("GET", RELEASE, release, ReleaseShape),
            Endpoint("PATCH", RELEASE, change_release, ReleaseShape, request_model=ReleaseChange),
        ),
        challenge="Bearer",
        refuses=problem_details,
        error=ProblemShape,
        error_type=CONTENT_TYPE,
    )


ENDPOINTS = (
    Endpoint("GET", "/api/projects", _projects, list[ProjectShape], query=LongPage),
    Endpoint("POST", "/api/projects", _create_project, ProjectShape, 201, request_model=NewProject),
    Endpoint("GET", PROJECT, _project, ProjectShape),
    Endpoint("PATCH", PROJECT, _change_project, ProjectShape, request_model=ProjectChange),
    Endpoint("GET", f"{PROJECT}/next-version", _next_version, NextVersion, query=Bump),
    Endpoint("GET", f"{PROJECT}/environments", _environments, list[EnvironmentShape], query=LongPage),
    Endpoint(
        "POST", f"{PROJECT}/environments", _create_environment, EnvironmentShape, 201, request_model=NewEnvironment
    ),
    Endpoint("GET", ENVIRONMENT, _environment, EnvironmentShape),
    Endpoint("PATCH", ENVIRONMENT, _change_environment, EnvironmentShape, request_model=EnvironmentChange),
    Endpoint("GET", f"{PROJECT}/releases", _releases, list[ReleaseLine], query=Before, preserialized=True),
)


def _window(call: Call) -> dict[str, int]:
    """Which rows a numbered page has, and one more, which tells whether there is another page."""
    page, size = call.query.page, call.query.per_page
    return {"limit": size + 1, "offset": (page - 1) * size}


def _page(call: Call, rows: list[Any]) -> Result:
    size = call.query.per_page
    return Result(rows[:size], 200, neighbours(call.url, call.query.page, more=len(rows) > size))


def _changes(body: BaseModel, nullable: tuple[str, ...]) -> dict[str, Any]:
    """What a change names; null only where null says something."""
    given = body.model_dump(exclude_unset=True)
    return {name: value for name, value in given.items() if value is not None or name in nullable}


def _positioned(values: dict[str, Any]) -> dict[str, Any]:
    return {("position" if name == "order" else name): value for name, value in values.items()}
