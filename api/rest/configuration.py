"""The native API of configuration files: approving what they weaken. Errors are problem details (RFC 9457)."""

from pydantic import BaseModel

from api.http.endpoints import Call, Endpoint
from api.http.errors import native_dialect
from api.rest.projects import ENVIRONMENT
from bot.context import Context
from bot.operations import config_approvals

APPROVALS = f"{ENVIRONMENT}/configuration/approvals"


class ApprovedChangeResponse(BaseModel):
    """What an approval of changes came to: `given` of `needed` approvals count. `fields` are the settings concerned."""

    project: str
    environment: str
    given: int
    needed: int
    takes_effect: bool
    fields: list[str]


async def approve(context: Context, call: Call[None, None]) -> list[ApprovedChangeResponse]:
    """Approve what the configuration file weakens of an environment."""
    approved = await config_approvals.approve(context, call.path["project"], call.path["environment"])
    return [ApprovedChangeResponse(**{**vars(each), "fields": list(each.fields)}) for each in approved]


DIALECT = native_dialect(
    "configuration",
    Endpoint("POST", APPROVALS, approve, list[ApprovedChangeResponse]),
)
