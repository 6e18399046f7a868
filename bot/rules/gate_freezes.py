"""The gate `freeze`: freezes, calendar windows, and environments that take no deployments at all."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from bot.rules import windows
from bot.rules.gate_facts import Freeze, GateFacts
from bot.rules.gate_results import GateResult, stamp

SCOPES = {"environment": "The environment is frozen", "project": "The project is frozen", "service": "All is frozen"}


def freeze(facts: GateFacts) -> GateResult:
    """Judge freezes and windows. What ends by itself is waited for: `until` is when all of it is over."""
    if facts.closed is not None:
        sentence = f"The environment takes no deployments: {facts.closed}"
        return GateResult("freeze", "refuse", sentence, facts={"closed": facts.closed})
    freezes = _in_force(facts.freezes, facts.now)
    calendar = windows.state(facts.settings.windows, facts.now)
    which = calendar.which
    if not freezes and not calendar.closed:
        return GateResult("freeze", "pass")
    known: dict[str, Any] = {"freezes": [_to_json(each) for each in freezes]}
    if calendar.closed:
        known["windows"] = [window.model_dump(mode="json", by_alias=True, exclude_none=True) for window in which]
    if not freezes:
        sentence = _window_sentence(calendar)
        known["reason"] = calendar.reason or None
        return GateResult("freeze", "wait", sentence, until=calendar.until, facts=known)
    first, until = freezes[0], _end(freezes, facts)
    is_open_ended = any(each.until is None for each in freezes)
    return GateResult(
        "freeze",
        "refuse" if is_open_ended else "wait",
        _freeze_sentence(freezes, until, also_window=calendar.closed),
        since=first.since,
        until=until,
        who_can_help=tuple(dict.fromkeys(each.by for each in freezes)),
        facts={**_to_json(first), **known},
    )


def is_overridable(facts: GateFacts) -> bool:
    """Whether an override opens the gate: not where the environment takes no deployments at all."""
    return facts.closed is None


def _in_force(freezes: Iterable[Freeze], now: datetime) -> list[Freeze]:
    """The freezes in force, the oldest first."""
    in_force = [each for each in freezes if each.until is None or each.until > now]
    return sorted(in_force, key=lambda each: (each.since is not None, each.since or now))


def _end(freezes: Iterable[Freeze], facts: GateFacts) -> datetime | None:
    """When all freezes and windows are over; None if that is not known."""
    ends = [each.until for each in freezes if each.until is not None]
    if len(ends) < len(list(freezes)):
        return None
    return windows.opens_at(facts.settings.windows, max(ends))


def _freeze_sentence(freezes: list[Freeze], until: datetime | None, *, also_window: bool) -> str:
    first, *others = freezes
    sentence = f"{SCOPES[first.scope]} by {first.by}: {first.reason}"
    more = [f"{len(others)} more freeze{'s' if len(others) > 1 else ''}"] if others else []
    if also_window:
        more.append("a calendar window")
    joined = f"{sentence} (and {' and '.join(more)})" if more else sentence
    return joined if until is None else f"{joined}; until {until:%Y-%m-%d %H:%M %Z}"


def _window_sentence(calendar: windows.WindowState) -> str:
    denies = any(window.deny is not None for window in calendar.which)
    kind = "A calendar window denies deployments" if denies else "No calendar window is open"
    because = f": {calendar.reason}" if calendar.reason else ""
    return kind + because if calendar.until is None else f"{kind}{because}; until {calendar.until:%Y-%m-%d %H:%M %Z}"


def _to_json(frozen: Freeze) -> dict[str, Any]:
    return {
        "scope": frozen.scope,
        "by": frozen.by,
        "reason": frozen.reason,
        "since": stamp(frozen.since),
        "until": stamp(frozen.until),
    }
