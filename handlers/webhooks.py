"""Processing of stored deliveries: read the payload and call the handler of its event."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from bot.context import Context
from bot.log import bind_log_context
from bot.queue.intake import WebhookDelivery
from bot.queue.jobs import PermanentFailure
from handlers import (
    authorizations,
    check_runs,
    comments,
    installations,
    protection_rules,
    pull_requests,
    pushes,
    repositories,
    runs,
)
from handlers.large_payloads import LargePayloads
from handlers.payloads import read_payload

MAX_INLINE_BYTES = 256 * 1024  # of a body that is parsed on the event loop: with the worst contents in 20 milliseconds

Handler = Callable[[Context, Mapping[str, Any], str], Awaitable[None] | None]
"""Reads a payload; returns the operation to await, or None when nothing has to be done."""

ENVELOPE = ("repository", "installation", "organization", "sender", "action")
"""Members of which every payload but that of `ping` has at least one."""

log = structlog.get_logger()


def _on_ping(context: Context, payload: Mapping[str, Any], guid: str) -> None:
    log.info("ping", zen=str(payload.get("zen", ""))[:200], hook=payload.get("hook_id"))


EVENTS: Mapping[str, Handler] = {
    "check_run": check_runs.on_check_run,
    "commit_comment": comments.on_commit_comment,
    "deployment_protection_rule": protection_rules.on_deployment_protection_rule,
    "github_app_authorization": authorizations.on_github_app_authorization,
    "installation": installations.on_installation,
    "installation_repositories": installations.on_installation_repositories,
    "issue_comment": comments.on_issue_comment,
    "ping": _on_ping,
    "pull_request": pull_requests.on_pull_request,
    "push": pushes.on_push,
    "repository": repositories.on_repository,
    "status": check_runs.on_status,
    "workflow_run": runs.on_workflow_run,
}


async def process(context: Context, delivery: WebhookDelivery, large: LargePayloads) -> None:
    """Job: handle a delivery. An event without a handler succeeds.

    A body that is not JSON is a permanent failure, and so is a payload that concerns us and cannot be read.
    """
    event = delivery.event
    bind_log_context(delivery=delivery.guid, github_event=event)
    handler = EVENTS.get(event)
    if handler is None:
        return
    payload = await _payload(delivery, large)
    try:
        if event != "ping" and payload.keys().isdisjoint(ENVELOPE):
            raise ValueError(f"it has none of {', '.join(ENVELOPE)}")
        operation = handler(context, payload, delivery.guid)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        sentence = f"The {event} payload does not have the form that GitHub sends: {_why_malformed(error)}"
        raise PermanentFailure(sentence) from error
    if operation is not None:
        await operation


def _why_malformed(error: Exception) -> str:
    """What is wrong with a payload, by the exception that reading it raised."""
    if isinstance(error, KeyError):
        return f"it has no `{error.args[0]}`"
    return str(error) if isinstance(error, ValueError) else "one of its members has an unexpected type"


async def _payload(delivery: WebhookDelivery, large: LargePayloads) -> Mapping[str, Any]:
    if len(delivery.body) > MAX_INLINE_BYTES:
        return await large.read(delivery.body, delivery.content_type)
    try:
        return read_payload(delivery.body, delivery.content_type)
    except ValueError as error:
        raise PermanentFailure(str(error)) from error
