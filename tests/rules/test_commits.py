"""Syntax of commit hashes, repository names and branch patterns."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Refusal
from bot.rules.commits import (
    branch_pattern_problem,
    is_branch_pattern,
    is_glob,
    is_repository_name,
    likely_first,
    matches,
    parse_sha,
)
from tests.rules.test_versions import is_valid_git_ref

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
    ("value", "reason"),
    [
        ("0" * 40, "that is Git's placeholder for no commit: use the SHA of a commit that exists"),
        ("0" * 64, "that is Git's placeholder for no commit: use the SHA of a commit that exists"),
        (SHA[:7], "abbreviated"),
        (SHA + "0", "it has 41 digits"),
        ("main", "it is the name of a branch or tag, not a SHA"),
        ("release/1.4", "it is the name of a branch or tag, not a SHA"),
        ("HEAD", "it is the name of a branch or tag, not a SHA"),
        ("g" * 40, None),
        ("", None),
        (None, None),
    ],
)
def test_the_refusal_says_why_a_text_is_no_full_sha(value: object, reason: str | None) -> None:
    with pytest.raises(Refusal) as refused:
        parse_sha(value)
    assert refused.value.details.get("reason") == reason


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
    ("text", "right"),
    [
        ("refs/heads/main", "main"),
        ("refs/heads/release/*", "release/*"),
        ("/refs/heads/main", "main"),
        ("release/**", "release/*"),
        ("release/***", "release/*"),
        ("**", "*"),
        ("**/ship", "*/ship"),
        ("release/**/fix", "release/*/fix"),
        ("refs/heads/release/**", "release/*"),
        ("/main", "main"),
        ("//main", "main"),
        ("release/", "release/*"),
        ("a//b", "a/b"),
        (" main", "main"),
        ("main\n", "main"),
        ("\u00a0main\t", "main"),
        (" /release/** ", "release/*"),
    ],
    ids=ascii,
)
def test_a_spelling_that_can_be_understood_is_refused_with_the_right_one(text: str, right: str) -> None:
    problem = branch_pattern_problem(text)
    assert problem is not None
    assert problem.startswith(f"write `{right}` instead of `{ascii(text)[1:-1]}`: ")
    assert branch_pattern_problem(right) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "a name of 1 to 244 characters"),
        ("a" * 245, "a name of 1 to 244 characters"),
        (" " * 100_000, "a name of 1 to 244 characters"),
        ("refs/tags/v1", "not another ref"),
        ("refs/heads/", "has to begin with a letter or digit"),
        ("HEAD", "the branch itself, such as `main`"),
        ("0123456789" * 4, "a branch, not a commit"),
        ("refs/heads/" + "0123456789" * 4, "a branch, not a commit"),
        ("a..b", "git allows no branch of that name"),
        ("a.", "git allows no branch of that name"),
        ("a/.b", "git allows no branch of that name"),
        ("a.lock", "git allows no branch of that name"),
        ("a.lock/b", "git allows no branch of that name"),
        ("release/*.lock", "git allows no branch of that name"),
        ("a b", "has to begin with a letter or digit"),
        ("-main", "has to begin with a letter or digit"),
        ("!release/*", "has to begin with a letter or digit"),
        ("release/[0-9]+", "to have only letters, digits"),
        ("release/?", "to have only letters, digits"),
        ("release/{a,b}", "to have only letters, digits"),
        ("release\\*", "to have only letters, digits"),
        ("main~1", "to have only letters, digits"),
        ("main:main", "to have only letters, digits"),
        ("a\u202eb", "to have only letters, digits"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_a_pattern_that_can_never_match_is_refused_with_the_reason(text: str, reason: str) -> None:
    problem = branch_pattern_problem(text)
    assert problem is not None
    assert reason in problem
    assert problem.isascii() and problem.isprintable()


@given(st.text("ab01./*@-_#+ ~^?[\\{!\nréHEAD", max_size=30) | st.text(max_size=30))
def test_every_pattern_that_is_accepted_can_match_a_branch(text: str) -> None:
    if is_branch_pattern(text):
        name = text.replace("*", "x")
        assert is_valid_git_ref(name)
        assert matches(name, text)


@pytest.mark.parametrize(
    ("release", "first", "last"),
    [
        ("1.4.0", "release/1.4", "release/0.9"),
        ("1.10.2", "release/1.10", "release/0.9"),
        ("v11.0", "release/11", "release/0.9"),
        ("1.40.1", "release/1.40", "release/0.9"),
        ("7.0", "release/11", "release/0.9"),
    ],
)
def test_likely_branches_are_those_named_like_the_release_and_then_the_newest(
    release: str, first: str, last: str
) -> None:
    names = ["1.4", "0.9", "11", "1.10", "1.40", "1.9"]
    ordered = likely_first([f"release/{name}" for name in names], "release/", release)
    assert (ordered[0], ordered[-1]) == (first, last)
    assert sorted(ordered) == sorted(f"release/{name}" for name in names)


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
