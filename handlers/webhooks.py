"""From a stored delivery to operations: the payload is read, and its event finds its handler."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

import orjson
import structlog

from bot.context import Context
from bot.log import bind_log_context
from bot.queue.jobs import Job, PermanentFailure
from handlers import comments, installations, pushes, repositories, runs

# A handler reads the payload and gives what is to be done about it, if anything.
Handler = Callable[[Context, Mapping[str, Any], str], Awaitable[None] | None]

log = structlog.get_logger()


def _pinged(context: Context, payload: Mapping[str, Any], guid: str) -> None:
    log.info("ping", zen=str(payload.get("zen", ""))[:200], hook=payload.get("hook_id"))


EVENTS: Mapping[str, Handler] = {
    "commit_comment": comments.on_commit,
    "installation": installations.changed,
    "installation_repositories": installations.repositories_changed,
    "issue_comment": comments.on_issue,
    "ping": _pinged,
    "push": pushes.pushed,
    "repository": repositories.changed,
    "workflow_run": runs.told,
}


async def process(context: Context, job: Job) -> None:
    """Job `webhook`: turn a delivery into acts. An unhandled event ends well, a body that is no JSON badly."""
    event = job.headers.get("event", "")
    bind_log_context(delivery=job.key, github_event=event)
    payload = _payload(job)
    handler = EVENTS.get(event)
    if handler is not None:
        try:
            act = handler(context, payload, job.key or "")
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise PermanentFailure(
                f"The {event} payload is not as GitHub's are: {type(error).__name__}: {error}"
            ) from error
        if act is not None:
            await act


def _payload(job: Job) -> Mapping[str, Any]:
    body: bytes | str = job.payload
    try:
        if job.headers.get("content_type") == "application/x-www-form-urlencoded":
            fields = parse_qs(job.payload.decode("utf-8", "replace"), max_num_fields=10)
            body = fields.get("payload", [""])[0]
        payload = orjson.loads(body)
    except ValueError as error:  # of parse_qs: too many fields
        raise PermanentFailure(f"The body is not JSON: {error}") from error
    if not isinstance(payload, dict):
        raise PermanentFailure("The body is not a JSON object.")
    return payload
