"""Our own routes for tokens: made, listed, revoked by those who may do everything. Errors are problem details."""

from datetime import timedelta

from pydantic import BaseModel, Field

from api.http.bodies import MOST, BadRequest, Strict
from api.http.endpoints import Call, Dialect, Endpoint, Result
from api.http.pagination import Before, next_link
from api.http.problems import CONTENT_TYPE, ProblemShape, problem_details
from api.http.types import Instant, Moment
from bot.context import Context
from bot.operations import users
from bot.store.projects import Project
from bot.store.users import ApiToken

TOKENS = "/api/tokens"
BOTH = "`expires_at` and `expires_in_days` say the same thing: give one of them."


class NewToken(Strict):
    """A token to be made."""

    name: str = Field(description="What the token is called.")
    grants: list[str] = Field(max_length=MOST, fail_fast=True, examples=[["project:read", "release:cut"]])
    user: str | None = Field(None, description="Whose it is; a user of the token's name unless given.")
    project: str | None = Field(None, description="The one project that it is for; all unless given.")
    expires_in_days: int | None = Field(None, ge=1, le=36500)
    expires_at: Instant | None = None


class TokenShape(BaseModel):
    """A token, without what is secret. `prefix` is what it begins with."""

    id: int
    name: str
    prefix: str
    user: str
    project: str | None
    grants: list[str]
    created_at: Moment
    expires_at: Moment | None
    last_used_at: Moment | None
    revoked_at: Moment | None


class MadeToken(TokenShape):
    """A token that was just made, with the secret that is never shown again."""

    token: str


async def _shown(rows: list[ApiToken]) -> list[TokenShape]:
    """Tokens, with their users at hand."""
    scopes = {row.project_id for row in rows if row.project_id is not None}
    found = await Project.filter(id__in=scopes).values_list("id", "name") if scopes else []
    names = dict(found)
    return [
        TokenShape(
            id=row.id,
            name=row.name,
            prefix=row.prefix,
            user=row.user.name,
            project=names.get(row.project_id),
            grants=row.grants,
            created_at=row.created_at,
            expires_at=row.expires_at,
            last_used_at=row.last_used_at,
            revoked_at=row.revoked_at,
        )
        for row in rows
    ]


async def _create(context: Context, call: Call) -> Result:
    """Make a token. Its secret is shown this once."""
    body = call.body
    if body.expires_in_days is not None and body.expires_at is not None:
        raise BadRequest(BOTH, fields={"expires_in_days": [BOTH]})
    lasts = None if body.expires_in_days is None else timedelta(days=body.expires_in_days)
    row, secret = await users.create_token(
        context,
        body.name,
        grants=body.grants,
        user=body.user,
        project=body.project,
        expires=body.expires_at if lasts is None else lasts,
    )
    (shown,) = await _shown([row])
    return Result(MadeToken(**dict(shown), token=secret), 201, {"Cache-Control": "no-store"})


async def _list(context: Context, call: Call) -> Result:
    """List tokens, newest first; never their secrets."""
    size = call.query.per_page
    rows = await users.list_tokens(context, call.query.before, size + 1)
    more = rows[size - 1].id if len(rows) > size else None
    return Result(await _shown(rows[:size]), 200, next_link(call.url, more))


async def _token(context: Context, call: Call) -> TokenShape:
    """Show a token."""
    return (await _shown([await users.find_token(context, call.number("token"))]))[0]


async def _revoke(context: Context, call: Call) -> Result:
    """Revoke a token."""
    await users.revoke_token_by_id(context, call.number("token"))
    return Result(None, 204)


ENDPOINTS = (
    Endpoint("GET", TOKENS, _list, list[TokenShape], query=Before),
    Endpoint("POST", TOKENS, _create, MadeToken, 201, request_model=NewToken, secret=True),
    Endpoint("GET", f"{TOKENS}/{{token}}", _token, TokenShape),
    Endpoint("DELETE", f"{TOKENS}/{{token}}", _revoke, None, 204),
)


def dialect(base_url: str) -> Dialect:
    """The routes; a token says nothing of the address where the service is reached."""
    return Dialect("tokens", ENDPOINTS, "Bearer", problem_details, CONTENT_TYPE, error=ProblemShape)
