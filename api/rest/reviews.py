"""The native API of what waits for the caller's word."""

from pydantic import BaseModel, ConfigDict, Field

from api.http.endpoints import Call, Endpoint
from api.http.errors import native_dialect
from api.http.types import Timestamp
from api.rest.announcement_review import AnnouncementResponse
from api.rest.board import ClosedGateResponse
from bot.context import Context
from bot.operations import reviews
from bot.operations.reviews import Reviews

WAITING = "/api/waiting"


class ReviewModel(BaseModel):
    """A model whose values are those of a dataclass of `bot/operations/reviews.py`."""

    model_config = ConfigDict(from_attributes=True)


class WantedApprovalResponse(ReviewModel):
    """A deployment that waits for the caller's approval. `by` asked for it, unless it is `automatic`."""

    deployment: int
    project: str
    environment: str
    version: str
    commit: str
    since: Timestamp
    expires_at: Timestamp | None
    by: str
    automatic: bool
    cut_by: str
    waits_for: list[ClosedGateResponse]


class SettingChangeResponse(ReviewModel):
    """A weaker change of a setting, with its values as JSON, which may be cut off; `unset` for none.

    Where all of an environment or project is added or removed, `name` is `added` or `removed`.
    """

    name: str
    old: str
    new: str


class WantedChangeResponse(ReviewModel):
    """Weaker changes of a configuration file: `given` of `needed` people have approved them."""

    project: str
    environment: str
    commit: str
    since: Timestamp
    given: int
    needed: int
    settings: list[SettingChangeResponse]


class ReviewsResponse(ReviewModel):
    """What waits for the caller's word, at most 100 of each kind, the oldest first."""

    approvals: list[WantedApprovalResponse]
    announcements: list[AnnouncementResponse]
    changes: list[WantedChangeResponse]
    incomplete: bool = Field(description="Whether GitHub did not say about everything if it waits for the caller.")


async def show(context: Context, call: Call[None, None]) -> Reviews:
    """Show what waits for the caller to say something: approvals, announcements, changes of configuration files."""
    return await reviews.read(context)


DIALECT = native_dialect("waiting", Endpoint("GET", WAITING, show, ReviewsResponse))
