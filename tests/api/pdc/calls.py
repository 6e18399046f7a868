"""What tests of release schedules have in common: a calendar, and requests that no client would send."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import orjson

from bot.store.projects import Project, Repository
from tests.api.pdc.goods import BASE, RELEASES, made
from tests.world import World

SCHEDULES = "release-schedules/"
SLAS = ["gold", "silver", "bronze"]
NEW = {"release": "bar-2.0", "sla": "silver", "date": "2030-03-03"}


def day(offset: int = 0) -> str:
    """A day from today on, in UTC."""
    return (datetime.now(UTC) + timedelta(days=offset)).date().isoformat()


def dates() -> list[tuple[str, str, str]]:
    """The schedules of the calendar, numbered from 1: release, SLA and date."""
    return [
        ("foo-1.0", "gold", "2017-09-01"),
        ("foo-1.0", "silver", "2099-01-01"),
        ("foo-1.1-eus", "gold", day()),
        ("bar-2.0", "bronze", day(-1)),
        ("bar-2.0", "gold", "2012-02-29"),
    ]


async def calendar(world: World) -> None:
    """Three releases, three SLAs and five schedules; two of the releases are of projects of their own."""
    await made(world, "products", {"name": "Foo", "short": "foo"})
    await made(world, "product-versions", {"name": "Foo 1", "version": "1", "product": "foo"})
    await made(world, "releases", RELEASES)
    await made(world, "component-sla-types", [{"name": name} for name in SLAS])
    rows = [{"release": release, "sla": sla, "date": date} for release, sla, date in dates()]
    await made(world, "release-schedules", rows)


async def hide(permalink: str) -> None:
    """Let a project be of a private repository."""
    now = datetime.now(UTC)
    values: dict[str, Any] = {"full_name": f"acme/{permalink}", "default_branch": "main", "private": True}
    repository = await Repository.create(github_id=9000 + len(permalink), checked_at=now, **values)
    assert await Project.filter(permalink=permalink).update(repository_id=repository.github_id)


async def send_raw(world: World, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """What is answered to bytes as they are: status, headers and body."""
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


async def ask_raw(
    world: World, method: bytes, path: bytes, *headers: bytes, body: bytes = b"", token: str | None = None
) -> tuple[int, Any]:
    """Status and JSON of what is answered to a request below the base that is not checked before it is sent."""
    secret = (world.token if token is None else token).encode("utf-8", "surrogateescape")
    given = [b"Host: longshore.test", b"Connection: close", b"Authorization: Token " + secret, *headers]
    given += [b"Content-Length: %d" % len(body)] if body else []
    request = b" ".join([method, BASE.encode() + b"/" + path, b"HTTP/1.1"])
    status, answered, said = await send_raw(world, b"\r\n".join([request, *given, b"", body]))
    assert answered.get("content-type") == "application/json", (path, status, answered, said[:200])
    return status, orjson.loads(said)
