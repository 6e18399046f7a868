"""The headers of pages, and the check that a form was sent from one of our own pages."""

from urllib.parse import urlsplit

from aiohttp import web

from web.runtime import WebRuntime

COMPRESS = web.ResponseKey("compress", bool)
"""Set on a page, which may be compressed: the only secret in it, the token of its forms, is another text each time."""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action {form_action}; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"
)
HEADERS = {
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}
HTTPS_ONLY = "max-age=31536000"
"""A year, for this host alone: other hosts of its domain are not ours to speak for."""
SAFE_SITES = frozenset({"same-origin", "none"})


def add_headers(response: web.StreamResponse, *, form_action: str = "'self'") -> None:
    """Add the headers of a page. `form_action` are the places to which its forms may be sent."""
    response.headers.update(HEADERS)
    response.headers["Content-Security-Policy"] = _POLICY.format(form_action=form_action)


def keep_to_https(runtime: WebRuntime, response: web.StreamResponse) -> None:
    """Tell browsers that have been here to use HTTPS only, where people reach the service over it."""
    if runtime.is_secure and not response.prepared:
        response.headers["Strict-Transport-Security"] = HTTPS_ONLY


def origin_of(url: str) -> str:
    """The scheme and the host of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def is_from_our_pages(runtime: WebRuntime, request: web.Request) -> bool:
    """Whether a form was sent from a page of ours, by what the browser says about it; browsers say at least one."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None and site not in SAFE_SITES:
        return False
    return origin in (None, runtime.origin) or (origin == f"{request.scheme}://{request.host}")


def local_path(runtime: WebRuntime, text: str) -> str:
    """A path of ours to go to, from an address; the board's for anything that leads elsewhere."""
    home = runtime.link("/")
    if not text.startswith("/") or text.startswith("//") or "\\" in text or not text.isprintable():
        return home
    parts = urlsplit(text)
    is_ours = not runtime.root or parts.path == runtime.root or parts.path.startswith(f"{runtime.root}/")
    return text if is_ours and not (parts.scheme or parts.netloc) else home


def see_other(location: str) -> web.Response:
    """Send the browser to another address, of ours as `local_path` returns it, or one that we have made."""
    return web.Response(status=303, headers={"Location": location})
