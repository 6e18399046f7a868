"""Who asks, which repository they ask about, and whether they may."""

from dataclasses import dataclass

from aiohttp import web

from sandbox import credentials
from sandbox.errors import Refused, not_found
from sandbox.records import Installation, Repository, Token
from sandbox.state import State

NO_ACCESS = "Resource not accessible by integration"


@dataclass(frozen=True, slots=True)
class Caller:
    """``app`` (a JWT), ``installation`` (its token) or ``anonymous``; ``key`` is whose budget is used."""

    kind: str
    key: str
    token: Token | None = None
    installation: Installation | None = None


ANONYMOUS = Caller("anonymous", "anonymous")


def authenticate(state: State, request: web.Request) -> Caller:
    """Find out who asks; refuse credentials that are no good."""
    header = request.headers.get("Authorization")
    if header is None:
        return ANONYMOUS
    scheme, _, value = header.partition(" ")
    if scheme.lower() not in ("bearer", "token") or not value:
        raise Refused(401, "Bad credentials")
    if value.startswith("ghs_"):
        return _by_token(state, value)
    if value.count(".") == 2 and scheme.lower() == "bearer":
        credentials.check_jwt(state, value)
        return Caller("app", "app")
    raise Refused(401, "Bad credentials")


def _by_token(state: State, value: str) -> Caller:
    token = credentials.find(state, value)
    if token is None:
        raise Refused(401, "Bad credentials")
    installation = state.installations[token.installation]
    if installation.suspended_at:
        raise Refused(403, "This installation has been suspended")
    return Caller("installation", str(installation.id), token, installation)


def check_access(state: State, request: web.Request, caller: Caller, needs: str) -> Repository | None:
    """Let a caller through to an endpoint; give the repository that the path names, if it names one."""
    if needs == "app" and caller.kind != "app":
        raise Refused(401, "A JSON web token could not be decoded")
    named = "repository_id" in request.match_info or "owner" in request.match_info
    if not named:
        if needs == "token" and caller.kind != "installation":
            raise Refused(401, "Requires authentication")
        return None
    repository = _repository(state, request)
    if needs == "app":
        return repository
    _check_repository(state, request, caller, repository, needs)
    if repository.blocked:
        block = {"reason": "dmca", "created_at": "2026-01-01T00:00:00Z", "html_url": "https://github.com/github/dmca"}
        raise Refused(451, "Repository access blocked", block=block)
    if repository.archived and request.method != "GET":
        raise Refused(403, "Repository was archived so is read-only.")
    return repository


def _repository(state: State, request: web.Request) -> Repository:
    parts = request.match_info
    if "repository_id" in parts:
        number = int(parts["repository_id"]) if parts["repository_id"].isdecimal() else 0
        if number not in state.repositories:
            raise not_found()
        return state.repositories[number]
    name = f"{parts['owner']}/{parts['name']}".lower()
    if name in state.names:
        return state.repositories[state.names[name]]
    if state.moved.get(name) in state.repositories:
        raise _moved(request, name, state.moved[name])
    raise not_found()


def _moved(request: web.Request, name: str, number: int) -> Refused:
    rest = request.rel_url.raw_path[len("/repos/") + len(name) :]
    query = f"?{request.rel_url.raw_query_string}" if request.rel_url.raw_query_string else ""
    url = f"{request.scheme}://{request.host}/repositories/{number}{rest}{query}"
    status, word = (301, "Moved Permanently") if request.method == "GET" else (307, "Temporary Redirect")
    return Refused(status, word, headers={"Location": url}, url=url)


def _check_repository(state: State, request: web.Request, caller: Caller, repository: Repository, needs: str) -> None:
    if caller.kind == "app":
        raise Refused(403, NO_ACCESS)
    if caller.token is None or caller.installation is None:
        if repository.private:
            raise not_found()
        if request.method != "GET" or needs == "token":
            raise Refused(401, "Requires authentication")
        return
    covered = state.installation(repository) is caller.installation
    if not covered or (caller.token.repositories is not None and repository.id not in caller.token.repositories):
        raise not_found()
    if needs not in ("any", "token") and not credentials.allows(_granted(caller), needs):
        raise Refused(403, NO_ACCESS, headers={"X-Accepted-GitHub-Permissions": accepted(needs)})


def _granted(caller: Caller) -> dict[str, str]:
    """Permissions that were taken from the installation are gone from its tokens as well."""
    if caller.token is None or caller.installation is None:
        return {}
    have = caller.installation.permissions
    return {name: level for name, level in caller.token.permissions.items() if name in have}


def accepted(needs: str) -> str:
    """Write the header that tells which permissions would do."""
    return "; ".join(choice.replace(":", "=") for choice in needs.split("|"))
