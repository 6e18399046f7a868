"""`workflow_run`: how a run stands."""

from collections.abc import Awaitable, Mapping
from typing import Any

from bot.context import Context
from bot.errors import Unavailable
from bot.github.facts import run_fact
from bot.operations.workflows import tracking
from bot.queue.jobs import PermanentFailure


def told(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None]:
    """Hear what GitHub says of a run. All actions say the same: how it stands now."""
    try:
        fact = run_fact(payload["workflow_run"])
    except Unavailable as incomplete:
        raise PermanentFailure(f"The run is not as GitHub's are: {incomplete.details.get('reason')}") from incomplete
    return tracking.on_webhook(context, int(payload["repository"]["id"]), fact)
