"""The native API of promotions, and of where a commit is live. Errors are problem details (RFC 9457)."""

from typing import Annotated

from pydantic import BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError

from api.http.bodies import StrictModel
from api.http.endpoints import Call, Endpoint, Result
from api.http.errors import native_dialect
from api.rest.projects import PROJECT
from api.rest.releases import DryRunResponse, dry_run_result
from api.rest.schemas import DeploymentResponse, serialize_deployment
from bot.context import Context
from bot.operations import deploying, promotions, statuses
from bot.operations.deploying import DeployRequest
from bot.rules.versions import parse_candidate_version
from bot.store import queries

PROMOTE = f"{PROJECT}/candidates/{{candidate}}/promote"
WHERE = f"{PROJECT}/where"


class PromoteBody(StrictModel):
    """What to do when a gate is closed, as for a deployment."""

    wait: bool = Field(False, description="Let the deployment wait while gates may still open, instead of refusing it.")
    force: bool = Field(False, description="Override gates, which needs `deployment:force` and a `reason`.")
    reason: str | None = None
    dry_run: bool = Field(False, description="Only say what would happen.")

    @model_validator(mode="after")
    def _check_reason(self) -> "PromoteBody":
        if self.force and not (self.reason or "").strip():
            raise PydanticCustomError("value", "`force` needs a `reason`, which is recorded and shown.")
        return self


class WhereQuery(BaseModel):
    """What to look for: a commit by its full SHA, or a pull request by its number."""

    commit: str | None = Field(None, examples=["0" * 39 + "1"])
    pull_request: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None

    @model_validator(mode="after")
    def _check_one(self) -> "WhereQuery":
        if (self.commit is None) == (self.pull_request is None):
            raise PydanticCustomError("value", "Name either `commit` or `pull_request`.")
        return self


class PlaceResponse(BaseModel):
    """Whether a commit is on an environment: `presence` is `live`, `not_live`, `nothing_live` or `unknown`.

    `problem` says why it is unknown.
    """

    environment: str
    presence: str
    live: str | None
    problem: str | None


class WhereResponse(BaseModel):
    """Where a commit is live. `candidates` are those cut at exactly this commit.

    `more` counts environments that were not looked at. `merged` is about the pull request, if one was asked for.
    """

    commit: str
    pull_request: int | None
    merged: bool
    candidates: list[str]
    environments: list[PlaceResponse]
    more: int


async def promote(context: Context, call: Call[PromoteBody, None]) -> Result:
    """Deploy a candidate to the next environment, after the last one where its commit is live."""
    project, body, version = call.path["project"], call.body, parse_candidate_version(call.path["candidate"])
    request = DeployRequest(version, body.wait, body.reason if body.force else None)
    environment = await promotions.next_environment(context, project, version)
    if body.dry_run:
        return dry_run_result(await deploying.preview(context, project, environment, request))
    deployment, created = await deploying.deploy(context, project, environment, request)
    row = await queries.get_deployment(deployment.id)
    return Result(serialize_deployment(row), 201 if created else 200)


async def where(context: Context, call: Call[None, WhereQuery]) -> WhereResponse:
    """Show on which environments a commit, or the commit of a pull request, is live."""
    project, query = call.path["project"], call.query
    if query.pull_request is not None:
        found = await statuses.where_pull_request(context, project, query.pull_request)
    else:
        found = await statuses.where(context, project, query.commit or "")
    places = [
        PlaceResponse(
            environment=each.name, presence=each.presence.replace(" ", "_"), live=each.live, problem=each.problem
        )
        for each in found.environments
    ]
    return WhereResponse(
        commit=found.commit,
        pull_request=found.pull,
        merged=found.merged,
        candidates=list(found.candidates),
        environments=places,
        more=found.more,
    )


DIALECT = native_dialect(
    "promotions",
    Endpoint(
        *("POST", PROMOTE, promote, DeploymentResponse | DryRunResponse, 201),
        request_model=PromoteBody,
        other_statuses=(200,),
    ),
    Endpoint("GET", WHERE, where, WhereResponse, query_model=WhereQuery),
)
