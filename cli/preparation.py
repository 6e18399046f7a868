"""What commands do before anything else, except `serve` and `work`, which log."""

from bot import log
from bot.settings import unknown_variables
from cli.output import show_aside


def prepare() -> None:
    """Log errors only, and warn on standard error about variables that are named like settings but are not."""
    log.configure("error")
    for warning in unknown_variables():
        show_aside(f"longshore: warning: {warning}")
