"""Repositories, branches, tags and files."""

import base64

from sandbox.errors import Refused, not_found
from sandbox.git import list_folder
from sandbox.rest.core import Answer, Asked, page, route
from sandbox.serializers import accounts
from sandbox.serializers import commits as shapes
from sandbox.use_cases import runs


@route("GET", "{repo}", "metadata:read")
async def get_repository(asked: Asked) -> Answer:
    """Show a repository."""
    return Answer(accounts.full_repository(asked.state, asked.repository))


@route("GET", "{repo}/branches", "contents:read")
async def list_branches(asked: Asked) -> Answer:
    """List branches by name."""
    names = asked.repository.history.names("refs/heads/")
    return page(asked, [shapes.short_branch(asked.state, asked.repository, name) for name in names])


@route("GET", "{repo}/branches/{branch:.+}", "contents:read")
async def get_branch(asked: Asked) -> Answer:
    """Show a branch."""
    name = asked.part("branch")
    if f"refs/heads/{name}" not in asked.repository.history.refs:
        raise Refused(404, "Branch not found")
    return Answer(shapes.branch(asked.state, asked.repository, name))


@route("GET", "{repo}/tags", "metadata:read")
async def list_tags(asked: Asked) -> Answer:
    """List tags, the highest name first."""
    names = asked.repository.history.names("refs/tags/")[::-1]
    return page(asked, [shapes.tag(asked.state, asked.repository, name) for name in names])


@route("GET", "{repo}/contents/{path:.*}", "contents:read")
async def get_contents(asked: Asked) -> Answer:
    """Show a file or list a folder at a ref."""
    repository, path = asked.repository, asked.part("path").strip("/")
    ref = asked.query("ref") or repository.default_branch
    sha = repository.history.find(ref.removeprefix("refs/"))
    if sha is None:
        raise Refused(404, f"No commit found for the ref {ref}")
    found = await runs.read_file(repository, sha, path) if path else None
    if found is not None:
        return Answer(_file(asked, path, ref, *found))
    listed = await list_folder(repository.path, sha, path)
    if not listed:
        raise not_found()
    return Answer([_entry(asked, name, ref, blob, "file" if kind == "blob" else "dir") for kind, blob, name in listed])


def _entry(asked: Asked, path: str, ref: str, sha: str, kind: str, size: int = 0) -> dict[str, object]:
    base = accounts.repository_url(asked.state, asked.repository)
    url = f"{base}/contents/{path}?ref={ref}"
    git = f"{base}/git/{'blobs' if kind == 'file' else 'trees'}/{sha}"
    html = f"{asked.state.html_url}/{asked.repository.full_name}/blob/{ref}/{path}"
    return {
        "type": kind,
        "size": size,
        "name": path.rsplit("/", 1)[-1],
        "path": path,
        "sha": sha,
        "url": url,
        "git_url": git,
        "html_url": html,
        "download_url": html.replace("/blob/", "/raw/") if kind == "file" else None,
        "_links": {"self": url, "git": git, "html": html},
    }


def _file(asked: Asked, path: str, ref: str, sha: str, content: bytes) -> dict[str, object]:
    entry = _entry(asked, path, ref, sha, "file", len(content))
    return {**entry, "encoding": "base64", "content": base64.encodebytes(content).decode()}
