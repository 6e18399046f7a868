"""What happens to whole repositories and to the App's installation."""

from sandbox.errors import SandboxError
from sandbox.events import emit, emit_installation
from sandbox.records import Account, Installation, Repository
from sandbox.serializers import accounts as serialize
from sandbox.serializers.accounts import Json
from sandbox.state import State


def _move(state: State, repository: Repository, owner: Account, name: str) -> None:
    old = repository.full_name.lower()
    new = f"{owner.login}/{name}".lower()
    if state.ids_by_name.get(new, repository.id) != repository.id:
        raise SandboxError(f"There is a repository {owner.login}/{name} already.")
    state.ids_by_name.pop(old, None)
    state.redirects.pop(new, None)
    state.redirects[old] = repository.id
    state.ids_by_name[new] = repository.id
    repository.owner, repository.name = owner, name


def rename(state: State, repository: Repository, name: str, by: Account) -> None:
    """Rename a repository; its old address answers with a redirect."""
    before = repository.name
    _move(state, repository, repository.owner, name)
    changes = {"repository": {"name": {"from": before}}}
    emit(state, "repository", repository, by, {"action": "renamed", "changes": changes})


def transfer(state: State, repository: Repository, owner: Account, by: Account) -> None:
    """Move a repository to another owner, where the App is installed as well."""
    before = repository.owner
    owner.type = "Organization"
    old = state.installation(repository)
    _move(state, repository, owner, repository.name)
    if old is not None:
        new = find(state, owner) or install(state, owner, [], by, quiet=True)
        if new.repositories is not None:
            new.repositories.add(repository.id)
        if old is not new and old.repositories is not None:
            old.repositories.discard(repository.id)
    changes = {"owner": {"from": {"organization": serialize.organization(state, before)}}}
    emit(state, "repository", repository, by, {"action": "transferred", "changes": changes})


def set_private(state: State, repository: Repository, private: bool, by: Account) -> None:
    """Hide a repository or show it to everyone."""
    repository.private = private
    emit(state, "repository", repository, by, {"action": "privatized" if private else "publicized"})


def archive(state: State, repository: Repository, archived: bool, by: Account) -> None:
    """Make a repository read-only, or end that."""
    repository.archived = archived
    emit(state, "repository", repository, by, {"action": "archived" if archived else "unarchived"})


def delete(state: State, repository: Repository, by: Account) -> None:
    """Delete a repository."""
    emit(state, "repository", repository, by, {"action": "deleted"})
    del state.repositories[repository.id]
    state.ids_by_name.pop(repository.full_name.lower(), None)


def find(state: State, account: Account) -> Installation | None:
    """Find the App's installation on an account."""
    return next(
        (installation for installation in state.installations.values() if installation.account is account), None
    )


def install(
    state: State, account: Account, repositories: list[Repository] | None, by: Account, *, quiet: bool = False
) -> Installation:
    """Install the App on an account, for some of its repositories or (None) for all."""
    selected = None if repositories is None else {installation.id for installation in repositories}
    installation = Installation(
        next(state.ids.installations), account, dict(state.permissions), list(state.events), state.now(), selected
    )
    state.installations[installation.id] = installation
    if not quiet:
        summaries = serialize.repository_summaries(state.covered(installation))
        emit_installation(state, "installation", installation, by, _installation_body("created", summaries))
    return installation


def _installation_body(action: str, summaries: list[Json]) -> Json:
    return {"action": action, "repositories": summaries, "requester": None}


def uninstall(state: State, installation: Installation, by: Account) -> None:
    """Remove the App from an account; its tokens die."""
    summaries = serialize.repository_summaries(state.covered(installation))
    del state.installations[installation.id]
    _revoke(state, installation)
    emit_installation(state, "installation", installation, by, _installation_body("deleted", summaries))


def _revoke(state: State, installation: Installation) -> None:
    for value in [token.value for token in state.tokens.values() if token.installation == installation.id]:
        del state.tokens[value]


def suspend(state: State, installation: Installation, by: Account) -> None:
    """Suspend an installation: no tokens and no events until it is unsuspended."""
    installation.suspended_at = state.now()
    summaries = serialize.repository_summaries(state.covered(installation))
    emit_installation(state, "installation", installation, by, _installation_body("suspend", summaries))


def unsuspend(state: State, installation: Installation, by: Account) -> None:
    """End a suspension."""
    installation.suspended_at = None
    summaries = serialize.repository_summaries(state.covered(installation))
    emit_installation(state, "installation", installation, by, _installation_body("unsuspend", summaries))


def choose(
    state: State, installation: Installation, added: list[Repository], removed: list[Repository], by: Account
) -> None:
    """Add repositories to an installation or take them out of it."""
    selected = {repository.id for repository in state.covered(installation)}
    if installation.repositories is not None or removed:
        installation.repositories = (selected | {repository.id for repository in added}) - {
            repository.id for repository in removed
        }
    body = {
        "action": "removed" if removed else "added",
        "repositories_added": serialize.repository_summaries(added),
        "repositories_removed": serialize.repository_summaries(removed),
        "repository_selection": "all" if installation.repositories is None else "selected",
        "requester": None,
    }
    emit_installation(state, "installation_repositories", installation, by, body)


def ping(state: State) -> None:
    """Send the event that GitHub sends when a webhook is set up."""
    config = {"url": state.deliverer.url, "content_type": "json", "insecure_ssl": "0", "secret": "********"}
    hook = {
        "type": "App",
        "id": state.deliverer.hook_id,
        "name": "web",
        "active": True,
        "app_id": state.app_id,
        "events": state.events,
        "config": config,
        "updated_at": "2026-01-01T00:00:00Z",
        "created_at": "2026-01-01T00:00:00Z",
        "deliveries_url": f"{state.api}/app/hook/deliveries",
    }
    body = {"zen": "Keep it logically awesome.", "hook_id": state.deliverer.hook_id, "hook": hook}
    state.deliverer.enqueue("ping", body)
