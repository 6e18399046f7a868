"""The Git database API: refs and annotated tags."""

from datetime import UTC, datetime

from sandbox import git
from sandbox.credentials import allows
from sandbox.errors import ApiError, invalid, not_found
from sandbox.history import FULL_SHA, Signature
from sandbox.rest.core import ApiRequest, ApiResponse, route
from sandbox.serializers import commits as serialize
from sandbox.use_cases import refs

RULE_VIOLATION = "Repository rule violations found\n\nCannot create ref due to creations being restricted.\n\n"
MAX_TREE_ENTRIES = 100_000
WORKFLOWS_PERMISSIONS = "contents=write; contents=write,workflows=write"


@route("GET", "{repo}/git/ref/{ref:.+}", "contents:read")
async def get_ref(request: ApiRequest) -> ApiResponse:
    """Get a ref."""
    name = f"refs/{request.path_param('ref')}"
    if not _is_branch_or_tag(request, name):
        raise not_found()
    return ApiResponse(serialize.ref(request.state, request.repository, name))


def _is_branch_or_tag(request: ApiRequest, name: str) -> bool:
    return name in request.repository.history.refs and name.startswith(("refs/heads/", "refs/tags/"))


@route("GET", "{repo}/git/matching-refs/{ref:.+}", "contents:read")
async def list_refs(request: ApiRequest) -> ApiResponse:
    """List all refs that start with a prefix; this list has no pages."""
    prefix = f"refs/{request.path_param('ref')}"
    names = sorted(
        name for name in request.repository.history.refs if name.startswith(prefix) and _is_branch_or_tag(request, name)
    )
    return ApiResponse([serialize.ref(request.state, request.repository, name) for name in names])


@route("POST", "{repo}/git/refs", "contents:write", fields=("ref", "sha"))
async def create_ref(request: ApiRequest) -> ApiResponse:
    """Create a ref, which is atomic: 422 when it exists."""
    repository, name, sha = request.repository, request.require_text("ref"), request.require_text("sha")
    if not repository.history.commits:
        raise ApiError(409, "Git Repository is empty.")
    if not name.startswith(("refs/heads/", "refs/tags/")) or not await git.check_ref_name(name, repository.path):
        raise invalid("Reference name is invalid" if name.startswith("refs/") else "Reference must start with 'refs/'")
    if name in repository.history.refs:
        raise invalid("Reference already exists")
    _check_object(request, sha)
    if refs.refused_by_ruleset(repository, name):
        raise invalid(RULE_VIOLATION)
    await check_workflows(request, sha)
    await refs.create_ref(request.state, repository, name, sha, request.actor)
    return ApiResponse(serialize.ref(request.state, repository, name), 201)


def _check_object(request: ApiRequest, sha: str) -> None:
    history = request.repository.history
    if sha not in history.commits and sha not in history.tags:
        raise invalid("Object does not exist")


async def check_workflows(request: ApiRequest, sha: str) -> None:
    """Refuse a commit whose workflow files differ from the default branch's, if the token may not change workflows."""
    repository, token = request.repository, request.caller.token
    if not repository.workflows_permission or token is None or allows(token.permissions, "workflows:write"):
        return
    if await refs.changes_workflows(repository, repository.history.peel(sha)):
        status = repository.workflows_status
        message = "Not Found" if status == 404 else "Resource not accessible by integration"
        raise ApiError(status, message, headers={"X-Accepted-GitHub-Permissions": WORKFLOWS_PERMISSIONS})


@route("PATCH", "{repo}/git/refs/{ref:.+}", "contents:write", fields=("sha", "force"))
async def update_ref(request: ApiRequest) -> ApiResponse:
    """Update a ref; without `force` it must be a fast-forward."""
    repository, name, sha = request.repository, f"refs/{request.path_param('ref')}", request.require_text("sha")
    _check_object(request, sha)
    await check_workflows(request, sha)
    force = request.body.get("force") is True
    await refs.move_ref(request.state, repository, name, sha, request.actor, force=force)
    return ApiResponse(serialize.ref(request.state, repository, name))


@route("DELETE", "{repo}/git/refs/{ref:.+}", "contents:write")
async def delete_ref(request: ApiRequest) -> ApiResponse:
    """Delete a ref."""
    await refs.delete_ref(request.state, request.repository, f"refs/{request.path_param('ref')}", request.actor)
    return ApiResponse(status=204)


@route("POST", "{repo}/git/tags", "contents:write", fields=("tag", "message", "object", "type", "tagger"))
async def create_tag(request: ApiRequest) -> ApiResponse:
    """Create an annotated tag object; its ref is created separately."""
    repository, name, target = request.repository, request.require_text("tag"), request.require_text("object")
    if request.body.get("type", "commit") != "commit" or target not in repository.history.commits:
        raise invalid("Could not verify object")
    if not await git.check_ref_name(f"refs/tags/{name}", repository.path):
        raise invalid("Tag name is invalid")
    tag = await refs.write_tag(repository, name, target, request.require_text("message"), _tagger(request))
    return ApiResponse(serialize.tag_object(request.state, repository, tag), 201)


def _tagger(request: ApiRequest) -> Signature:
    """The person in the body's `tagger`, or else the App's bot; the date is optional."""
    given, default = request.body.get("tagger"), request.state.signature(request.actor)
    if given is None:
        return default
    if not isinstance(given, dict) or not (given.get("name") and given.get("email")):
        raise invalid("Invalid request.\n\nThe tagger needs a name and an email.")
    date = str(given.get("date") or default.at.isoformat())
    try:
        return Signature(str(given["name"]), str(given["email"]), datetime.fromisoformat(date).astimezone(UTC))
    except ValueError:
        raise invalid("Invalid request.\n\nThe date of the tagger is not valid.") from None


@route("GET", "{repo}/git/tags/{sha}", "contents:read")
async def get_tag(request: ApiRequest) -> ApiResponse:
    """Get an annotated tag object."""
    tag = request.repository.history.tags.get(request.path_param("sha"))
    if tag is None:
        raise not_found()
    return ApiResponse(serialize.tag_object(request.state, request.repository, tag))


@route("GET", "{repo}/git/trees/{tree}", "contents:read", query=("recursive",))
async def get_tree(request: ApiRequest) -> ApiResponse:
    """Get a tree by its SHA or by the name of a ref; any value of `recursive` lists the trees below it too."""
    repository, name = request.repository, request.path_param("tree")
    sha = repository.history.resolve(name) or (name if FULL_SHA.fullmatch(name) else None)
    tree = await git.resolve_tree(repository.path, sha) if sha else None
    if tree is None:
        raise not_found()
    entries = await git.list_tree(repository.path, tree, recursive="recursive" in request.http.query)
    return ApiResponse(serialize.tree(request.state, repository, tree, entries[:MAX_TREE_ENTRIES], len(entries)))
