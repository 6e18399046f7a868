"""The App's webhook and the record of its deliveries."""

from typing import Any

from sandbox.deliveries import Attempt
from sandbox.errors import Refused, not_found
from sandbox.records import stamp
from sandbox.rest.core import Answer, Asked, page_size, route


def _short(one: Attempt) -> dict[str, Any]:
    return {
        "id": one.id,
        "guid": one.guid,
        "delivered_at": stamp(one.delivered_at),
        "redelivery": one.redelivery,
        "duration": one.duration,
        "status": one.status,
        "status_code": one.status_code,
        "event": one.event,
        "action": one.payload.get("action"),
        "installation_id": (one.payload.get("installation") or {}).get("id"),
        "repository_id": (one.payload.get("repository") or {}).get("id"),
        "throttled_at": None,
    }


def _find(asked: Asked) -> Attempt:
    number = asked.number("delivery_id")
    for one in asked.state.deliverer.attempts:
        if one.id == number and one.status:
            return one
    raise not_found()


@route("GET", "/app/hook/config", "app")
async def get_config(asked: Asked) -> Answer:
    """Show where webhooks go."""
    url = asked.state.deliverer.url or ""
    return Answer({"content_type": "json", "insecure_ssl": "0", "secret": "********", "url": url})


@route("PATCH", "/app/hook/config", "app")
async def change_config(asked: Asked) -> Answer:
    """Change the webhook's address or secret."""
    deliverer = asked.state.deliverer
    deliverer.url = asked.body.get("url", deliverer.url)
    deliverer.secret = asked.body.get("secret", deliverer.secret)
    return await get_config(asked)


@route("GET", "/app/hook/deliveries", "app")
async def list_deliveries(asked: Asked) -> Answer:
    """List attempts, newest first. The ``failure`` filter goes by status code, so it misses those without one."""
    found = [one for one in reversed(asked.state.deliverer.attempts) if one.status]
    wanted = asked.query("status")
    if wanted == "success":
        found = [one for one in found if one.status == "OK"]
    elif wanted == "failure":
        found = [one for one in found if 400 <= one.status_code < 600]
    cursor = asked.query("cursor")
    if cursor is not None:
        if not cursor.removeprefix("v1_").isdecimal():
            raise Refused(422, "Invalid cursor")
        found = [one for one in found if one.id < int(cursor.removeprefix("v1_"))]
    shown, rest = found[: page_size(asked)], found[page_size(asked) :]
    following = asked.request.url.update_query(cursor=f"v1_{shown[-1].id}") if rest else None
    headers = {"Link": f'<{following}>; rel="next"'} if following else {}
    return Answer([_short(one) for one in shown], headers=headers)


@route("GET", "/app/hook/deliveries/{delivery_id}", "app")
async def get_delivery(asked: Asked) -> Answer:
    """Show one attempt with what was sent and what came back."""
    one = _find(asked)
    request = {"headers": one.headers, "payload": one.payload}
    response = {"headers": one.response_headers, "payload": one.response}
    return Answer({**_short(one), "url": one.url, "request": request, "response": response})


@route("POST", "/app/hook/deliveries/{delivery_id}/attempts", "app")
async def redeliver(asked: Asked) -> Answer:
    """Send an event again under the same GUID."""
    asked.state.deliverer.redeliver(_find(asked))
    return Answer({}, 202)
