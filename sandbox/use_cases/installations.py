"""Install, suspend and remove the App, and choose the repositories that it covers."""

from sandbox.accounts import Account, Installation
from sandbox.events import emit_installation
from sandbox.records import Repository
from sandbox.serializers import accounts as serialize
from sandbox.serializers.accounts import Json
from sandbox.state import State


def find(state: State, account: Account) -> Installation | None:
    """Find the App's installation on an account."""
    matches = (installation for installation in state.installations.values() if installation.account is account)
    return next(matches, None)


def install(
    state: State, account: Account, repositories: list[Repository] | None, by: Account, *, quiet: bool = False
) -> Installation:
    """Install the App on some repositories of an account, or with None on all of them."""
    selected = None if repositories is None else {repository.id for repository in repositories}
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
    """Remove the App from an account and revoke its tokens."""
    summaries = serialize.repository_summaries(state.covered(installation))
    del state.installations[installation.id]
    _revoke(state, installation)
    emit_installation(state, "installation", installation, by, _installation_body("deleted", summaries))


def _revoke(state: State, installation: Installation) -> None:
    for value in [token.value for token in state.tokens.values() if token.installation_id == installation.id]:
        del state.tokens[value]


def suspend(state: State, installation: Installation, by: Account) -> None:
    """Suspend an installation: it gets no tokens and no events until it is unsuspended."""
    installation.suspended_at = state.now()
    summaries = serialize.repository_summaries(state.covered(installation))
    emit_installation(state, "installation", installation, by, _installation_body("suspend", summaries))


def unsuspend(state: State, installation: Installation, by: Account) -> None:
    """Lift a suspension."""
    installation.suspended_at = None
    summaries = serialize.repository_summaries(state.covered(installation))
    emit_installation(state, "installation", installation, by, _installation_body("unsuspend", summaries))


def set_permission(state: State, installation: Installation, name: str, level: str | None, by: Account) -> None:
    """Accept a permission of the App, or with None withdraw it: tokens and events go without it from then on."""
    if level is None:
        installation.permissions.pop(name, None)
        return
    installation.permissions[name] = level
    summaries = serialize.repository_summaries(state.covered(installation))
    emit_installation(
        state, "installation", installation, by, _installation_body("new_permissions_accepted", summaries)
    )


def change_repositories(
    state: State, installation: Installation, added: list[Repository], removed: list[Repository], by: Account
) -> None:
    """Add repositories to an installation, or remove them from it."""
    selected = {repository.id for repository in state.covered(installation)}
    if installation.repository_ids is not None or removed:
        selected |= {repository.id for repository in added}
        installation.repository_ids = selected - {repository.id for repository in removed}
    body = {
        "action": "removed" if removed else "added",
        "repositories_added": serialize.repository_summaries(added),
        "repositories_removed": serialize.repository_summaries(removed),
        "repository_selection": "all" if installation.repository_ids is None else "selected",
        "requester": None,
    }
    emit_installation(state, "installation_repositories", installation, by, body)


def ping(state: State) -> None:
    """Send `ping`, which GitHub sends when a webhook is set up."""
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
