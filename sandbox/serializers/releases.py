"""Releases as JSON."""

from sandbox.records import Release, Repository, format_time
from sandbox.serializers.accounts import Json, node_id, repository_url, user
from sandbox.state import State


def release(state: State, repository: Repository, release: Release) -> Json:
    """Serialize a release, which has no files."""
    base, html = repository_url(state, repository), f"{state.html_url}/{repository.full_name}"
    url = f"{base}/releases/{release.id}"
    page = f"untagged-{release.id}" if release.draft else release.tag
    archives = {f"{kind}_url": None if release.draft else f"{base}/{kind}/{release.tag}" for kind in ARCHIVES}
    return {
        "url": url,
        "html_url": f"{html}/releases/tag/{page}",
        "assets_url": f"{url}/assets",
        "upload_url": f"{url}/assets{{?name,label}}",
        **archives,
        "id": release.id,
        "node_id": node_id("RE", release.id),
        "tag_name": release.tag,
        "target_commitish": release.target,
        "name": release.name,
        "body": release.body,
        "draft": release.draft,
        "prerelease": release.prerelease,
        "immutable": False,
        "created_at": format_time(release.created_at),
        "updated_at": format_time(release.published_at or release.created_at),
        "published_at": format_time(release.published_at),
        "author": user(state, release.author),
        "assets": [],
    }


ARCHIVES = ("tarball", "zipball")
