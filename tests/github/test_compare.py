"""Comparisons: how two commits relate, and everybody who wrote what lies between them."""

from typing import Any

import pytest

from bot.errors import Unavailable
from bot.github import compare
from bot.github.repository import RepositoryClient
from bot.rules.authors import CommitAuthor
from bot.rules.ids import CommitSha, GitHubUserId
from tests.world import World


def sha(world: World, name: str = "main") -> CommitSha:
    return CommitSha(world.github.resolve(name))


def account(world: World, login: str) -> CommitAuthor:
    return CommitAuthor(GitHubUserId(world.github.state.account(login).id), login, login)


async def test_the_authors_of_all_commits_between_are_named(world: World, client: RepositoryClient) -> None:
    for login in ("alice", "dora"):
        world.github.person(login)
    base = sha(world)
    await world.github.commit("Fix\n\nCo-authored-by: Bob <4711+bob@users.noreply.github.com>", by="alice")
    await world.github.commit("Fix more\n\nCo-authored-by: Eve <eve@example.com>", by="dora")
    found = await compare.compare(client, base, sha(world))
    assert found is not None and (found.status, found.ahead_by, found.complete) == ("ahead", 2, True)
    assert set(found.authors) == {
        account(world, "alice"),
        account(world, "dora"),
        CommitAuthor(GitHubUserId(4711), "bob", "Bob"),
        CommitAuthor(None, None, "Eve"),
    }
    assert found.unlinked == ("Eve",)


async def test_an_author_without_an_account_is_named_but_not_linked(world: World, client: RepositoryClient) -> None:
    found = await compare.compare(client, sha(world, "main~3"), sha(world, "main~2"))
    assert found is not None and found.unlinked == ("Sam Developer",)
    assert await compare.authors_of(client, sha(world, "main~2")) == found.authors


ALICE, WEB_FLOW = {"id": 1, "login": "alice"}, {"id": 19864447, "login": "web-flow"}


@pytest.mark.parametrize(
    ("author", "committer", "email", "found"),
    [
        (ALICE, ALICE, "", [(1, "alice"), (1, "alice")]),
        (ALICE, {"id": 2, "login": "bob"}, "", [(1, "alice"), (2, "bob")]),
        (ALICE, WEB_FLOW, "", [(1, "alice")]),
        (WEB_FLOW, WEB_FLOW, "", [(19864447, "web-flow")]),
        (ALICE, None, "noreply@github.com", [(1, "alice"), (None, None)]),
        ({}, WEB_FLOW, "3+carol@users.noreply.github.com", [(3, "carol")]),
        (None, None, "carol@users.noreply.github.com", [(None, "carol"), (None, "carol")]),
    ],
    ids=[
        *("one", "two", "made on GitHub's pages", "GitHub's own work"),
        *("GitHub's address in a commit of others", "an empty account", "an old private address"),
    ],
)
def test_a_commit_names_its_author_and_its_committer(
    author: Any, committer: Any, email: str, found: list[tuple[int | None, str | None]]
) -> None:
    signature = {"name": "Somebody", "email": email, "date": "2026-11-30T12:00:00Z"}
    commit = {"author": signature, "committer": signature, "message": "Fix it"}
    data = {"sha": "1" * 40, "commit": commit, "author": author, "committer": committer}
    authors = list(compare.commit_authors(data))
    assert [(each.github_id, each.login) for each in authors] == found
    assert {each.name for each in authors} == {"Somebody"}


@pytest.mark.parametrize(
    ("base", "head", "status"),
    [
        ("main~1", "main", "ahead"),
        ("main", "main", "identical"),
        ("main", "main~1", "behind"),
        ("other", "main", "diverged"),
    ],
)
async def test_commits_relate_in_one_of_four_ways(
    world: World, client: RepositoryClient, base: str, head: str, status: str
) -> None:
    await world.github.branch("other", at="main~1")
    await world.github.commit(branch="other")
    found = await compare.compare(client, sha(world, base), sha(world, head))
    assert found is not None and found.status == status
    assert bool(found.authors) == (status in ("ahead", "diverged"))


async def test_all_pages_of_commits_are_read(world: World, client: RepositoryClient) -> None:
    base = sha(world)
    logins = [f"person-{number}" for number in range(230)]
    for login in logins:
        await world.github.commit(by=login)
    found = await compare.compare(client, base, sha(world))
    assert found is not None and found.complete and found.ahead_by == 230
    assert {author.login for author in found.authors} == set(logins)
    short = await compare.compare(client, base, sha(world), max_pages=2)
    assert short is not None and not short.complete and len(short.authors) == 200
    only = await compare.compare(client, base, sha(world), max_pages=1)
    assert only is not None and not only.complete and len(only.authors) == 100


async def test_a_commit_that_github_does_not_know_cannot_be_compared(world: World, client: RepositoryClient) -> None:
    assert await compare.compare(client, CommitSha("1" * 40), sha(world)) is None
    assert await compare.authors_of(client, CommitSha("1" * 40)) is None


async def test_an_outage_on_a_later_page_is_no_answer(world: World, client: RepositoryClient) -> None:
    base = sha(world)
    for _ in range(101):
        await world.github.commit()
    assert await compare.compare(client, base, sha(world)) is not None
    await world.github.commit()
    world.github.faults.fail(path="*/repositories/*/compare/*", times=None)  # links to later pages have the id
    with pytest.raises(Unavailable):
        await compare.compare(client, base, sha(world))
