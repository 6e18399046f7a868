"""Bodies of callers without credentials are not read, or only so much of them as credentials in a body need."""

import asyncio
import gzip
import time
from typing import Any

import pytest

from api.http.bodies import MAX_UNPROVEN_BYTES
from tests.api.rest.announcement_helpers import RELEASES
from tests.api.test_access import EVERY_CALL
from tests.world import World

PDC = "/rest_api/v1/release-schedules/"
WRITES = [(method, path) for method, path, body, _ in EVERY_CALL if body is not None]
WRITES += [(method, PDC) for method in ("POST", "PUT", "PATCH", "DELETE")]
WRITES += [("POST", "/api/releases/new/"), ("PATCH", "/api/releases/1/update_files/")]
WRITES += [("POST", "/graphql")]  # which anybody may read with


async def status_of_head(world: World, method: str, path: str, *headers: str) -> int:
    """The status of a request that announces a body and does not send it."""
    host, port = world.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = [f"{method} {path} HTTP/1.1", "Host: here", "Content-Length: 1000", "Content-Type: application/json"]
    writer.write("\r\n".join([*lines, *headers, "", ""]).encode())
    try:
        async with asyncio.timeout(1):
            return int((await reader.readline()).split(b" ")[1])
    finally:
        writer.close()


@pytest.mark.parametrize("headers", [[], ["Authorization: Bearer lsh_unknown"]], ids=["no token", "unknown token"])
async def test_who_has_no_credentials_is_refused_before_the_body_arrives(world: World, headers: list[str]) -> None:
    for method, path in WRITES if headers else WRITES[:-1]:
        assert await status_of_head(world, method, path, *headers) in (401, 429), (method, path)


async def test_credentials_in_a_head_are_checked_before_the_body_arrives_also_where_a_body_may_have_them(
    world: World,
) -> None:
    assert await status_of_head(world, "POST", f"{RELEASES}.json", "Authorization: Bearer lsh_unknown") == 401
    assert await status_of_head(world, "POST", f"{RELEASES}.json?auth_code=lsh_unknown") == 401


async def test_a_body_that_may_hold_credentials_is_short(world: World) -> None:
    release = {"version": "2.0", "changelog": "Fixes."}

    async def submit(length: int, **credentials: str) -> int:
        body = {**credentials, "release": {**release, "tag_list": ["x" * length]}}
        return (await world.ask("POST", f"{RELEASES}.json", body, token="")).status

    assert await submit(MAX_UNPROVEN_BYTES, auth_code=world.token) == 413
    assert await submit(MAX_UNPROVEN_BYTES - 1000, auth_code=world.token) == 409  # read, and found to be invalid
    assert await submit(MAX_UNPROVEN_BYTES - 1000) == 401


async def test_a_query_by_anybody_is_short(world: World) -> None:
    for length, status in ((MAX_UNPROVEN_BYTES, 413), (MAX_UNPROVEN_BYTES - 1000, 200)):
        body = {"query": "{ projects { totalCount } }", "variables": {"x": "y" * length}}
        assert (await world.ask("POST", "/graphql", body, token="")).status == status


async def test_a_compressed_body_is_inflated_for_those_who_may_send_it_and_no_further_than_they_may(
    world: World,
) -> None:
    bomb = gzip.compress(bytes(200_000_000), 1)
    cases: list[tuple[str, str, int]] = [("/api/projects", "", 401), (PDC, "", 401)]
    cases += [("/api/projects", world.token, 413), (PDC, world.token, 413), (f"{RELEASES}.json", "", 413)]
    for path, token, status in cases:
        begun = time.process_time()
        headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
        answer: Any = await world.ask("POST", path, token=token, data=bomb, headers=headers)
        assert answer.status == status, path
        assert time.process_time() - begun < 0.3, path
