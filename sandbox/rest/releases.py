"""Releases."""

from functools import partial

from sandbox import git
from sandbox.credentials import allows
from sandbox.errors import invalid, not_found
from sandbox.records import Release
from sandbox.rest.core import PAGED, ApiRequest, ApiResponse, paginate, route
from sandbox.rest.refs import check_workflows
from sandbox.serializers import releases as serialize
from sandbox.use_cases import releases

FIELDS = ("tag_name", "target_commitish", "name", "body", "draft", "prerelease")
MAX_BODY_CHARACTERS = 125_000


def _visible(request: ApiRequest) -> list[Release]:
    """The releases that the caller sees, newest first: drafts are for those who may write."""
    token = request.caller.token
    writes = token is not None and allows(token.permissions, "contents:write")
    return [each for each in reversed(request.repository.releases.values()) if writes or not each.draft]


def _response(request: ApiRequest, release: Release | None, status: int = 200) -> ApiResponse:
    if release is None:
        raise not_found()
    return ApiResponse(serialize.release(request.state, request.repository, release), status)


@route("GET", "{repo}/releases", "contents:read", query=PAGED)
async def list_releases(request: ApiRequest) -> ApiResponse:
    """List releases, newest first."""
    return paginate(request, _visible(request), partial(serialize.release, request.state, request.repository))


@route("GET", "{repo}/releases/{release_id}", "contents:read")
async def get_release(request: ApiRequest) -> ApiResponse:
    """Get a release by id."""
    number = request.int_param("release_id")
    return _response(request, next((each for each in _visible(request) if each.id == number), None))


@route("GET", "{repo}/releases/latest", "contents:read")
async def get_latest_release(request: ApiRequest) -> ApiResponse:
    """Get the release that was published last, prereleases aside."""
    return _response(request, request.repository.releases.get(request.repository.latest_release or 0))


@route("GET", "{repo}/releases/tags/{tag:.+}", "contents:read")
async def get_release_by_tag(request: ApiRequest) -> ApiResponse:
    """Get a published release by its tag."""
    tag = request.path_param("tag")
    found = (each for each in request.repository.releases.values() if each.tag == tag and not each.draft)
    return _response(request, next(found, None))


@route("POST", "{repo}/releases", "contents:write", fields=FIELDS)
async def create_release(request: ApiRequest) -> ApiResponse:
    """Create a draft, or publish a release; an existing tag is used as it is, whatever `target_commitish` says."""
    repository, tag = request.repository, request.require_text("tag_name")
    if not await git.check_ref_name(f"refs/tags/{tag}", repository.path):
        raise invalid("Validation Failed", errors=[{"resource": "Release", "code": "custom", "field": "tag_name"}])
    release = Release(
        next(request.state.ids.others),
        tag,
        str(request.body.get("target_commitish") or repository.default_branch),
        request.actor,
        request.state.now(),
        draft=request.body.get("draft") is True,
    )
    _set_texts(request, release)
    await check_workflows(request, releases.target(repository, release))
    await releases.create(request.state, repository, release, request.actor)
    return _response(request, release, 201)


def _set_texts(request: ApiRequest, release: Release) -> None:
    body = request.body
    if len(body.get("body") or "") > MAX_BODY_CHARACTERS:
        raise invalid("Validation Failed", errors=[{"resource": "Release", "code": "custom", "field": "body"}])
    release.name, release.body = body.get("name", release.name), body.get("body", release.body)
    release.prerelease = bool(body.get("prerelease", release.prerelease))


@route("PATCH", "{repo}/releases/{release_id}", "contents:write", fields=("name", "body", "draft", "prerelease"))
async def update_release(request: ApiRequest) -> ApiResponse:
    """Update a release; `draft: false` publishes a draft."""
    release = request.find(request.repository.releases, "release_id")
    await check_workflows(request, releases.target(request.repository, release))
    before = {"name": release.name, "body": release.body}
    _set_texts(request, release)
    changes = {name: {"from": value or ""} for name, value in before.items() if getattr(release, name) != value}
    if changes:
        releases.edited(request.state, request.repository, release, changes, request.actor)
    if release.draft and request.body.get("draft") is False:
        await releases.publish(request.state, request.repository, release, request.actor)
    return _response(request, release)


@route("DELETE", "{repo}/releases/{release_id}", "contents:write")
async def delete_release(request: ApiRequest) -> ApiResponse:
    """Delete a release; its tag stays."""
    release = request.find(request.repository.releases, "release_id")
    releases.delete(request.state, request.repository, release, request.actor)
    return ApiResponse(status=204)
