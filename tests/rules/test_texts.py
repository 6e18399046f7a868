"""Texts are cut to the lengths that others accept, and never more than they have to be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.texts import cut, cut_bytes


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
