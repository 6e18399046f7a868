"""`deployment_protection_rule`: an environment asks whether a job may deploy."""

from collections.abc import Awaitable, Mapping
from typing import Any

from bot.context import Context
from bot.operations import protection_requests
from bot.operations.protection_requests import Question
from bot.rules.ids import CommitSha
from handlers.fields import part, repository_id, text


def on_deployment_protection_rule(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None] | None:
    """Handle the question. `deployment` may be null, and the run is only in the callback address."""
    repository = repository_id(payload)
    if payload.get("action") != "requested" or repository is None:
        return None
    return protection_requests.on_question(
        context,
        Question(
            repository,
            text(part(payload, "repository"), "full_name"),
            text(payload, "environment")[:255],
            CommitSha(text(payload, "sha")),
            text(payload, "deployment_callback_url"),
        ),
    )
