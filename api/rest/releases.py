"""The dialect `releases`: release candidates, deployments, rollback. Its contract is docs/releases.md."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from api.http.bodies import BadRequest
from api.http.endpoints import Call, Dialect, Endpoint, Result
from api.http.pagination import Page, numbered_links
from api.rest.schemas import CandidateShape, DeploymentShape, candidate_shape, deployment_line
from bot.context import Context
from bot.errors import Problem
from bot.operations import candidates, deployments
from bot.operations.candidates import CutRequest
from bot.operations.workflows import self_reports
from bot.rules.deployments import STATUSES
from bot.rules.versions import INVALID, CandidateVersion, parse_candidate_version
from bot.store import queries
from bot.store.candidates import Candidate
from bot.store.deployments import Deployment
from bot.store.queries import DeploymentRow

CANDIDATE = "/api/releases/{project}/releases/{candidate}"
ENVIRONMENT = "/api/releases/{project}/environments/{environment}"


class CutBody(BaseModel):
    """What is to be cut."""

    repo: str = Field(description="The repository, as `owner/name`.", examples=["acme/site"])
    commit: str = Field(description="A full commit SHA.", examples=["0" * 39 + "1"])
    trigger_build_workflow: bool = False


class DeployBody(BaseModel):
    """What is to be deployed."""

    release_candidate_version: str

    def version(self) -> CandidateVersion:
        """The candidate's version, taken apart."""
        return parse_candidate_version(self.release_candidate_version)


def _one_of_eight(status: str) -> str:
    if status not in STATUSES:
        raise PydanticCustomError("status", "Must be one of {words}", {"words": ", ".join(STATUSES)})
    return status


class ReportBody(DeployBody):
    """How a deployment stands, as a pipeline says."""

    status: Annotated[str, AfterValidator(_one_of_eight)]
    error_message: str | None = None


class RollbackBody(BaseModel):
    """How a rollback is to go."""

    force: bool = False


def _as_text(value: object) -> object:
    return str(value) if type(value) is int else value


Identifier = Annotated[
    str, Field(max_length=40), BeforeValidator(_as_text)
]  # workflows say numbers as texts and as numbers


class SyncBuildBody(BaseModel):
    """Which run builds a candidate, as its workflow says."""

    release_cut_id: Identifier
    workflow_run_id: Identifier


class SyncDeployBody(BaseModel):
    """Which run makes a deployment, as its workflow says."""

    deployment_id: Identifier
    workflow_run_id: Identifier


class Ok(BaseModel):
    """It was taken note of."""

    status: str = "ok"


async def _shown(base_url: str, project: str, candidate: Candidate) -> CandidateShape:
    return candidate_shape(base_url, project, candidate, await candidates.build_of(candidate))


async def _row(deployment: Deployment) -> DeploymentRow:
    return await queries.get_deployment(deployment.id)


def dialect(base_url: str) -> Dialect:
    """The dialect, for a service that is reached at an address."""

    async def cut(context: Context, call: Call) -> Result:
        """Cut a release candidate at an exact commit."""
        version, body = parse_candidate_version(call.path["candidate"]), call.body
        wish = CutRequest(
            version.release, body.commit, number=version.number, repo=body.repo, build=body.trigger_build_workflow
        )
        candidate, new = await candidates.cut(context, call.path["project"], wish)
        return Result(await _shown(base_url, call.path["project"], candidate), 201 if new else 200)

    async def candidate(context: Context, call: Call) -> CandidateShape:
        """Show a release candidate."""
        version = parse_candidate_version(call.path["candidate"])
        found = await candidates.find(context, call.path["project"], version)
        return await _shown(base_url, call.path["project"], found)

    async def cancel_build(context: Context, call: Call) -> CandidateShape:
        """Cancel a candidate's build."""
        version = parse_candidate_version(call.path["candidate"])
        found = await candidates.cancel(context, call.path["project"], version)
        return await _shown(base_url, call.path["project"], found)

    return Dialect(
        name="releases",
        endpoints=(
            Endpoint("POST", CANDIDATE, cut, CandidateShape, 201, request_model=CutBody, other_statuses=(200,)),
            Endpoint("GET", CANDIDATE, candidate, CandidateShape, anonymous_grant="project:read"),
            Endpoint("POST", f"{CANDIDATE}/cancel", cancel_build, CandidateShape, 202),
            *ENDPOINTS,
        ),
        challenge="Bearer",
        refuses=_refusal,
        error=Refused,
        roots=("/api/releases", "/api/v1"),
    )


async def _deploy(context: Context, call: Call) -> Any:
    """Deploy a candidate to an environment."""
    version = call.body.version()
    return await _row(await deployments.deploy(context, call.path["project"], call.path["environment"], version))


async def _report(context: Context, call: Call) -> Any:
    """Tell how a deployment stands that a pipeline makes."""
    version, body = call.body.version(), call.body
    return await _row(
        await deployments.report(
            context, call.path["project"], call.path["environment"], version, body.status, body.error_message
        )
    )


async def _roll_back(context: Context, call: Call) -> Any:
    """Roll an environment back."""
    return await _row(
        await deployments.roll_back(context, call.path["project"], call.path["environment"], force=call.body.force)
    )


async def _deployment(context: Context, call: Call) -> Any:
    """Show a deployment."""
    number = call.number("deployment")
    return await _row(await deployments.find(context, call.path["project"], call.path["environment"], number))


async def _cancel(context: Context, call: Call) -> Any:
    """Cancel a deployment."""
    number = call.number("deployment")
    return await _row(await deployments.cancel(context, call.path["project"], call.path["environment"], number))


async def _list(context: Context, call: Call) -> Result:
    """List an environment's deployments, newest first."""
    page, size = call.query.page, call.query.per_page
    rows, count = await deployments.find_all(
        context, call.path["project"], call.path["environment"], limit=size, offset=(page - 1) * size
    )
    return Result([deployment_line(row) for row in rows], 200, numbered_links(call.url, page, -(-count // size)))


async def _sync_build(context: Context, call: Call) -> Ok:
    """Tell which run builds a candidate."""
    await self_reports.build(context, call.body.release_cut_id, call.body.workflow_run_id)
    return Ok()


async def _sync_deployment(context: Context, call: Call) -> Ok:
    """Tell which run makes a deployment."""
    await self_reports.deployment(context, call.body.deployment_id, call.body.workflow_run_id)
    return Ok()


ENDPOINTS = (
    Endpoint("POST", f"{ENVIRONMENT}/deployments", _deploy, DeploymentShape, 201, request_model=DeployBody),
    Endpoint("PATCH", f"{ENVIRONMENT}/deployments", _report, DeploymentShape, request_model=ReportBody),
    Endpoint(
        *("GET", f"{ENVIRONMENT}/deployments", _list, list[DeploymentShape]),
        query=Page,
        anonymous_grant="project:read",
        preserialized=True,
    ),
    Endpoint(
        "GET", f"{ENVIRONMENT}/deployments/{{deployment}}", _deployment, DeploymentShape, anonymous_grant="project:read"
    ),
    Endpoint("POST", f"{ENVIRONMENT}/deployments/{{deployment}}/cancel", _cancel, DeploymentShape, 202),
    Endpoint("POST", f"{ENVIRONMENT}/rollback", _roll_back, DeploymentShape, 201, request_model=RollbackBody),
    Endpoint("POST", "/api/v1/sync-build-github-action", _sync_build, Ok, request_model=SyncBuildBody),
    Endpoint("POST", "/api/v1/sync-deploy-github-action", _sync_deployment, Ok, request_model=SyncDeployBody),
)


class Refused(BaseModel):
    """A refusal: a sentence, and what else there is to say."""

    error: str = Field(examples=["Invalid commit hash"])
    details: dict[str, Any] = Field({}, examples=[{"field": "commit"}])


def _refusal(problem: Problem, status: int) -> dict[str, Any]:
    """A refusal: the sentence, and under `details` what else there is to say."""
    sentence = problem.sentence
    if isinstance(problem, BadRequest) and "release_candidate_version" in problem.fields:
        sentence = INVALID
    said: dict[str, Any] = {"error": sentence}
    if problem.details:
        said["details"] = dict(problem.details)
    return said
