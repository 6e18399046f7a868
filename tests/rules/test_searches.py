"""What the text of a search may mean."""

import pytest

from bot.errors import Refusal
from bot.rules.searches import MAX_TEXT, Search, parse_search


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", Search("")),
        (" 1.4.0-rc1 ", Search("1.4.0-rc1", version="1.4.0-rc1", person="1.4.0-rc1", project="1.4.0-rc1")),
        ("412", Search("412", version="412", pull="412", person="412", project="412")),
        ("4123", Search("4123", version="4123", sha="4123", pull="4123", person="4123", project="4123")),
        ("#412", Search("#412", pull="412")),
        ("#0", Search("#0")),
        ("@Rita", Search("@Rita", person="rita")),
        ("DEAD", Search("DEAD", version="DEAD", sha="dead", person="dead", project="dead")),
        ("dea", Search("dea", version="dea", person="dea", project="dea")),
        ("100% of it", Search("100% of it", project="100% of it")),
        ("x" * 300, Search("x" * MAX_TEXT, version="x" * MAX_TEXT, person="x" * MAX_TEXT, project="x" * MAX_TEXT)),
    ],
)
def test_a_text_means_whatever_it_can_be_the_beginning_of(text: str, meant: Search) -> None:
    assert parse_search(text) == meant


@pytest.mark.parametrize("text", ["a\0b", "a\nb", "\u202ea", "\ud800"])
def test_control_characters_are_refused(text: str) -> None:
    with pytest.raises(Refusal, match="`q` must hold no control characters"):
        parse_search(text)
