"""The results of gates: a decision, whom it waits for, when it may change, and its form in JSON."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from bot.rules.gate_facts import Override

Gate = Literal["candidate", "hold", "order", "downgrade", "checks", "approvals", "freeze", "lock", "busy", "deployers"]
Verdict = Literal["off", "pass", "overridden", "wait", "refuse"]

GATES: tuple[Gate, ...] = (
    *("candidate", "hold", "order", "downgrade", "checks"),
    *("approvals", "freeze", "lock", "busy", "deployers"),
)
"""Every gate, in the order of evaluation."""
SEVERITY: tuple[Verdict, ...] = ("off", "pass", "overridden", "wait", "refuse")
OPEN: frozenset[Verdict] = frozenset({"off", "pass", "overridden"})
OVERRIDABLE: tuple[Gate, ...] = ("freeze", "lock", "downgrade", "order", "checks")
"""What an override opens, a freeze only where the environment takes deployments at all."""
ROLLBACK_GATES: tuple[Gate, ...] = ("candidate", "hold", "freeze", "lock", "deployers")
ROLLBACK_EXEMPT: tuple[Gate, ...] = tuple(gate for gate in GATES if gate not in ROLLBACK_GATES)
"""Gates that do not judge a rollback: it deploys what was live before, and cancels what is under way."""
NOTHING: Mapping[str, Any] = {}


class GateResult(NamedTuple):
    """One gate's verdict. `sentence` explains it to people, without a full stop; the other fields are for programs.

    The sentence may quote what others wrote (a reason, the name of a check): escape it where it is shown. `facts` holds
    JSON values, times in ISO 8601. `facts["error"]` says why a fact could not be read. `who_can_help` are names, or
    entries of a list of people in the settings (`bot/rules/approvers.py`).
    """

    gate: Gate
    verdict: Verdict
    sentence: str = ""
    since: datetime | None = None
    until: datetime | None = None
    who_can_help: tuple[str, ...] = ()
    facts: Mapping[str, Any] = NOTHING

    @property
    def is_open(self) -> bool:
        """Whether the gate lets the deployment through."""
        return self.verdict in OPEN

    @property
    def is_unread(self) -> bool:
        """Whether the gate waits because a fact could not be read."""
        return self.verdict == "wait" and "error" in self.facts


@dataclass(frozen=True)
class Decision:
    """Whether a candidate may be deployed to an environment: every gate with its verdict.

    `override` is who wanted closed gates to be overridden, whether or not any was.
    """

    candidate: str
    environment: str
    gates: tuple[GateResult, ...]
    override: Override | None = None

    @property
    def verdict(self) -> Verdict:
        """The most severe of the gates' verdicts; "pass" if all are off."""
        return worst(gate.verdict for gate in self.gates)

    @property
    def overridden(self) -> list[GateResult]:
        """The gates that an override opened."""
        return [gate for gate in self.gates if gate.verdict == "overridden"]

    def closed(self, *, ignoring: Collection[Gate] = ()) -> list[GateResult]:
        """The gates that do not let the deployment through, in the order of evaluation."""
        return [gate for gate in self.gates if not gate.is_open and gate.gate not in ignoring]

    def result_of(self, gate: Gate) -> GateResult:
        """The result of one gate; off if the decision does not have it."""
        return next((result for result in self.gates if result.gate == gate), GateResult(gate, "off"))


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The most severe of some verdicts, at least "pass"."""
    return max(("pass", *verdicts), key=SEVERITY.index)


def waits_for(decision: Decision) -> list[Gate]:
    """The names of the closed gates."""
    return [result.gate for result in decision.closed()]


def next_change(decision: Decision, now: datetime) -> datetime | None:
    """When the first of the closed gates may open by itself; None if none of them says."""
    return min((gate.until for gate in decision.closed() if gate.until is not None and gate.until > now), default=None)


def stamp(time: datetime | None) -> str | None:
    """A time as it stands in JSON."""
    return None if time is None else time.isoformat()


def until_words(time: datetime | None) -> str:
    """The end of a sentence about something that ends by itself; empty if it is not known when."""
    return "" if time is None else f"; until {time.isoformat(' ')[:16]} {time.tzname()}"


def gates_to_json(decision: Decision) -> list[dict[str, Any]]:
    """Every gate in its JSON form. `waits_for` on closed ones is the sentence again."""
    return [_gate_to_json(result) for result in decision.gates]


def to_json(decision: Decision) -> dict[str, Any]:
    """The JSON form of a decision, for the API, the audit log and the deployment's row."""
    override = decision.override
    return {
        "candidate": decision.candidate,
        "environment": decision.environment,
        "verdict": decision.verdict,
        "waits_for": waits_for(decision),
        "gates": gates_to_json(decision),
        "override": None if override is None else {"by": override.by, "reason": override.reason},
    }


def from_json(stored: Mapping[str, Any]) -> Decision:
    """Read a decision that `to_json` wrote."""
    override = stored.get("override")
    return Decision(
        candidate=stored["candidate"],
        environment=stored["environment"],
        gates=tuple(_gate_from_json(each) for each in stored["gates"]),
        override=None if override is None else Override(override["by"], override["reason"]),
    )


def _gate_to_json(result: GateResult) -> dict[str, Any]:
    written = {
        "gate": result.gate,
        "verdict": result.verdict,
        "sentence": result.sentence,
        "since": stamp(result.since),
        "until": stamp(result.until),
        "who_can_help": list(result.who_can_help),
        "facts": dict(result.facts),
    }
    return written if result.is_open else {**written, "waits_for": result.sentence}


def _gate_from_json(stored: Mapping[str, Any]) -> GateResult:
    since, until = stored.get("since"), stored.get("until")
    return GateResult(
        gate=stored["gate"],
        verdict=stored["verdict"],
        sentence=stored["sentence"],
        since=None if since is None else datetime.fromisoformat(since),
        until=None if until is None else datetime.fromisoformat(until),
        who_can_help=tuple(stored["who_can_help"]),
        facts=stored["facts"],
    )
