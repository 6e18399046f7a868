"""The error with which a caller who does not wait is told of closed gates, in the terms of the dialect `releases`."""

from collections.abc import Callable, Collection
from typing import Any

from bot.errors import Conflict, FactUnknown, Forbidden, Problem, Refusal
from bot.rules.gate_results import Decision, Gate, GateResult, gates_to_json, stamp


def refusal(decision: Decision, *, ignoring: Collection[Gate] = ()) -> Problem | None:
    """Build the error of the first closed gate, in the order of docs/releases.md; None if all gates are open.

    `details.gates` has every gate. If all that the closed gates wait for is that GitHub answers, it is `Unavailable`.
    """
    closed = {result.gate: result for result in decision.closed(ignoring=ignoring)}
    if not closed:
        return None
    if all(result.is_unread for result in closed.values()):
        error = next(iter(closed.values())).facts["error"]
        return FactUnknown(reason=error, gates=gates_to_json(decision))
    first = next((gate for gate in _REFUSALS if gate in closed), None)
    if first is None:
        return Forbidden("Deployment is gated", gates=gates_to_json(decision))
    refused = _REFUSALS[first](decision, closed[first])
    refused.details = {**refused.details, "gates": gates_to_json(decision)}
    return refused


def _not_ready(decision: Decision, result: GateResult) -> Refusal:
    status, reason = (result.facts.get(name) for name in ("status", "reason"))
    version = decision.candidate
    return Conflict("Release candidate is not ready", release_candidate_version=version, status=status, reason=reason)


def _in_progress(decision: Decision, result: GateResult) -> Refusal:
    return Conflict("Another deployment is in progress", environment=decision.environment)


def _frozen(decision: Decision, result: GateResult) -> Refusal:
    by, reason = (result.facts.get(name) for name in ("by", "reason"))
    refused = Refusal("Environment is frozen", by=by, reason=reason, since=stamp(result.since))
    until: dict[str, Any] = {"until": stamp(result.until)}  # null when the freeze is open-ended
    refused.details = {**refused.details, **until}
    return refused


_REFUSALS: dict[Gate, Callable[[Decision, GateResult], Refusal]] = {
    "candidate": _not_ready,
    "busy": _in_progress,
    "freeze": _frozen,
}
"""The gates that have an error of their own, in the order in which they take precedence; all others share one."""
