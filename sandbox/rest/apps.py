"""The App, its installations and their tokens."""

from sandbox import credentials
from sandbox.errors import Refused, not_found
from sandbox.records import Installation
from sandbox.rest.core import NEW, Answer, Asked, limits, page, route
from sandbox.serializers import accounts as shapes


def _installation(asked: Asked) -> Installation:
    number = asked.number("installation_id")
    if number not in asked.state.installations:
        raise not_found()
    return asked.state.installations[number]


@route("GET", "/app", "app")
async def get_app(asked: Asked) -> Answer:
    """Show the App."""
    count = len(asked.state.installations)
    return Answer({**shapes.app(asked.state), "installations_count": count})


@route("GET", "/app/installations", "app")
async def list_installations(asked: Asked) -> Answer:
    """List where the App is installed."""
    return page(asked, [shapes.installation(asked.state, one) for one in asked.state.installations.values()])


@route("GET", "/app/installations/{installation_id}", "app")
async def get_installation(asked: Asked) -> Answer:
    """Show one installation."""
    return Answer(shapes.installation(asked.state, _installation(asked)))


@route("GET", "{repo}/installation", "app")
async def get_repository_installation(asked: Asked) -> Answer:
    """Find the installation that covers a repository."""
    found = asked.state.installation(asked.repository)
    if found is None:
        raise not_found()
    return Answer(shapes.installation(asked.state, found))


async def _account_installation(asked: Asked) -> Answer:
    login = asked.part("login").lower()
    for one in asked.state.installations.values():
        if one.account.login.lower() == login:
            return Answer(shapes.installation(asked.state, one))
    raise not_found()


route("GET", "/orgs/{login}/installation", "app")(_account_installation)
route("GET", "/users/{login}/installation", "app")(_account_installation)


@route("POST", "/app/installations/{installation_id}/access_tokens", "app")
async def create_token(asked: Asked) -> Answer:
    """Make an installation token, for fewer repositories and permissions if so asked."""
    token, repositories = credentials.mint(asked.state, _installation(asked), asked.body)
    return Answer(shapes.token(asked.state, token, repositories), 201)


@route("DELETE", "/installation/token", "token")
async def revoke_token(asked: Asked) -> Answer:
    """Revoke the token that is used to ask."""
    if asked.caller.token:
        del asked.state.tokens[asked.caller.token.value]
    return Answer(status=204)


@route("GET", "/installation/repositories", "token")
async def list_repositories(asked: Asked) -> Answer:
    """List the repositories that the token covers."""
    token, installation = asked.caller.token, asked.caller.installation
    if token is None or installation is None:
        raise Refused(401, "Requires authentication")
    chosen = token.repositories
    found = [one for one in asked.state.covered(installation) if chosen is None or one.id in chosen]
    shown = [shapes.repository(asked.state, one) for one in found]
    selection = "all" if installation.repositories is None and chosen is None else "selected"
    return page(asked, shown, "repositories", repository_selection=selection)


@route("GET", "/rate_limit", "any")
async def rate_limit(asked: Asked) -> Answer:
    """Show the caller's budget; asking does not use it."""
    key = asked.caller.key
    used, reset = asked.state.used[key]
    asked.state.used[key] = (used - 1, reset)
    limit, used, reset = limits(asked.state, asked.caller)
    core = {"limit": limit, "used": used, "remaining": max(0, limit - used), "reset": reset}
    search = {"limit": 30, "used": 0, "remaining": 30, "reset": reset}
    body = {"resources": {"core": core, "search": search, "graphql": {**core, "used": 0, "remaining": limit}}}
    return Answer(body if asked.version == NEW else {**body, "rate": core})
