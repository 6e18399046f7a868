"""Repositories, branches, tags and files."""

import base64

from sandbox.errors import ApiError, not_found
from sandbox.git import list_folder
from sandbox.rest.core import ApiRequest, ApiResponse, paginate, route
from sandbox.serializers import accounts
from sandbox.serializers import commits as serialize
from sandbox.use_cases import runs

MAX_CONTENT_BYTES = 1024 * 1024  # of a file that is shown with its content


@route("GET", "{repo}", "metadata:read")
async def get_repository(request: ApiRequest) -> ApiResponse:
    """Get a repository."""
    return ApiResponse(accounts.full_repository(request.state, request.repository))


@route("GET", "{repo}/branches", "contents:read")
async def list_branches(request: ApiRequest) -> ApiResponse:
    """List branches by name."""
    names = request.repository.history.ref_names("refs/heads/")
    return paginate(request, [serialize.branch_summary(request.state, request.repository, name) for name in names])


@route("GET", "{repo}/branches/{branch:.+}", "contents:read")
async def get_branch(request: ApiRequest) -> ApiResponse:
    """Get a branch."""
    name = request.path_param("branch")
    if f"refs/heads/{name}" not in request.repository.history.refs:
        raise ApiError(404, "Branch not found")
    return ApiResponse(serialize.branch(request.state, request.repository, name))


@route("GET", "{repo}/tags", "metadata:read")
async def list_tags(request: ApiRequest) -> ApiResponse:
    """List tags by name, in descending order."""
    names = request.repository.history.ref_names("refs/tags/")[::-1]
    return paginate(request, [serialize.tag(request.state, request.repository, name) for name in names])


@route("GET", "{repo}/contents/{path:.*}", "contents:read")
async def get_contents(request: ApiRequest) -> ApiResponse:
    """Get a file or list a folder at a ref."""
    repository, path = request.repository, request.path_param("path").strip("/")
    ref = request.query_param("ref") or repository.default_branch
    sha = repository.history.resolve(ref.removeprefix("refs/"))
    if sha is None:
        raise ApiError(404, f"No commit found for the ref {ref}")
    file = await runs.read_file(repository, sha, path) if path else None
    if file is not None:
        return ApiResponse(_file(request, path, ref, *file))
    entries = await list_folder(repository.path, sha, path)
    if not entries:
        raise not_found()
    return ApiResponse(
        [
            _entry(request, name, ref, blob, "file" if object_type == "blob" else "dir")
            for object_type, blob, name in entries
        ]
    )


def _entry(request: ApiRequest, path: str, ref: str, sha: str, entry_type: str, size: int = 0) -> dict[str, object]:
    base = accounts.repository_url(request.state, request.repository)
    url = f"{base}/contents/{path}?ref={ref}"
    git = f"{base}/git/{'blobs' if entry_type == 'file' else 'trees'}/{sha}"
    html = f"{request.state.html_url}/{request.repository.full_name}/blob/{ref}/{path}"
    return {
        "type": entry_type,
        "size": size,
        "name": path.rsplit("/", 1)[-1],
        "path": path,
        "sha": sha,
        "url": url,
        "git_url": git,
        "html_url": html,
        "download_url": html.replace("/blob/", "/raw/") if entry_type == "file" else None,
        "_links": {"self": url, "git": git, "html": html},
    }


def _file(request: ApiRequest, path: str, ref: str, sha: str, content: bytes) -> dict[str, object]:
    entry = _entry(request, path, ref, sha, "file", len(content))
    if len(content) > MAX_CONTENT_BYTES:
        return {**entry, "encoding": "none", "content": ""}
    return {**entry, "encoding": "base64", "content": base64.encodebytes(content).decode()}
