"""Syntax of commit hashes, repository names and branch patterns."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Refusal
from bot.rules.commits import is_branch_pattern, is_glob, is_repository_name, matches, parse_sha

SHA = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("text", "sha"),
    [(SHA, SHA), (SHA.upper(), SHA), (SHA + SHA[:24], SHA + SHA[:24]), ("F" * 40, "f" * 40)],
    ids=["40", "upper case", "64", "all one digit"],
)
def test_a_full_hash_is_converted_to_lower_case(text: str, sha: str) -> None:
    assert parse_sha(text) == sha


@pytest.mark.parametrize(
    "value",
    [
        "",
        SHA[:7],
        SHA[:39],
        SHA + "0",
        "0" * 40,
        "0" * 64,
        "main",
        "HEAD",
        f"refs/heads/{SHA}",
        f"{SHA}^",
        f"{SHA}\n",
        f" {SHA}",
        "g" * 40,
        "\u0661" * 40,
        "\uff10" * 39 + "1",
        SHA[:-1] + "\u212a",
        None,
        0,
        SHA.encode(),
        [SHA],
        "a" * 1_000_000,
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_any_other_value_is_refused_with_the_sentence_of_the_dialect(value: object) -> None:
    with pytest.raises(Refusal, match=r"^Invalid commit hash$"):
        parse_sha(value)


@pytest.mark.parametrize(
    ("text", "is_name"),
    [
        ("acme/site", True),
        ("Acme-Inc/site.web_2", True),
        ("octo_acme/site", True),
        ("a/.github", True),
        ("a/-", True),
        ("acme", False),
        ("acme/", False),
        ("/site", False),
        ("acme/site/more", False),
        ("acme/site\n", False),
        ("acme/..", False),
        ("acme/.", False),
        ("../site", False),
        ("ac me/site", False),
        ("acme/s%2Fe", False),
        ("acme/site?x", False),
        ("acm\u00e9/site", False),
        ("-acme/site", False),
        ("a" * 40 + "/site", False),
        ("acme/" + "s" * 101, False),
        ("https://github.com/acme/site", False),
        (None, False),
        (5, False),
    ],
    ids=ascii,
)
def test_a_repository_name_is_owner_and_name(text: object, is_name: bool) -> None:
    assert is_repository_name(text) is is_name


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("main", True),
        ("release/*", True),
        ("*", True),
        ("release-*/x_*", True),
        ("feature/a+b@c#1", True),
        ("", False),
        ("/main", False),
        ("main/", False),
        ("a//b", False),
        ("a..b", False),
        ("a.", False),
        ("-main", False),
        ("a b", False),
        ("a?b", False),
        ("a[b]", False),
        ("a\n", False),
        ("a" * 300, False),
    ],
    ids=ascii,
)
def test_a_branch_pattern_is_a_name_or_a_glob(text: str, fits: bool) -> None:
    assert is_branch_pattern(text) is fits


@pytest.mark.parametrize(
    ("branch", "pattern", "allowed"),
    [
        ("main", "main", True),
        ("Main", "main", False),
        ("main2", "main", False),
        ("release/1.4", "release/*", True),
        ("release/", "release/*", True),
        ("release/1/2", "release/*", False),
        ("release", "release/*", False),
        ("xrelease/1", "release/*", False),
        ("release/1/fix", "release/*/fix", True),
        ("release-1", "release-*", True),
        ("a", "*", True),
        ("a/b", "*", False),
        ("a[b]", "a[b]", True),
        ("ab", "a[b]", False),
    ],
)
def test_a_star_does_not_cross_a_slash(branch: str, pattern: str, allowed: bool) -> None:
    assert matches(branch, pattern) is allowed


@given(st.text("ab1./", max_size=12))
def test_a_pattern_without_a_star_matches_itself_only(name: str) -> None:
    assert not is_glob(name)
    assert matches(name, name)
    assert not matches(f"{name}x", name)


def test_many_stars_are_matched_quickly() -> None:
    start = time.process_time()
    assert not matches("a" * 240, "a*" * 110 + "b")
    assert time.process_time() - start < 0.5
