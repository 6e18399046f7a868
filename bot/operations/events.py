"""Recording of events: the audit entry and what GitHub shows in the act's transaction, the rest after its commit."""

from functools import partial

from bot.context import Context
from bot.events.event import Event
from bot.operations import performed_requests, views
from bot.store.audit import AuditEntry
from bot.store.database import after_commit, current


async def record(context: Context, event: Event) -> None:
    """Record an event in the caller's transaction; subscribers see it once that is committed.

    What it changes on GitHub is enqueued with it.
    """
    await AuditEntry.create(
        at=context.now(),
        actor=context.actor.name,
        channel=context.channel,
        act=event.name,
        alarm=event.alarm,
        project_id=event.project_id,
        subject=event.subject[:600],
        commit=event.commit,
        before=event.before,
        after=event.after,
    )
    if context.origin is not None and event.result_id is not None:
        await performed_requests.record(context, event.name, event.result_id)
    await views.on_event(event)
    announce(context, event)


def announce(context: Context, event: Event) -> None:
    """Let subscribers see an event once the caller's transaction, which wrote its audit entry, is committed."""
    after_commit(partial(context.publish, event))
    after_commit(current().event_notifier.notify)
