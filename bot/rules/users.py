"""The names of users: an account on GitHub and the user of a token never share one, nor does either take ours."""

import re
from collections.abc import Iterator
from itertools import count

SYSTEM = "longshore"
"""Longshore's own name."""
_ACCOUNT = re.compile(r".*@github(-.*)?", re.IGNORECASE)  # no login holds an `@`


def account_names(login: str, github_id: int) -> Iterator[str]:
    """The names that an account on GitHub may go by, in order of preference: it gets the first one that is free."""
    if login.lower() != SYSTEM:
        yield login
    yield f"{login}@github"
    yield f"{login}@github-{github_id}"
    yield from (f"{login}@github-{github_id}-{number}" for number in count(2))


def is_account_name(name: str, login: str, github_id: int) -> bool:
    """Return whether a name is one of those that an account may go by."""
    numbered = f"{login}@github-{github_id}"
    is_login = name == login and login.lower() != SYSTEM
    return is_login or name in (f"{login}@github", numbered) or name.startswith(f"{numbered}-")


def looks_like_account(name: str) -> bool:
    """Return whether a name says that its user is an account on GitHub."""
    return _ACCOUNT.fullmatch(name) is not None


def token_name(name: str) -> str:
    """The name of a token's user whose own name is that of an account on GitHub."""
    return f"{name}@token"


def why_no_role(login: str, account: int | None, expected: int) -> str | None:
    """Say why the role of a login is not that of the account that had it in a payload; None if it is.

    `account` is the id of the account that has the login on GitHub now, None if GitHub reports none.
    """
    if account is None:
        return f"GitHub reports no role for `{login}`: if the account has just been renamed, write the command again."
    if account != expected:
        return f"`{login}` is another account on GitHub now: write the command again."
    return None
