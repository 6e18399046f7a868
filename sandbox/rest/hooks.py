"""The App's webhook configuration and its deliveries."""

from datetime import timedelta
from typing import Any

from sandbox.deliveries import Attempt
from sandbox.errors import ApiError, invalid, not_found
from sandbox.records import format_time
from sandbox.rest.core import ApiRequest, ApiResponse, page_size, route


def _summary(attempt: Attempt) -> dict[str, Any]:
    return {
        "id": attempt.id,
        "guid": attempt.guid,
        "delivered_at": format_time(attempt.delivered_at),
        "redelivery": attempt.redelivery,
        "duration": attempt.duration,
        "status": attempt.status,
        "status_code": attempt.status_code,
        "event": attempt.event,
        "action": attempt.payload.get("action"),
        "installation_id": (attempt.payload.get("installation") or {}).get("id"),
        "repository_id": (attempt.payload.get("repository") or {}).get("id"),
        "throttled_at": None,
    }


def _find_attempt(request: ApiRequest) -> Attempt:
    attempt_id = request.int_param("delivery_id")
    for attempt in _kept_attempts(request):
        if attempt.id == attempt_id:
            return attempt
    raise not_found()


def _kept_attempts(request: ApiRequest) -> list[Attempt]:
    """The attempts that ended and are not so old that GitHub has forgotten them, newest first."""
    start = request.state.now() - timedelta(days=request.state.server.delivery_days)
    attempts = reversed(request.state.deliverer.attempts)
    return [attempt for attempt in attempts if attempt.status and attempt.delivered_at > start]


@route("GET", "/app/hook/config", "app")
async def get_config(request: ApiRequest) -> ApiResponse:
    """Get the webhook configuration."""
    url = request.state.deliverer.url or ""
    return ApiResponse({"content_type": "json", "insecure_ssl": "0", "secret": "********", "url": url})


@route("PATCH", "/app/hook/config", "app", fields=("url", "secret"))
async def update_config(request: ApiRequest) -> ApiResponse:
    """Update the webhook's URL or secret."""
    deliverer = request.state.deliverer
    deliverer.url = request.body.get("url", deliverer.url)
    deliverer.secret = request.body.get("secret", deliverer.secret)
    return await get_config(request)


@route("GET", "/app/hook/deliveries", "app", query=("per_page", "cursor", "status"))
async def list_deliveries(request: ApiRequest) -> ApiResponse:
    """List attempts, newest first; the `failure` filter misses attempts that have no status code."""
    attempts, status = _kept_attempts(request), request.query_param("status")
    if status not in (None, "success", "failure"):
        raise invalid("Invalid request.\n\nstatus must be success or failure.")
    if status == "success":
        attempts = [attempt for attempt in attempts if attempt.status == "OK"]
    elif status == "failure":
        attempts = [attempt for attempt in attempts if 400 <= attempt.status_code < 600]
    cursor = request.query_param("cursor")
    if cursor is not None:
        if not cursor.removeprefix("v1_").isdecimal():
            raise ApiError(422, "Invalid cursor")
        attempts = [attempt for attempt in attempts if attempt.id < int(cursor.removeprefix("v1_"))]
    page, remaining = attempts[: page_size(request)], attempts[page_size(request) :]
    next_url = request.http.url.update_query(cursor=f"v1_{page[-1].id}") if remaining else None
    headers = {"Link": f'<{next_url}>; rel="next"'} if next_url else {}
    return ApiResponse([_summary(attempt) for attempt in page], headers=headers)


@route("GET", "/app/hook/deliveries/{delivery_id}", "app")
async def get_delivery(request: ApiRequest) -> ApiResponse:
    """Get an attempt with its request and response."""
    attempt = _find_attempt(request)
    sent = {"headers": attempt.headers, "payload": attempt.payload}
    response = {"headers": attempt.response_headers, "payload": attempt.response}
    return ApiResponse({**_summary(attempt), "url": attempt.url, "request": sent, "response": response})


@route("POST", "/app/hook/deliveries/{delivery_id}/attempts", "app")
async def redeliver(request: ApiRequest) -> ApiResponse:
    """Redeliver an event under the same GUID."""
    request.state.deliverer.redeliver(_find_attempt(request))
    return ApiResponse({}, 202)
