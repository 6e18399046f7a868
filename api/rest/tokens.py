"""The native API for tokens, for administrators only. Errors are problem details (RFC 9457)."""

from datetime import timedelta
from types import NoneType

from pydantic import BaseModel, Field

from api.http.bodies import MAX_ITEMS, BadRequest, StrictModel
from api.http.endpoints import Call, Endpoint, Result
from api.http.errors import native_dialect
from api.http.pagination import KeysetQuery, next_link
from api.http.types import Timestamp, ZonedDateTime
from bot.context import Context
from bot.operations import users
from bot.store.projects import Project
from bot.store.users import ApiToken

TOKENS = "/api/tokens"
TOKEN = f"{TOKENS}/{{token}}"
BOTH_EXPIRIES = "`expires_at` and `expires_in_days` say the same thing: give one of them."


class CreateTokenBody(StrictModel):
    """A token to create."""

    name: str = Field(description="The name of the token.")
    grants: list[str] = Field(max_length=MAX_ITEMS, fail_fast=True, examples=[["project:read", "release:cut"]])
    user: str | None = Field(None, description="The user of the token; by default a user with the name of the token.")
    project: str | None = Field(None, description="The only project that the token is for; by default all projects.")
    expires_in_days: int | None = Field(None, ge=1, le=36500)
    expires_at: ZonedDateTime | None = None


class TokenResponse(BaseModel):
    """A token without its secret. `prefix` is the start of the secret.

    `github_user` is the person on GitHub whose personal token it is; null for tokens of programs. `by_operator`: an
    operator made it for that person.
    """

    id: int
    name: str
    prefix: str
    user: str
    github_user: str | None
    by_operator: bool
    project: str | None
    grants: list[str]
    created_at: Timestamp
    expires_at: Timestamp | None
    last_used_at: Timestamp | None
    revoked_at: Timestamp | None


class CreatedTokenResponse(TokenResponse):
    """A new token with its secret, which is shown only once."""

    token: str


async def _token_responses(rows: list[ApiToken]) -> list[TokenResponse]:
    """The responses for tokens, whose users must have been fetched."""
    project_ids = {row.project_id for row in rows if row.project_id is not None}
    projects = dict(await Project.filter(id__in=project_ids).values_list("id", "name")) if project_ids else {}
    return [
        TokenResponse(
            id=row.id,
            name=row.name,
            prefix=row.prefix,
            user=row.user.name,
            github_user=row.user.name if row.personal else None,
            by_operator=row.by_operator,
            project=projects.get(row.project_id),
            grants=row.grants,
            created_at=row.created_at,
            expires_at=row.expires_at,
            last_used_at=row.last_used_at,
            revoked_at=row.revoked_at,
        )
        for row in rows
    ]


async def create_token(context: Context, call: Call[CreateTokenBody, None]) -> Result:
    """Create a token. Only this response contains its secret."""
    body = call.body
    if body.expires_in_days is not None and body.expires_at is not None:
        raise BadRequest(BOTH_EXPIRIES, fields={"expires_in_days": [BOTH_EXPIRIES]})
    row, secret = await users.create_token(
        context,
        body.name,
        grants=body.grants,
        user=body.user,
        project=body.project,
        expires=body.expires_at if body.expires_in_days is None else timedelta(days=body.expires_in_days),
    )
    (response,) = await _token_responses([row])
    return Result(CreatedTokenResponse(**dict(response), token=secret), 201, {"Cache-Control": "no-store"})


async def list_tokens(context: Context, call: Call[None, KeysetQuery]) -> Result:
    """List tokens without their secrets, newest first."""
    size = call.query.per_page
    rows = await users.list_tokens(context, call.query.before, size + 1)
    links = next_link(call.url, [row.id for row in rows], size)
    return Result(await _token_responses(rows[:size]), 200, links)


async def show_token(context: Context, call: Call[None, None]) -> TokenResponse:
    """Show a token."""
    return (await _token_responses([await users.find_token(context, call.row_id("token"))]))[0]


async def revoke_token(context: Context, call: Call[None, None]) -> Result:
    """Revoke a token."""
    await users.revoke_token_by_id(context, call.row_id("token"))
    return Result(None, 204)


DIALECT = native_dialect(
    "tokens",
    Endpoint("GET", TOKENS, list_tokens, list[TokenResponse], query_model=KeysetQuery),
    Endpoint(
        "POST", TOKENS, create_token, CreatedTokenResponse, 201, request_model=CreateTokenBody, returns_secret=True
    ),
    Endpoint("GET", TOKEN, show_token, TokenResponse),
    Endpoint("DELETE", TOKEN, revoke_token, NoneType, 204),
)
