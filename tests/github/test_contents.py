"""Files of a repository: read up to a size, and never taken for missing when something else is."""

import pytest

from bot.errors import NotFound, Refusal, Unavailable
from bot.github import contents
from bot.github.repository import RepositoryClient
from tests.world import World

PATH = ".longshore/settings of us.yml"


async def test_a_file_is_read_at_a_ref(world: World, client: RepositoryClient) -> None:
    first = await world.github.commit(files={PATH: "a: ü\n"})
    await world.github.commit(files={PATH: "a: 2\n"})
    found = await contents.get_file(client, PATH, "main")
    assert found is not None and found.content == b"a: 2\n"
    older = await contents.get_file(client, PATH, first)
    assert older is not None and older.content == "a: ü\n".encode()
    assert older.sha != found.sha and len(found.sha) == 40


async def test_a_file_that_is_not_there_is_none(world: World, client: RepositoryClient) -> None:
    assert await contents.get_file(client, PATH, "main") is None
    await world.github.commit(files={PATH: "a: 1\n"})
    await world.github.commit(files={PATH: None})
    assert await contents.get_file(client, PATH, "main") is None


async def test_a_ref_that_is_not_there_is_no_missing_file(client: RepositoryClient) -> None:
    with pytest.raises(NotFound, match="no branch, tag or commit `gone`"):
        await contents.get_file(client, PATH, "gone")


@pytest.mark.parametrize("path", ["*/contents/*"])
async def test_an_outage_is_no_missing_file(world: World, client: RepositoryClient, path: str) -> None:
    world.github.faults.fail(path=path, times=None)
    with pytest.raises(Unavailable):
        await contents.get_file(client, PATH, "main")


@pytest.mark.parametrize(("size", "is_read"), [(0, True), (65_536, True), (65_537, False), (2_000_000, False)])
async def test_a_file_is_read_up_to_a_size(world: World, client: RepositoryClient, size: int, is_read: bool) -> None:
    await world.github.commit(files={PATH: "x" * size})
    if is_read:
        found = await contents.get_file(client, PATH, "main")
        assert found is not None and found.content == b"x" * size
        return
    with pytest.raises(Refusal, match=r"larger than 65,536 bytes"):
        await contents.get_file(client, PATH, "main")


async def test_the_size_may_be_another(world: World, client: RepositoryClient) -> None:
    await world.github.commit(files={PATH: "x" * 101})
    with pytest.raises(Refusal, match=r"larger than 100 bytes"):
        await contents.get_file(client, PATH, "main", max_bytes=100)


async def test_a_folder_is_no_file(client: RepositoryClient) -> None:
    with pytest.raises(Refusal, match="`src` is not a file"):
        await contents.get_file(client, "src", "main")
