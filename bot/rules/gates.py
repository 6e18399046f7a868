"""Gates: the conditions between a candidate and an environment, decided and explained in one place.

`decide` always evaluates every gate. REST refusals, comments and audit entries are rendered from its `Decision`.
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from bot.errors import Conflict, Forbidden, Refusal

Gate = Literal["candidate", "hold", "freeze", "busy"]
Verdict = Literal["off", "pass", "overridden", "wait", "refuse"]

SEVERITY: tuple[Verdict, ...] = ("off", "pass", "overridden", "wait", "refuse")
OPEN: frozenset[Verdict] = frozenset({"off", "pass", "overridden"})
BUILDING = frozenset({"pending", "building"})
OVERRIDABLE: frozenset[Gate] = frozenset({"freeze"})


@dataclass(frozen=True)
class GateFacts:
    """The input of the gates, read under the environment's lock.

    `frozen` and `held` are stored as objects with `by`, `reason`, `since` and, for a freeze, `until` (ISO 8601).
    `busy_with` is the id of another deployment that is under way on the environment.
    """

    environment: str
    candidate: str
    status: str
    reason: str | None
    now: datetime
    held: Mapping[str, Any] | None = None
    frozen: Mapping[str, Any] | None = None
    busy_with: int | None = None


@dataclass(frozen=True)
class GateResult:
    """One gate's verdict. `sentence` explains it to people; the other fields are for programs."""

    gate: Gate
    verdict: Verdict
    sentence: str = ""
    since: datetime | None = None
    until: datetime | None = None
    who_can_help: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        """Whether the gate lets the deployment through."""
        return self.verdict in OPEN


@dataclass(frozen=True)
class Decision:
    """Whether a candidate may be deployed to an environment: every gate with its verdict."""

    candidate: str
    environment: str
    gates: tuple[GateResult, ...]

    @property
    def verdict(self) -> Verdict:
        """The most severe of the gates' verdicts."""
        return max((gate.verdict for gate in self.gates), key=SEVERITY.index)

    def closed(self, *, ignoring: Collection[Gate] = ()) -> list[GateResult]:
        """The gates that do not let the deployment through, in the order of evaluation."""
        return [gate for gate in self.gates if not gate.is_open and gate.gate not in ignoring]


def decide(facts: GateFacts, *, exempt: Collection[Gate] = (), force: bool = False) -> Decision:
    """Evaluate every gate. Those in `exempt` are off; `force` overrides a freeze and nothing else."""
    results = []
    for gate, evaluate in _EVALUATE.items():
        result = GateResult(gate, "off") if gate in exempt else evaluate(facts)
        if force and gate in OVERRIDABLE and not result.is_open:
            result = GateResult(**{**vars(result), "verdict": "overridden"})
        results.append(result)
    return Decision(facts.candidate, facts.environment, tuple(results))


def is_frozen(frozen: Mapping[str, Any] | None, now: datetime) -> bool:
    """Whether a freeze is in force: one with an `until` ends by itself."""
    if frozen is None:
        return False
    until = _time(frozen.get("until"))
    return until is None or until > now


def refusal(decision: Decision, *, ignoring: Collection[Gate] = ()) -> Refusal | None:
    """Build the refusal of the first closed gate, in the order of `_REFUSALS`; None if all gates are open."""
    closed = {result.gate: result for result in decision.closed(ignoring=ignoring)}
    for gate, build_refusal in _REFUSALS.items():
        if gate in closed:
            return build_refusal(decision, closed[gate])
    return None


def _candidate(facts: GateFacts) -> GateResult:
    details = {"status": facts.status, "reason": facts.reason}
    if facts.status == "ready":
        return GateResult("candidate", "pass", facts=details)
    because = f": {facts.reason}" if facts.reason else ""
    verdict: Verdict = "wait" if facts.status in BUILDING else "refuse"
    return GateResult("candidate", verdict, f"The candidate is {facts.status}{because}", facts=details)


def _hold(facts: GateFacts) -> GateResult:
    if facts.held is None:
        return GateResult("hold", "pass")
    by = facts.held.get("by")
    return GateResult(
        "hold",
        "refuse",
        f"{by} to unhold the release: {facts.held.get('reason')}",
        since=_time(facts.held.get("since")),
        who_can_help=(str(by),),
        facts=dict(facts.held),
    )


def _freeze(facts: GateFacts) -> GateResult:
    if facts.frozen is None or not is_frozen(facts.frozen, facts.now):
        return GateResult("freeze", "pass")
    until = _time(facts.frozen.get("until"))
    return GateResult(
        "freeze",
        "refuse" if until is None else "wait",
        f"The environment is frozen: {facts.frozen.get('reason')}",
        since=_time(facts.frozen.get("since")),
        until=until,
        who_can_help=(str(facts.frozen.get("by")),),
        facts=dict(facts.frozen),
    )


def _busy(facts: GateFacts) -> GateResult:
    if facts.busy_with is None:
        return GateResult("busy", "pass")
    sentence = f"Deployment {facts.busy_with} is in progress"
    return GateResult("busy", "wait", sentence, facts={"deployment": facts.busy_with})


_EVALUATE: Mapping[Gate, Callable[[GateFacts], GateResult]] = {
    "candidate": _candidate,
    "hold": _hold,
    "freeze": _freeze,
    "busy": _busy,
}


def _not_ready(decision: Decision, result: GateResult) -> Refusal:
    return Conflict("Release candidate is not ready", release_candidate_version=decision.candidate, **result.facts)


def _in_progress(decision: Decision, result: GateResult) -> Refusal:
    return Conflict("Another deployment is in progress", environment=decision.environment)


def _frozen(decision: Decision, result: GateResult) -> Refusal:
    refused = Refusal("Environment is frozen", **{name: result.facts.get(name) for name in ("by", "reason", "since")})
    refused.details = {**refused.details, "until": result.facts.get("until")}  # null when the freeze is open-ended
    return refused


def _gated(decision: Decision, result: GateResult) -> Refusal:
    return Forbidden("Deployment is gated", gates=[{"gate": result.gate, "waits_for": result.sentence}])


_REFUSALS: Mapping[Gate, Callable[[Decision, GateResult], Refusal]] = {
    "candidate": _not_ready,
    "busy": _in_progress,
    "freeze": _frozen,
    "hold": _gated,
}
"""The refusals of closed gates, in the order in which they take precedence (docs/releases.md)."""


def _time(text: object) -> datetime | None:
    """Parse a stored time; None when it is absent or malformed, so a freeze with a malformed end stays in force."""
    with suppress(ValueError):
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    return None
