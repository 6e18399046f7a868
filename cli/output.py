"""Print text. `typer.echo` would write UTF-8 to a terminal that shows ASCII only."""

import sys


def show(text: str) -> None:
    """Print text on standard output, at once."""
    print(text, flush=True)  # noqa: T201 - the one place that prints results


def show_aside(text: str) -> None:
    """Print on standard error what is not a result."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - the one place that prints remarks


def one_line(text: str) -> str:
    """Text on one line, with escape sequences for what would not be printed but obeyed by a terminal."""
    characters = " ".join(text.split())
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in characters)
