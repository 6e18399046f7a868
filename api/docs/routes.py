"""The description of the whole API for programs, and a page that shows it to people. Every file is served by us."""

import asyncio
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import orjson
from aiohttp import web

from api.docs import openapi, pdc
from api.http.endpoints import Dialect

ABOUT = """\
One set of release records in five dialects: release candidates and deployments, package releases, announcements,
release schedules and released files; beside them our own routes and GraphQL.
"""
AUTH_CODE = "A token as an `auth_code`, which a body may hold as well, beside the record."
# How credentials may be given: dialects say by these names which of it they take.
SECURITY: Mapping[str, Any] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer <token>`"},
    "token": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`Authorization: Token <token>`",
    },
    "auth_code": {"type": "apiKey", "in": "query", "name": "auth_code", "description": AUTH_CODE},
}
PATHS = ("/api/openapi.json", "/api/docs")
FILES = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
    "start.js": "text/javascript",
}
KINDS = {**FILES, "openapi.json": "application/json"}
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
    more = {"paths": pdc.paths(), "components": {**pdc.components(), "securitySchemes": SECURITY}}
    return openapi.document("Longshore", version("longshore"), ABOUT, dialects, more)


def paths() -> list[str]:
    """Where the description, the page and its files are."""
    return [*PATHS, *(f"{PATHS[1]}/{name}" for name in FILES)]


class Documents:
    """Answers with the description, the page and its files. Each is made when it is first asked for, and kept."""

    def __init__(self, dialects: Sequence[Dialect]) -> None:
        self._dialects = dialects
        self._made: dict[str, bytes] = {}

    def add(self, app: web.Application) -> None:
        """Serve them to everybody."""
        for path in paths():
            app.router.add_get(path, self.show)

    async def show(self, request: web.Request) -> web.Response:
        """One of them."""
        path = request.path
        if path not in self._made:
            self._made[path] = await asyncio.to_thread(self._make, path)  # which takes a while
        body = self._made[path]
        kind = KINDS.get(path.rpartition("/")[2], "text/html")
        charset = None if kind in ("image/png", "application/json") else "utf-8"
        headers = {"Content-Security-Policy": POLICY} if kind == "text/html" else {}
        return web.Response(body=body, content_type=kind, charset=charset, headers=headers)

    def _make(self, path: str) -> bytes:
        if path == PATHS[0]:
            return orjson.dumps(description(self._dialects), option=orjson.OPT_INDENT_2)
        if path == PATHS[1]:
            return PAGE.encode()
        return files("api.docs").joinpath("static", "swagger", path.rpartition("/")[2]).read_bytes()
