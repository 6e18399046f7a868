"""Commits and comparisons."""

from sandbox import git
from sandbox.errors import ApiError, invalid, not_found
from sandbox.git import FileChange
from sandbox.rest.core import ApiRequest, ApiResponse, link_header, page_number, page_size, paginate, route
from sandbox.rest.headers import requested_format
from sandbox.serializers import commits as serialize
from sandbox.serializers import discussion

MAX_FILES = 300
MAX_COMMITS = 250


def resolve(request: ApiRequest, ref: str) -> str:
    """Resolve a SHA, branch or tag to a commit; raise 409 in an empty repository, 422 otherwise."""
    if not request.repository.history.commits:
        raise ApiError(409, "Git Repository is empty.")
    sha = request.repository.history.resolve(ref)
    if sha is None:
        raise invalid(f"No commit found for SHA: {ref}")
    return sha


async def _difference(request: ApiRequest, base: str | None, head: str) -> list[FileChange]:
    cache = request.state.differences
    if (base, head) not in cache:
        cache[base, head] = await git.difference(request.repository.path, base, head)
    return cache[base, head]


@route("GET", "{repo}/commits", "contents:read")
async def list_commits(request: ApiRequest) -> ApiResponse:
    """List commits reachable from a ref, newest first."""
    if not request.repository.history.commits:
        raise ApiError(409, "Git Repository is empty.")
    sha = request.repository.history.resolve(request.query_param("sha") or request.repository.default_branch)
    if sha is None:
        raise not_found()
    response = paginate(request, request.repository.history.log(sha))
    response.body = [serialize.commit(request.state, request.repository, sha) for sha in response.body]
    return response


@route("GET", "{repo}/commits/{sha}/pulls", "pull_requests:read")
async def list_pulls(request: ApiRequest) -> ApiResponse:
    """List the pull requests that introduced a commit."""
    repository, sha = request.repository, resolve(request, request.path_param("sha"))
    pulls = []
    for pull in repository.pulls.values():
        commits = repository.history.ancestors(pull.head_sha) - repository.history.ancestors(pull.base_sha)
        if sha == pull.merge_sha or sha in commits:
            pulls.append(discussion.pull_request_summary(request.state, repository, pull, request.version))
    return paginate(request, pulls)


@route("GET", "{repo}/commits/{sha}/branches-where-head", "contents:read")
async def list_branches_where_head(request: ApiRequest) -> ApiResponse:
    """List the branches whose head is this commit."""
    repository, sha = request.repository, resolve(request, request.path_param("sha"))
    names = [
        name
        for name in repository.history.ref_names("refs/heads/")
        if repository.history.resolve_ref(f"heads/{name}") == sha
    ]
    return ApiResponse([serialize.branch_summary(request.state, repository, name) for name in names])


@route("GET", "{repo}/git/commits/{sha}", "contents:read")
async def get_git_commit(request: ApiRequest) -> ApiResponse:
    """Get a commit by its full SHA."""
    sha = request.path_param("sha")
    if sha not in request.repository.history.commits:
        raise not_found()
    return ApiResponse(serialize.git_commit(request.state, request.repository, sha))


@route("GET", "{repo}/commits/{ref:.+}", "contents:read")
async def get_commit(request: ApiRequest) -> ApiResponse:
    """Get a commit, or only its SHA when the `Accept` header requests that media type."""
    repository, sha = request.repository, resolve(request, request.path_param("ref"))
    if requested_format(request.http) == "sha":
        return ApiResponse(text=sha)
    parents = repository.history.commits[sha].parents
    files = await _difference(request, parents[0] if parents else None, sha)
    return ApiResponse(serialize.full_commit(request.state, repository, sha, files[:MAX_FILES]))


@route("GET", "{repo}/compare/{basehead:.+}", "contents:read")
async def compare(request: ApiRequest) -> ApiResponse:
    """Compare two commits; 404 when one is missing or they have no common ancestor."""
    names = request.path_param("basehead")
    base_name, dots, head_name = names.partition("...")
    history = request.repository.history
    base, head = history.resolve(_strip_owner(request, base_name)), history.resolve(_strip_owner(request, head_name))
    if not dots or base is None or head is None:
        raise not_found()
    comparison = history.compare(base, head)
    if comparison is None:
        raise ApiError(404, f"No common ancestor between {base_name} and {head_name}.")
    paged = request.query_param("page") is not None or request.query_param("per_page") is not None
    size, number = (page_size(request), page_number(request)) if paged else (MAX_COMMITS, 1)
    shas = comparison.ahead[(number - 1) * size : number * size] if paged else comparison.ahead[-MAX_COMMITS:]
    body = serialize.comparison(request.state, request.repository, names, base, comparison, shas)
    if number == 1:
        files = await _difference(request, comparison.merge_base, head)
        body["files"] = [
            serialize.changed_file(request.state, request.repository, head, file) for file in files[:MAX_FILES]
        ]
    last = max(1, -(-len(comparison.ahead) // size))
    return ApiResponse(body, headers={"Link": link_header(request, number, last)} if paged and last > 1 else {})


def _strip_owner(request: ApiRequest, name: str) -> str:
    owner, colon, rest = name.rpartition(":")
    return rest if colon and owner.split(":")[0].lower() == request.repository.owner.login.lower() else name
