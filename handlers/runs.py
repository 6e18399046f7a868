"""`workflow_run`: the status of a run."""

from collections.abc import Awaitable, Mapping
from typing import Any

from bot.context import Context
from bot.errors import Unavailable
from bot.github.workflow_runs import run_fact
from bot.operations.workflows import tracking
from bot.queue.jobs import PermanentFailure
from bot.rules.ids import RepositoryId


def on_workflow_run(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None]:
    """Handle the status of a run. The event's action is ignored: every payload has the run's current status."""
    try:
        fact = run_fact(payload["workflow_run"])
    except Unavailable as incomplete:
        raise PermanentFailure(f"The run is not as GitHub's are: {incomplete.details.get('reason')}") from incomplete
    return tracking.on_webhook(context, RepositoryId(int(payload["repository"]["id"])), fact)
