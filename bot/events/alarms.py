"""All events that there are, and the names of those that are alarms."""

import pkgutil
from collections.abc import Iterator
from importlib import import_module

from bot import events
from bot.events.event import Event


def event_types() -> list[type[Event]]:
    """The classes of all events."""
    for module in pkgutil.iter_modules(events.__path__):
        import_module(f"{events.__name__}.{module.name}")
    return list(_below(Event))


def alarm_names() -> frozenset[str]:
    """The names, in the audit log, of all events that are alarms."""
    return frozenset(name for event in event_types() if event.alarm for name in event.names())


def _below(base: type[Event]) -> Iterator[type[Event]]:
    for event in base.__subclasses__():
        if "act" in vars(event):
            yield event
        yield from _below(event)
