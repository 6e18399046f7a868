"""`pull_request`: a change of the configuration file is checked where it is proposed."""

from collections.abc import Awaitable, Mapping
from typing import Any

from bot.context import Context
from bot.operations import config_lint
from bot.operations.config_lint import PullHint
from handlers.fields import id_of, number, part, repository_id, text

ACTIONS = ("opened", "reopened", "synchronize")


def on_pull_request(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None] | None:
    """Handle a pull request that was opened, or whose head has changed."""
    repository, pull = repository_id(payload), part(payload, "pull_request")
    if repository is None or payload.get("action") not in ACTIONS:
        return None
    head, base = part(pull, "head"), part(pull, "base")
    return config_lint.on_pull_request(
        PullHint(
            repository=repository,
            number=number(pull, "number"),
            base=text(base, "ref"),
            trusted=id_of(part(head, "repo")) == repository,
        )
    )
