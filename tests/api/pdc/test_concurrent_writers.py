"""Many writers of content at once, in two processes on PostgreSQL: as if one had followed the other."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from copy import copy
from random import Random
from typing import Any

import orjson
import pytest
from aiohttp import ClientError

from bot.operations.records import GRANT
from bot.store.database import fetch, shared_transaction
from bot.store.locks import row_lock
from tests.api.pdc.content import REPO, RPM, VARIANT, create, create_content, get, send
from tests.api.pdc.schedules import SCHEDULES, SLAS
from tests.cli.conftest import COMMAND, SECRET, free_port, process_environment
from tests.conftest import postgres
from tests.world import World

Request = tuple[str, str, Any]
WRITERS, REQUESTS = 10, 30
DAYS = [f"2030-01-{day:02}" for day in range(1, 29)]
VERSIONS = [f"1.{number}" for number in range(8)]
RELEASES = [f"foo-{version}" for version in VERSIONS]


@pytest.fixture
async def worlds(world: World) -> AsyncIterator[list[World]]:
    """The application in this process and, on PostgreSQL, in another one with the same database."""
    if not postgres():
        yield [world]
        return
    settings = {
        "LONGSHORE_DATABASE_URL": world.service.database.url,
        "LONGSHORE_PORT": str(free_port()),
        "LONGSHORE_GITHUB_API_URL": "http://127.0.0.1:1",
        "LONGSHORE_GITHUB_APP_ID": "1",
        "LONGSHORE_GITHUB_PRIVATE_KEY": world.github.private_key,
        "LONGSHORE_GITHUB_WEBHOOK_SECRET": SECRET,
    }
    other = copy(world)
    other.url = f"http://127.0.0.1:{settings['LONGSHORE_PORT']}"
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "serve", "--no-worker", env=process_environment(**settings), stdout=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(30):
            while not await is_up(other):
                await asyncio.sleep(0.1)
        yield [world, other]
    finally:
        process.terminate()
        await process.wait()


async def is_up(world: World) -> bool:
    with suppress(ClientError):
        return (await world.ask("GET", "/healthz")).status == 200
    return False


async def meet(worlds: list[World], *requests: Request) -> list[int]:
    """Send requests at once, in turn to each process; return their statuses."""
    answers = await asyncio.gather(
        *(send(worlds[number % len(worlds)], *request) for number, request in enumerate(requests))
    )
    assert not [answer for answer in answers if answer[0] >= 500]
    return [status for status, _ in answers]


def schedule(release: str, sla: str, day: str = DAYS[0]) -> dict[str, str]:
    return {"release": release, "sla": sla, "date": day}


async def create_releases(world: World) -> None:
    """Create the releases and SLAs that writers refer to."""
    items = [{"short": "foo", "version": version, "release_type": "ga", "name": version} for version in VERSIONS]
    await create(world, "releases", items)
    await create(world, "component-sla-types", [{"name": name} for name in SLAS])


async def test_of_writers_that_claim_one_key_exactly_one_gets_it(worlds: list[World]) -> None:
    await create_releases(worlds[0])
    for release in RELEASES:
        new = ("POST", SCHEDULES, schedule(release, "gold"))
        bulk = ("POST", SCHEDULES, [schedule(release, sla) for sla in ("bronze", "gold")])
        statuses = await meet(worlds, new, new, bulk, new, bulk, new)
        assert sorted(statuses) == [201, 400, 400, 400, 400, 400]
    rows = await get(worlds[0], f"{SCHEDULES}?page_size=0")
    assert len(rows) == len({(row["release"], row["sla"]) for row in rows})
    await worlds[0].settle()


async def test_rows_that_move_to_each_others_keys_never_share_one(worlds: list[World]) -> None:
    await create_releases(worlds[0])
    rows = await create(worlds[0], "release-schedules", [schedule(release, "gold") for release in RELEASES])
    random = Random(1)
    for _ in range(12):
        moves: list[Request] = []
        for row in rows:
            target = {"release": random.choice(RELEASES), "sla": random.choice(SLAS[:2])}
            moves.append(("PATCH", f"{SCHEDULES}{row['id']}/", target))
        assert set(await meet(worlds, *moves)) <= {200, 400}
    await worlds[0].settle()
    assert await replayed() == await stored_schedules()


async def test_a_row_whose_parent_is_deleted_meanwhile_is_refused_or_deleted_with_it(worlds: list[World]) -> None:
    world = worlds[0]
    await create_releases(world)
    for number in range(10):
        (sla,) = await create(world, "component-sla-types", [{"name": f"sla {number}"}])
        children = [("POST", SCHEDULES, schedule(release, sla["name"])) for release in RELEASES]
        *statuses, deleted = await meet(worlds, *children, ("DELETE", f"component-sla-types/{sla['id']}/", None))
        assert set(statuses) <= {201, 400, 409} and deleted == 204
    assert await get(world, f"{SCHEDULES}?page_size=0") == []
    await world.settle()


@pytest.mark.skipif(not postgres(), reason="SQLite has one writer at a time")
async def test_a_writer_waits_only_for_those_of_the_same_row(world: World) -> None:
    await create_releases(world)
    await create(world, "release-schedules", [schedule(release, "gold") for release in RELEASES[:2]])
    async with shared_transaction(GRANT, [row_lock("schedules", 1)]):
        same = asyncio.create_task(send(world, "PATCH", f"{SCHEDULES}1/", {"date": DAYS[1]}))
        async with asyncio.timeout(5):
            assert (await send(world, "PATCH", f"{SCHEDULES}2/", {"date": DAYS[1]}))[0] == 200
            assert (await send(world, "POST", SCHEDULES, schedule(RELEASES[2], "gold")))[0] == 201
            assert (await send(world, "DELETE", f"{SCHEDULES}2/"))[0] == 204
        assert not same.done()
    assert (await same)[0] == 200


def an_act(random: Random, slas: list[int]) -> Request:
    """A random write of schedules, of what they refer to, or of the files of a repository."""
    release, sla, day, row = random.choice(RELEASES), random.choice(SLAS), random.choice(DAYS), random.randint(1, 40)
    mixed = [schedule(*pair, day) for pair in random.sample([(a, b) for a in RELEASES for b in SLAS], 14)]
    file = {"file_primary_key": random.randint(1, 3), "repo": {"id": random.randint(1, 8)}, "release_date": day}
    arches = random.choice([["x86_64"], ["x86_64", "aarch64"]])
    acts: list[Request] = [
        ("POST", SCHEDULES, schedule(release, sla, day)),
        ("PATCH", f"{SCHEDULES}{row}/", {"date": day}),
        ("PATCH", f"{SCHEDULES}{row}/", {"release": release, "sla": sla}),
        ("PATCH", SCHEDULES, {str(each): {"release": release} for each in random.sample(range(1, 40), 3)}),
        ("DELETE", f"{SCHEDULES}{row}/", None),
        ("POST", SCHEDULES, mixed[:3]),
        ("POST", SCHEDULES, mixed),
        ("DELETE", SCHEDULES, random.sample(range(1, 40), 2)),
        ("PATCH", f"component-sla-types/{random.choice(slas)}/", {"description": day}),
        ("POST", "released-files/", file),
        ("PATCH", f"released-files/{row}/", {"repo": file["repo"]}),
        ("DELETE", f"released-files/{row}/", None),
        ("POST", "content-delivery-repos/", {**REPO, "name": f"repo {row}", "arch": random.choice(arches)}),
        ("PATCH", f"content-delivery-repos/{random.randint(1, 8)}/", {"name": f"repo {row}"}),
        ("DELETE", f"content-delivery-repos/{random.randint(4, 20)}/", None),
        ("PATCH", "release-variants/foo-1.0/Server/", {"arches": arches, "name": day}),
        ("POST", "release-variants/", {**VARIANT, "release": release, "uid": f"V{row % 5}"}),
        ("PATCH", f"release-variants/{release}/V{row % 5}/", {"uid": f"V{random.randint(0, 4)}"}),
        ("DELETE", f"release-variants/{release}/V{row % 5}/", None),
        ("PATCH", f"rpms/{random.randint(1, 3)}/", {"version": random.choice(VERSIONS)}),
        ("POST", "rpms/", {**RPM, "version": random.choice(VERSIONS)}),
        ("POST", "releases/", {"short": f"p{row % 4}", "version": release, "release_type": "ga", "name": day}),
        ("PATCH", f"products/{random.choice(['foo', 'bar'])}/", {"name": day}),
        ("POST", "product-versions/", {"name": day, "version": f"{row % 6}", "product": "bar"}),
    ]
    return random.choice(acts)


async def test_writers_of_everything_neither_deadlock_nor_lose_a_change(worlds: list[World]) -> None:
    world = worlds[0]
    await create_content(world)
    added = [each for each in VERSIONS if each != "1.0"]
    new = [{"short": "foo", "version": version, "release_type": "ga", "name": version} for version in added]
    await create(world, "releases", new)
    slas = [row["id"] for row in await create(world, "component-sla-types", [{"name": name} for name in SLAS])]

    async def write(seed: int) -> list[int]:
        random, statuses = Random(seed), []
        for _ in range(REQUESTS):
            request = an_act(random, slas)
            status, answer = await send(worlds[seed % len(worlds)], *request)
            assert status in (200, 201, 204, 400, 404, 409), (request, status, answer)
            statuses.append(status)
        return statuses

    statuses = [status for each in await asyncio.gather(*map(write, range(WRITERS))) for status in each]
    assert sum(status < 300 for status in statuses) > len(statuses) / 5
    await world.settle()
    assert await replayed() == await stored_schedules()
    numbers = [row["id"] for row in await fetch("SELECT id FROM changesets ORDER BY id")]
    entries = await fetch("SELECT after FROM audit_entries WHERE act = 'records.apply' ORDER BY id")
    assert sorted(decoded(entry["after"])["changeset"] for entry in entries) == numbers


decoded: Callable[[Any], Any] = lambda value: orjson.loads(value) if isinstance(value, str) else value  # noqa: E731


async def replayed() -> dict[str, Any]:
    """The schedules that the change log tells of, each change of which has to begin where the one before it ended."""
    rows: dict[str, Any] = {}
    sql = "SELECT changes FROM changesets WHERE resource = 'release-schedules' ORDER BY id"
    for change in [each for row in await fetch(sql) for each in decoded(row["changes"])]:
        assert change["old_value"] == rows.pop(change["resource_id"], None), change
        if change["new_value"] is not None:
            rows[change["resource_id"]] = change["new_value"]
    return rows


async def stored_schedules() -> dict[str, Any]:
    """The schedules as the change log shows them."""
    sql = (
        "SELECT t.id, r.release_id AS release, s.name AS sla, t.date FROM schedules t "
        "JOIN releases r ON r.id = t.release_id JOIN slas s ON s.id = t.sla_id"
    )
    return {str(row.pop("id")): {**row, "date": str(row["date"])} for row in await fetch(sql)}
