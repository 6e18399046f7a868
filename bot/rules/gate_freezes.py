"""The gate `freeze`: freezes, calendar windows, and environments that take no deployments at all."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from bot.rules import windows
from bot.rules.durations import format_duration
from bot.rules.gate_facts import Freeze, GateFacts
from bot.rules.gate_results import GateResult, stamp, until_words
from bot.rules.gate_settings import Window

SCOPES = {"environment": "The environment is frozen", "project": "The project is frozen", "service": "All is frozen"}

PASS = GateResult("freeze", "pass")


def freeze(facts: GateFacts) -> GateResult:
    """Judge freezes and windows. What ends by itself is waited for: `until` is when all of it is over."""
    if facts.closed is not None:
        sentence = f"The environment takes no deployments: {facts.closed}"
        return GateResult("freeze", "refuse", sentence, facts={"closed": facts.closed})
    freezes = _in_force(facts.freezes, facts.now)
    calendar = windows.Calendar(facts.settings.windows, facts.now)
    denying = calendar.closing(facts.now)
    if not freezes and not denying:
        return PASS
    known: dict[str, Any] = {"freezes": [_to_json(each) for each in freezes]}
    if denying:
        known["windows"] = [_window_to_json(each) for each in denying]
    end = _end(freezes, facts.now)
    until = None if end is None else calendar.opens_at(end)
    if not freezes:
        known["reason"] = windows.reason_of(denying) or None
        return GateResult("freeze", "wait", _window_sentence(denying, until), until=until, facts=known)
    is_open_ended = any(each.until is None for each in freezes)
    return GateResult(
        "freeze",
        "refuse" if is_open_ended else "wait",
        _freeze_sentence(freezes, until, also_window=bool(denying)),
        since=freezes[0].since,
        until=until,
        who_can_help=tuple(dict.fromkeys(each.by for each in freezes)),
        facts={**_to_json(freezes[0]), **known},
    )


def is_overridable(facts: GateFacts) -> bool:
    """Whether an override opens the gate: not where the environment takes no deployments at all."""
    return facts.closed is None


def _in_force(freezes: Iterable[Freeze], now: datetime) -> list[Freeze]:
    """The freezes in force, the oldest first."""
    in_force = [each for each in freezes if each.until is None or each.until > now]
    return sorted(in_force, key=lambda each: (each.since is not None, each.since or now))


def _end(freezes: Iterable[Freeze], now: datetime) -> datetime | None:
    """When all freezes are over, at least now; None if one of them does not end."""
    end = now
    for each in freezes:
        if each.until is None:
            return None
        end = max(end, each.until)
    return end


def _freeze_sentence(freezes: list[Freeze], until: datetime | None, *, also_window: bool) -> str:
    first, *others = freezes
    sentence = f"{SCOPES[first.scope]} by {first.by}: {first.reason}"
    more = [f"{len(others)} more freeze{'s' if len(others) > 1 else ''}"] if others else []
    if also_window:
        more.append("a calendar window")
    joined = f"{sentence} (and {' and '.join(more)})" if more else sentence
    return joined + until_words(until)


def _window_sentence(denying: Sequence[Window], until: datetime | None) -> str:
    kind = "No calendar window is open" if denying[0].deny is None else "A calendar window denies deployments"
    reason = windows.reason_of(denying)
    return f"{kind}: {reason}{until_words(until)}" if reason else kind + until_words(until)


def _to_json(frozen: Freeze) -> dict[str, Any]:
    return {
        "scope": frozen.scope,
        "by": frozen.by,
        "reason": frozen.reason,
        "since": stamp(frozen.since),
        "until": stamp(frozen.until),
    }


def _window_to_json(window: Window) -> dict[str, Any]:
    kind, rule = ("deny", window.deny) if window.deny is not None else ("allow", window.allow)
    lasts = format_duration(window.for_)
    return {kind: rule, "for": lasts, "timezone": window.timezone, "reason": window.reason}
