"""Release schedules, as a month, as a list, and as a calendar for other programs."""

import calendar
import re
from datetime import date, timedelta

from aiohttp import web

from bot.errors import Refusal, Unauthenticated
from bot.operations import schedules
from web import icalendar
from web.requests import SIGN_IN_FIRST, PageRequest
from web.routes import Route

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
PAST = timedelta(days=365)  # how far back the calendar for other programs goes
WRONG_MONTH = "`month` is a year and a month, such as 2027-01."
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


async def show(page: PageRequest) -> web.StreamResponse:
    """Show what ends in a month, by day, and what ends later, as a list."""
    _admit(page)
    today = page.now.date()
    first = _month(page.query("month"), today)
    weeks = calendar.Calendar().monthdatescalendar(first.year, first.month)
    ends = await schedules.between(page.context, weeks[0][0], weeks[-1][-1] + timedelta(days=1))
    return await page.render(
        "schedules.html",
        first=first,
        previous=_month_of(first - timedelta(days=1)),
        following=_month_of(first + timedelta(days=32)),
        weeks=weeks,
        weekdays=WEEKDAYS,
        today=today,
        ends=ends,
        upcoming=await schedules.between(page.context, today),
    )


async def feed(page: PageRequest) -> web.StreamResponse:
    """Respond with what ended within a year, and what will, as a calendar."""
    _admit(page)
    url = page.runtime.public_url.rstrip("/")
    ends = await schedules.between(page.context, page.now.date() - PAST)
    host = page.runtime.origin.partition("://")[2]
    body = icalendar.calendar(ends, host=host, url=f"{url}/schedules", now=page.now)
    headers = {"Cache-Control": "private, max-age=60", "Content-Disposition": 'inline; filename="schedules.ics"'}
    return web.Response(body=body, content_type=icalendar.CONTENT_TYPE, charset="utf-8", headers=headers)


def _admit(page: PageRequest) -> None:
    """Refuse strangers where anonymous callers may read nothing."""
    if page.session is None and page.context.actor.public.isdisjoint(schedules.READS):
        raise Unauthenticated(SIGN_IN_FIRST)


def _month(text: str, today: date) -> date:
    if not text:
        return today.replace(day=1)
    match = _MONTH.fullmatch(text)
    if match is None or not 1 < int(match[1]) < 9999:
        raise Refusal(WRONG_MONTH, field="month")
    return date(int(match[1]), int(match[2]), 1)


def _month_of(day: date) -> str:
    return f"{day:%Y-%m}" if day.year >= 1000 else f"{day.year:04d}-{day.month:02d}"


ROUTES = (
    Route("GET", "/schedules", show, "anyone"),
    Route("GET", "/schedules.ics", feed, "anyone"),
)
