"""Publish releases of tags."""

from sandbox.accounts import Account
from sandbox.errors import ApiError, SandboxError, invalid
from sandbox.events import emit
from sandbox.records import Release, Repository
from sandbox.serializers import releases as serialize
from sandbox.serializers.accounts import Json
from sandbox.state import State
from sandbox.use_cases import refs


def find(repository: Repository, number: int) -> Release:
    """Find a release by id."""
    if number not in repository.releases:
        raise SandboxError(f"No release {number} in {repository.full_name}.")
    return repository.releases[number]


def target(repository: Repository, release: Release) -> str:
    """The commit of a release: that of its tag, or of its target while there is no such tag."""
    history = repository.history
    sha = history.resolve_ref(f"tags/{release.tag}") or history.resolve(release.target)
    if sha is None:
        raise _invalid("invalid", "target_commitish")
    return sha


def _invalid(code: str, field: str) -> ApiError:
    return invalid("Validation Failed", errors=[{"resource": "Release", "code": code, "field": field}])


async def create(state: State, repository: Repository, release: Release, by: Account) -> None:
    """Add a draft, or publish a release at once; its tag is created if there is none."""
    if any(other.tag == release.tag and not other.draft for other in repository.releases.values()):
        raise _invalid("already_exists", "tag_name")
    sha = target(repository, release)
    release.created_at = repository.history.commits[sha].committer.at
    if not release.draft:
        await _publish(state, repository, release, by)
    repository.releases[release.id] = release
    _emit(state, repository, release, "created", by)
    if not release.draft:
        _emit(state, repository, release, "published", by)
        _emit(state, repository, release, "prereleased" if release.prerelease else "released", by)


async def _publish(state: State, repository: Repository, release: Release, by: Account) -> None:
    ref = f"refs/tags/{release.tag}"
    if ref not in repository.history.refs:
        await refs.create_ref(state, repository, ref, target(repository, release), by)
    release.draft, release.published_at = False, state.now()
    if not release.prerelease:
        repository.latest_release = release.id


async def publish(state: State, repository: Repository, release: Release, by: Account) -> None:
    """Publish a draft; GitHub sends `released` only for releases that are no prereleases."""
    await _publish(state, repository, release, by)
    _emit(state, repository, release, "published", by)
    if not release.prerelease:
        _emit(state, repository, release, "released", by)


def edited(state: State, repository: Repository, release: Release, changes: Json, by: Account) -> None:
    """Send the event of a changed release; `changes` has what each changed field was."""
    _emit(state, repository, release, "edited", by, changes=changes)


def delete(state: State, repository: Repository, release: Release, by: Account) -> None:
    """Delete a release; its tag stays."""
    del repository.releases[release.id]
    repository.latest_release = None if repository.latest_release == release.id else repository.latest_release
    _emit(state, repository, release, "deleted", by)


def _emit(state: State, repository: Repository, release: Release, action: str, by: Account, **extra: Json) -> None:
    serialized = serialize.release(state, repository, release)
    emit(state, "release", repository, by, {"action": action, "release": serialized, **extra})
