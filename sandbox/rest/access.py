"""Authenticate callers, look up the repository of a request, and check access to it."""

from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from sandbox import credentials
from sandbox.accounts import Account, Installation, Token
from sandbox.errors import ApiError, not_found
from sandbox.records import Repository
from sandbox.state import State

READS = ("GET", "HEAD")
NO_ACCESS = "Resource not accessible by integration"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request: `app` (a JWT), `installation` (a token), `user` (the token of one) or `anonymous`.

    `key` identifies the rate limit budget.
    """

    kind: str
    key: str
    token: Token | None = None
    installation: Installation | None = None
    user: Account | None = None


ANONYMOUS = Caller("anonymous", "anonymous")


def authenticate(state: State, request: web.Request) -> Caller:
    """Identify the caller; 401 for invalid credentials."""
    header = request.headers.get("Authorization")
    if header is None:
        return ANONYMOUS
    scheme, _, value = header.partition(" ")
    if scheme.lower() not in ("bearer", "token") or not value:
        raise ApiError(401, "Bad credentials")
    if value.startswith("ghs_"):
        return _authenticate_token(state, value)
    if value.startswith("ghu_"):
        return _authenticate_user(state, value)
    if value.count(".") == 2 and scheme.lower() == "bearer":
        credentials.check_jwt(state, value)
        return Caller("app", "app")
    raise ApiError(401, "Bad credentials")


def _authenticate_user(state: State, value: str) -> Caller:
    token = state.user_tokens.get(value)
    if token is None or token.expires_at <= state.now():
        raise ApiError(401, "Bad credentials")
    return Caller("user", f"user {token.account.id}", user=token.account)


def _authenticate_token(state: State, value: str) -> Caller:
    token = credentials.find_token(state, value)
    lag = timedelta(seconds=state.faults.token_lag)
    if token is None or state.now() < token.created_at + lag:
        raise ApiError(401, "Bad credentials")
    installation = state.installations[token.installation_id]
    if installation.suspended_at:
        raise ApiError(403, "This installation has been suspended")
    return Caller("installation", str(installation.id), token, installation)


def check_access(state: State, request: web.Request, caller: Caller, required: str) -> Repository | None:
    """Check a caller's access to an endpoint; return the repository named in the path, if any."""
    if required == "app" and caller.kind != "app":
        raise ApiError(401, "A JSON web token could not be decoded")
    if required == "user" and caller.kind != "user":
        raise ApiError(403, NO_ACCESS) if caller.kind == "installation" else ApiError(401, "Requires authentication")
    names_repository = "repository_id" in request.match_info or "owner" in request.match_info
    if not names_repository:
        if required == "token" and caller.kind != "installation":
            raise ApiError(401, "Requires authentication")
        if "org" in request.match_info:
            _check_organization(request, caller, required)
        return None
    repository = _repository(state, request)
    if required == "app":
        return repository
    _check_repository(state, request, caller, repository, required)
    if repository.blocked:
        block = {"reason": "dmca", "created_at": "2026-01-01T00:00:00Z", "html_url": "https://github.com/github/dmca"}
        raise ApiError(451, "Repository access blocked", block=block)
    if repository.archived and request.method not in READS:
        raise ApiError(403, "Repository was archived so is read-only.")
    return repository


def _repository(state: State, request: web.Request) -> Repository:
    parts = request.match_info
    if "repository_id" in parts:
        number = int(parts["repository_id"])
        if number not in state.repositories:
            raise not_found()
        return state.repositories[number]
    name = f"{parts['owner']}/{parts['name']}".lower()
    if name in state.ids_by_name:
        return state.repositories[state.ids_by_name[name]]
    if state.redirects.get(name) in state.repositories:
        raise _redirect(request, state.redirects[name])
    raise not_found()


def url_by_id(request: web.Request, repository_id: int) -> str:
    """The URL of a request with the repository's id in place of its name: GitHub's redirects and links have it."""
    root, names, rest = request.rel_url.raw_path.partition("/repos/")
    if not names:
        return str(request.url)
    suffix = "".join(f"/{part}" for part in rest.split("/")[2:])
    query = f"?{request.rel_url.raw_query_string}" if request.rel_url.raw_query_string else ""
    return f"{request.scheme}://{request.host}{root}/repositories/{repository_id}{suffix}{query}"


def _redirect(request: web.Request, repository_id: int) -> ApiError:
    url = url_by_id(request, repository_id)
    status, message = (301, "Moved Permanently") if request.method in READS else (307, "Temporary Redirect")
    return ApiError(status, message, headers={"Location": url}, url=url)


def _check_repository(
    state: State, request: web.Request, caller: Caller, repository: Repository, required: str
) -> None:
    if caller.kind == "app":
        raise ApiError(403, NO_ACCESS)
    if caller.token is None or caller.installation is None:
        if repository.private:
            raise not_found()
        if request.method not in READS or required == "token":
            raise ApiError(401, "Requires authentication")
        return
    covered = state.installation(repository) is caller.installation
    if not covered or (caller.token.repository_ids is not None and repository.id not in caller.token.repository_ids):
        raise not_found()
    if required not in ("any", "token") and not credentials.allows(_effective_permissions(caller), required):
        raise ApiError(403, NO_ACCESS)


def _check_organization(request: web.Request, caller: Caller, required: str) -> None:
    """Organizations that the App is not installed on do not exist for it."""
    if caller.installation is None:
        raise ApiError(401, "Requires authentication") if caller.kind == "anonymous" else ApiError(403, NO_ACCESS)
    account = caller.installation.account
    if account.type != "Organization" or account.login.lower() != request.match_info["org"].lower():
        raise not_found()
    if not credentials.allows(_effective_permissions(caller), required):
        raise ApiError(403, NO_ACCESS)


def _effective_permissions(caller: Caller) -> dict[str, str]:
    """Return the permissions of a token that its installation still has."""
    if caller.token is None or caller.installation is None:
        return {}
    granted, asked = caller.installation.permissions, caller.token.permissions
    levels = {name: (level, granted.get(name, "none")) for name, level in asked.items()}
    return {name: min(both, key=lambda level: credentials.LEVELS[level]) for name, both in levels.items()}


def accepted_permissions(required: str) -> str:
    """Format the header that lists the sufficient permissions."""
    return "; ".join(alternative.replace(":", "=") for alternative in required.split("|"))
