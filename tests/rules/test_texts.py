"""Texts are cut to the lengths that others accept, and never more than they have to be."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.texts import cut, cut_bytes, cut_markdown, cut_markdown_bytes


@pytest.mark.parametrize(
    ("text", "shown"), [("", ""), ("four", "four"), ("fives", "fiv…"), ("ab  cd", "ab…"), ("ééééé", "ééé…")]
)
def test_a_text_is_cut_to_characters(text: str, shown: str) -> None:
    assert cut(text, 4) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [("sixsix", "sixsix"), ("seven7!", "sev…"), ("ééé", "ééé"), ("éééé", "é…"), ("🚀🚀", "…"), ("a\ud800", "a?")],
    ids=ascii,
)
def test_a_text_is_cut_to_bytes(text: str, shown: str) -> None:
    assert cut_bytes(text, 6) == shown


@given(st.text(), st.integers(4, 40))
def test_no_cut_text_is_too_long(text: str, limit: int) -> None:
    assert len(cut(text, limit)) <= limit
    assert len(cut_bytes(text, limit).encode()) <= limit
    assert len(cut_markdown(text, limit)) <= limit
    assert len(cut_markdown_bytes(text, limit).encode()) <= limit


@pytest.mark.parametrize("shortened", [cut_markdown, cut_markdown_bytes])
@pytest.mark.parametrize("limit", range(5, 24))
def test_what_is_code_before_a_text_is_cut_is_code_after_it(shortened: Callable[[str, int], str], limit: int) -> None:
    shown = shortened("a `@all` b `@all @all @all`", limit)
    assert all("@" not in part for part in shown.split("`")[::2])
    assert shown.count("`") % 2 == 0


def test_markdown_that_is_short_enough_is_not_changed() -> None:
    assert cut_markdown("a ` b", 5) == cut_markdown_bytes("a ` b", 5) == "a ` b"
