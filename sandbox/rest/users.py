"""Accounts and their permissions."""

from sandbox.errors import not_found
from sandbox.rest.core import ApiRequest, ApiResponse, route
from sandbox.serializers import accounts as serialize


@route("GET", "/users/{login}", "any")
async def get_user(request: ApiRequest) -> ApiResponse:
    """Get an account by login."""
    account = request.state.accounts.get(request.path_param("login").lower())
    if account is None:
        raise not_found()
    return ApiResponse(serialize.full_user(request.state, account))


@route("GET", "/user", "user")
async def get_authenticated_user(request: ApiRequest) -> ApiResponse:
    """Get the account for which a user token was made."""
    if request.caller.user is None:
        raise not_found()
    return ApiResponse(serialize.full_user(request.state, request.caller.user))


@route("GET", "/user/{account_id}", "any")
async def get_user_by_id(request: ApiRequest) -> ApiResponse:
    """Get an account by id."""
    account_id = request.int_param("account_id")
    for account in request.state.accounts.values():
        if account.id == account_id:
            return ApiResponse(serialize.full_user(request.state, account))
    raise not_found()


@route("GET", "{repo}/collaborators/{login}/permission", "metadata:read")
async def get_permission(request: ApiRequest) -> ApiResponse:
    """Get a collaborator's permission (maintain counts as write, triage as read) and role name."""
    account = request.state.accounts.get(request.path_param("login").lower())
    if account is None:
        raise not_found()
    permission, role = request.state.role(request.repository, account)
    levels = ("read", "triage", "write", "maintain", "admin")
    basis = role if role in levels else permission
    rank = levels.index(basis) if basis in levels else -1
    names = ("pull", "triage", "push", "maintain", "admin")
    permissions = {name: rank >= index for index, name in enumerate(names)}
    user = {**serialize.user(request.state, account), "permissions": permissions, "role_name": role}
    return ApiResponse({"permission": permission, "role_name": role, "user": user})
