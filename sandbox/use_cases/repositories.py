"""Rename, transfer, hide, archive and delete repositories."""

from sandbox.accounts import Account
from sandbox.errors import SandboxError
from sandbox.events import emit
from sandbox.records import Repository
from sandbox.serializers import accounts as serialize
from sandbox.state import State
from sandbox.use_cases import installations


def _change_full_name(state: State, repository: Repository, owner: Account, name: str) -> None:
    old = repository.full_name.lower()
    new = f"{owner.login}/{name}".lower()
    if state.ids_by_name.get(new, repository.id) != repository.id:
        raise SandboxError(f"The repository {owner.login}/{name} already exists.")
    state.ids_by_name.pop(old, None)
    state.redirects.pop(new, None)
    state.redirects[old] = repository.id
    state.ids_by_name[new] = repository.id
    repository.owner, repository.name = owner, name


def rename(state: State, repository: Repository, name: str, by: Account) -> None:
    """Rename a repository; the old URL redirects."""
    before = repository.name
    _change_full_name(state, repository, repository.owner, name)
    changes = {"repository": {"name": {"from": before}}}
    emit(state, "repository", repository, by, {"action": "renamed", "changes": changes})


def transfer(state: State, repository: Repository, owner: Account, by: Account) -> None:
    """Transfer a repository to another owner, and install the App there if it is not installed yet."""
    before = repository.owner
    owner.type = "Organization"
    old = state.installation(repository)
    _change_full_name(state, repository, owner, repository.name)
    if old is not None:
        new = installations.find(state, owner) or installations.install(state, owner, [], by, quiet=True)
        if new.repository_ids is not None:
            new.repository_ids.add(repository.id)
        if old is not new and old.repository_ids is not None:
            old.repository_ids.discard(repository.id)
    changes = {"owner": {"from": {"organization": serialize.organization(state, before)}}}
    emit(state, "repository", repository, by, {"action": "transferred", "changes": changes})


def set_private(state: State, repository: Repository, private: bool, by: Account) -> None:
    """Make a repository private or public."""
    repository.private = private
    emit(state, "repository", repository, by, {"action": "privatized" if private else "publicized"})


def archive(state: State, repository: Repository, archived: bool, by: Account) -> None:
    """Archive a repository, which makes it read-only, or unarchive it."""
    repository.archived = archived
    emit(state, "repository", repository, by, {"action": "archived" if archived else "unarchived"})


def delete(state: State, repository: Repository, by: Account) -> None:
    """Delete a repository."""
    emit(state, "repository", repository, by, {"action": "deleted"})
    del state.repositories[repository.id]
    state.ids_by_name.pop(repository.full_name.lower(), None)
