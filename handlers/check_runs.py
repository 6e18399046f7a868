"""`check_run` and `status`: checks at a commit have ended, and people click on our own check runs."""

from collections.abc import Awaitable, Mapping
from typing import Any

from bot.context import Context
from bot.operations import check_clicks, waiting
from bot.operations.view_jobs import ClickButton
from bot.rules.candidate_checks import candidate_of
from bot.rules.ids import CheckRunId, CommitSha, GitHubUserId
from handlers.fields import id_of, number, part, repository_id, text


def on_check_run(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None] | None:
    """Handle a click by a person on a check run of our own App, or the end of a check of another one."""
    app = part(part(payload, "check_run"), "app")
    if context.github.app_id in (str(app.get("id")), app.get("client_id")):
        return _on_click(context, payload, guid)
    return (
        _on_end(payload, part(payload, "check_run").get("head_sha")) if payload.get("action") == "completed" else None
    )


def on_status(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None] | None:
    """Handle a commit status that has ended."""
    return None if payload.get("state") == "pending" else _on_end(payload, payload.get("sha"))


def _on_end(payload: Mapping[str, Any], commit: object) -> Awaitable[None] | None:
    repository = repository_id(payload)
    if repository is None or not isinstance(commit, str):
        return None
    return waiting.on_check(repository, CommitSha(commit))


def _on_click(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None] | None:
    action, check, sender = payload.get("action"), part(payload, "check_run"), part(payload, "sender")
    repository, own_id = repository_id(payload), check.get("external_id")
    if action not in ("requested_action", "rerequested") or repository is None or sender.get("type") == "Bot":
        return None
    candidate = candidate_of(own_id) if isinstance(own_id, str) else None
    if candidate is None or id_of(sender) is None:
        return None
    return check_clicks.on_click(
        context,
        ClickButton(
            repository=repository,
            check_run=CheckRunId(number(check, "id")),
            candidate=candidate,
            act=action,
            identifier=text(part(payload, "requested_action"), "identifier") if action == "requested_action" else "",
            person=GitHubUserId(number(sender, "id")),
            login=text(sender, "login"),
            guid=guid,
        ),
    )
