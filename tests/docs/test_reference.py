"""The generated parts of the documentation are those that the code makes, and each stands on one page."""

from collections import Counter
from pathlib import Path

import pytest

from bot.operations.commands import ROWS
from bot.settings import PREFIX, Settings
from cli.commands import command_line
from cli.overview import CLIENT_COMMANDS, OPERATOR_COMMANDS
from cli.reference.docstrings import first_sentence
from cli.reference.pages import DOCS, PAGES, PARTS, current, names

GENERATED = [page for page in PAGES if names(page.read_text())]


@pytest.mark.parametrize("page", GENERATED, ids=lambda page: str(page.relative_to(DOCS)))
def test_generated_parts_are_made_from_the_code(page: Path) -> None:
    text = page.read_text()
    assert current(text) == text, "run `make reference`"


def test_each_part_stands_on_one_page() -> None:
    assert Counter(name for page in GENERATED for name in names(page.read_text())) == dict.fromkeys(PARTS, 1)


def test_only_what_stands_between_the_marks_is_replaced() -> None:
    page = "# A\n\n<!-- jobs -->\nold\n<!-- end -->\n\nb <!-- c -->\n<!-- grants -->\n<!-- end -->\nd\n"
    new = current(page)
    assert new.startswith("# A\n\n<!-- jobs -->\n| kind |") and "\nold\n" not in new
    assert "|\n<!-- end -->\n\nb <!-- c -->\n<!-- grants -->\n| grant |" in new and new.endswith("|\n<!-- end -->\nd\n")
    assert current(new) == new


def test_a_part_that_nothing_makes_is_an_error() -> None:
    with pytest.raises(KeyError, match="job"):
        current("<!-- job -->\n<!-- end -->\n")


def test_everything_that_is_declared_has_its_row() -> None:
    """A sample of each kind, found in other ways than the tables are made."""
    text = "".join(page.read_text() for page in GENERATED)
    wanted = [f"`{PREFIX}{name.upper()}` |" for name in Settings.model_fields]
    wanted += [f"`{row.example}` |" for row in ROWS]
    wanted += ["`deployment.rollback` |", "`tag.moved` |", "`webhook` |", "`longshore_jobs_total` | counter |"]
    wanted += ["`projects.NAME.environments.NAME.soak` |", "`deployment:force` |", "(012-"]
    assert [each for each in wanted if each not in text] == []


def test_each_command_that_asks_a_service_has_a_section_with_its_options() -> None:
    page = (DOCS / "command-line.md").read_text()
    assert [name for name in CLIENT_COMMANDS if f"## longshore {name}" not in page] == []
    assert "| `--dry-run` | Only say what would happen. |" in page and "| 5 | unreachable: " in page


def test_each_command_of_operators_has_a_section_with_its_options() -> None:
    page = (DOCS / "reference" / "operator-commands.md").read_text()
    assert [name for name in OPERATOR_COMMANDS if f"## longshore {name}" not in page] == []
    for param in command_line(["sandbox"]).commands["sandbox"].params:
        assert f"| `{param.opts[0]} <" in page
    assert "| `--port <number>` | Port to listen on; 0 for any free port. | `8090`, 0 to 65535 |" in page
    assert "| `name` | Name of the token. | required |" in page


class _Two:
    """It ends; `field` is its end.

    More.
    """


class _Three:
    """The first
    sentence. The second one.
    """


def test_of_docstrings_the_first_sentence_is_shown() -> None:
    assert [first_sentence(each) for each in (_Two, _Three)] == ["It ends.", "The first sentence."]
