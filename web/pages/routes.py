"""All pages, in no particular order."""

from collections.abc import Sequence

from web.pages import (
    board,
    live,
)
from web.routes import Route

ROUTES: Sequence[Route] = (
    *board.ROUTES,
    *live.ROUTES,
)
