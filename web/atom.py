"""Announcements as an Atom feed (RFC 4287)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from bot.rules.texts import xml_characters
from bot.store.announcement_queries import AnnouncementRow
from web.words import as_time

NAMESPACE = "http://www.w3.org/2005/Atom"
CONTENT_TYPE = "application/atom+xml"
TITLE = "Announcements of releases"
NEVER = datetime(2000, 1, 1, tzinfo=UTC)
"""When a feed without entries was changed: it must say some time, and always the same."""


def feed(rows: Sequence[AnnouncementRow], *, host: str, page_url: str, feed_url: str) -> bytes:
    """The feed of some announcements, newest first. `host` is in the ids of entries, which must never change."""
    register_namespace("", NAMESPACE)
    root = Element(_name("feed"))
    _add(root, "id", f"tag:{host},2026:announcements")
    _add(root, "title", TITLE)
    _add(root, "updated", _stamp(max((_approved_at(row) for row in rows), default=NEVER)))
    SubElement(root, _name("link"), rel="self", type=CONTENT_TYPE, href=feed_url)
    SubElement(root, _name("link"), rel="alternate", type="text/html", href=page_url)
    for row in rows:
        _add_entry(root, row, host, page_url)
    body: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return body


def _add_entry(root: Element, row: AnnouncementRow, host: str, page_url: str) -> None:
    entry = SubElement(root, _name("entry"))
    _add(entry, "id", f"tag:{host},2026:announcement-{row['id']}")
    _add(entry, "title", f"{row['project']} {row['version']}")
    _add(entry, "updated", _stamp(_approved_at(row)))
    _add(SubElement(entry, _name("author")), "name", row["submitted_by"])
    SubElement(entry, _name("link"), rel="alternate", type="text/html", href=f"{page_url}#announcement-{row['id']}")
    SubElement(entry, _name("content"), type="text").text = xml_characters(row["changelog"])


def _add(parent: Element, name: str, text: str) -> None:
    SubElement(parent, _name(name)).text = xml_characters(text)


def _name(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _stamp(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _approved_at(row: AnnouncementRow) -> datetime:
    return as_time(row["approved_at"]) or NEVER
