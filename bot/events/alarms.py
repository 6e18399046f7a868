"""The names of all alarms."""

import pkgutil
from importlib import import_module

from bot import events
from bot.events.event import Event


def alarm_names() -> frozenset[str]:
    """The names, in the audit log, of all events that are alarms."""
    for module in pkgutil.iter_modules(events.__path__):
        import_module(f"{events.__name__}.{module.name}")
    return _names(Event)


def _names(base: type[Event]) -> frozenset[str]:
    own = {base.act} if base.alarm and hasattr(base, "act") else set()
    return frozenset(own.union(*(_names(event) for event in base.__subclasses__())))
