"""Print tables and warnings on a terminal."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from cli.output import one_line, show, show_aside


def print_table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows below their column titles, aligned."""
    lines = [tuple(titles), *(tuple("-" if cell is None else str(cell) for cell in row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(titles))]
    for line in lines:
        show("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def print_warnings(warnings: Iterable[str]) -> None:
    """Print warnings on standard error, a line each."""
    for warning in warnings:
        show_aside(one_line(f"longshore: warning: {warning}"))


def format_time(time: datetime | None) -> str | None:
    """Format a UTC time to the minute."""
    return None if time is None else f"{time:%Y-%m-%d %H:%M}Z"
