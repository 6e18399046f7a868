"""Lists of people: what is an entry, and whom a list names."""

from typing import Any

import pytest

from bot.errors import Refusal
from bot.rules.approvers import (
    Answer,
    PersonFact,
    Team,
    check_entry,
    is_listed,
    logins_in,
    names_roles,
    teams_in,
)
from bot.rules.ids import GitHubUserId

ENTRIES = ["role:read", "role:admin", "team:acme/release", "team:ACME/web-1.0_x", "user:ada", "user:A-d-a1"]
NO_ENTRIES = [
    *("", "ada", "role:", "role:owner", "role:Admin", "role:none", "team:acme", "team:acme/", "team:acme/Release"),
    *("team:acme/a/b", "user:", "user:-ada", "user:ada-", "user:a b", "user:ada\n", "user:" + "a" * 40, " role:read"),
    *("team:a_b/c", "app:longshore", "user:adа"),
]


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_role_a_team_or_a_user_is_an_entry(entry: str) -> None:
    assert check_entry(entry) == entry


@pytest.mark.parametrize("entry", NO_ENTRIES)
def test_nothing_else_is_an_entry(entry: str) -> None:
    with pytest.raises(Refusal):
        check_entry(entry)


def test_a_list_says_what_has_to_be_asked_of_github() -> None:
    assert teams_in(ENTRIES) == {Team("acme", "release"), Team("acme", "web-1.0_x")}
    assert logins_in(ENTRIES) == {"ada", "a-d-a1"}
    assert names_roles(ENTRIES) and not names_roles(["user:ada", "team:acme/release"])
    assert not teams_in([]) and not logins_in([])


ADA, USERS = GitHubUserId(7), {"ada": GitHubUserId(7), "grace": GitHubUserId(8)}
RELEASE = "team:Acme/release"
UNREAD = {"team:acme/release": "timeout"}
LISTED: list[tuple[list[str], dict[str, Any], Answer, str]] = [
    ([], {"role": "admin"}, "no", ""),
    (["role:write"], {"role": "read"}, "no", ""),
    (["role:write"], {"role": "write"}, "yes", ""),
    (["role:write"], {"role": "admin"}, "yes", ""),
    (["role:read"], {"role": "none"}, "no", ""),
    (["role:read"], {"role": "a custom role"}, "no", ""),
    (["role:write"], {}, "unknown", "GitHub was not asked for the role"),
    (["role:write"], {"problems": {"role": "timeout"}}, "unknown", "timeout"),
    ([RELEASE], {"teams": frozenset({Team("acme", "release")})}, "yes", ""),
    ([RELEASE], {"teams": frozenset({Team("other", "release")})}, "no", ""),
    ([RELEASE], {"problems": UNREAD}, "unknown", "timeout"),
    (["team:acme/web"], {"problems": UNREAD}, "no", ""),
    (["user:Ada"], {}, "yes", ""),
    (["user:grace"], {}, "no", ""),
    (["user:unknown"], {}, "no", ""),
    (["user:ada"], {"is_gone": True}, "no", ""),
    ([RELEASE, "role:admin"], {"problems": UNREAD, "role": "admin"}, "yes", ""),
    ([RELEASE, "role:admin"], {"problems": UNREAD, "role": "write"}, "unknown", "timeout"),
    (["role:admin", RELEASE], {"problems": UNREAD}, "unknown", "GitHub was not asked for the role"),
    (["no entry"], {"role": "admin"}, "no", ""),
]


@pytest.mark.parametrize(("entries", "fields", "answer", "problem"), LISTED)
def test_one_entry_that_names_a_person_suffices(
    entries: list[str], fields: dict[str, Any], answer: Answer, problem: str
) -> None:
    assert is_listed(PersonFact(ADA, "ada", **fields), entries, USERS) == (answer, problem)


def test_a_user_who_took_over_a_login_is_not_meant() -> None:
    assert is_listed(PersonFact(GitHubUserId(9), "ada"), ["user:ada"], USERS) == ("no", "")
