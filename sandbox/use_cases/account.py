"""What happens to whole repositories and to the App's installation."""

from sandbox.errors import SandboxError
from sandbox.events import emit, emit_installation
from sandbox.records import Installation, Person, Repository
from sandbox.serializers import accounts as shapes
from sandbox.serializers.accounts import Json
from sandbox.state import State


def _move(state: State, repository: Repository, owner: Person, name: str) -> None:
    old = repository.full_name.lower()
    new = f"{owner.login}/{name}".lower()
    if state.names.get(new, repository.id) != repository.id:
        raise SandboxError(f"There is a repository {owner.login}/{name} already.")
    state.names.pop(old, None)
    state.moved.pop(new, None)
    state.moved[old] = repository.id
    state.names[new] = repository.id
    repository.owner, repository.name = owner, name


def rename(state: State, repository: Repository, name: str, by: Person) -> None:
    """Rename a repository; its old address answers with a redirect."""
    before = repository.name
    _move(state, repository, repository.owner, name)
    changes = {"repository": {"name": {"from": before}}}
    emit(state, "repository", repository, by, {"action": "renamed", "changes": changes})


def transfer(state: State, repository: Repository, owner: Person, by: Person) -> None:
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
    changes = {"owner": {"from": {"organization": shapes.organization(state, before)}}}
    emit(state, "repository", repository, by, {"action": "transferred", "changes": changes})


def set_private(state: State, repository: Repository, private: bool, by: Person) -> None:
    """Hide a repository or show it to everyone."""
    repository.private = private
    emit(state, "repository", repository, by, {"action": "privatized" if private else "publicized"})


def archive(state: State, repository: Repository, archived: bool, by: Person) -> None:
    """Make a repository read-only, or end that."""
    repository.archived = archived
    emit(state, "repository", repository, by, {"action": "archived" if archived else "unarchived"})


def delete(state: State, repository: Repository, by: Person) -> None:
    """Delete a repository."""
    emit(state, "repository", repository, by, {"action": "deleted"})
    del state.repositories[repository.id]
    state.names.pop(repository.full_name.lower(), None)


def find(state: State, account: Person) -> Installation | None:
    """Find the App's installation on an account."""
    return next((one for one in state.installations.values() if one.account is account), None)


def install(
    state: State, account: Person, repositories: list[Repository] | None, by: Person, *, quiet: bool = False
) -> Installation:
    """Install the App on an account, for some of its repositories or (None) for all."""
    chosen = None if repositories is None else {one.id for one in repositories}
    one = Installation(
        next(state.numbers.installations), account, dict(state.permissions), list(state.events), state.now(), chosen
    )
    state.installations[one.id] = one
    if not quiet:
        listed = shapes.short_repositories(state.covered(one))
        emit_installation(state, "installation", one, by, _installation_body("created", listed))
    return one


def _installation_body(action: str, listed: list[Json]) -> Json:
    return {"action": action, "repositories": listed, "requester": None}


def uninstall(state: State, one: Installation, by: Person) -> None:
    """Remove the App from an account; its tokens die."""
    listed = shapes.short_repositories(state.covered(one))
    del state.installations[one.id]
    _revoke(state, one)
    emit_installation(state, "installation", one, by, _installation_body("deleted", listed))


def _revoke(state: State, one: Installation) -> None:
    for value in [token.value for token in state.tokens.values() if token.installation == one.id]:
        del state.tokens[value]


def suspend(state: State, one: Installation, by: Person) -> None:
    """Suspend an installation: no tokens and no events until it is unsuspended."""
    one.suspended_at = state.now()
    listed = shapes.short_repositories(state.covered(one))
    emit_installation(state, "installation", one, by, _installation_body("suspend", listed))


def unsuspend(state: State, one: Installation, by: Person) -> None:
    """End a suspension."""
    one.suspended_at = None
    listed = shapes.short_repositories(state.covered(one))
    emit_installation(state, "installation", one, by, _installation_body("unsuspend", listed))


def choose(state: State, one: Installation, added: list[Repository], removed: list[Repository], by: Person) -> None:
    """Add repositories to an installation or take them out of it."""
    chosen = {each.id for each in state.covered(one)}
    if one.repositories is not None or removed:
        one.repositories = (chosen | {each.id for each in added}) - {each.id for each in removed}
    body = {
        "action": "removed" if removed else "added",
        "repositories_added": shapes.short_repositories(added),
        "repositories_removed": shapes.short_repositories(removed),
        "repository_selection": "all" if one.repositories is None else "selected",
        "requester": None,
    }
    emit_installation(state, "installation_repositories", one, by, body)


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
