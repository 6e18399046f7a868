"""The authors of commits: what signatures and messages tell about them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.authors import CommitAuthor, co_authors, distinct, from_signature
from bot.rules.ids import GitHubUserId

ALICE = CommitAuthor(GitHubUserId(583231), "alice", "Alice Smith")


@pytest.mark.parametrize(
    ("name", "email", "author"),
    [
        ("Alice Smith", "583231+alice@users.noreply.github.com", ALICE),
        ("Alice Smith", "583231+Alice@USERS.noreply.GitHub.com", CommitAuthor(ALICE.github_id, "Alice", "Alice Smith")),
        ("Alice Smith", " 583231+alice@users.noreply.github.com ", ALICE),
        ("Alice", "alice@users.noreply.github.com", CommitAuthor(None, "alice", "Alice")),
        ("b", "49699333+dependabot[bot]@users.noreply.github.com", (49699333, "dependabot[bot]", "b")),
        ("", "583231+alice@users.noreply.github.com", CommitAuthor(ALICE.github_id, "alice", "alice")),
        ("Alice", "alice@example.com", CommitAuthor(None, None, "Alice")),
        ("Alice", "583231+alice@users.noreply.github.com.example", CommitAuthor(None, None, "Alice")),
        ("Alice", "583231+alice@usersXnoreply.github.com", CommitAuthor(None, None, "Alice")),
        ("Alice", "0+alice@users.noreply.github.com", CommitAuthor(None, None, "Alice")),
        ("Alice", "١+alice@users.noreply.github.com", CommitAuthor(None, None, "Alice")),
        ("Alice", "5+a b@users.noreply.github.com", CommitAuthor(None, None, "Alice")),
        ("Alice", "99999999999999999999+alice@users.noreply.github.com", CommitAuthor(None, None, "Alice")),
        ("", "alice@example.com", CommitAuthor(None, None, "alice@example.com")),
        ("Alice\n Smith", "", CommitAuthor(None, None, "Alice Smith")),
        ("", "", CommitAuthor(None, None, "")),
        ("x" * 1000, "", CommitAuthor(None, None, "x" * 199 + "…")),
    ],
    ids=lambda value: ascii(value)[:60],
)
def test_an_account_is_known_by_githubs_private_address_alone(name: str, email: str, author: CommitAuthor) -> None:
    found = from_signature(name, email)
    assert (found.github_id, found.login, found.name) == (
        author if isinstance(author, tuple) else (author.github_id, author.login, author.name)
    )


@pytest.mark.parametrize(
    ("message", "authors"),
    [
        ("Fix it", []),
        ("Fix it\n\nCo-authored-by: Alice Smith <583231+alice@users.noreply.github.com>", [ALICE]),
        ("Fix it\n\nco-AUTHORED-by:Alice Smith<583231+alice@users.noreply.github.com>\n", [ALICE]),
        ("Fix it\r\n\r\n  Co-authored-by: Alice Smith <583231+alice@users.noreply.github.com>  \r\n", [ALICE]),
        ("Co-authored-by: Alice Smith <583231+alice@users.noreply.github.com>\n\nFix it\n\nSigned-off-by: b", [ALICE]),
        ("a\n\nCo-authored-by: B <b@example.com>\nCo-authored-by: C <c@example.com>", ["B", "C"]),
        ("a\n\nCo-authored-by: B", ["B"]),
        ("a\n\nCo-authored-by: <b@example.com>", ["b@example.com"]),
        ("a\n\nCo-authored-by: B <b <x>", ["B <b"]),
        ("a\n\nCo-authored-by:", []),
        ("a\n\nCo-authored-by: <>", []),
        ("a\n\nNot-Co-authored-by: B <b@example.com>", []),
        ("as co-authored-by: B <b@example.com> said", []),
        ("", []),
    ],
    ids=ascii,
)
def test_co_authors_are_read_from_the_lines_of_a_message(message: str, authors: list[CommitAuthor | str]) -> None:
    expected = [CommitAuthor(None, None, each) if isinstance(each, str) else each for each in authors]
    assert co_authors(message) == expected


def test_a_hostile_message_is_read_quickly() -> None:
    began = time.monotonic()
    for line in (
        "Co-authored-by: " + "<" * 200_000,
        "Co-authored-by: " + "1" * 200_000 + "+@users.noreply.github.com>",
    ):
        co_authors(line)
    co_authors("Co-authored-by: a <b>\n" * 10_000)
    assert time.monotonic() - began < 1


def test_an_author_counts_once_and_a_login_is_the_account_that_another_mention_gives() -> None:
    alice_by_login = CommitAuthor(None, "Alice", "A.")
    bob = CommitAuthor(None, "bob", "Bob")
    carol, carol_again = CommitAuthor(None, None, "Carol"), CommitAuthor(None, None, "CAROL")
    found = distinct([alice_by_login, bob, ALICE, carol, bob, carol_again])
    assert found == (CommitAuthor(ALICE.github_id, "Alice", "A."), bob, carol)
    assert [author.is_linked for author in found] == [True, True, False]


authors = st.builds(
    CommitAuthor,
    st.sampled_from([None, *map(GitHubUserId, (1, 2))]),
    st.sampled_from([None, "a", "A", "b"]),
    st.sampled_from(["x", "y"]),
)


@given(st.lists(authors))
def test_no_account_and_no_name_is_lost(some: list[CommitAuthor]) -> None:
    found = distinct(some)
    assert {each.github_id for each in some} <= {each.github_id for each in found} | {None}
    unlinked = {each.name for each in some if not each.is_linked}
    assert unlinked == {each.name for each in found if not each.is_linked}
    assert distinct(found) == found
