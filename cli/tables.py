"""Tables on a terminal."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import typer


def show(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under their titles, each column as wide as it needs."""
    lines = [tuple(titles), *(tuple("-" if cell is None else str(cell) for cell in row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(titles))]
    for line in lines:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def when(moment: datetime | None) -> str | None:
    """A moment, to the minute, in UTC."""
    return None if moment is None else f"{moment:%Y-%m-%d %H:%M}Z"
