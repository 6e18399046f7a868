"""Changes of the gates' settings of an environment, and what has to hold between the environments of a project."""

import re
from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

from pydantic import ValidationError

from bot.errors import Refusal
from bot.rules.approvers import logins_in
from bot.rules.gate_settings import GateSettings, read, to_stored
from bot.rules.names import in_words, unknown
from bot.rules.validation import explain, field_name

_FIELD = re.compile(r"`(\w+)`")


def merge(stored: Mapping[str, Any], changes: Mapping[str, Any]) -> GateSettings:
    """The settings after a change: each field that is given replaces the stored one, None resets it to its default.

    Refuses what is wrong by itself or does not fit to another setting, naming the field.
    """
    kept = {name: value for name, value in stored.items() if name not in changes}
    given = {name: value for name, value in changes.items() if value is not None}
    try:
        return GateSettings.model_validate({**kept, **given})
    except ValidationError as error:
        details = error.errors(include_url=False)[0]
        sentence = explain(details["type"], details.get("ctx"), details["msg"])
        field = field_name(details["loc"])
        if not field:  # an error between two settings: the sentence begins with the first
            found = _FIELD.search(sentence)
            raise Refusal(sentence, field=found[1] if found else None) from error
        raise Refusal(f"`{field}`: {sentence.rstrip('.')}.", field=field) from error


def shown(stored: Mapping[str, Any], tier: str) -> dict[str, Any]:
    """The settings in force, in the words in which they are written: defaults and what the tier implies filled in."""
    settings = read(stored)
    written = settings.model_dump(mode="json", by_alias=True)
    written["approvals"]["from"] = list(settings.approvers(tier))
    written["downgrade"] = "refuse" if settings.refuses_downgrades(tier) else "allow"
    return written


def logins(settings: GateSettings) -> frozenset[str]:
    """The logins that the settings name, in lower case."""
    return logins_in([*(settings.approvals.from_ or ()), *settings.deployers])


def field_of_login(changes: Mapping[str, Any], login: str) -> str:
    """The field of a change that names a login first."""
    approvals = changes.get("approvals")
    lists = {"approvals.from": approvals.get("from") if isinstance(approvals, dict) else None}
    lists["deployers"] = changes.get("deployers")
    for field, entries in lists.items():
        for number, entry in enumerate(entries or ()):
            if str(entry).lower() == f"user:{login}":
                return f"{field}.{number}"
    return "approvals"


def check_after(own: str, after: Mapping[str, Sequence[str]]) -> None:
    """Refuse an `after` of the environment `own` that names no other of the project, or leads round in a circle.

    `after` has the setting of every environment of the project by name.
    """
    others = [name for name in after if name != own]
    for number, name in enumerate(after[own]):
        if name == own:
            raise Refusal("An environment cannot come after itself.", field=f"after.{number}")
        if name not in after:
            details = unknown("environments", name, others)
            raise Refusal(f"The project has no environment `{name[:100]}`.", field=f"after.{number}", **details)
    try:
        TopologicalSorter({name: set(names) for name, names in after.items()}).prepare()
    except CycleError as error:
        circle = in_words(dict.fromkeys(error.args[1]))
        raise Refusal(
            f"No environment could be the first: {circle} would wait for each other.", field="after"
        ) from error


def with_renamed(stored: Mapping[str, Any], old: str, new: str) -> dict[str, Any] | None:
    """The stored settings after another environment was renamed; None if they do not name it."""
    settings = read(stored)
    if old not in settings.after:
        return None
    names = [new if name == old else name for name in settings.after]
    return {**to_stored(settings), "after": names}
