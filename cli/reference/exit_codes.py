"""The exit codes of the commands that ask a service."""

from bot.rules.command_pages import markdown_table
from cli.client.exits import INTERRUPTED, MEANINGS


def table() -> str:
    """A row for each exit code, with what it means."""
    rows = {**MEANINGS, INTERRUPTED: "stopped with Ctrl-C"}
    return markdown_table(("code", "meaning"), [(str(code), meaning) for code, meaning in rows.items()])
