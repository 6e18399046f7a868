"""Repositories, branches, tags and files."""

import base64
from functools import partial

from sandbox.errors import ApiError, not_found
from sandbox.git import Entry, list_folder
from sandbox.rest.core import PAGED, ApiRequest, ApiResponse, paginate, route
from sandbox.rest.headers import requested_format
from sandbox.serializers import accounts
from sandbox.serializers import commits as serialize
from sandbox.use_cases import runs

MAX_ENTRIES = 1_000
MAX_CONTENT = 1024 * 1024


@route("GET", "{repo}", "metadata:read")
async def get_repository(request: ApiRequest) -> ApiResponse:
    """Get a repository."""
    return ApiResponse(accounts.full_repository(request.state, request.repository))


@route("GET", "{repo}/branches", "contents:read", query=(*PAGED, "protected"))
async def list_branches(request: ApiRequest) -> ApiResponse:
    """List branches by name; none is protected."""
    names = request.repository.history.ref_names("refs/heads/") if request.query_param("protected") != "true" else []
    return paginate(request, names, partial(serialize.branch_summary, request.state, request.repository))


@route("GET", "{repo}/branches/{branch:.+}", "contents:read")
async def get_branch(request: ApiRequest) -> ApiResponse:
    """Get a branch."""
    name = request.path_param("branch")
    if f"refs/heads/{name}" not in request.repository.history.refs:
        raise ApiError(404, "Branch not found")
    return ApiResponse(serialize.branch(request.state, request.repository, name))


@route("GET", "{repo}/tags", "metadata:read", query=PAGED)
async def list_tags(request: ApiRequest) -> ApiResponse:
    """List tags by name, in descending order."""
    names = request.repository.history.ref_names("refs/tags/")[::-1]
    return paginate(request, names, partial(serialize.tag, request.state, request.repository))


@route("GET", "{repo}/contents/{path:.*}", "contents:read", query=("ref",), formats=("raw",))
async def get_contents(request: ApiRequest) -> ApiResponse:
    """Get a file, or only its content when the `Accept` header requests that, or list a folder at a ref."""
    repository, path = request.repository, request.path_param("path").strip("/")
    ref = request.query_param("ref") or repository.default_branch
    sha = repository.history.resolve(ref.removeprefix("refs/"))
    if sha is None:
        raise ApiError(404, f"No commit found for the ref {ref}")
    file = await runs.read_file(repository, sha, path) if path else None
    if file is not None and requested_format(request.http) == "raw":
        return ApiResponse(raw=file[1])
    if file is not None:
        return ApiResponse(_file(request, path, ref, *file))
    entries = await list_folder(repository.path, sha, path)
    if not entries:
        raise not_found()
    return ApiResponse([_entry(request, ref, entry) for entry in entries[:MAX_ENTRIES]])


def _entry(request: ApiRequest, ref: str, entry: Entry) -> dict[str, object]:
    """Serialize an entry of a folder; GitHub lists submodules as files."""
    base = accounts.repository_url(request.state, request.repository)
    is_folder = entry.type in ("dir", "submodule")
    url = f"{base}/contents/{entry.path}?ref={ref}"
    git = f"{base}/git/{'trees' if is_folder else 'blobs'}/{entry.sha}"
    page = f"{request.state.html_url}/{request.repository.full_name}"
    html = f"{page}/{'tree' if is_folder else 'blob'}/{ref}/{entry.path}"
    return {
        "type": "file" if entry.type == "submodule" else entry.type,
        "size": entry.size,
        "name": entry.path.rsplit("/", 1)[-1],
        "path": entry.path,
        "sha": entry.sha,
        "url": url,
        "git_url": git,
        "html_url": html,
        "download_url": None if is_folder else f"{page}/raw/{ref}/{entry.path}",
        "_links": {"self": url, "git": git, "html": html},
    }


def _file(request: ApiRequest, path: str, ref: str, sha: str, content: bytes) -> dict[str, object]:
    entry = _entry(request, ref, Entry("file", sha, len(content), path))
    if len(content) > MAX_CONTENT:
        return {**entry, "encoding": "none", "content": ""}
    return {**entry, "encoding": "base64", "content": base64.encodebytes(content).decode()}
