"""What may stand between a candidate and an environment."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.errors import Conflict, Forbidden, Refusal


@dataclass(frozen=True)
class Gate:
    """One gate that refuses, and what it waits for."""

    name: str
    waits_for: str

    def shown(self) -> dict[str, str]:
        """As it is told to programs."""
        return {"gate": self.name, "waits_for": self.waits_for}


def is_frozen(frozen: dict[str, Any] | None, now: datetime) -> bool:
    """Whether an environment's freeze is in force: one with an `until` ends by itself."""
    if frozen is None:
        return False
    until = frozen.get("until")
    return until is None or datetime.fromisoformat(until) > now


def check_frozen(frozen: dict[str, Any] | None, now: datetime) -> None:
    """Refuse a frozen environment, saying who froze it, why and until when."""
    if frozen is not None and is_frozen(frozen, now):
        told = {name: frozen.get(name) for name in ("by", "reason", "since")}
        raise Refusal("Environment is frozen", until=frozen.get("until") or "somebody unfreezes it", **told)


def check_ready(version: str, status: str, reason: str | None) -> None:
    """Refuse a candidate that is not ready to be deployed."""
    if status != "ready":
        raise Conflict(
            "Release candidate is not ready", release_candidate_version=version, status=status, reason=reason
        )


def refusing(*, held: dict[str, Any] | None) -> list[Gate]:
    """The gates that refuse a deployment now."""
    gates = []
    if held is not None:
        gates.append(Gate("hold", f"{held.get('by')} to unhold the release: {held.get('reason')}"))
    return gates


def check_gates(gates: list[Gate]) -> None:
    """Refuse a gated deployment, naming each gate."""
    if gates:
        raise Forbidden("Deployment is gated", gates=[gate.shown() for gate in gates])
