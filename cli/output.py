"""Print text. `typer.echo` would write UTF-8 to a terminal that shows ASCII only."""

import sys


def show(text: str) -> None:
    """Print text on standard output, at once."""
    print(text, flush=True)  # noqa: T201 - the one place that prints results


def show_aside(text: str) -> None:
    """Print on standard error what is no result."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - the one place that prints remarks
