"""Teams and their members."""

from sandbox.accounts import Team
from sandbox.errors import not_found
from sandbox.rest.core import ApiRequest, ApiResponse, route
from sandbox.serializers import teams as serialize
from sandbox.use_cases import teams


def _find_team(request: ApiRequest) -> Team:
    organization = request.state.accounts.get(request.path_param("org").lower())
    team = request.state.team(organization, request.path_param("team_slug")) if organization else None
    if team is None:
        raise not_found()
    return team


@route("GET", "/orgs/{org}/teams/{team_slug}", "members:read")
async def get_team(request: ApiRequest) -> ApiResponse:
    """Get a team by its slug."""
    return ApiResponse(serialize.team(request.state, _find_team(request)))


@route("GET", "/orgs/{org}/teams/{team_slug}/memberships/{login}", "members:read")
async def get_membership(request: ApiRequest) -> ApiResponse:
    """Get an account's membership of a team, also through a team below it; 404 when there is none."""
    team, account = _find_team(request), request.state.accounts.get(request.path_param("login").lower())
    found = teams.membership(request.state, team, account) if account else None
    if account is None or found is None:
        raise not_found()
    return ApiResponse(serialize.membership(request.state, team, account, found))
