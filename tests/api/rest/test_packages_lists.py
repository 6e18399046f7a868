"""Lists of package releases: filters, pages, the latest release of a package, and visibility."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from bot.context import utc_now
from bot.rules.permissions import Visibility
from bot.store.database import fetch
from bot.store.packages import PackageFilter
from bot.store.projects import Repository
from bot.store.releases import Release
from tests.api.helpers import create_project, field_values, hold, page_links
from tests.api.rest.test_packages import create_release, fields_named, status_and_sentence
from tests.queue.helpers import only_sqlite
from tests.world import Response, Serve, World, running_world

LIST = "/api/releases/"
LATEST = "/api/releases/latest/"


async def list_page(world: World, query: str = "", **more: Any) -> Response:
    """A page of the list."""
    answer = await world.ask("GET", f"{LIST}{query}", **more)
    assert answer.status == 200, answer.json
    assert set(answer.json) == {"count", "next", "previous", "results"}
    return answer


async def listed_versions(world: World, query: str = "", **more: Any) -> list[str]:
    """The versions of the first page, whose `count` is checked."""
    page = (await list_page(world, query, **more)).json
    assert page["count"] == len(page["results"])
    return [row["version"] for row in page["results"]]


async def latest_version(world: World, query: str, **more: Any) -> str | None:
    """The version of the latest release, if there is one."""
    answer = await world.ask("GET", f"{LATEST}{query}", **more)
    if answer.status == 404:
        assert status_and_sentence(answer) == (404, "Release not found")
        return None
    assert answer.status == 200, answer.json
    return str(answer.json["version"])


async def test_an_empty_list_is_an_empty_page(world: World) -> None:
    assert (await list_page(world)).json == {"count": 0, "next": None, "previous": None, "results": []}


async def test_the_list_has_complete_releases_newest_first(world: World) -> None:
    await create_release(world, version="1.0", files={"js": "a"}, signature="s", release_notes="n")
    await create_release(world, version="0.9", release_date="2030-01-01")
    page = (await list_page(world)).json
    assert page["count"] == 2
    assert [row["version"] for row in page["results"]] == ["0.9", "1.0"]
    for row in page["results"]:
        assert row == (await world.ask("GET", f"{LIST}{row['id']}/")).json
    assert set(page["results"][0]) == {
        *("id", "package", "version", "release_date", "status", "release_notes", "files", "signature")
    }


async def test_filters_narrow_the_list_alone_and_together(world: World) -> None:
    await create_project(world, "a+b & c")
    for status in (1, 10, 20, 30, 40):
        await create_release(world, version=f"s{status}", status=status)
        await create_release(world, package="a+b & c", version=f"a{status}", status=status)
    await hold("a40")
    await Release.filter(version="s10").update(release_type="eus")
    assert await listed_versions(world, "?package=site") == ["s40", "s30", "s20", "s1"]
    assert await listed_versions(world, "?package=a%2Bb%20%26%20c") == ["a40", "a30", "a20", "a10", "a1"]
    assert await listed_versions(world, "?status=20") == ["a40", "a20", "s20"]
    assert await listed_versions(world, "?status=40") == ["s40"]
    assert await listed_versions(world, "?status=1") == ["a1", "s1"]
    assert await listed_versions(world, "?status=10&package=site") == []
    assert await listed_versions(world, "?status=20&package=site") == ["s20"]
    assert await listed_versions(world, "?package=nobody") == []
    assert await listed_versions(world, "?package=Site") == []
    assert len(await listed_versions(world, "?package=&status=&page=&page_size=")) == 9


async def test_pages_link_to_their_neighbours_with_absolute_urls_that_keep_the_filters(world: World) -> None:
    for number in range(5):
        await create_release(world, version=f"1.{number}")
    await create_release(world, version="2.0", status=1)
    first = (await list_page(world, "?status=30&page_size=2&package=site")).json
    assert (first["count"], first["previous"]) == (5, None)
    assert first["next"].startswith(f"{world.url}{LIST}?")
    assert dict(URL(first["next"]).query) == {"status": "30", "page_size": "2", "package": "site", "page": "2"}
    found, page = [row["version"] for row in first["results"]], first
    while page["next"]:
        before, page = page, (await world.ask("GET", page["next"].removeprefix(world.url))).json
        assert (await world.ask("GET", page["previous"].removeprefix(world.url))).json["results"] == before["results"]
        assert page["count"] == 5
        found += [row["version"] for row in page["results"]]
    assert found == ["1.4", "1.3", "1.2", "1.1", "1.0"]


async def test_the_link_header_agrees_with_the_body(world: World) -> None:
    for number in range(5):
        await create_release(world, version=f"1.{number}")
    assert "Link" not in (await list_page(world)).headers
    for number in (1, 2, 3):
        answer = await list_page(world, f"?page_size=2&page={number}")
        others = {"first": 1, "prev": number - 1} if number > 1 else {}
        others |= {"next": number + 1, "last": 3} if number < 3 else {}
        assert page_links(answer) == {name: f"page_size=2&page={other}" for name, other in others.items()}
        for name, rel in (("next", "next"), ("previous", "prev")):
            assert (answer.json[name] or "").partition("?")[2] == page_links(answer).get(rel, "")


async def test_a_page_beyond_the_last_is_empty_and_links_back_to_it(world: World) -> None:
    await create_release(world)
    for number in (2, 10_000_000):
        page = (await list_page(world, f"?page={number}&page_size=100")).json
        assert (page["count"], page["results"], page["next"]) == (1, [], None)
        assert URL(page["previous"]).query["page"] == "1"


async def test_an_invalid_parameter_is_refused_by_name(world: World) -> None:
    invalid: dict[str, list[str]] = {
        "status": ["x", "2", "30.0", "0", "-1", "%2B30", "30%20", "1e1", "٣٠", "9" * 30, "30&status=30", "&status="],
        "page": ["0", "-1", "x", "1.0", "last", "10000001", "9" * 400, "1&page=2"],
        "page_size": ["0", "-1", "101", "x", "1.5"],
        "stauts": ["30"],
        "include": ["testing"],
    }
    for field, value in field_values(invalid):
        assert fields_named(await world.ask("GET", f"{LIST}?package=site&{field}={value}")) == {field}, value


async def test_the_latest_is_the_released_one_with_the_newest_past_date(world: World) -> None:
    tomorrow = (utc_now() + timedelta(days=1)).isoformat()
    assert await latest_version(world, "?package=site") is None
    for version, date, status in (
        ("1.9", "2024-01-01", 30),
        ("2.0", "2024-03-01", 30),
        ("1.9.1", "2024-02-01", 30),
        ("2.1", tomorrow, 30),
        ("2.2", "2024-04-01", 10),
        ("2.3", "2024-05-01", 1),
        ("2.4", "2024-06-01", 40),
        ("2.5", "2024-07-01", 20),
        ("2.6", tomorrow, 10),
    ):
        await create_release(world, version=version, release_date=date, status=status)
    assert await latest_version(world, "?package=site") == "2.0"
    assert await latest_version(world, "?package=site&include=testing") == "2.2"
    await hold("2.0")
    assert await latest_version(world, "?package=site") == "1.9.1"
    await Release.filter(version="2.2").update(release_type="eus")
    assert await latest_version(world, "?package=site&include=testing") == "1.9.1"


async def test_of_releases_with_the_same_date_the_one_created_last_is_the_latest(world: World) -> None:
    moments = ["2024-01-01T12:00:00Z", "2024-01-01T13:00:00+01:00", "2024-01-01T12:00:00.5Z", "2024-01-01T12:00:00.5Z"]
    for number, moment in enumerate(moments):
        await create_release(world, version=f"1.{number}", release_date=moment)
        assert await latest_version(world, "?package=site") == f"1.{number}"
    await create_release(world, version="2.0", release_date="2024-01-01T12:00:00.5Z", status=10)
    assert await latest_version(world, "?package=site&include=testing") == "2.0"


async def test_the_earliest_representable_date_sorts_before_every_other(world: World) -> None:
    await create_release(world, version="1.0", release_date="2024-01-01")
    await create_release(world, version="1.1", release_date="0001-01-01T00:00:00Z", status=10)
    assert await latest_version(world, "?package=site&include=testing") == "1.0"


async def test_a_release_deployed_to_production_counts_as_released(world: World) -> None:
    await world.cut("1.0-rc1")
    await world.complete_deployment("1.0-rc1")
    assert await latest_version(world, "?package=site&include=testing") is None
    await world.complete_deployment("1.0-rc1", "production")
    assert await latest_version(world, "?package=site") == "1.0"


async def test_the_latest_is_of_one_package(world: World) -> None:
    for query, field in (("", "package"), ("?package=", "package"), ("?package=site&x=1", "x")):
        assert fields_named(await world.ask("GET", f"{LATEST}{query}")) == {field}
    assert fields_named(await world.ask("GET", f"{LATEST}?package=site&include=all")) == {"include"}
    for unknown in ("nobody", "x" * 5000, "%00", "site&include="):
        assert await latest_version(world, f"?package={unknown}") is None
        assert unknown.startswith("site") or await listed_versions(world, f"?package={unknown}") == []


# --- anonymous callers


@pytest.fixture
async def open_world(source: Path, database_url: str, aiohttp_server: Serve) -> AsyncIterator[World]:
    """A service whose releases anonymous callers may read."""
    async with running_world(source, database_url, aiohttp_server, anonymous_read="all") as world:
        yield world


async def test_anonymous_callers_see_public_releases_only(open_world: World) -> None:
    world = open_world
    await create_project(world, "loose")
    await create_release(world, version="1.0", files={"js": "a"})
    await create_release(world, version="2.0", package="loose")
    assert await listed_versions(world, token="") == ["2.0", "1.0"]
    assert (await world.ask("GET", f"{LIST}1/", token="")).json["files"] == {"js": ["a"]}
    await Repository.all().update(private=True)
    assert await listed_versions(world, token="") == ["2.0"]
    assert await listed_versions(world, "?package=site", token="") == []
    assert await listed_versions(world, "?status=30", token="") == ["2.0"]
    assert await latest_version(world, "?package=site", token="") is None
    assert await latest_version(world, "?package=loose", token="") == "2.0"
    hidden = await world.ask("GET", f"{LIST}1/", token="")
    assert (hidden.status, hidden.json) == (404, (await world.ask("GET", f"{LIST}99/", token="")).json)
    scoped = await world.create_token("project:read", project="site")
    assert await listed_versions(world, token=scoped) == ["2.0", "1.0"]
    elsewhere = await world.create_token("content:write", user="other")
    assert await listed_versions(world, token=elsewhere) == ["2.0"]
    for method, path, body in (
        ("POST", "/api/releases/new/", {"package": "loose"}),
        ("PATCH", f"{LIST}2/update_files/", {"files": {}}),
    ):
        assert (await world.ask(method, path, body, token="")).status == 401


# --- query plans


@only_sqlite
async def test_a_page_is_read_from_an_index(world: World) -> None:
    """On SQLite, whose query plans do not depend on the number of rows."""
    everything, indexes = Visibility(everything=True), {}
    for criteria in (
        PackageFilter(everything, status=30),
        PackageFilter(everything, project_id=1, status=30),
        PackageFilter(Visibility(project_id=1), status=30),
        PackageFilter(everything, project_id=1, status=20),
        PackageFilter(everything, project_id=1),
        PackageFilter(Visibility(public=True), status=30),
    ):
        args: list[Any] = []
        sql = f"SELECT id FROM releases WHERE {criteria.condition(args)} ORDER BY id DESC LIMIT 20"
        plan = [row["detail"] for row in await fetch(f"EXPLAIN QUERY PLAN {sql}", *args)]
        assert not [step for step in plan if "ORDER BY" in step]
        indexes[criteria] = plan[0].split(" INDEX ")[1].split(" ")[0]
    assert list(indexes.values()) == [
        "releases_status",
        "releases_project_status",
        "releases_project_status",
        "releases_held",
        "releases_project",
        "releases_status",
    ]
