"""What commands do before anything else, except `serve` and `work`, which log."""

import typer

from bot import log
from bot.settings import unknown_variables


def prepare() -> None:
    """Log errors only, and warn on standard error about variables of the environment that are no settings."""
    log.configure("error")
    for warning in unknown_variables():
        typer.echo(f"longshore: warning: {warning}", err=True)
