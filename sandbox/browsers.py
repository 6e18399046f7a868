"""Keep web pages that somebody happens to visit away from the control API, which asks for no credentials."""

import ipaddress
from collections.abc import Collection

from aiohttp import web
from yarl import URL

from sandbox.rest.access import READS


def refusal(request: web.Request, names: Collection[str]) -> web.Response | None:
    """Refuse what a web page could make a browser send; None for everything else.

    A page elsewhere is told by its `Origin`, a name that was bound to this address (DNS rebinding) by `Host`: only IP
    addresses, `localhost` and `names` are served. A form cannot send JSON. Links from other sites may be followed.
    """
    host = request.headers.get("Host", "")
    if not _is_ours(host, names):
        return _error(403, f"The control API is not served as {host!r}: use localhost or an IP address.")
    site = request.headers.get("Sec-Fetch-Site", "none") if request.method not in READS else "none"
    if request.headers.get("Origin") not in (None, f"{request.scheme}://{host}") or site not in ("none", "same-origin"):
        return _error(403, "The control API is not for web pages of another origin.")
    is_json = request.headers.get("Content-Type", "").partition(";")[0].strip().lower() == "application/json"
    if not is_json and (request.can_read_body or "Content-Type" in request.headers):
        return _error(415, "The body must be JSON: send the header Content-Type: application/json.")
    return None


def _is_ours(host: str, names: Collection[str]) -> bool:
    try:
        name = (URL(f"http://{host}").host or "").rstrip(".").lower()
    except ValueError:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name in {"localhost", *names} or name.endswith(".localhost")
    return True


def _error(status: int, sentence: str) -> web.Response:
    return web.json_response({"error": sentence}, status=status)
