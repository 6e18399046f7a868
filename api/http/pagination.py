"""Pages of lists: their query parameters, and `Link` headers to other pages.

Lists that are newest first are paged by id, others by number; `PageQuery` belongs to the release dialect's contract.

https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from pydantic import BaseModel, Field
from yarl import URL


class PageQuery(BaseModel):
    """A page by its number."""

    page: int = Field(1, ge=1, le=10_000_000)
    per_page: int = Field(10, ge=1, le=100)


class LongPageQuery(PageQuery):
    """A page by its number, with the largest page size as the default."""

    per_page: int = Field(100, ge=1, le=100)


class KeysetQuery(BaseModel):
    """A page of a list that is ordered newest first: the rows whose id is below `before`."""

    before: int | None = Field(None, ge=1, le=2**31 - 1)
    per_page: int = Field(20, ge=1, le=100)


def numbered_links(url: str, page: int, last: int) -> Mapping[str, str]:
    """The `Link` header of a numbered page whose last page is known."""
    pages = {"first": 1, "prev": page - 1, "next": page + 1, "last": last}
    links = {
        rel: page_url(url, "page", number)
        for rel, number in pages.items()
        if (rel in ("first", "prev") and page > 1) or (rel in ("next", "last") and page < last)
    }
    return _link_header(links)


def limit_and_offset(page: int, size: int) -> tuple[int, int]:
    """Limit and offset of a numbered page, with one extra row that shows whether another page follows."""
    return size + 1, (page - 1) * size


def adjacent_links(url: str, page: int, *, more: bool) -> Mapping[str, str]:
    """The `Link` header of a numbered page of a list that is not counted; `more` is whether another page follows."""
    pages = {"first": 1, "prev": page - 1} if page > 1 else {}
    pages |= {"next": page + 1} if more else {}
    return _link_header({rel: page_url(url, "page", number) for rel, number in pages.items()})


def next_link(url: str, ids: Sequence[int], size: int) -> Mapping[str, str]:
    """The `Link` header to the next page. `ids` are those on the page, and one more if the list goes on after it."""
    return _link_header({"next": page_url(url, "before", ids[size - 1])}) if len(ids) > size else {}


@lru_cache(maxsize=1024)
def page_url(url: str, parameter: str, value: int) -> str:
    """The URL of another page: the same URL with another value of one query parameter."""
    return str(URL(url).update_query({parameter: value}))


def _link_header(links: Mapping[str, str]) -> Mapping[str, str]:
    text = ", ".join(f'<{url}>; rel="{rel}"' for rel, url in links.items())
    return {"Link": text} if text else {}
