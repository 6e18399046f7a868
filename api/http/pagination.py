"""Pages of lists: what is asked for, and the `Link` header that leads on.

https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api
"""

from collections.abc import Mapping
from functools import lru_cache

from pydantic import BaseModel, Field
from yarl import URL


class Page(BaseModel):
    """A page by number."""

    page: int = Field(1, ge=1, le=10_000_000)
    per_page: int = Field(10, ge=1, le=100)


class LongPage(Page):
    """A page by number, as long as one may be where nothing is said."""

    per_page: int = Field(100, ge=1, le=100)


class Before(BaseModel):
    """A page by what it comes after in a list that is newest first."""

    before: int | None = Field(None, ge=1, le=2**31 - 1)
    per_page: int = Field(20, ge=1, le=100)


def numbered_links(url: str, page: int, last: int) -> Mapping[str, str]:
    """The links of a numbered page."""
    pages = {"first": 1, "prev": page - 1, "next": page + 1, "last": last}
    wanted = {
        rel: number
        for rel, number in pages.items()
        if (rel in ("first", "prev") and page > 1) or (rel in ("next", "last") and page < last)
    }
    return _links({rel: address(url, "page", number) for rel, number in wanted.items()})


def neighbours(url: str, page: int, *, more: bool) -> Mapping[str, str]:
    """The links of a numbered page of a list that nobody has counted."""
    pages = {"first": 1, "prev": page - 1} if page > 1 else {}
    pages |= {"next": page + 1} if more else {}
    return _links({rel: address(url, "page", number) for rel, number in pages.items()})


def next_link(url: str, before: int | None) -> Mapping[str, str]:
    """The link to the page after this one, if there is one."""
    return {} if before is None else _links({"next": address(url, "before", before)})


@lru_cache(maxsize=1024)
def address(url: str, name: str, number: int) -> str:
    """The address of another page: with this number for one of its parameters."""
    return str(URL(url).update_query({name: number}))


def _links(links: Mapping[str, str]) -> Mapping[str, str]:
    text = ", ".join(f'<{url}>; rel="{rel}"' for rel, url in links.items())
    return {"Link": text} if text else {}
