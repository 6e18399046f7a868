"""Our own routes for announcements that wait for approval. Errors are problem details (RFC 9457)."""

from typing import Annotated

from pydantic import BaseModel, Field

from api.http.bodies import Strict
from api.http.endpoints import Call, Dialect, Endpoint, Result
from api.http.pagination import Before, next_link
from api.http.problems import CONTENT_TYPE, ProblemShape, problem_details
from api.http.types import Moment, by_rule
from api.rest.announcements import Words
from bot.context import Context
from bot.operations import announcements
from bot.rules.announcements import parse_state
from bot.store.announcement_queries import AnnouncementRow

ANNOUNCEMENT = "/api/projects/{project}/releases/{version}/announcement"


class Waiting(Before):
    """Which announcements are listed."""

    state: Annotated[str, by_rule(parse_state)] = Field(
        "pending", description="`pending`, `approved`, `rejected` or `withdrawn`."
    )
    project: str | None = Field(None, description="The name of a project.", pattern=r"^[^\x00]{1,255}$")


class Approval(Strict):
    """An approval. `id` is that of the announcement that was read, so that no other is approved in its place."""

    id: int | None = None


class Rejection(Approval):
    """A rejection, and why."""

    reason: str


class AnnouncementShape(BaseModel):
    """An announcement with all that was decided about it. `release_id` is there once it is approved."""

    id: int
    project: str
    permalink: str
    version: str
    changelog: str
    tag_list: Words
    hidden_from_frontpage: bool
    state: str
    submitted_by: str
    created_at: Moment
    decided_by: str | None
    decided_at: Moment | None
    reason: str | None
    release_id: str | None


async def _queue(context: Context, call: Call) -> Result:
    """Announcements of a state, newest first."""
    asked = call.query
    rows = await announcements.list_by_state(
        context, state=asked.state, project=asked.project, before=asked.before, limit=asked.per_page + 1
    )
    more = rows[asked.per_page - 1]["id"] if len(rows) > asked.per_page else None
    return Result(rows[: asked.per_page], 200, next_link(call.url, more))


async def _approve(context: Context, call: Call) -> AnnouncementRow:
    """Approve the pending announcement of a version; its release is found or made."""
    return await announcements.approve(context, call.path["project"], call.path["version"], call.body.id)


async def _reject(context: Context, call: Call) -> AnnouncementRow:
    """Reject the pending announcement of a version, telling why."""
    body = call.body
    return await announcements.reject(context, call.path["project"], call.path["version"], body.reason, body.id)


def dialect(_base_url: str) -> Dialect:
    """The routes."""
    return Dialect(
        name="announcement queue",
        endpoints=(
            Endpoint("GET", "/api/announcements", _queue, list[AnnouncementShape], query=Waiting),
            Endpoint("POST", f"{ANNOUNCEMENT}/approve", _approve, AnnouncementShape, request_model=Approval),
            Endpoint("POST", f"{ANNOUNCEMENT}/reject", _reject, AnnouncementShape, request_model=Rejection),
        ),
        challenge="Bearer",
        refuses=problem_details,
        error=ProblemShape,
        error_type=CONTENT_TYPE,
    )
