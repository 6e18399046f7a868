"""Results as people read them: a line about the machine, and Markdown tables."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime


def machine() -> str:
    """Where and when this was measured."""
    where = f"{os.cpu_count()} processors, {platform.system()} {platform.machine()}"
    return f"Measured {datetime.now(UTC):%Y-%m-%d}, {where}, Python {platform.python_version()}."


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; every column but the first is set to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so large a share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
