"""The native API of the audit log. Errors are problem details (RFC 9457)."""

from typing import Any

from pydantic import BaseModel, Field

from api.http.endpoints import Call, Endpoint, Result
from api.http.errors import native_dialect
from api.http.pagination import KeysetQuery, next_link
from api.http.types import Timestamp
from bot.context import Context
from bot.operations import audit
from bot.rules.audit import FIELDS, AuditPage, audit_filter

AUDIT = "/api/audit"


class AuditQuery(KeysetQuery):
    """Which entries to list."""

    project: str = Field("", description="The name of a project.", examples=["site"])
    actor: str = Field("", description="Who did it.", examples=["alice"])
    act: str = Field("", description="What was done: the name of an event.", examples=["candidate.cut"])
    channel: str = Field("", description="Through which channel.", examples=["rest"])
    alarm: str = Field("", description="`true`: only alarms; `false`: no alarms.", examples=["true"])
    since: str = Field("", description="A day or a time.", examples=["2026-01-31"])
    until: str = Field("", description="A day, which is included, or a time, which is not.", examples=["2026-02-28"])


class AuditEntryResponse(BaseModel):
    """Something that happened. `before` and `after` are what changed, as far as it can be told in values."""

    id: int
    at: Timestamp
    actor: str
    channel: str
    act: str
    alarm: bool
    project: str | None
    subject: str
    commit: str | None
    before: Any
    after: Any


async def list_entries(context: Context, call: Call[None, AuditQuery]) -> Result:
    """List who did what through which channel, newest first. Entries without a project need rights on all of them."""
    query = call.query
    wanted = audit_filter(query.model_dump(include=set(FIELDS)))
    rows = await audit.find(context, wanted, AuditPage(query.per_page + 1, query.before))
    links = next_link(call.url, [row.id for row in rows], query.per_page)
    entries = [AuditEntryResponse.model_validate(vars(row)) for row in rows[: query.per_page]]
    return Result(entries, 200, links)


DIALECT = native_dialect(
    "audit",
    Endpoint("GET", AUDIT, list_entries, list[AuditEntryResponse], query_model=AuditQuery),
)
