"""Write the tables of `docs/commands.md` anew, for developers: `python -m cli.command_page`."""

from pathlib import Path

from bot.operations.commands import ROWS
from bot.rules.command_pages import with_tables

PAGE = Path(__file__).parent.parent / "docs" / "commands.md"


def current(page: str) -> str:
    """A page with the tables of the commands that there are now."""
    return with_tables(page, [command.help for command in ROWS])


if __name__ == "__main__":
    PAGE.write_text(current(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
