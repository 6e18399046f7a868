"""The authors of commits, as far as GitHub links them to accounts."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bot.rules.ids import GitHubUserId
from bot.rules.texts import cut

TRAILER = "co-authored-by:"
MAX_NAME = 200
_NOREPLY = re.compile(
    r"(?:([1-9][0-9]{0,18})\+)?([a-z0-9][a-z0-9_-]{0,99}(?:\[bot\])?)@users\.noreply\.github\.com",
    re.ASCII | re.IGNORECASE,
)
"""Private addresses of accounts.

https://docs.github.com/en/account-and-profile/reference/email-addresses-reference#your-noreply-email-address
"""


@dataclass(frozen=True)
class CommitAuthor:
    """Somebody who wrote a commit or a part of it: the account's id and login, as far as they are known, and the name.

    The id is the account; a login alone comes from an old private address, and may have changed hands.
    """

    github_id: GitHubUserId | None
    login: str | None
    name: str

    @property
    def is_linked(self) -> bool:
        """Whether the account is known, if only by its login."""
        return self.github_id is not None or self.login is not None


def from_signature(name: str, email: str) -> CommitAuthor:
    """The author with a name and an email address, which tells the account only if it is GitHub's private one."""
    found = _NOREPLY.fullmatch(email.strip())
    shown = cut(" ".join(name.split()), MAX_NAME)
    if found is None:
        return CommitAuthor(None, None, shown or cut(" ".join(email.split()), MAX_NAME))
    return CommitAuthor(GitHubUserId(int(found[1])) if found[1] else None, found[2], shown or found[2])


def co_authors(message: str) -> list[CommitAuthor]:
    """The authors that a commit's message names in lines `Co-authored-by: NAME <EMAIL>`, in their order.

    GitHub reads such lines at the end of a message only; here they count wherever they stand.
    """
    found = []
    for line in message.splitlines():
        line = line.strip()
        if line[: len(TRAILER)].lower() == TRAILER:
            name, bracket, email = line[len(TRAILER) :].rpartition("<")
            author = from_signature(name, email.rstrip(">")) if bracket else from_signature(email, "")
            found += [author] if author.is_linked or author.name else []
    return found


def distinct(authors: Iterable[CommitAuthor]) -> tuple[CommitAuthor, ...]:
    """Each author once, in the order of the first mention: by account if it is known, else by name.

    An author with only a login is the account that another mention gives that login.
    """
    listed = list(authors)
    ids = {author.login.lower(): author.github_id for author in listed if author.login and author.github_id}
    found: dict[object, CommitAuthor] = {}
    for author in listed:
        known = author.github_id or ids.get((author.login or "").lower())
        key = known or (("login", author.login.lower()) if author.login else ("name", author.name.casefold()))
        found.setdefault(key, CommitAuthor(known, author.login, author.name))
    return tuple(found.values())
