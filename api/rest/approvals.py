"""The native API of decisions and approvals. Errors are problem details (RFC 9457)."""

from types import NoneType

from pydantic import BaseModel, Field

from api.http.bodies import StrictModel
from api.http.endpoints import Call, Endpoint, Result
from api.http.errors import native_dialect
from api.http.pagination import KeysetQuery, next_link
from api.http.types import Timestamp
from api.rest.projects import ENVIRONMENT
from api.rest.schemas import DecisionResponse, decision_json
from bot.context import Context
from bot.operations import approvals, decisions
from bot.rules.versions import parse_candidate_version
from bot.store.gates import Approval

DECISION = f"{ENVIRONMENT}/decision"
APPROVALS = f"{ENVIRONMENT}/approvals"


class DecisionQuery(BaseModel):
    """The candidate to decide about."""

    candidate: str = Field(examples=["1.4.0-rc1"])


class ApprovalBody(StrictModel):
    """The candidate to approve."""

    candidate: str = Field(examples=["1.4.0-rc1"])
    comment: str = ""


class ApprovalsQuery(KeysetQuery):
    """A page of approvals, of one candidate only if it is named."""

    candidate: str | None = Field(None, examples=["1.4.0-rc1"])


class ApprovalResponse(BaseModel):
    """An approval. `by_operator`: it was given with a token that an operator made for this person."""

    id: int
    candidate: str
    environment: str
    by: str
    comment: str
    channel: str
    by_operator: bool
    approved_at: Timestamp
    withdrawn_at: Timestamp | None


def _approval_response(approval: Approval) -> ApprovalResponse:
    """The response for an approval, whose candidate, environment and user must have been fetched."""
    return ApprovalResponse(
        id=approval.id,
        candidate=approval.candidate.version,
        environment=approval.environment.name,
        by=approval.user.name,
        comment=approval.comment,
        channel=approval.channel,
        by_operator=approval.by_operator,
        approved_at=approval.approved_at,
        withdrawn_at=approval.withdrawn_at,
    )


async def show_decision(context: Context, call: Call[None, DecisionQuery]) -> object:
    """Show whether a candidate could be deployed now by the caller: every gate with its verdict. Nothing changes."""
    version = parse_candidate_version(call.query.candidate)
    return decision_json(
        await decisions.preview_by_name(context, call.path["project"], call.path["environment"], version)
    )


async def approve(context: Context, call: Call[ApprovalBody, None]) -> Result:
    """Approve a candidate for an environment: 201 for a new approval, 200 for one's earlier one."""
    body, version = call.body, parse_candidate_version(call.body.candidate)
    project, environment = call.path["project"], call.path["environment"]
    approval, is_new = await approvals.approve(context, project, environment, version, body.comment)
    return Result(_approval_response(approval), 201 if is_new else 200)


async def list_approvals(context: Context, call: Call[None, ApprovalsQuery]) -> Result:
    """List the approvals for an environment, newest first, with those that were withdrawn."""
    query = call.query
    rows = await approvals.find_all(
        context,
        call.path["project"],
        call.path["environment"],
        version=None if query.candidate is None else parse_candidate_version(query.candidate),
        before=query.before,
        limit=query.per_page + 1,
    )
    links = next_link(call.url, [row.id for row in rows], query.per_page)
    return Result([_approval_response(row) for row in rows[: query.per_page]], 200, links)


async def withdraw(context: Context, call: Call[None, None]) -> Result:
    """Withdraw one's own approval."""
    await approvals.withdraw(context, call.path["project"], call.path["environment"], call.row_id("approval"))
    return Result(None, 204)


DIALECT = native_dialect(
    "approvals",
    Endpoint("GET", DECISION, show_decision, DecisionResponse, query_model=DecisionQuery, preserialized=True),
    Endpoint("GET", APPROVALS, list_approvals, list[ApprovalResponse], query_model=ApprovalsQuery),
    Endpoint("POST", APPROVALS, approve, ApprovalResponse, 201, request_model=ApprovalBody, other_statuses=(200,)),
    Endpoint("DELETE", f"{APPROVALS}/{{approval}}", withdraw, NoneType, 204),
)
