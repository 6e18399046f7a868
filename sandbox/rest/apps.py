"""The App, its installations and their tokens."""

from functools import partial

from sandbox import credentials
from sandbox.accounts import Installation
from sandbox.errors import ApiError, not_found
from sandbox.rest.core import PAGED, ApiRequest, ApiResponse, paginate, route
from sandbox.rest.limits import rate_limit_status, refund
from sandbox.serializers import accounts as serialize
from sandbox.server import NEWER_VERSION
from sandbox.use_cases import registrations

TOKEN_FIELDS = ("repositories", "repository_ids", "permissions")


def _find_installation(request: ApiRequest) -> Installation:
    return request.find(request.state.installations, "installation_id")


@route("GET", "/app", "app")
async def get_app(request: ApiRequest) -> ApiResponse:
    """Get the App."""
    count = len(request.state.installations)
    return ApiResponse({**serialize.app(request.state), "installations_count": count})


@route("POST", "/app-manifests/{code}/conversions", "any")
async def convert_manifest(request: ApiRequest) -> ApiResponse:
    """Exchange the code of a registration for the App's credentials: once, within an hour."""
    state, http = request.state, request.http
    if not registrations.convert(state, request.path_param("code")):
        raise not_found()
    return ApiResponse(serialize.registered_app(state, f"{http.scheme}://{http.host}"), 201)


@route("GET", "/app/installations", "app", query=(*PAGED, "since"))
async def list_installations(request: ApiRequest) -> ApiResponse:
    """List the App's installations."""
    since = request.time_param("since")
    installations = [
        installation
        for installation in request.state.installations.values()
        if since is None or installation.created_at >= since
    ]
    return paginate(request, installations, partial(serialize.installation, request.state))


@route("GET", "/app/installations/{installation_id}", "app")
async def get_installation(request: ApiRequest) -> ApiResponse:
    """Get one installation."""
    return ApiResponse(serialize.installation(request.state, _find_installation(request)))


@route("GET", "{repo}/installation", "app")
async def get_repository_installation(request: ApiRequest) -> ApiResponse:
    """Find the installation that covers a repository."""
    installation = request.state.installation(request.repository)
    if installation is None:
        raise not_found()
    return ApiResponse(serialize.installation(request.state, installation))


async def _get_account_installation(request: ApiRequest) -> ApiResponse:
    login = request.path_param("login").lower()
    for installation in request.state.installations.values():
        if installation.account.login.lower() == login:
            return ApiResponse(serialize.installation(request.state, installation))
    raise not_found()


route("GET", "/orgs/{login}/installation", "app")(_get_account_installation)
route("GET", "/users/{login}/installation", "app")(_get_account_installation)


@route("POST", "/app/installations/{installation_id}/access_tokens", "app", fields=TOKEN_FIELDS)
async def create_token(request: ApiRequest) -> ApiResponse:
    """Create an installation token, optionally for fewer repositories and permissions."""
    token, repositories = credentials.create_token(request.state, _find_installation(request), request.body)
    return ApiResponse(serialize.token(request.state, token, repositories), 201)


@route("DELETE", "/installation/token", "token")
async def revoke_token(request: ApiRequest) -> ApiResponse:
    """Revoke the token that authenticates this request."""
    if request.caller.token:
        del request.state.tokens[request.caller.token.value]
    return ApiResponse(status=204)


@route("GET", "/installation/repositories", "token", query=PAGED)
async def list_repositories(request: ApiRequest) -> ApiResponse:
    """List the repositories that the token can access."""
    token, installation = request.caller.token, request.caller.installation
    if token is None or installation is None:
        raise ApiError(401, "Requires authentication")
    selected = token.repository_ids
    repositories = [
        repository
        for repository in request.state.covered(installation)
        if selected is None or repository.id in selected
    ]
    selection = "all" if installation.repository_ids is None and selected is None else "selected"
    serialized = partial(serialize.repository, request.state)
    return paginate(request, repositories, serialized, "repositories", repository_selection=selection)


@route("GET", "/rate_limit", "any")
async def rate_limit(request: ApiRequest) -> ApiResponse:
    """Get the caller's rate limit status, which does not count against the limit."""
    refund(request.state, request.caller)
    limit, used, reset = rate_limit_status(request.state, request.caller)
    core = {"limit": limit, "used": used, "remaining": max(0, limit - used), "reset": reset}
    search = {"limit": 30, "used": 0, "remaining": 30, "reset": reset}
    body = {"resources": {"core": core, "search": search, "graphql": {**core, "used": 0, "remaining": limit}}}
    return ApiResponse(body if request.version == NEWER_VERSION else {**body, "rate": core})
