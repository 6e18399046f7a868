"""Schedules for tests of the PDC dialect, and raw requests that no client would send."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import orjson

from bot.store.projects import Project, Repository
from tests.api.pdc.content import BASE, RELEASES, create
from tests.world import World

SCHEDULES = "release-schedules/"
SLAS = ["gold", "silver", "bronze"]
NEW = {"release": "bar-2.0", "sla": "silver", "date": "2030-03-03"}


def iso_date(offset: int = 0) -> str:
    """The date some days from today, in UTC."""
    return (datetime.now(UTC) + timedelta(days=offset)).date().isoformat()


def schedule_dates() -> list[tuple[str, str, str]]:
    """The schedules that `create_schedules` creates, with ids from 1: release, SLA and date."""
    return [
        ("foo-1.0", "gold", "2017-09-01"),
        ("foo-1.0", "silver", "2099-01-01"),
        ("foo-1.1-eus", "gold", iso_date()),
        ("bar-2.0", "bronze", iso_date(-1)),
        ("bar-2.0", "gold", "2012-02-29"),
    ]


async def create_schedules(world: World) -> None:
    """Create three releases of two projects, three SLAs and five schedules."""
    await create(world, "products", {"name": "Foo", "short": "foo"})
    await create(world, "product-versions", {"name": "Foo 1", "version": "1", "product": "foo"})
    await create(world, "releases", RELEASES)
    await create(world, "component-sla-types", [{"name": name} for name in SLAS])
    rows = [{"release": release, "sla": sla, "date": date} for release, sla, date in schedule_dates()]
    await create(world, "release-schedules", rows)


async def make_private(permalink: str) -> None:
    """Give a project a private repository."""
    now = datetime.now(UTC)
    values: dict[str, Any] = {"full_name": f"acme/{permalink}", "default_branch": "main", "private": True}
    repository = await Repository.create(github_id=9000 + len(permalink), checked_at=now, **values)
    assert await Project.filter(permalink=permalink).update(repository_id=repository.github_id)


async def send_raw(world: World, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes as they are; return status, headers and body of the response."""
    address = urlsplit(world.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        writer.write(request)
        head, _, body = (await asyncio.wait_for(reader.read(), 20)).partition(b"\r\n\r\n")
    finally:
        writer.close()
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(first.split()[1]), headers, body


async def send_raw_request(
    world: World, method: bytes, path: bytes, *headers: bytes, body: bytes = b"", token: str | None = None
) -> tuple[int, Any]:
    """Send a request below the base unchecked; return the status and JSON of the response."""
    secret = (world.token if token is None else token).encode("utf-8", "surrogateescape")
    lines = [b"Host: longshore.test", b"Connection: close", b"Authorization: Token " + secret, *headers]
    lines += [b"Content-Length: %d" % len(body)] if body else []
    request = b" ".join([method, BASE.encode() + b"/" + path, b"HTTP/1.1"])
    status, response_headers, response = await send_raw(world, b"\r\n".join([request, *lines, b"", body]))
    assert response_headers.get("content-type") == "application/json", (path, status, response_headers, response[:200])
    return status, orjson.loads(response)
