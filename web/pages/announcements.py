"""Approved announcements of public projects, as a page and as an Atom feed."""

import hashlib
from urllib.parse import urlsplit

from aiohttp import web

from bot.context import READ
from bot.errors import Unauthenticated
from bot.operations import announcements
from bot.rules.ids import parse_row_id
from web import atom
from web.requests import SIGN_IN_FIRST, PageRequest
from web.routes import Route

PER_PAGE = 20
IN_FEED = 50
FRESH = "max-age=60"


async def show(page: PageRequest) -> web.StreamResponse:
    """Show announcements, newest first."""
    _admit(page)
    rows = await announcements.front_page(before=parse_row_id(page.query("before")), limit=PER_PAGE + 1)
    shown = rows[:PER_PAGE]
    older = shown[-1]["id"] if len(rows) > PER_PAGE else None
    return await page.render("announcements.html", announcements=shown, older=older)


async def feed(page: PageRequest) -> web.StreamResponse:
    """Respond with the newest announcements as a feed."""
    _admit(page)
    url = page.runtime.public_url.rstrip("/")
    host = urlsplit(url).hostname or "localhost"
    rows = await announcements.front_page(limit=IN_FEED)
    body = atom.feed(rows, host=host, page_url=f"{url}/announcements", feed_url=f"{url}/announcements.atom")
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    kept_by = "public" if page.session is None else "private"  # strangers may not be allowed to read it
    headers = {"ETag": tag, "Cache-Control": f"{kept_by}, {FRESH}"}
    if tag in page.request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type=atom.CONTENT_TYPE, charset="utf-8", headers=headers)


def _admit(page: PageRequest) -> None:
    """Refuse strangers where anonymous callers may read nothing."""
    if page.session is None and page.context.actor.public.isdisjoint(("content:read", READ)):
        raise Unauthenticated(SIGN_IN_FIRST)


ROUTES = (
    Route("GET", "/announcements", show, "anyone"),
    Route("GET", "/announcements.atom", feed, "anyone"),
)
