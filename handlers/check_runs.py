"""`check_run`: people click the buttons of our check runs, or ask for one to be run again."""

from collections.abc import Awaitable, Mapping
from typing import Any

from bot.context import Context
from bot.operations import check_clicks
from bot.operations.view_jobs import ClickButton
from bot.rules.candidate_checks import candidate_of
from bot.rules.ids import CheckRunId, GitHubUserId
from handlers.fields import id_of, number, part, repository_id, text


def on_check_run(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None] | None:
    """Handle a click by a person on a check run of our own App; any other event about check runs is ignored."""
    action, check, sender = payload.get("action"), part(payload, "check_run"), part(payload, "sender")
    repository = repository_id(payload)
    if action not in ("requested_action", "rerequested") or repository is None or sender.get("type") == "Bot":
        return None
    app, own_id = part(check, "app"), check.get("external_id")
    is_ours = context.github.app_id in (str(app.get("id")), app.get("client_id"))
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
