"""The OpenAPI document, and a page that displays it with Swagger UI, whose files are part of this package."""

import asyncio
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from importlib.resources import files

import orjson
from aiohttp import web
from pydantic import JsonValue

from api.docs import openapi, pdc
from api.docs.openapi_types import Info
from api.http.endpoints import Dialect
from bot.rules import config_schema
from bot.rules.config_schema import SCHEMA_PATH

ABOUT = """\
One set of release records in several dialects: release candidates and deployments, package releases, announcements,
release schedules and released files; in addition, a native API and GraphQL.
"""
AUTH_CODE = "A token as `auth_code`; alternatively, the body may contain it next to the record."
# The security schemes, by the names in `Dialect.security_schemes`.
SECURITY_SCHEMES: Mapping[str, JsonValue] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer <token>`"},
    "token": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`Authorization: Token <token>`",
    },
    "auth_code": {"type": "apiKey", "in": "query", "name": "auth_code", "description": AUTH_CODE},
}
DOCUMENT_PATH, PAGE_PATH = "/api/openapi.json", "/api/docs"
FILES = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
    "start.js": "text/javascript",
}
CONTENT_TYPES = {**FILES, "openapi.json": "application/json", "longshore.json": "application/json"}
# The references are relative: they hold at whatever path a proxy serves the page.
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Longshore API</title>
<link rel="icon" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="api"><p>The description itself is at <a href="openapi.json">openapi.json</a>.</p></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'"
)


def description(dialects: Sequence[Dialect], base_url: str = "") -> dict[str, object]:
    """Return the OpenAPI document of a service with these dialects, and with this URL if it is known."""
    info: Info = {"title": "Longshore", "version": version("longshore"), "description": ABOUT}
    components = {**pdc.components(), "securitySchemes": SECURITY_SCHEMES}
    return openapi.document(info, dialects, pdc.paths(), components, base_url or "/")


def paths() -> list[str]:
    """Return the paths of the document, of the configuration file's schema, of the page and of its files."""
    return [DOCUMENT_PATH, SCHEMA_PATH, PAGE_PATH, *(f"{PAGE_PATH}/{name}" for name in FILES)]


class ApiDocs:
    """Serves the document, the schema, the page and its files. Each is produced on its first request and cached."""

    def __init__(self, dialects: Sequence[Dialect], base_url: str) -> None:
        self._dialects, self._base_url = dialects, base_url
        self._bodies: dict[str, bytes] = {}

    def add_routes(self, app: web.Application) -> None:
        """Add the routes, which need no credentials."""
        for path in paths():
            app.router.add_get(path, self.respond)

    async def respond(self, request: web.Request) -> web.Response:
        """Respond with the document, the page or the file at the requested path."""
        path = request.path
        if path not in self._bodies:
            self._bodies[path] = await asyncio.to_thread(self._body, path)  # the document takes long to generate
        content_type = CONTENT_TYPES.get(path.rpartition("/")[2], "text/html")
        charset = None if content_type in ("image/png", "application/json") else "utf-8"
        headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY} if content_type == "text/html" else {}
        return web.Response(body=self._bodies[path], content_type=content_type, charset=charset, headers=headers)

    def _body(self, path: str) -> bytes:
        if path == DOCUMENT_PATH:
            return orjson.dumps(description(self._dialects, self._base_url), option=orjson.OPT_INDENT_2)
        if path == SCHEMA_PATH:
            return orjson.dumps(config_schema.schema(), option=orjson.OPT_INDENT_2)
        if path == PAGE_PATH:
            return PAGE.encode()
        return files("api.docs").joinpath("static", "swagger", path.rpartition("/")[2]).read_bytes()
