"""What is said where no endpoint is reached: unknown paths, wrong methods, and our own faults, as problem details."""

from collections.abc import Awaitable, Callable

import orjson
import structlog
from aiohttp import web

from api.projects import problem_details
from bot.errors import Problem, Unavailable

log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def voiced(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer in JSON whatever happens. A fault of ours is logged whole and told to nobody."""
    try:
        return await handler(request)
    except web.HTTPException as answer:
        if answer.status < 400:
            raise
        response = _said(request, answer.reason, answer.status)
        if allow := answer.headers.get("Allow"):
            response.headers["Allow"] = allow
        return response
    except Unavailable as unavailable:
        response = _said(request, unavailable.sentence, 503)
        response.headers["Retry-After"] = str(unavailable.retry_after)
        return response
    except Exception:
        log.exception("fault", method=request.method, path=request.path)
        return _said(request, "Something went wrong here. The log says what.", 500)


def _said(request: web.Request, sentence: str, status: int) -> web.Response:
    if request.path.startswith(("/api/releases/", "/api/v1/")):
        body, kind = orjson.dumps({"error": sentence}), "application/json"
    else:
        body, kind = orjson.dumps(problem_details(Problem(sentence), status)), "application/problem+json"
    return web.Response(body=body, status=status, content_type=kind)
