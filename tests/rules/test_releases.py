"""The status of a release, and the identifiers derived for projects and releases."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.releases import PERMALINK, STATUS_NAMES, make_permalink, release_id, shown_status, status_once_live


@pytest.mark.parametrize(
    ("status", "tier", "after"),
    [
        (1, "development", 10),
        (1, "staging", 10),
        (1, "production", 30),
        (10, "staging", 10),
        (10, "production", 30),
        (20, "staging", 20),
        (20, "production", 30),
        (30, "staging", 30),
        (30, "production", 30),
        (40, "staging", 40),
        (40, "production", 40),
    ],
)
def test_a_live_deployment_moves_the_status_only_forward(status: int, tier: str, after: int) -> None:
    assert status_once_live(status, tier) == after


@pytest.mark.parametrize("status", STATUS_NAMES)
def test_a_hold_hides_the_status_until_it_is_removed(status: int) -> None:
    assert shown_status(status, held=True) == 20
    assert shown_status(status, held=False) == status


def test_the_statuses_are_those_of_the_package_dialect() -> None:
    assert STATUS_NAMES == {1: "development", 10: "testing", 20: "hold", 30: "released", 40: "deprecated"}


@pytest.mark.parametrize(
    ("parts", "text"),
    [(("shop", "1.4"), "shop-1.4"), (("shop", "1.4", "ga"), "shop-1.4"), (("shop", "1.4", "eus"), "shop-1.4-eus")],
    ids=["no type", "ga", "eus"],
)
def test_a_release_id_contains_the_type_unless_it_is_ga(parts: tuple[str, ...], text: str) -> None:
    assert release_id(*parts) == text


@pytest.mark.parametrize("text", ["a", "shop", "web-shop", "a1", "a-1", "a-1b-2c", "a" * 100])
def test_a_permalink_is_words_of_letters_and_digits(text: str) -> None:
    assert PERMALINK.fullmatch(text)


@pytest.mark.parametrize(
    "text",
    ["", "A", "1a", "-a", "a-", "a--b", "a_b", "a.b", "a b", "a\n", "a-\n", "\u00e9", "a\u0661", "a/b", "a\0"],
    ids=ascii,
)
def test_any_other_text_is_not_a_permalink(text: str) -> None:
    assert PERMALINK.fullmatch(text) is None


@pytest.mark.parametrize(
    "text",
    ["a" * 1_000_000 + "!", "a-" * 500_000, "a-a" * 300_000 + "_", "-" * 1_000_000, "a1-" * 300_000 + "\n"],
    ids=["one word", "open end", "many words", "hyphens", "line break"],
)
def test_a_long_hostile_permalink_is_refused_quickly(text: str) -> None:
    start = time.process_time()
    assert PERMALINK.fullmatch(text) is None
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize(
    ("name", "permalink"),
    [
        ("Shop", "shop"),
        ("Web Shop", "web-shop"),
        ("  Web -- Shop!  ", "web-shop"),
        ("Caf\u00e9 Z\u00fcrich", "cafe-zurich"),
        ("3D viewer", "p3d-viewer"),
        ("a_b.c", "a-b-c"),
        ("\u65e5\u672c", ""),
        ("!!!", ""),
        ("", ""),
    ],
    ids=ascii,
)
def test_a_permalink_is_derived_from_a_name(name: str, permalink: str) -> None:
    assert make_permalink(name) == permalink


@given(st.text(max_size=150))
def test_any_name_gives_a_permalink_or_nothing(name: str) -> None:
    permalink = make_permalink(name)
    assert permalink == "" or (PERMALINK.fullmatch(permalink) is not None and len(permalink) <= 100)
    assert make_permalink(permalink) == permalink
