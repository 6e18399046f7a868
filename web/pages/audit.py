"""The audit log: who did what through which channel, as a page and as JSON lines."""

from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlencode

from aiohttp import web

from bot.errors import Refusal
from bot.operations import audit
from bot.rules.audit import CHANNELS, FIELDS, AuditFilter, AuditPage, audit_filter, changes
from bot.rules.ids import parse_row_id
from web.requests import PageRequest
from web.routes import Route

PER_PAGE = 50
JSON_LINES = "application/x-ndjson"
HEADERS = {
    "Content-Type": JSON_LINES,
    "Content-Disposition": 'attachment; filename="audit.jsonl"',
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}


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
    """Stream all entries of a filter that one may see, newest first, one line of JSON each."""
    pages = await audit.pages(page.context, audit_filter(_typed(page)))
    response = web.StreamResponse(headers=HEADERS)
    response.enable_compression()
    await response.prepare(page.request)
    if page.request.method == "HEAD":
        return response
    with suppress(ConnectionError):
        async for entries in pages:
            await response.write(b"".join(audit.as_json(entry) + b"\n" for entry in entries))
    return response


def _typed(page: PageRequest) -> Mapping[str, str]:
    return {name: page.query(name) for name in FIELDS}


def _before(page: PageRequest) -> int | None:
    return parse_row_id(page.query("before"))


ROUTES = (
    Route("GET", "/audit", show),
    Route("GET", "/audit.jsonl", export),
)
