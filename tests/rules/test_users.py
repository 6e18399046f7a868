"""The names of users."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.users import account_names, is_account_name, looks_like_account, token_name, why_no_role

LOGINS = st.from_regex(r"[A-Za-z0-9](-?[A-Za-z0-9]){0,8}", fullmatch=True)


@given(LOGINS, st.integers(1, 2**40))
def test_an_account_goes_by_its_login_or_by_a_name_that_says_what_it_is(login: str, github_id: int) -> None:
    names = list(islice(account_names(login, github_id), 6))
    assert len(set(names)) == 6
    assert all(is_account_name(name, login, github_id) for name in names)
    assert all(looks_like_account(name) for name in names if name != login)
    assert token_name(login) not in names and not looks_like_account(token_name(login))


@pytest.mark.parametrize("login", ["longshore", "Longshore", "LONGSHORE"])
def test_no_account_goes_by_our_name(login: str) -> None:
    assert next(account_names(login, 5)) == f"{login}@github"
    assert not is_account_name(login, login, 5)


@pytest.mark.parametrize("name", ["alice@github", "alice@GitHub", "a@github-5", "alice@github-5-2", "x@token@github"])
def test_names_of_accounts_are_recognized(name: str) -> None:
    assert looks_like_account(name)


@pytest.mark.parametrize("name", ["alice", "alice@token", "alice@github.com", "github", "alice@githubber", "@"])
def test_other_names_are_not_those_of_accounts(name: str) -> None:
    assert not looks_like_account(name)


@pytest.mark.parametrize(
    ("account", "words"), [(7, None), (8, "another account on GitHub now"), (None, "reports no role")]
)
def test_a_role_counts_for_the_account_that_github_names(account: int | None, words: str | None) -> None:
    sentence = why_no_role("alice", account, 7)
    assert (sentence is None) == (words is None)
    assert words is None or (words in str(sentence) and "write the command again" in str(sentence))
