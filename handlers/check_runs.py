"""`check_run` and `status`: others report checks, and people click the buttons of our check runs or run them again."""

from collections.abc import Awaitable, Mapping
from typing import Any

from bot.context import Context
from bot.operations import check_clicks, check_reports
from bot.operations.check_reports import CheckReport
from bot.operations.view_jobs import ClickButton
from bot.rules.candidate_checks import candidate_of
from bot.rules.ids import CheckRunId, CommitSha, GitHubUserId, RepositoryId
from handlers.fields import id_of, number, part, repository_id, text


def on_check_run(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None] | None:
    """Handle a completed check run of another App, or a click by a person on one of our own; ignore all others."""
    action, check, sender = payload.get("action"), part(payload, "check_run"), part(payload, "sender")
    app, own_id = part(check, "app"), check.get("external_id")
    repository, is_ours = repository_id(payload), context.github.app_id in (str(app.get("id")), app.get("client_id"))
    if repository is None:
        return None
    if action in ("completed", "created"):
        is_report = check.get("status") == "completed" and not is_ours
        return _on_report(context, repository, check.get("head_sha"), check.get("name")) if is_report else None
    if action not in ("requested_action", "rerequested") or sender.get("type") == "Bot":
        return None
    candidate = candidate_of(own_id) if is_ours and isinstance(own_id, str) else None
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


def on_status(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None] | None:
    """Handle a commit status that is no longer pending."""
    repository = repository_id(payload)
    if repository is None or payload.get("state") == "pending":
        return None
    return _on_report(context, repository, payload.get("sha"), payload.get("context"))


def _on_report(context: Context, repository: RepositoryId, commit: object, name: object) -> Awaitable[None] | None:
    """Handle a report. One without a commit or a name is none that a gate can require; the sweep asks GitHub anyway."""
    if not isinstance(commit, str) or not isinstance(name, str):
        return None
    return check_reports.on_report(context, CheckReport(repository, CommitSha(commit), name))
