"""The project is that of the git repository that somebody stands in."""

import subprocess
from pathlib import Path

import pytest

from cli.client.caller import Caller
from cli.client.exits import Usage
from cli.client.repositories import repositories, repository_of
from tests.cli.client.conftest import Client, personal_token
from tests.world import World


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/acme/site",
        "https://github.com/acme/site.git",
        "https://github.com/acme/site/",
        "https://ada:ghp_secret@github.com/acme/site.git",
        "http://github.example.com:8443/acme/site.git",
        "ssh://git@github.com/acme/site.git",
        "ssh://git@ssh.github.com:443/acme/site.git",
        "git+ssh://git@github.example.com/acme/site",
        "git://github.com/acme/site.git",
        "git@github.com:acme/site.git",
        "git@github.com:acme/site",
        "github.example.com:acme/site.git",
        "acme@acme.ghe.com:acme/site.git",
        "git@github.com:/acme/site.git",
    ],
)
def test_a_remote_leads_to_a_repository(url: str) -> None:
    assert repository_of(url) == "acme/site"


@pytest.mark.parametrize(
    "url",
    [
        *("/srv/git/acme/site.git", "../site", "site", "file:///srv/acme/site.git", "C:\\acme\\site", "C:acme/site"),
        *("https://github.com/acme", "https://github.com/acme/site/tree/main", "git@github.com:site.git", ""),
        *("git@github.com:acme/si te.git", "https://github.com/acme/.git/x"),
    ],
)
def test_other_remotes_lead_to_none(url: str) -> None:
    assert repository_of(url) is None


@pytest.mark.parametrize(
    ("name", "expected"), [("v1.site", "v1.site"), ("site.git.git", "site.git"), ("a_b-c", "a_b-c")]
)
def test_names_with_dots_keep_them(name: str, expected: str) -> None:
    assert repository_of(f"git@github.com:acme/{name}") == f"acme/{expected}"


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository with several remotes, and a folder in it."""
    git(tmp_path, "init", "-q")
    for name, url in (
        ("backup", "/srv/git/site.git"),
        ("fork", "git@github.com:ada/site.git"),
        ("upstream", "https://github.com/acme/site.git"),
        ("origin", "git@github.com:bob/site.git"),
    ):
        git(tmp_path, "remote", "add", name, url)
    (tmp_path / "below").mkdir()
    return tmp_path / "below"


async def test_remotes_are_looked_at_in_an_order(clone: Path) -> None:
    assert await repositories(clone) == ["bob/site", "acme/site", "ada/site"]


async def test_the_project_is_found_by_any_remote(client: Client, clone: Path) -> None:
    caller = await client.caller(named="")
    assert await Caller(caller.service, client.told, clone).project() == "site"
    assert await Caller(caller.service, client.told, clone, "other").project() == "other"


async def test_of_several_projects_one_has_to_be_named(world: World, client: Client, clone: Path) -> None:
    for name in ("docs", "old"):
        await world.ask("POST", "/api/projects", {"name": name, "repo": "acme/site"})
    await world.ask("PATCH", "/api/projects/old", {"archived": True})
    caller = Caller((await client.caller()).service, client.told, clone)
    with pytest.raises(Usage) as refused:
        await caller.project()
    assert refused.value.sentence == (
        "acme/site has several projects, `docs` and `site`: name one with --project, or with LONGSHORE_PROJECT."
    )


async def test_without_a_project_it_is_said_what_was_looked_for(client: Client, clone: Path, tmp_path: Path) -> None:
    service = (await client.caller()).service
    git(clone, "remote", "remove", "upstream")
    with pytest.raises(Usage, match=r"^No project that you can list has the repository `bob/site` or `ada/site`: name"):
        await Caller(service, client.told, clone).project()
    (elsewhere := tmp_path / "elsewhere").mkdir()
    git(elsewhere, "init", "-q")
    with pytest.raises(Usage, match=r"^You are in no clone of a repository on GitHub"):
        await Caller(service, client.told, elsewhere).project()


async def test_a_project_that_a_personal_token_does_not_list_is_found_by_the_name_of_its_repository(
    world: World, client: Client, clone: Path
) -> None:
    await world.github.set_private()
    await world.settle()
    token = await personal_token(world, "bob", "project:read")
    assert (await world.ask("GET", "/api/projects", token=token)).json == []
    caller = await client.caller(token=token)
    assert await Caller(caller.service, client.told, clone).project() == "site"
