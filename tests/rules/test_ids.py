"""Ids of rows, as callers write them."""

import pytest

from bot.rules.ids import parse_row_id


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("42", 42), ("007", 7), ("999999999", 999_999_999)])
def test_a_number_of_up_to_nine_digits_is_an_id(text: str, number: int) -> None:
    assert parse_row_id(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "000",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1_0",
        "1.0",
        "1e3",
        "0x1",
        "x",
        "\x00",
        "٣",
        "²",
        "1000000000",
        "9" * 5000,
    ],
)
def test_any_other_text_is_no_id(text: str) -> None:
    assert parse_row_id(text) is None
