"""`workflow_run`: the status of a run."""

from collections.abc import Awaitable, Mapping
from typing import Any

from bot.context import Context
from bot.errors import Unavailable
from bot.github.workflow_runs import run_fact
from bot.operations.workflows import tracking
from bot.rules.ids import RunId
from handlers.fields import id_of, part, repository_id


def on_workflow_run(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None] | None:
    """Handle the status of a run. The event's action is ignored: every payload has the run's current status."""
    run, repository = part(payload, "workflow_run"), repository_id(payload)
    run_id = id_of(run)
    if repository is None or run_id is None:
        return None
    try:
        fact = run_fact(run)
    except Unavailable as incomplete:
        return tracking.on_unreadable(repository, RunId(run_id), str(incomplete.details.get("reason")))
    except (TypeError, ValueError, AttributeError):
        return tracking.on_unreadable(repository, RunId(run_id), "one of its members has an unexpected type")
    return tracking.on_webhook(context, repository, fact)
