"""The pages' own files, each at an address with a hash of its content, so that browsers keep it for good."""

import gzip
import hashlib
from dataclasses import dataclass
from importlib.resources import files

from aiohttp import web

PREFIX = "/static"
CONTENT_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class StaticFile:
    """A file, as it is and compressed."""

    name: str
    body: bytes
    compressed: bytes
    digest: str

    @property
    def path(self) -> str:
        """The path of the file's address."""
        return f"{PREFIX}/{self.digest}/{self.name}"


class StaticFiles:
    """All files of the folder `static`, read once."""

    def __init__(self) -> None:
        folder = files("web").joinpath("static")
        read = [(each.name, each.read_bytes()) for each in folder.iterdir() if each.is_file()]
        self._files = {name: _static_file(name, body) for name, body in sorted(read)}

    def path(self, name: str) -> str:
        """The path of a file's address."""
        return self._files[name].path

    async def respond(self, request: web.Request) -> web.Response:
        """Respond with a file. An address with another hash is that of another version, and not found."""
        found = self._files.get(request.match_info["name"])
        if found is None or found.digest != request.match_info["digest"]:
            raise web.HTTPNotFound
        suffix = found.name[found.name.rindex(".") :]
        headers = {"Cache-Control": FOREVER, "X-Content-Type-Options": "nosniff", "Vary": "Accept-Encoding"}
        body = found.body
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            body, headers["Content-Encoding"] = found.compressed, "gzip"
        charset = None if suffix == ".svg" else "utf-8"
        return web.Response(body=body, content_type=CONTENT_TYPES[suffix], charset=charset, headers=headers)

    def add_routes(self, app: web.Application) -> None:
        """Add the route of the files."""
        app.router.add_get(f"{PREFIX}/{{digest:[0-9a-f]+}}/{{name:[^/]+}}", self.respond)


def _static_file(name: str, body: bytes) -> StaticFile:
    return StaticFile(name, body, gzip.compress(body, 9, mtime=0), hashlib.sha256(body).hexdigest()[:16])
