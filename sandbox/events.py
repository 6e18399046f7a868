"""Builds webhook payloads and hands them to the deliverer, when the App would get them."""

from sandbox.records import Account, Installation, Repository
from sandbox.serializers import accounts
from sandbox.serializers.accounts import Json
from sandbox.state import State

ALWAYS_DELIVERED = {"installation", "installation_repositories", "ping", "check_run", "github_app_authorization"}


def emit(
    state: State,
    event: str,
    repository: Repository,
    sender: Account,
    body: Json,
    *,
    delivery: str | None = None,
) -> None:
    """Send a repository's event to the App if it is installed there, not suspended, and subscribed."""
    installation = state.installation(repository)
    if installation is None or installation.suspended_at or event not in {*state.events, *ALWAYS_DELIVERED}:
        return
    payload = {
        **body,
        "repository": body.get("repository") or accounts.repository(state, repository),
        "organization": accounts.organization(state, repository.owner),
        "sender": accounts.user(state, sender),
        "installation": {"id": installation.id, "node_id": accounts.node_id("MDIzOk", installation.id)},
    }
    state.deliverer.enqueue(event, payload, guid=delivery)


def emit_installation(state: State, event: str, installation: Installation, sender: Account, body: Json) -> None:
    """Send an event about an installation; these cannot be unsubscribed."""
    serialized = accounts.installation(state, installation)
    payload = {**body, "installation": serialized, "sender": accounts.user(state, sender)}
    state.deliverer.enqueue(event, payload)
