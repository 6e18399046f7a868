"""The names and versions that may be meant, for completion: asked of the service, within a second or not at all."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from cli.client import environment, logins
from cli.client.caller import Caller
from cli.client.completion_scripts import SCRIPTS
from cli.client.exits import Stopped
from cli.client.service import Pace, connected, path

SECONDS = 1.0  # that somebody who types waits at most
IMPATIENT = Pace(reading=0.0)
NEWEST = 50  # releases


class Silence:
    """Says nothing, to somebody who types."""

    def say(self, sentence: str) -> None:
        """Say nothing."""

    def show_state(self, text: str) -> None:
        """Show nothing."""


def values(kind: str, given: Mapping[str, str], current: str) -> list[str]:
    """What a parameter may be: `kind` is its name. `given` are the options before it. Nothing if it is not known."""
    if kind == "shell":
        return list(SCRIPTS)
    if kind == "url":
        return list(logins.read(environment.logins_file()).tokens)
    ask = ASKED.get(kind)
    return [] if ask is None else asyncio.run(_asked(ask, given, current))


Ask = Callable[[Caller, str], Awaitable[list[str]]]


async def _asked(ask: Ask, given: Mapping[str, str], current: str) -> list[str]:
    try:
        async with asyncio.timeout(SECONDS):
            found = environment.variables()
            login = logins.find(logins.read(environment.logins_file()), given.get("url"), found)
            async with connected(login, Silence().say, IMPATIENT, environment.proxies()) as service:
                return await ask(Caller(service, Silence(), named=given.get("project") or found.project), current)
    except (Stopped, TimeoutError, OSError):
        return []


async def _projects(caller: Caller, current: str) -> list[str]:
    return [project["name"] for project in await caller.service.get_all(path("api", "projects"))]


async def _environments(caller: Caller, current: str) -> list[str]:
    where = path("api", "projects", await caller.project(), "environments")
    return [environment["name"] for environment in await caller.service.get(where, per_page=100)]


async def _versions(caller: Caller, current: str) -> list[str]:
    where = path("api", "projects", await caller.project(), "releases")
    return [release["version"] for release in await caller.service.get(where, per_page=NEWEST)]


async def _candidates(caller: Caller, current: str) -> list[str]:
    """The candidates of a release that is written already; else the newest candidate of each release."""
    where = path("api", "projects", await caller.project(), "releases")
    release, mark, _ = current.rpartition("-rc")
    if mark:
        found = (await caller.service.get(f"{where}{path(release)}"))["candidates"]
        return [candidate["release_candidate_version"] for candidate in found]
    newest = [release["newest_candidate"] for release in await caller.service.get(where, per_page=NEWEST)]
    return [version for version in newest if version is not None]


ASKED: dict[str, Ask] = {
    "project": _projects,
    "environment": _environments,
    "version": _versions,
    "candidate": _candidates,
}
"""What the service is asked, by the names of parameters."""
