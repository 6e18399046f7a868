"""Announcements and schedules, as pages and as feeds that other programs read."""

import xml.etree.ElementTree as ET  # of our own output
from datetime import UTC, date, datetime

from bot.operations.schedules import ScheduledEnd
from tests.api.pdc.schedules import create_schedules
from tests.api.rest.announcement_helpers import decide, submit
from tests.web.browsers import Browser, sign_in
from tests.world import World
from web import icalendar

ATOM = "{http://www.w3.org/2005/Atom}"
HOSTILE = "<script>alert(1)</script> & \x0b\u202e ]]>"


async def test_approved_announcements_are_public_as_a_page_and_as_a_valid_feed(world: World) -> None:
    stranger = Browser(world)
    assert "Nothing has been announced yet" in (await stranger.open("/announcements")).text
    await submit(world, "1.0", changelog="Faster & smaller: a < b ]]>")
    await submit(world, "1.1")
    assert "site 1" not in (await stranger.open("/announcements")).text
    await decide(world, "1.0", "approve")
    page = await stranger.open("/announcements")
    assert "site 1.0" in page.text
    assert "a &lt; b ]]&gt;" in page.html
    answer = await stranger.open("/announcements.atom")
    feed = ET.fromstring(answer.html)
    assert [entry.findtext(f"{ATOM}title") for entry in feed.findall(f"{ATOM}entry")] == ["site 1.0"]
    for element in (feed, *feed.findall(f"{ATOM}entry")):
        assert all(element.findtext(f"{ATOM}{name}") for name in ("id", "title", "updated"))
    assert feed.findtext(f"{ATOM}entry/{ATOM}author/{ATOM}name")
    unchanged = await stranger.open("/announcements.atom", **{"If-None-Match": answer.headers["ETag"]})
    assert (unchanged.status, unchanged.headers["Cache-Control"]) == (304, "public, max-age=60")
    of_alice = await (await sign_in(world, "alice")).open("/announcements.atom")
    assert of_alice.headers["Cache-Control"] == "private, max-age=60"  # no proxy shows it to others
    await world.github.set_private(True)
    await world.settle()
    assert "site 1.0" not in (await stranger.open("/announcements.atom")).html


async def test_schedules_are_a_month_a_list_and_a_calendar(world: World) -> None:
    await create_schedules(world)
    rita = await sign_in(world, "rita")
    page = await rita.open("/schedules")
    assert page.status == 200
    assert (await rita.open("/schedules?month=2027-13")).status == 400
    assert (await rita.open("/schedules.ics")).html.startswith("BEGIN:VCALENDAR\r\n")


def test_a_calendar_has_folded_lines_of_75_octets_and_escaped_texts() -> None:
    end = ScheduledEnd(7, date(2027, 1, 31), "site", "site-1.0", "stable", "a,b;c\\d\nnext " + "é" * 100 + HOSTILE)
    now = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
    body = icalendar.calendar([end], host="releases.example.com", url="https://releases.example.com/schedules", now=now)
    lines = body.split(b"\r\n")
    assert lines.pop() == b""
    assert all(len(line) <= icalendar.MAX_OCTETS for line in lines)
    text = body.replace(b"\r\n ", b"").decode()
    assert "\r\nDTSTART;VALUE=DATE:20270131\r\nDTEND;VALUE=DATE:20270201\r\n" in text
    assert "\r\nUID:schedule-7@releases.example.com\r\nDTSTAMP:20261201T093000Z\r\n" in text
    assert "DESCRIPTION:a\\,b\\;c\\\\d\\nnext ééé" in text
    assert "\x0b" not in text
