"""Commits and comparisons."""

from functools import partial

from sandbox import diffs, git
from sandbox.diffs import FileChange
from sandbox.errors import ApiError, invalid, not_found
from sandbox.history import Signature
from sandbox.rest.core import PAGED, ApiRequest, ApiResponse, link_header, page_number, page_size, paginate, route
from sandbox.rest.headers import requested_format
from sandbox.serializers import commits as serialize
from sandbox.serializers import discussion

MAX_COMMITS = 250


def resolve(request: ApiRequest, ref: str) -> str:
    """Resolve a SHA, branch or tag to a commit; raise 409 in an empty repository, 422 otherwise."""
    if not request.repository.history.commits:
        raise ApiError(409, "Git Repository is empty.")
    sha = request.repository.history.resolve(ref)
    if sha is None:
        raise invalid(f"No commit found for SHA: {ref}")
    return sha


async def difference(request: ApiRequest, base: str | None, head: str) -> list[FileChange]:
    """Return the files that differ between two commits, with patches."""
    cache = request.state.differences
    if (base, head) not in cache:
        path = request.repository.path
        cache[base, head] = await diffs.add_patches(path, base, head, await diffs.difference(path, base, head))
    return cache[base, head]


COMMIT_FILTERS = ("sha", "path", "author", "committer", "since", "until")


@route("GET", "{repo}/commits", "contents:read", query=(*PAGED, *COMMIT_FILTERS))
async def list_commits(request: ApiRequest) -> ApiResponse:
    """List commits reachable from a ref, newest first; `since` and `until` are about the committer's date."""
    if not request.repository.history.commits:
        raise ApiError(409, "Git Repository is empty.")
    sha = request.repository.history.resolve(request.query_param("sha") or request.repository.default_branch)
    if sha is None:
        raise not_found()
    commits = _filtered(request, request.repository.history.log(sha))
    if path := request.query_param("path"):
        touching = await git.commits_touching(request.repository.path, sha, path.strip("/"))
        commits = [sha for sha in commits if sha in touching]
    return paginate(request, commits, partial(serialize.commit, request.state, request.repository))


def _filtered(request: ApiRequest, shas: list[str]) -> list[str]:
    commits = [request.repository.history.commits[sha] for sha in shas]
    if since := request.time_param("since"):
        commits = [commit for commit in commits if commit.committer.at >= since]
    if until := request.time_param("until"):
        commits = [commit for commit in commits if commit.committer.at <= until]
    if author := request.query_param("author"):
        commits = [commit for commit in commits if _is_by(request, commit.author, author)]
    if committer := request.query_param("committer"):
        commits = [commit for commit in commits if _is_by(request, commit.committer, committer)]
    return [commit.sha for commit in commits]


def _is_by(request: ApiRequest, signature: Signature, wanted: str) -> bool:
    account = request.state.author(signature)
    return wanted.lower() in (signature.email.lower(), account.login.lower() if account else None)


@route("GET", "{repo}/commits/{sha:.+}/pulls", "pull_requests:read", query=PAGED)
async def list_pulls(request: ApiRequest) -> ApiResponse:
    """List the pull requests that introduced a commit."""
    repository, sha = request.repository, resolve(request, request.path_param("sha"))
    pulls = []
    for pull in repository.pulls.values():
        commits = repository.history.ancestors(pull.head_sha) - repository.history.ancestors(pull.base_sha)
        if sha in pull.landed or sha in commits:
            pulls.append(pull)
    return paginate(
        request, pulls, lambda pull: discussion.pull_request_summary(request.state, repository, pull, request.version)
    )


@route("GET", "{repo}/commits/{sha:.+}/branches-where-head", "contents:read")
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


@route("GET", "{repo}/commits/{ref:.+}", "contents:read", formats=("sha",))
async def get_commit(request: ApiRequest) -> ApiResponse:
    """Get a commit, or only its SHA when the `Accept` header requests that media type."""
    repository, sha = request.repository, resolve(request, request.path_param("ref"))
    if requested_format(request.http) == "sha":
        return ApiResponse(text=sha)
    parents = repository.history.commits[sha].parents
    files = await difference(request, parents[0] if parents else None, sha)
    return ApiResponse(serialize.full_commit(request.state, repository, sha, files))


@route("GET", "{repo}/compare/{basehead:.+}", "contents:read", query=PAGED)
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
        files = await difference(request, comparison.merge_base, head)
        serialized = partial(serialize.changed_file, request.state, request.repository, head)
        body["files"] = [serialized(file) for file in files[: diffs.MAX_FILES]]
    last = max(1, -(-len(comparison.ahead) // size))
    return ApiResponse(body, headers={"Link": link_header(request, number, last)} if paged and last > 1 else {})


def _strip_owner(request: ApiRequest, name: str) -> str:
    owner, colon, rest = name.rpartition(":")
    return rest if colon and owner.split(":")[0].lower() == request.repository.owner.login.lower() else name
