"""The declaration of a page, or of an act by one of its forms."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from aiohttp import web

from web.requests import Access, PageRequest

Handler = Callable[[PageRequest], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Route:
    """One address of the pages.

    `access`: `anyone`; a `reader`, who has signed in unless anonymous callers may read; a `person`, who has signed in;
    an `operator`. What they may see and do there, the operations decide. `again` shows the page of a form once more
    when its act is refused; without it, an error's page says why.
    """

    method: Literal["GET", "POST"]
    path: str
    handle: Handler
    access: Access = "reader"
    again: Handler | None = None
