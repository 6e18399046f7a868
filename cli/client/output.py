"""Print what commands have to say: results on standard output, everything else on standard error."""

import json
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.status import Status
from rich.table import Table as RichTable
from rich.text import Text

from cli.client.exits import Outcome, Stopped, Table
from cli.output import one_line, show, show_aside

STYLES = {"pass": "green", "overridden": "yellow", "wait": "yellow", "refuse": "red", "off": "dim"}
ENDLESS = 100_000  # columns where there is no terminal whose lines could be too short


def print_outcome(outcome: Outcome, *, as_json: bool) -> None:
    """Print what a command has to say, for programs or for people."""
    if as_json:
        show(json.dumps(outcome.value, indent=2, ensure_ascii=False))
    else:
        for part in outcome.shown:
            _print(part, sys.stdout)
    if outcome.problem is not None:
        show_aside(f"longshore: {one_line(outcome.problem)}")


def print_stopped(stopped: Stopped, *, as_json: bool) -> None:
    """Print why a command did not do what it was asked for."""
    if as_json:
        show(json.dumps(stopped.value(), indent=2, ensure_ascii=False, default=str))
    show_aside(f"longshore: {one_line(stopped.sentence)}")
    if stopped.table is not None:
        _print(stopped.table, sys.stderr)


def _print(part: str | Table, stream: TextIO) -> None:
    """Print a line or a table. Nothing in them is obeyed by a terminal, whoever wrote it."""
    if isinstance(part, str):
        print_line(one_line(part), stream)
    else:
        for line in rendered(part, _console(stream)):
            print_line(line, stream)


def print_line(line: str, stream: TextIO) -> None:
    """Print a line on one of the two standard streams."""
    show(line) if stream is sys.stdout else show_aside(line)


def rendered(table: Table, console: Console) -> list[str]:
    """The lines of a table, wrapped if the console is a terminal."""
    grid = RichTable(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for title in table.titles:
        grid.add_column(title, overflow="fold")
    for row in table.rows:
        grid.add_row(*(Text(one_line(cell) or "-", style=STYLES.get(cell, "")) for cell in row))
    with console.capture() as capture:
        console.print(grid)
    return [line.rstrip() for line in capture.get().splitlines()]


def _console(stream: TextIO) -> Console:
    is_terminal = stream.isatty()
    return Console(file=stream, width=None if is_terminal else ENDLESS, highlight=False, markup=False, emoji=False)


class Screen:
    """Progress on standard error: at a terminal one line that changes, elsewhere a line for each change."""

    def __init__(self) -> None:
        self._console = _console(sys.stderr)
        self._status: Status | None = None
        self._state = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def say(self, sentence: str) -> None:
        """Tell something that has happened."""
        self._stop()
        show_aside(f"longshore: {one_line(sentence)}")

    def show_state(self, text: str) -> None:
        """Show what is being waited for, until something else is."""
        if text == self._state and self._status is not None:
            return
        line = one_line(text)
        if not self._console.is_terminal:
            if text != self._state:
                show_aside(line)
        elif self._status is None:
            self._status = self._console.status(Text(line))
            self._status.start()
        else:
            self._status.update(Text(line))
        self._state = text

    def _stop(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None


def texts(parts: Sequence[str | Table]) -> list[str]:
    """The lines of what is shown, without styles."""
    console = Console(width=ENDLESS, no_color=True, force_terminal=False)
    return [line for part in parts for line in ([part] if isinstance(part, str) else rendered(part, console))]
