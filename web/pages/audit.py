"""The audit log: who did what through which channel, as a page and as JSON lines."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from urllib.parse import urlencode

import structlog
from aiohttp import web

from bot.errors import Problem, Refusal
from bot.operations import audit
from bot.rules.audit import CHANNELS, FIELDS, AuditFilter, AuditPage, audit_filter, changes
from bot.rules.ids import parse_row_id
from web.requests import PageRequest
from web.routes import Route

PER_PAGE = 50
WRITE_SECONDS = 60.0
"""For how long the receiver of an export may take none of it."""
JSON_LINES = "application/x-ndjson"
HEADERS = {
    "Content-Type": JSON_LINES,
    "Content-Disposition": 'attachment; filename="audit.jsonl"',
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}

log = structlog.get_logger()


async def show(page: PageRequest) -> web.StreamResponse:
    """Show entries, newest first, with the form by which they are chosen."""
    typed, problem, wanted = _typed(page), None, AuditFilter()
    try:
        wanted = audit_filter(typed)
    except Refusal as refusal:
        problem = refusal
    found = [] if problem else await audit.find(page.context, wanted, AuditPage(PER_PAGE + 1, _before(page)))
    shown = found[:PER_PAGE]
    return await page.render(
        "audit.html",
        400 if problem else 200,
        entries=[(entry, changes(entry.before, entry.after)) for entry in shown],
        typed=typed,
        problem=problem,
        channels=CHANNELS,
        query=urlencode({name: text for name, text in typed.items() if text}),
        older=shown[-1].id if len(found) > PER_PAGE else None,
        is_filtered=any(typed.values()),
    )


async def export(page: PageRequest) -> web.StreamResponse:
    """Stream all entries of a filter that one may see, newest first, one line of JSON each.

    Refuses too many at once. One that cannot be read, or is not received, to its end is broken off.
    """
    with page.runtime.exports.one_of(page.context.actor.user_id, is_operator=page.is_operator):
        pages = await audit.pages(page.context, audit_filter(_typed(page)))
        response = web.StreamResponse(headers=HEADERS)
        response.enable_compression()
        await response.prepare(page.request)
        if page.request.method == "GET":
            await _send(page, response, pages)
        return response


async def _send(page: PageRequest, response: web.StreamResponse, pages: AsyncIterator[Sequence[audit.Entry]]) -> None:
    try:
        async for entries in pages:
            async with asyncio.timeout(WRITE_SECONDS):
                await response.write(b"".join(audit.as_json(entry) + b"\n" for entry in entries))
    except ConnectionError:
        return
    except (Problem, TimeoutError) as error:  # ended as usual, it would look complete
        log.warning("export broken off", reason=str(error) or "its receiver is too slow")
        if page.request.transport is not None:
            page.request.transport.abort()


def _typed(page: PageRequest) -> Mapping[str, str]:
    return {name: page.query(name) for name in FIELDS}


def _before(page: PageRequest) -> int | None:
    return parse_row_id(page.query("before"))


ROUTES = (
    Route("GET", "/audit", show),
    Route("GET", "/audit.jsonl", export),
)
