"""The description of the whole API for programs, and a page that shows it to people. Every file is served by us."""

from collections.abc import Sequence
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import orjson
from aiohttp import web

from api import openapi
from api.endpoints import Dialect
from api.pdc import described

ABOUT = """\
One set of release records in five dialects: release candidates and deployments, package releases, announcements,
release schedules and released files; beside them our own routes and GraphQL.
"""
PATHS = ("/api/openapi.json", "/api/docs")
FILES = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
    "start.js": "text/javascript",
}
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Longshore API</title>
<link rel="icon" href="/api/docs/favicon-32x32.png">
<link rel="stylesheet" href="/api/docs/swagger-ui.css">
</head>
<body>
<div id="api"><p>The description itself is at <a href="/api/openapi.json">/api/openapi.json</a>.</p></div>
<script src="/api/docs/swagger-ui-bundle.js"></script>
<script src="/api/docs/start.js"></script>
</body>
</html>
"""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'"
)


def description(dialects: Sequence[Dialect]) -> Any:
    """The OpenAPI document of a service that speaks these dialects."""
    return openapi.document("Longshore", version("longshore"), ABOUT, dialects, described.described())


def paths() -> list[str]:
    """Where the description, the page and its files are."""
    return [*PATHS, *(f"{PATHS[1]}/{name}" for name in FILES)]


def add(app: web.Application, dialects: Sequence[Dialect]) -> None:
    """Serve the description, the page and its files to everybody."""
    said = orjson.dumps(description(dialects), option=orjson.OPT_INDENT_2)
    pages: dict[str, tuple[bytes, str]] = {PATHS[0]: (said, "application/json"), PATHS[1]: (PAGE.encode(), "text/html")}
    for name, kind in FILES.items():
        pages[f"{PATHS[1]}/{name}"] = (files("api").joinpath("static", "swagger", name).read_bytes(), kind)
    for path, (body, kind) in pages.items():
        app.router.add_get(path, _page(body, kind))


def _page(body: bytes, kind: str) -> Any:
    async def show(request: web.Request) -> web.Response:
        charset = None if kind in ("image/png", "application/json") else "utf-8"
        headers = {"Content-Security-Policy": POLICY} if kind == "text/html" else {}
        return web.Response(body=body, content_type=kind, charset=charset, headers=headers)

    return show
