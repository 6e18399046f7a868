"""The generated parts of the documentation: each stands on one page, between `<!-- NAME -->` and `<!-- end -->`.

The text around them is written by hand. `tests/docs/test_reference.py` compares every part with the code.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from bot.operations.commands import ROWS
from bot.rules import command_pages, config_schema
from cli.overview import CLIENT_COMMANDS, OPERATOR_COMMANDS
from cli.reference import commands, decisions, events, exit_codes, jobs, metrics, settings

DOCS = Path(__file__).parent.parent.parent / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
PART = re.compile(r"^<!-- (?P<name>(?!end )[a-z-]+) -->\n.*?^<!-- end -->$", re.MULTILINE | re.DOTALL)

_HELP = [command.help for command in ROWS]
_AUTHORITIES = [command_pages.Authority(row.grammar.word, row.grants, row.who) for row in ROWS]

PARTS: Mapping[str, Callable[[], str]] = {
    "commands": partial(command_pages.commands_table, _HELP),
    "arguments": partial(command_pages.arguments_table, _HELP),
    "roles": partial(command_pages.roles_table, _AUTHORITIES),
    "grants": command_pages.grants_table,
    "configuration": config_schema.reference,
    "settings": settings.table,
    "client-commands": partial(commands.sections, CLIENT_COMMANDS),
    "operator-commands": partial(commands.sections, OPERATOR_COMMANDS),
    "exit-codes": exit_codes.table,
    "events": events.table,
    "metrics": metrics.table,
    "jobs": jobs.table,
    "decisions": decisions.items,
}
"""What makes each part, as Markdown with a line end."""


def names(page: str) -> Sequence[str]:
    """The names of the generated parts of a page, from top to bottom."""
    return [match["name"] for match in PART.finditer(page)]


def current(page: str) -> str:
    """A page with its generated parts as they have to be now. KeyError for a part that nothing makes."""
    return PART.sub(lambda match: f"<!-- {match['name']} -->\n{PARTS[match['name']]()}<!-- end -->", page)
