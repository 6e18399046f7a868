"""Write the tables of commands in the documentation anew, for developers: `python -m cli.command_page`."""

from pathlib import Path

from bot.operations.commands import ROWS
from bot.rules.command_pages import Authority, with_tables

DOCS = Path(__file__).parent.parent / "docs"
PAGE, AUTHORITY = DOCS / "commands.md", DOCS / "authority.md"


def current(page: str) -> str:
    """A page with the tables of the commands that there are now."""
    authorities = [Authority(row.grammar.word, row.grants, row.who) for row in ROWS]
    return with_tables(page, [command.help for command in ROWS], authorities)


if __name__ == "__main__":
    for path in (PAGE, AUTHORITY):
        path.write_text(current(path.read_text(encoding="utf-8")), encoding="utf-8")
