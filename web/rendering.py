"""Templates, and what all of them can use."""

from collections.abc import Hashable
from datetime import datetime
from typing import Any

from aiohttp import web
from cachetools import LRUCache
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from web import security, words
from web.runtime import WebRuntime
from web.static_files import StaticFiles

MAX_SHARED = 8_000_000
"""Characters of all parts of pages that are kept, such as rows of the board, of about 3,000 each."""


class Renderer:
    """Renders templates. Everything that is put into one is escaped, unless a template says otherwise."""

    def __init__(self, runtime: WebRuntime, static: StaticFiles) -> None:
        self._runtime = runtime
        self._shared: LRUCache[tuple[str, Hashable], Markup] = LRUCache(MAX_SHARED, getsizeof=len)
        self._environment = Environment(
            loader=PackageLoader("web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            finalize=_visible,
        )
        self._environment.globals.update(link=runtime.link, static=lambda name: runtime.link(static.path(name)))
        self._environment.filters.update(
            ago=_ago,
            time=_time,
            sha=words.short,
            duration=words.duration,
            browser=words.browser,
            counted=words.counted,
            first_line=_first_line,
            spans=_spans,
            unnamed=words.unnamed,
        )

    async def respond(self, template: str, status: int, **values: Any) -> web.Response:
        """Respond with a page, whose request is the value `page`."""
        response = web.Response(text=self.render(template, **values), status=status, content_type="text/html")
        security.add_headers(response)
        response[security.COMPRESS] = True
        return response

    def render(self, template: str, **values: Any) -> str:
        """Render a template with some values."""
        return self._environment.get_template(template).render(values)

    def shared(self, template: str, key: Hashable, **values: Any) -> Markup:
        """Render a part that looks the same to everybody; what was rendered for the same key is used again."""
        known = self._shared.get((template, key))
        if known is None:
            known = self._shared[template, key] = Markup(self.render(template, **values))  # noqa: S704 - escaped
        return known


@pass_context
def _ago(context: Context, value: datetime | str | None) -> Markup:
    """How long ago a time is, with the time itself for whoever points at it, and in the markup."""
    time = words.as_time(value)
    if time is None:
        return Markup()
    return _element(time, words.age(time, context["page"].now), " data-age")


def _time(value: datetime | str | None) -> Markup:
    """A time, to the minute."""
    time = words.as_time(value)
    return Markup() if time is None else _element(time, f"{time:%Y-%m-%d %H:%M} UTC")


def _element(time: datetime, text: str, attribute: str = "") -> Markup:
    """The element of a time. It is put together without escaping, which would take most of the time of a long list."""
    stamp = time.isoformat(timespec="seconds")
    return Markup(f'<time datetime="{stamp}" title="{words.absolute(time)}"{attribute}>{text}</time>')  # noqa: S704


def _visible(value: object) -> object:
    """What stands in a template for a value: in texts, characters that deceive about the others are replaced."""
    return words.visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _spans(sentence: str) -> Markup:
    """A sentence with its code spans, which stand between backticks. One without its pair is kept as it is."""
    parts = words.visible(sentence).split("`")
    if len(parts) % 2 == 0:
        return escape(words.visible(sentence))
    spans = (Markup("<code>{}</code>").format(part) if index % 2 else escape(part) for index, part in enumerate(parts))
    return Markup().join(spans)


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]
