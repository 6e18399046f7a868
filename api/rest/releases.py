"""The dialect `releases`: release candidates, deployments and rollbacks. Its contract is docs/releases.md."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from api.http.bodies import BadRequest, LenientModel
from api.http.endpoints import Call, Dialect, Endpoint, Result
from api.http.pagination import PageQuery, numbered_links
from api.rest.schemas import (
    CandidateResponse,
    DecisionResponse,
    DeploymentDetailsResponse,
    DeploymentResponse,
    candidate_response,
    decision_response,
    deployment_details_response,
    serialize_deployment,
)
from bot.context import Context
from bot.errors import Problem, RepositoryNotFound, WrongSettings
from bot.operations import (
    cancellations,
    candidates,
    cut_previews,
    deploying,
    deployments,
    external_deployments,
    rebuilds,
    rollbacks,
)
from bot.operations.candidates import CutRequest
from bot.operations.deploying import DeployRequest
from bot.operations.previews import Preview
from bot.operations.workflows import self_reports
from bot.rules.deployments import STATUSES
from bot.rules.ids import DeploymentId
from bot.rules.versions import INVALID, CandidateVersion, parse_candidate_version
from bot.store import queries
from bot.store.candidates import Candidate
from bot.store.deployments import Deployment

UNAVAILABLE = "GitHub is unavailable"
NOT_INSTALLED = "it does not exist, or the App is not installed on it"
CANDIDATE = "/api/releases/{project}/releases/{candidate}"
ENVIRONMENT = "/api/releases/{project}/environments/{environment}"
NO_REASON = "`force` needs a `reason`, which is recorded and shown."
NO_TARGET = "A rollback takes no target: it deploys what was live before."
DEPLOY_INSTEAD = f"send `release_candidate_version` to `POST {ENVIRONMENT}/deployments`"
TARGETS = frozenset(
    (
        *("release_candidate_version", "candidate_version", "candidate", "release_version", "version", "release"),
        *("to", "target", "commit", "to_version", "target_version", "deployment_id", "deployment", "tag", "ref", "sha"),
    )
)
"""Fields with which a caller would choose what a rollback deploys."""


class CutBody(LenientModel):
    """The commit to cut a candidate at, and whether to build it."""

    repo: str = Field(description="The repository, as `owner/name`.", examples=["acme/site"])
    commit: str = Field(description="A full commit SHA.", examples=["0" * 39 + "1"])
    trigger_build_workflow: bool = False
    dry_run: bool = Field(False, description="Only say what would happen.")


class CandidateBody(LenientModel):
    """The candidate that a request is about."""

    release_candidate_version: str

    def version(self) -> CandidateVersion:
        """The parsed version of the candidate."""
        return parse_candidate_version(self.release_candidate_version)


class DeployBody(CandidateBody):
    """The candidate to deploy, and what to do when a gate is closed."""

    wait: bool = Field(False, description="Let the deployment wait while gates may still open, instead of refusing it.")
    force: bool = Field(False, description="Override gates, which needs `deployment:force` and a `reason`.")
    reason: str | None = None
    dry_run: bool = Field(False, description="Only say what would happen.")

    def request(self) -> DeployRequest:
        """The operation's request."""
        if self.force and not (self.reason or "").strip():
            raise BadRequest(NO_REASON, fields={"reason": [NO_REASON]})
        return DeployRequest(self.version(), self.wait, self.reason if self.force else None)


class DryRunResponse(BaseModel):
    """What a request would do: sentences, and the decision of the gates if there is one."""

    dry_run: bool = True
    would: list[str]
    decision: DecisionResponse | None


def _check_status(status: str) -> str:
    if status not in STATUSES:
        raise PydanticCustomError("status", "must be one of {words}", {"words": ", ".join(STATUSES)})
    return status


class ReportBody(CandidateBody):
    """The status of a deployment, as reported by a pipeline."""

    status: Annotated[str, AfterValidator(_check_status)]
    error_message: str | None = None


class RollbackBody(LenientModel):
    """The options of a rollback."""

    force: bool = False
    reason: str | None = None
    dry_run: bool = False

    @model_validator(mode="before")
    @classmethod
    def _refuse_target(cls, values: object) -> object:
        sent = values if isinstance(values, dict) else ()
        if name := next((name for name in sent if name.lower().replace("-", "_") in TARGETS), None):
            sentence = f"{NO_TARGET} To deploy a candidate of your choice, {DEPLOY_INSTEAD}."
            raise BadRequest(sentence, fields={name: [sentence]})
        return values


def _number_to_text(value: object) -> object:
    return str(value) if type(value) is int else value


# workflows send ids both as texts and as numbers
Identifier = Annotated[str, Field(max_length=40), BeforeValidator(_number_to_text)]


class SyncBuildBody(LenientModel):
    """The run that builds a candidate, as reported by its workflow."""

    release_cut_id: Identifier
    workflow_run_id: Identifier


class SyncDeployBody(LenientModel):
    """The run that performs a deployment, as reported by its workflow."""

    deployment_id: Identifier
    workflow_run_id: Identifier


class SyncResponse(BaseModel):
    """The report was accepted."""

    status: str = "ok"


class ReleasesError(BaseModel):
    """An error: a sentence, and machine-readable details."""

    error: str = Field(examples=["Invalid commit hash"])
    details: dict[str, object] = Field({}, examples=[{"field": "commit"}])


async def cut(context: Context, call: Call[CutBody, None]) -> Result:
    """Cut a release candidate at an exact commit."""
    version, body = parse_candidate_version(call.path["candidate"]), call.body
    request = CutRequest(
        version.release, body.commit, number=version.number, repo=body.repo, build=body.trigger_build_workflow
    )
    if body.dry_run:
        return _dry_run(await cut_previews.preview_cut(context, call.path["project"], request))
    candidate, created = await candidates.cut(context, call.path["project"], request)
    return Result(await _candidate_response(call, candidate), 201 if created else 200)


async def show_candidate(context: Context, call: Call[None, None]) -> CandidateResponse:
    """Show a release candidate."""
    version = parse_candidate_version(call.path["candidate"])
    return await _candidate_response(call, await candidates.find(context, call.path["project"], version))


async def cancel_build(context: Context, call: Call[None, None]) -> CandidateResponse:
    """Cancel the build of a release candidate."""
    version = parse_candidate_version(call.path["candidate"])
    return await _candidate_response(call, await cancellations.cancel_build(context, call.path["project"], version))


async def build_again(context: Context, call: Call[None, None]) -> CandidateResponse:
    """Build a release candidate again."""
    version = parse_candidate_version(call.path["candidate"])
    return await _candidate_response(call, await rebuilds.rebuild(context, call.path["project"], version))


async def deploy(context: Context, call: Call[DeployBody, None]) -> Result:
    """Deploy a release candidate to an environment."""
    project, environment, request = call.path["project"], call.path["environment"], call.body.request()
    if call.body.dry_run:
        return _dry_run(await deploying.preview(context, project, environment, request))
    deployment, created = await deploying.deploy(context, project, environment, request)
    return Result(await _deployment_row(deployment), 201 if created else 200)


async def report(context: Context, call: Call[ReportBody, None]) -> object:
    """Report the status of a deployment that a pipeline performs."""
    version, body = call.body.version(), call.body
    return await _deployment_row(
        await external_deployments.report(
            context,
            call.path["project"],
            call.path["environment"],
            external_deployments.Report(version, body.status, body.error_message),
        )
    )


async def roll_back(context: Context, call: Call[RollbackBody, None]) -> Result:
    """Roll back an environment."""
    project, environment, body = call.path["project"], call.path["environment"], call.body
    if body.dry_run:
        preview = await rollbacks.preview(context, project, environment, force=body.force, reason=body.reason)
        return _dry_run(preview)
    deployment = await rollbacks.roll_back(context, project, environment, force=body.force, reason=body.reason)
    return Result(await _deployment_row(deployment), 201)


async def show_deployment(context: Context, call: Call[None, None]) -> object:
    """Show a deployment."""
    deployment_id = DeploymentId(call.row_id("deployment"))
    return await _deployment_response(
        await deployments.find(context, call.path["project"], call.path["environment"], deployment_id)
    )


async def cancel_deployment(context: Context, call: Call[None, None]) -> object:
    """Cancel a deployment."""
    deployment_id = DeploymentId(call.row_id("deployment"))
    return await _deployment_response(
        await deployments.cancel(context, call.path["project"], call.path["environment"], deployment_id)
    )


async def list_deployments(context: Context, call: Call[None, PageQuery]) -> Result:
    """List the deployments of an environment, newest first."""
    page, size = call.query.page, call.query.per_page
    rows, count = await deployments.find_all(
        context, call.path["project"], call.path["environment"], limit=size, offset=(page - 1) * size
    )
    links = numbered_links(call.url, page, -(-count // size))
    return Result([serialize_deployment(row) for row in rows], 200, links)


async def sync_build(context: Context, call: Call[SyncBuildBody, None]) -> SyncResponse:
    """Report which workflow run builds a release candidate."""
    await self_reports.record_build(context, call.body.release_cut_id, call.body.workflow_run_id)
    return SyncResponse()


async def sync_deployment(context: Context, call: Call[SyncDeployBody, None]) -> SyncResponse:
    """Report which workflow run performs a deployment."""
    await self_reports.record_deployment(context, call.body.deployment_id, call.body.workflow_run_id)
    return SyncResponse()


async def _candidate_response(call: Call[CutBody, None] | Call[None, None], candidate: Candidate) -> CandidateResponse:
    run = await candidates.newest_build(candidate)
    return candidate_response(call.base_url, call.path["project"], candidate, run)


def _dry_run(preview: Preview) -> Result:
    decision = None if preview.decision is None else decision_response(preview.decision)
    return Result(DryRunResponse(would=list(preview.would), decision=decision), 200)


async def _deployment_row(deployment: Deployment) -> object:
    return serialize_deployment(await queries.get_deployment(deployment.id))


async def _deployment_response(deployment: Deployment) -> DeploymentDetailsResponse:
    run = await deployments.newest_run(deployment)
    return deployment_details_response(await queries.get_deployment(deployment.id), deployment, run)


def _error_body(problem: Problem, _status: int) -> dict[str, object]:
    """The error with one of the contract's sentences; what the problem says beyond that is in the details."""
    sentence, details = problem.sentence, dict(problem.details)
    about_version = isinstance(problem, BadRequest) and "release_candidate_version" in problem.fields
    if about_version and not sentence.startswith(NO_TARGET):
        sentence, details = INVALID, {**details, "reason": problem.sentence}
    if isinstance(problem, RepositoryNotFound):
        sentence, details = "GitHub repository not found", {"reason": NOT_INSTALLED, **details}
    if isinstance(problem, WrongSettings):
        sentence, details = UNAVAILABLE, {**details, "reason": problem.sentence, "remedy": details.get("reason")}
    return {"error": sentence, **({"details": details} if details else {})}


READ = "project:read"
DEPLOYMENTS = f"{ENVIRONMENT}/deployments"
DEPLOYMENT = f"{DEPLOYMENTS}/{{deployment}}"
DIALECT = Dialect(
    name="releases",
    endpoints=(
        Endpoint(
            *("POST", CANDIDATE, cut, CandidateResponse | DryRunResponse, 201),
            request_model=CutBody,
            other_statuses=(200,),
        ),
        Endpoint("GET", CANDIDATE, show_candidate, CandidateResponse, anonymous_grant=READ),
        Endpoint("POST", f"{CANDIDATE}/cancel", cancel_build, CandidateResponse, 202),
        Endpoint("POST", f"{CANDIDATE}/build", build_again, CandidateResponse, 202),
        Endpoint(
            *("POST", DEPLOYMENTS, deploy, DeploymentResponse | DryRunResponse, 201),
            request_model=DeployBody,
            other_statuses=(200,),
        ),
        Endpoint("PATCH", DEPLOYMENTS, report, DeploymentResponse, request_model=ReportBody),
        Endpoint(
            *("GET", DEPLOYMENTS, list_deployments, list[DeploymentResponse]),
            query_model=PageQuery,
            anonymous_grant=READ,
            preserialized=True,
        ),
        Endpoint("GET", DEPLOYMENT, show_deployment, DeploymentDetailsResponse, anonymous_grant=READ),
        Endpoint("POST", f"{DEPLOYMENT}/cancel", cancel_deployment, DeploymentDetailsResponse, 202),
        Endpoint(
            *("POST", f"{ENVIRONMENT}/rollback", roll_back, DeploymentResponse | DryRunResponse, 201),
            request_model=RollbackBody,
            other_statuses=(200,),
        ),
        Endpoint("POST", "/api/v1/sync-build-github-action", sync_build, SyncResponse, request_model=SyncBuildBody),
        Endpoint(
            "POST", "/api/v1/sync-deploy-github-action", sync_deployment, SyncResponse, request_model=SyncDeployBody
        ),
    ),
    challenge="Bearer",
    error_body=_error_body,
    error_model=ReleasesError,
    path_prefixes=("/api/releases", "/api/v1"),
)
