"""The command line client of Freecode, `freecode-submit` 2.7: its exact requests, and what it reads from responses.

It uses urllib, sends a body with every request after the first, including GET and DELETE, and reads the `auth_code`
from `~/.netrc`.
"""

import asyncio
import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.api.rest.announcement_helpers import decide
from tests.world import World

GRANTS = ("announcement:submit", "project:write")


class Client:
    """The requests of that client, in its order."""

    def __init__(self, server: str, code: str) -> None:
        self.server, self.code = f"{server}/", code
        self.permalink = ""
        self.project: Any = None

    def on_project(self, name: str) -> None:
        with urlopen(f"{self.server}projects/{name}.json?auth_code={self.code}") as answer:
            self.project = json.loads(answer.read())["project"]
        self.permalink = self.project["permalink"]
        assert self.project["id"]

    def edit(self, path: str, method: str = "GET", body: dict[str, Any] | None = None) -> bytes:
        data = json.dumps({"auth_code": self.code, **(body or {})}).encode()
        headers = {"Content-Type": "application/json"}
        with urlopen(Request(self.server + path, data=data, headers=headers, method=method)) as answer:
            return bytes(answer.read())

    def publish(self, release: dict[str, Any]) -> None:
        self.edit(f"projects/{self.permalink}/releases.json", "POST", {"release": release})

    def pending(self) -> list[Any]:
        return [item["release"] for item in json.loads(self.edit(f"projects/{self.permalink}/releases/pending.json"))]

    def withdraw(self, version: str) -> None:
        number = next(release["id"] for release in self.pending() if release.get("version") == version)
        self.edit(f"projects/{self.permalink}/releases/{number}.json", "DELETE", {})

    def update_core(self, core: dict[str, Any]) -> None:
        self.edit(f"projects/{self.permalink}.json", "PUT", {"project": core})

    def update_urls(self, urls: dict[str, str]) -> None:
        with urlopen(f"{self.server}projects/{self.permalink}/urls.json?auth_code={self.code}") as answer:
            known = {item["url"]["label"]: item["url"]["permalink"] for item in json.loads(answer.read())}
        for label, location in urls.items():
            url = {"url": {"label": label, "location": location}}
            if label in known:
                self.edit(f"projects/{self.permalink}/urls/{known[label]}.json", "PUT", url)
            else:
                self.edit(f"projects/{self.permalink}/urls.json", "POST", url)
        for label in set(known) - set(urls):
            path = f"projects/{self.permalink}/urls/{known[label]}.json?auth_code={self.code}"
            self.edit(path, "DELETE", {})

    def query(self, name: str) -> list[str]:
        """The lines that it prints about a project."""
        self.on_project(name)
        output = [f"Project: {self.project['name']}", f"Summary: {self.project['oneliner']}"]
        output.append("Description: " + self.project["description"].replace("\n", "\n    ").rstrip())
        output += ["License-List: " + ",".join(self.project["license_list"])]
        output += ["Project-Tag-List: " + ",".join(self.project["tag_list"])]
        for item in self.project["approved_urls"]:
            output.append(f"{item['label'].replace(' ', '-')}-URL: {item['redirector']}")
        if self.project.get("recent_releases"):
            newest = self.project["recent_releases"][0]
            output += [f"Version: {newest['version']}", "Tag-List: " + ",".join(newest["tag_list"])]
            output += ["Hide: " + ("Y" if newest.get("hidden_from_frontpage") else "N"), newest["changelog"]]
        return output


@pytest.fixture
async def client(world: World) -> Client:
    return Client(world.url, await world.create_token(*GRANTS, user="esr"))


async def test_the_client_publishes_lists_pending_releases_and_withdraws(world: World, client: Client) -> None:
    def session() -> None:
        client.on_project("site")
        release = {"version": "2.7", "changelog": "Ünfixed.\n", "tag_list": ["Minor", "bugfixes"]}
        client.publish({**release, "hidden_from_frontpage": True})
        client.publish({"version": "2.8", "changelog": "More.\n", "hidden_from_frontpage": False})
        assert [item["version"] for item in client.pending()] == ["2.8", "2.7"]
        assert client.pending()[1].items() >= {**release, "hidden_from_frontpage": True}.items()
        client.withdraw("2.7")
        assert [item["version"] for item in client.pending()] == ["2.8"]

    await asyncio.to_thread(session)
    assert (await decide(world, "2.8", "approve")).status == 200
    assert await asyncio.to_thread(client.pending) == []


async def test_the_client_updates_the_description_and_the_links_of_a_project(world: World, client: Client) -> None:
    def session() -> list[str]:
        client.on_project("site")
        client.update_core({"oneliner": "A site.", "description": "It is\na site.", "license_list": ["GPLv2,", "BSD"]})
        client.update_core({"project_tag_list": ["web", "pages"]})
        client.update_urls(
            {"Website": "http://example.com/", "Tar/GZ": "http://example.com/1.tar.gz", "Old": "http://o.org"}
        )
        client.update_urls({"Website": "https://example.com/", "Tar/GZ": "http://example.com/2.tar.gz"})
        return client.query("site")

    output = await asyncio.to_thread(session)
    assert [line for line in output if "-URL" not in line] == [
        "Project: site",
        "Summary: A site.",
        "Description: It is\n    a site.",
        "License-List: GPLv2,BSD",
        "Project-Tag-List: web,pages",
    ]
    urls = {line.split("-URL: ")[0]: line.split("-URL: ")[1] for line in output if "-URL" in line}
    assert set(urls) == {"Website", "Tar/GZ"}
    listed = (await world.ask("GET", "/projects/site/urls.json")).json
    assert [item["url"]["location"] for item in listed] == ["https://example.com/", "http://example.com/2.tar.gz"]


async def test_the_client_shows_the_newest_approved_release(world: World, client: Client) -> None:
    def publish(version: str, hidden: bool) -> None:
        client.on_project("site")
        client.publish(
            {
                "version": version,
                "changelog": f"News of {version}.\n",
                "tag_list": ["a"],
                "hidden_from_frontpage": hidden,
            }
        )

    for version, hidden in (("1.0", False), ("1.1", True)):
        await asyncio.to_thread(publish, version, hidden)
        assert (await decide(world, version, "approve")).status == 200
    output = await asyncio.to_thread(client.query, "site")
    assert output[-4:] == ["Version: 1.1", "Tag-List: a", "Hide: Y", "News of 1.1.\n"]


async def test_a_refused_request_is_an_error_that_the_client_can_print(world: World, client: Client) -> None:
    def refused(act: Any, *args: Any) -> tuple[int, Any]:
        with pytest.raises(HTTPError) as raised:
            act(*args)
        with raised.value as answer:
            return answer.code, json.loads(answer.read())

    def session() -> list[int]:
        client.on_project("site")
        client.publish({"version": "1.0", "changelog": "x"})
        codes = [
            refused(client.publish, release) for release in ({"version": "1.0", "changelog": "x"}, {"version": "2"})
        ]
        client.code = "wrong"
        codes += [
            refused(client.pending),
            refused(client.on_project, "site"),
            refused(client.publish, {"version": "3"}),
        ]
        assert all(list(body) == ["errors"] for _, body in codes)
        return [code for code, _ in codes]

    assert await asyncio.to_thread(session) == [409, 409, 401, 401, 401]
