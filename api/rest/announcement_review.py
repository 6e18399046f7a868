"""The native API for the review of announcements. Errors are problem details (RFC 9457)."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError

from api.http.bodies import StrictModel
from api.http.endpoints import Call, Endpoint, Result
from api.http.errors import native_dialect
from api.http.pagination import KeysetQuery, next_link
from api.http.types import Timestamp, parsed_by
from api.rest.announcement_schemas import TagList
from bot.context import Context
from bot.operations import announcements
from bot.rules.announcements import parse_state

ANNOUNCEMENT = "/api/projects/{project}/releases/{version}/announcement"


def _check_name(name: str | None) -> str | None:
    if name is not None and "\0" in name:
        raise PydanticCustomError("name", "must not contain the character U+0000")
    return name


class AnnouncementQuery(KeysetQuery):
    """Which announcements to list."""

    state: Annotated[str, parsed_by(parse_state)] = Field(
        "pending", description="`pending`, `approved`, `rejected` or `withdrawn`."
    )
    project: Annotated[str | None, AfterValidator(_check_name)] = Field(
        None, description="The name of a project.", min_length=1, max_length=255
    )


class ApproveBody(StrictModel):
    """An approval. With the `id` of the reviewed announcement, a newer one is not approved in its place."""

    id: int | None = None


class RejectBody(ApproveBody):
    """A rejection with its reason."""

    reason: str


class AnnouncementResponse(BaseModel):
    """An announcement and the decision about it. `release_id` is null until it is approved."""

    id: int
    project: str
    permalink: str
    version: str
    changelog: str
    tag_list: TagList
    hidden_from_frontpage: bool
    state: str
    submitted_by: str
    created_at: Timestamp
    decided_by: str | None
    decided_at: Timestamp | None
    reason: str | None
    release_id: str | None


async def list_announcements(context: Context, call: Call[None, AnnouncementQuery]) -> Result:
    """List the announcements in a state, newest first."""
    query, size = call.query, call.query.per_page
    rows = await announcements.list_by_state(
        context, state=query.state, project=query.project, before=query.before, limit=size + 1
    )
    return Result(rows[:size], 200, next_link(call.url, [row["id"] for row in rows], size))


async def approve(context: Context, call: Call[ApproveBody, None]) -> object:
    """Approve the pending announcement of a version, and create its release if it does not exist."""
    return await announcements.approve(context, call.path["project"], call.path["version"], call.body.id)


async def reject(context: Context, call: Call[RejectBody, None]) -> object:
    """Reject the pending announcement of a version with a reason."""
    body = call.body
    return await announcements.reject(context, call.path["project"], call.path["version"], body.reason, body.id)


DIALECT = native_dialect(
    "announcement queue",
    Endpoint(
        "GET", "/api/announcements", list_announcements, list[AnnouncementResponse], query_model=AnnouncementQuery
    ),
    Endpoint("POST", f"{ANNOUNCEMENT}/approve", approve, AnnouncementResponse, request_model=ApproveBody),
    Endpoint("POST", f"{ANNOUNCEMENT}/reject", reject, AnnouncementResponse, request_model=RejectBody),
)
