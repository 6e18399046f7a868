"""The table of events, made of their classes in `bot/events/`."""

from collections.abc import Iterator

from bot.events.alarms import event_types
from bot.events.event import Event, RowEvent
from bot.rules.command_pages import markdown_table
from cli.reference.docstrings import first_sentence


def table() -> str:
    """A row for each name of an event: when it is recorded, what the audit entry holds besides, whether it alarms."""
    rows = sorted((name, *_cells(event)) for event in event_types() for name in event.names())
    heading = ("act", "when", "`before` and `after`", "alarm")
    return markdown_table(heading, [(f"`{name}`", *others) for name, *others in rows])


def _cells(event: type[Event]) -> Iterator[str]:
    yield first_sentence(event)
    keys = dict.fromkeys([*event.before_fields, *event.after_fields])
    fields = "changed fields" if issubclass(event, RowEvent) else ""
    yield ", ".join([*filter(None, [fields]), *(f"`{key}`" for key in keys if key not in ("*", "is"))])
    yield "yes" if event.alarm else ""
