"""Format results: a line about the machine, and Markdown tables."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime


def measured_on() -> str:
    """Return a line with the date, machine and Python version."""
    hardware = f"{os.cpu_count()} processors, {platform.system()} {platform.machine()}"
    return f"Measured {datetime.now(UTC):%Y-%m-%d}, {hardware}, Python {platform.python_version()}."


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a Markdown table; every column but the first is right-aligned."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that the given share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
