"""Pull requests of a commit, and the objects of annotated tags."""

from datetime import UTC

from bot.github import pull_requests, tags
from bot.github.pull_requests import ChangedFile
from bot.github.repository import RepositoryClient
from bot.rules.ids import CommitSha
from tests.world import World


async def test_the_pull_requests_of_a_commit_are_listed(world: World, client: RepositoryClient) -> None:
    number = await world.github.pull_request()
    head = CommitSha(world.github.repository().pulls[number].head_sha)
    (open_one,) = await pull_requests.of_commit(client, head)
    assert (open_one.number, open_one.head_sha, open_one.merged_sha, open_one.base) == (number, head, None, "main")
    merged = await world.github.merge(number)
    (merged_one,) = await pull_requests.of_commit(client, CommitSha(merged))
    assert (merged_one.number, merged_one.merged_sha) == (number, merged)
    assert await pull_requests.get(client, number) == merged_one
    assert await pull_requests.of_commit(client, CommitSha("1" * 40)) == []


async def test_the_files_of_a_pull_request_have_their_status(world: World, client: RepositoryClient) -> None:
    long = "".join(f"line {number}\n" for number in range(50))
    await world.github.commit(files={"old.txt": "1\n", "gone.txt": "2\n", "moved.txt": long})
    changes = {"old.txt": "changed\n", "gone.txt": None, "new.txt": "3\n", "moved.txt": None, "to/here.txt": long}
    number = await world.github.pull_request(files=changes)
    found, complete = await pull_requests.files(client, number)
    assert complete and sorted(found, key=lambda each: each.name) == [
        ChangedFile("gone.txt", "removed"),
        ChangedFile("new.txt", "added"),
        ChangedFile("old.txt", "modified"),
        ChangedFile("to/here.txt", "renamed", "moved.txt"),
    ]


async def test_all_pages_of_files_are_read(world: World, client: RepositoryClient) -> None:
    number = await world.github.pull_request(files={f"file-{each}.txt": f"{each}\n" for each in range(130)})
    found, complete = await pull_requests.files(client, number)
    assert complete and len(found) == 130


async def test_no_files_are_known_of_a_pull_request_that_does_not_exist(client: RepositoryClient) -> None:
    assert await pull_requests.files(client, 4711) == ([], False)


async def test_an_annotated_tag_has_its_tagger_and_its_message(world: World, client: RepositoryClient) -> None:
    sha = await world.github.tag("v1", annotated=True, message="One\n\n/longshore deploy production")
    found = await tags.annotated(client, sha)
    assert found is not None and (found.sha, found.commit) == (sha, world.github.head())
    assert found.message.splitlines()[-1] == "/longshore deploy production"
    assert found.tagger_email == "alice@users.noreply.github.com"
    assert found.tagged_at is not None and found.tagged_at.astimezone(UTC) <= world.service.github.now()
    assert await tags.annotated(client, world.github.head()) is None
