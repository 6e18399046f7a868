"""The tables of commands, roles and grants."""

from markdown_it import MarkdownIt

from bot.rules.command_pages import (
    ACTS,
    Authority,
    arguments_table,
    commands_table,
    grants_table,
    roles_table,
)
from bot.rules.permissions import GRANTS
from bot.rules.replies import CommandHelp

CUT = CommandHelp(
    "/release cut VERSION", "cut a candidate", "/release cut 1.0", "write", "It is built.", {"VERSION": "a"}
)
CANCEL = CommandHelp("/release cancel A|B", "cancel", "/release cancel x", "", arguments={"VERSION": "a", "A|B": "c"})


def test_each_command_has_a_row() -> None:
    assert commands_table([CUT, CANCEL]).splitlines()[2:] == [
        "| `/release cut VERSION` | Cut a candidate. It is built. | write | `/release cut 1.0` |",
        "| `/release cancel A\\|B` | Cancel |  | `/release cancel x` |",
    ]


def test_alternatives_do_not_split_a_cell() -> None:
    html = MarkdownIt("commonmark").enable("table").render(commands_table([CUT, CANCEL]))
    assert html.count("<td>") == 8 and "<code>/release cancel A|B</code>" in html


def test_each_argument_has_a_row_once() -> None:
    assert arguments_table([CUT, CANCEL]).splitlines()[2:] == ["| `A\\|B` | c |", "| `VERSION` | a |"]


def test_each_command_has_a_row_of_roles() -> None:
    rows = [
        Authority("cut", ("release:cut",)),
        Authority("deploy", ("deployment:start", "deployment:production")),
        Authority("approve", (), "whoever"),
        Authority("help", ()),
    ]
    assert roles_table(rows).splitlines()[2:] == [
        "| `cut` | – | – | yes | yes | yes |",
        "| `deploy` | – | – | not production | yes | yes |",
        "| `approve` | no role decides | no role decides | no role decides | no role decides | no role decides |",
        "| `help` | yes | yes | yes | yes | yes |",
    ]


def test_each_grant_has_a_row() -> None:
    assert set(ACTS) == GRANTS
    assert "| `deployment:production` | maintain | the same on the production tier |" in grants_table()
    assert "| `admin` | none: tokens only | everything, tokens included |" in grants_table()
