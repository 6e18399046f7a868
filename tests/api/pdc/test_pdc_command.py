"""The command line client `pdc`, unmodified: every command that lists what Longshore has."""

import asyncio
import json
import sys
from importlib.util import find_spec

import pytest

from tests.api.pdc.content import create_content
from tests.api.pdc.test_pdc_client import recording_proxy
from tests.world import Serve, World

if find_spec("imp") is None:
    pytest.skip("pdc needs the module imp, which Python has up to 3.11", allow_module_level=True)

RUN = """
import io, json, sys
from contextlib import redirect_stdout
from pdc_client.runner import Runner
server, *commands = sys.argv[1:]
del sys.argv[1:]
runner, printed = Runner(), {}
runner.setup()
for command in commands:
    with redirect_stdout(io.StringIO()) as output:
        runner.run(["-s", server, *command.split()])
    printed[command] = output.getvalue()
print(json.dumps(printed))
"""
LISTINGS: dict[str, list[str]] = {
    "product list": ["bar", "foo"],
    "product list --all": ["bar", "foo"],
    "product list --inactive": [],
    "product-version list": ["foo-1"],
    "product-version list --all": ["foo-1"],
    "product-version list --inactive": [],
    "release list": ["foo-1.0", "foo-1.1-eus"],
    "release list --all": ["bar-2.0", "foo-1.0", "foo-1.1-eus"],
    "release list --inactive": ["bar-2.0"],
    "release-variant list": ["bar-2.0", "foo-1.0", "foo-1.1-eus"],
    "release-variant list --release foo-1.0": ["foo-1.0"],
    "release-variant list --uid Server --id Server --name Server --type variant": ["bar-2.0", "foo-1.0"],
    "--page-size 1 release-variant list": ["bar-2.0", "foo-1.0", "foo-1.1-eus"],
    "--page-size 1 --page 3 release-variant list": ["foo-1.1-eus"],
    "--page-size -1 release-variant list": ["bar-2.0", "foo-1.0", "foo-1.1-eus"],
    "content-delivery-repo list --service pulp": ["2", "5", "1"],
    "content-delivery-repo list --release-id foo-1.0 --arch x86_64 --content-category binary --content-format rpm "
    "--name foo-rpms --repo-family dist --service pulp --shadow false --variant-uid Server": ["1"],
    "content-delivery-repo list --product-id 3000000000": ["4"],
    "rpm list --name bash": ["1", "2"],
    "rpm list --version 5.2 --release 1 --arch src": ["2"],
    **{
        f"rpm list --{name} x": []
        for name in ("compose", "conflicts", "obsoletes", "provides", "suggests", "recommends", "requires")
    },
}
HEADERS = {"Short", "Product", "Release-ID", "Release", "ID"}


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connect to the service without a proxy."""
    monkeypatch.setenv("NO_PROXY", "*")


async def run_commands(server: str, *commands: str) -> dict[str, str]:
    """What the commands print."""
    arguments = ("-W", "ignore", "-c", RUN, server, *commands)
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert process.returncode == 0
    return dict(json.loads(output))


async def test_every_listing_shows_what_matches(world: World, aiohttp_server: Serve) -> None:
    await create_content(world)
    async with recording_proxy(world, aiohttp_server, world.token) as (url, requests):
        printed = await run_commands(url, *LISTINGS)
    first_words = {
        command: [line.split()[0] for line in text.splitlines() if line.strip() and line.split()[0] not in HEADERS]
        for command, text in printed.items()
    }
    assert first_words == LISTINGS
    assert any("ordering=release%2Cvariant_uid" in path for _, path in requests)
    assert any("ordering=variant_arch__variant__release__release_id%2C" in path for _, path in requests)


async def test_listings_and_single_items_are_printed_as_json_too(world: World, aiohttp_server: Serve) -> None:
    await create_content(world)
    commands = ["release-variant list", "release info foo-1.0", "rpm info 1", "content-delivery-repo info 1"]
    async with recording_proxy(world, aiohttp_server, world.token) as (url, _):
        printed = await run_commands(url, *(f"--json {command}" for command in commands))
    variants, release, rpm, repo = map(json.loads, printed.values())
    assert [variant["release"] for variant in variants] == ["bar-2.0", "foo-1.0", "foo-1.1-eus"]
    assert [variant["uid"] for variant in release["variants"]] == ["Server"]
    assert (rpm["filename"], repo["name"]) == ("bash-5.2-1.x86_64.rpm", "foo-rpms")
