"""What mkdocs does besides rendering, when it builds the documentation as a site. Warnings end the build."""

import logging
import re
from typing import Protocol

LOADED = re.compile(
    r"<(?:script|img|iframe|audio|video|source|track|embed|object|link)\b[^>]*?\s(?:src|href|data|srcset)\s*=\s*"
    r"[\"']?(?P<address>(?:https?:)?//[^\"'\s>]*)",
    re.IGNORECASE,
)
"""What a browser loads from another server when it opens a page."""
ROW = re.compile(r"^\|.*\|$", re.MULTILINE)
CODE = re.compile(r"(?P<ticks>`+).*?(?P=ticks)")

log = logging.getLogger("mkdocs.hooks.site")


class Config(Protocol):
    """The part of mkdocs's configuration that is changed."""

    mdx_configs: dict[str, dict[str, object]]


class Page(Protocol):
    """The part of a page that is read."""

    url: str


def on_config(config: Config) -> Config:
    """Give headings the anchors that they have on GitHub."""
    config.mdx_configs["toc"]["slugify"] = slug
    return config


def on_page_markdown(markdown: str, **_: object) -> str:
    """Write `|` in the code of tables without the backslash, which GitHub needs there and Python-Markdown shows."""
    return ROW.sub(lambda row: CODE.sub(lambda code: code[0].replace("\\|", "|"), row[0]), markdown)


def on_post_page(output: str, page: Page, **_: object) -> None:
    """Warn of what the page would load from other servers: readers are not to be known to them."""
    for address in loaded_from_elsewhere(output):
        log.warning("The page '%s' loads '%s' from another server.", page.url, address)


def slug(title: str, separator: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", separator)


def loaded_from_elsewhere(html: str) -> list[str]:
    """The addresses on other servers that a browser loads for a page. Links that people follow do not count."""
    return [match["address"] for match in LOADED.finditer(html)]
