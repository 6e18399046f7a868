"""Build webhook payloads and queue those that the App would receive."""

from sandbox.accounts import Account, Installation
from sandbox.records import Repository
from sandbox.serializers import accounts
from sandbox.serializers.accounts import Json
from sandbox.state import State

PERMISSIONS = {
    **dict.fromkeys(("check_run", "check_suite"), "checks"),
    **dict.fromkeys(("commit_comment", "create", "delete", "push", "release"), "contents"),
    **dict.fromkeys(("deployment", "deployment_protection_rule", "deployment_status"), "deployments"),
    **dict.fromkeys(("issue_comment", "issues"), "issues"),
    "pull_request": "pull_requests",
    "status": "statuses",
    "workflow_run": "actions",
}
"""The permission that an event needs; an installation that has not accepted it does not get the event."""

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
    """Queue a repository event if the App is installed on the repository, not suspended, and subscribed."""
    installation = state.installation(repository)
    if installation is None or installation.suspended_at or event not in {*state.events, *ALWAYS_DELIVERED}:
        return
    if PERMISSIONS.get(event, "metadata") not in installation.permissions:
        return
    payload = {
        **body,
        "repository": body.get("repository") or accounts.repository(state, repository),
        "organization": accounts.organization(state, repository.owner),
        "sender": accounts.user(state, sender),
        "installation": {"id": installation.id, "node_id": accounts.node_id("MDIzOk", installation.id)},
    }
    state.deliverer.enqueue(event, payload, guid=delivery)


def emit_about_account(state: State, event: str, account: Account, body: Json) -> None:
    """Queue an event about what an account has allowed the App: it names neither a repository nor an installation."""
    state.deliverer.enqueue(event, {**body, "sender": accounts.user(state, account)})


def emit_installation(state: State, event: str, installation: Installation, sender: Account, body: Json) -> None:
    """Queue an event about an installation; Apps cannot unsubscribe from these."""
    serialized = accounts.installation(state, installation)
    payload = {**body, "installation": serialized, "sender": accounts.user(state, sender)}
    state.deliverer.enqueue(event, payload)
