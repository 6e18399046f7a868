"""Alarms about webhooks that do not reach us."""

from datetime import datetime, timedelta

from bot.context import Context
from bot.events.event import Event
from bot.events.webhooks import WebhooksRefused, WebhooksUnsigned
from bot.operations import events
from bot.rules.webhooks import UNSIGNED, why_refused
from bot.store.audit import AuditEntry

UNSIGNED_PAUSE = timedelta(days=1)  # between two alarms: anyone can cause them
REFUSED_PAUSE = timedelta(hours=1)


async def report_unsigned(context: Context) -> None:
    """Raise the alarm that no webhook is signed with our secret, at most once a day."""
    await _raise_alarm(context, WebhooksUnsigned(reason=UNSIGNED), UNSIGNED_PAUSE)


async def report_refused(context: Context, status: int, count: int) -> None:
    """Raise the alarm that GitHub's newest deliveries were refused, at most once an hour."""
    event = WebhooksRefused(count=count, status=status, reason=why_refused(status))
    await _raise_alarm(context, event, REFUSED_PAUSE)


async def why_refused_since(time: datetime) -> str | None:
    """Why GitHub's deliveries were refused, by the newest alarm since a time; None without one."""
    alarm = await AuditEntry.filter(alarm=True, act=WebhooksRefused.act, at__gt=time).order_by("-id").first()
    return None if alarm is None else str(alarm.after["reason"])


async def _raise_alarm(context: Context, event: Event, pause: timedelta) -> None:
    if not await AuditEntry.exists(alarm=True, act=event.act, at__gt=context.now() - pause):
        await events.record(context, event)
