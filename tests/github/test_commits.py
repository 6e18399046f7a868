"""The tip of a branch, the commits that changed a file, and the files that a commit changed."""

import pytest

from bot.errors import Unavailable
from bot.github import branches, commits
from bot.github.repository import RepositoryClient
from bot.rules.ids import CommitSha
from tests.world import World

PATH = "settings of us.yml"


async def test_the_tip_of_a_branch_is_told(world: World, client: RepositoryClient) -> None:
    await world.github.branch("release/1.0")
    sha = await world.github.commit(branch="release/1.0")
    assert await branches.tip(client, "release/1.0") == sha
    assert await branches.tip(client, "main") == world.github.head()


@pytest.mark.parametrize("branch", ["gone", "release", "v1"])
async def test_what_is_no_branch_has_no_tip(world: World, client: RepositoryClient, branch: str) -> None:
    await world.github.branch("release/1.0")
    await world.github.tag("v1")
    assert await branches.tip(client, branch) is None


async def test_the_commits_that_changed_a_file_are_listed_with_their_authors(
    world: World, client: RepositoryClient
) -> None:
    first = await world.github.commit(files={PATH: "1"}, by="alice")
    await world.github.commit("Something else", by="bob")
    second = await world.github.commit(
        "Change\n\nCo-authored-by: Carol <9+carol@users.noreply.github.com>", files={PATH: "2"}
    )
    last = await world.github.commit(files={PATH: None}, by="bob")
    found, complete = await commits.touching(client, PATH, CommitSha(world.github.head()))
    assert complete
    assert [each.sha for each in found] == [last, second, first]
    assert [sorted(author.login or "" for author in each.authors) for each in found] == [
        ["bob"],
        ["alice", "carol"],
        ["alice"],
    ]
    assert (await commits.touching(client, PATH, CommitSha(first)))[0][0].sha == first
    assert await commits.touching(client, "never.yml", CommitSha(first)) == ([], True)


async def test_more_commits_than_are_read_are_not_all(world: World, client: RepositoryClient) -> None:
    for number in range(3):
        await world.github.commit(files={PATH: str(number)})
    found, complete = await commits.touching(client, PATH, CommitSha(world.github.head()), limit=2)
    assert (len(found), complete) == (2, False)


async def test_the_files_of_a_commit_are_listed(world: World, client: RepositoryClient) -> None:
    await world.github.commit(files={"a": "x" * 100, "b": "1"})
    sha = await world.github.commit(files={"a": None, "moved": "x" * 100, "b": "2", "ü/c": "3"})
    names, complete = await commits.files(client, CommitSha(sha))
    assert (set(names), complete) == ({"a", "moved", "b", "ü/c"}, True)


async def test_of_an_unknown_commit_no_files_are_known(client: RepositoryClient) -> None:
    assert await commits.files(client, CommitSha("a" * 40)) == ([], False)


async def test_an_outage_is_an_error(world: World, client: RepositoryClient) -> None:
    sha = CommitSha(world.github.head())
    world.github.faults.fail(path="*", status=502, times=None)
    for question in (
        branches.tip(client, "main"),
        commits.touching(client, PATH, sha),
        commits.files(client, sha),
    ):
        with pytest.raises(Unavailable):
            await question
