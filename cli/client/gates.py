"""Gates and decisions as people read them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from cli.client.exits import DONE, REFUSED, WAITS, Table
from cli.client.shapes import Decision, Gate
from cli.tables import format_time

CLOSED = ("wait", "refuse")
TITLES = ("gate", "verdict", "why", "until", "who can help")


def closed(gates: Iterable[Gate]) -> list[Gate]:
    """The gates that do not let a deployment through."""
    return [gate for gate in gates if gate["verdict"] in CLOSED]


def gate_table(gates: Sequence[Gate]) -> Table:
    """Gates as a table. Columns that would be empty are left out."""
    rows = [
        (gate["gate"], gate["verdict"], gate["sentence"], moment(gate["until"]), ", ".join(gate["who_can_help"]))
        for gate in gates
    ]
    used = [column for column in range(len(TITLES)) if any(row[column] for row in rows)]
    return Table(tuple(TITLES[column] for column in used), [tuple(row[column] for column in used) for row in rows])


def code_of(decision: Decision, *, waits: bool) -> int:
    """The exit code for a decision. `waits`: a deployment would wait for its gates, instead of being refused."""
    if not closed(decision["gates"]):
        return DONE
    return WAITS if waits and decision["verdict"] == "wait" else REFUSED


def moment(text: str | None) -> str:
    """A time of the service for people, in UTC to the minute; empty for none."""
    return "" if text is None else format_time(datetime.fromisoformat(text).astimezone(UTC)) or ""
