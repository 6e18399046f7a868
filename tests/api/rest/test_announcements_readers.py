"""The readers of Freecode's data API: what they send, and what they read from responses, in the way that they do.

WWW::Freshmeat (Perl) and Freshmeat of rsclib (Python) use XML, the gem freshmeat (Ruby) JSON. All of them give the
`auth_code` in the query.
"""

import re
from xml.etree import ElementTree

import pytest

from tests.api.helpers import create_project
from tests.api.rest.announcement_helpers import announce, decide
from tests.world import World

TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


@pytest.fixture
async def code(world: World) -> str:
    """The `auth_code` of a reader of a project with two releases and two links."""
    await announce(world, "1.0", tag_list="Minor, Bugfixes")
    await announce(world, "1.1", changelog="Fixed <thread> & é\n")
    profile = {"oneliner": "A site.", "description": "é & more\n", "project_tag_list": "web, Web 2.0"}
    await world.ask("PUT", "/projects/site.json", {"project": profile})
    for label, location in (
        ("Website", "https://example.com/x"),
        ("Bug Tracker", "http://bugs.example.org:8080/?a=1&b=2"),
    ):
        await world.ask("POST", "/projects/site/urls.json", {"url": {"label": label, "location": location}})
    return await world.create_token("announcement:submit", user="esr")


async def fetch(world: World, path: str, code: str, **more: object) -> tuple[int, bytes]:
    """GET, or POST with data, a path with the code in the query."""
    method = "POST" if "data" in more else "GET"
    url = f"{world.url}{path}?auth_code={code}"
    async with world.session.request(method, url, **more) as response:  # type: ignore[arg-type]
        return response.status, await response.read()


def words(element: ElementTree.Element, name: str) -> list[str]:
    """The words in the text of a child, as Perl splits them."""
    text = element.findtext(name)
    return re.split(r",\s*", text) if text else []


async def test_a_perl_program_reads_a_project(world: World, code: str) -> None:
    status, body = await fetch(world, "/projects/site.xml", code)
    project = ElementTree.fromstring(body)
    assert (status, project.tag, project.findtext("name"), project.findtext("permalink")) == (
        *(200, "project", "site", "site"),
    )
    assert (project.findtext("oneliner"), project.findtext("description")) == ("A site.", "é & more\n")
    assert words(project, "tag-list") == ["web", "Web 2.0"] and words(project, "license-list") == []
    for name in ("created-at", "updated-at"):
        time = project.find(name)
        assert time is not None and time.get("type") == "datetime"
        assert TIME.fullmatch(str(time.text).replace("T", " ").removesuffix("Z"))
    releases = project.findall("recent-releases/recent-release")
    assert [release.findtext("version") for release in releases] == ["1.1", "1.0"]
    assert [words(release, "tag-list") for release in releases] == [[], ["Minor", "Bugfixes"]]
    assert {release.get("type") for release in releases} == {"Release"}


async def test_a_perl_program_follows_the_links_of_a_project(world: World, code: str) -> None:
    project = ElementTree.fromstring((await fetch(world, "/projects/site.xml", code))[1])
    links = project.findall("approved-urls/approved-url")
    assert [(link.get("type"), link.findtext("label"), link.findtext("host")) for link in links] == [
        ("Url", "Website", "example.com"),
        ("Url", "Bug Tracker", "bugs.example.org"),
    ]
    targets = []
    for link in links:
        path = str(link.findtext("redirector")).partition("/projects/")[2]
        async with world.session.get(f"{world.url}/projects/{path}", allow_redirects=False) as response:
            targets.append(response.headers["Location"])
    assert targets == ["https://example.com/x", "http://bugs.example.org:8080/?a=1&b=2"]


async def test_a_perl_program_understands_missing_and_empty_projects(world: World, code: str) -> None:
    assert (await fetch(world, "/projects/nothing.xml", code))[0] == 404
    await create_project(world, "shop")
    shop = ElementTree.fromstring((await fetch(world, "/projects/shop.xml", code))[1])
    assert shop.findtext("name") == "shop" and shop.findtext("description") == ""
    for name in ("recent-releases", "approved-urls"):
        found = shop.find(name)
        assert found is not None and (found.get("type"), len(found)) == ("array", 0)


def outline(element: ElementTree.Element) -> list[str]:
    """The names of the children, with their attributes."""
    return [" ".join([child.tag, *(f"{key}={child.attrib[key]}" for key in sorted(child.attrib))]) for child in element]


RELEASE = [
    *("approved-at type=datetime", "changelog", "created-at type=datetime", "hidden-from-frontpage type=boolean"),
    *("id type=integer", "version", "tag-list"),
]


async def test_a_python_program_reads_releases_in_xml(world: World, code: str) -> None:
    listed = ElementTree.fromstring((await fetch(world, "/projects/site/releases.xml", code))[1])
    assert (listed.tag, listed.attrib, [outline(release) for release in listed]) == (
        *("releases", {"type": "array"}, [RELEASE, RELEASE]),
    )
    one = listed[-1]
    assert (one.findtext("version"), one.findtext("changelog"), one.findtext("tag-list")) == (
        *("1.0", "Fixes", "Minor, Bugfixes"),
    )
    status, body = await fetch(world, f"/projects/site/releases/{one.findtext('id')}.xml", code)
    shown = ElementTree.fromstring(body)
    assert (status, shown.tag, [child.text for child in shown]) == (200, "release", [child.text for child in one])


async def test_a_python_program_submits_a_release_in_xml(world: World, code: str) -> None:
    release = ElementTree.Element("release")
    ElementTree.SubElement(release, "changelog").text = "Chängd <T> & more"
    ElementTree.SubElement(release, "hidden-from-frontpage", type="boolean").text = "false"
    ElementTree.SubElement(release, "version").text = "1.2.3"
    ElementTree.SubElement(release, "tag-list").text = "bugfix,ümlaut"
    kind = {"Content-Type": "text/xml; charset=utf-8"}
    ascii_only = ElementTree.tostring(release)  # with references to characters, and no declaration
    for data, status in ((ascii_only, 201), (ascii_only, 409)):
        answered, body = await fetch(world, "/projects/site/releases.xml", code, data=data, headers=kind)
        assert answered == status, body
    (error,) = ElementTree.fromstring(body)
    assert (error.tag, error.get("field")) == ("error", "version")
    pending = ElementTree.fromstring((await fetch(world, "/projects/site/releases/pending.xml", code))[1])
    assert [outline(entry) for entry in pending] == [["approved-at nil=true type=datetime", *RELEASE[1:]]]
    assert (pending[0].findtext("changelog"), pending[0].findtext("tag-list")) == (
        "Chängd <T> & more",
        "bugfix, ümlaut",
    )
    assert (await decide(world, "1.2.3", "approve")).status == 200


async def test_a_ruby_program_reads_a_project_its_releases_and_its_links(world: World, code: str) -> None:
    project = (await world.ask("GET", f"/projects/site.json?auth_code={code}", token="")).json["project"]
    releases = (await world.ask("GET", f"/projects/site/releases.json?auth_code={code}", token="")).json
    urls = (await world.ask("GET", f"/projects/site/urls.json?auth_code={code}", token="")).json
    assert isinstance(project["id"], int) and isinstance(project["license_list"], list)
    assert [release["version"] for release in project["recent_releases"]] == ["1.1", "1.0"]
    assert [url["label"] for url in project["approved_urls"]] == ["Website", "Bug Tracker"]
    read = [
        [each["release"][name] for name in ("version", "changelog", "tag_list", "hidden_from_frontpage")]
        for each in releases
    ]
    assert read == [["1.1", "Fixed <thread> & é\n", [], False], ["1.0", "Fixes", ["Minor", "Bugfixes"], False]]
    assert all(each["release"]["approved_at"] >= each["release"]["created_at"] for each in releases)
    names = ("label", "permalink", "host")
    assert [[each["url"][name] for name in names] for each in urls] == [
        ["Website", "website", "example.com"],
        ["Bug Tracker", "bug-tracker", "bugs.example.org"],
    ]
    assert all(isinstance(each["url"]["id"], int) and each["url"]["redirector"] for each in urls)
    assert (await world.ask("GET", "/projects/site.json?auth_code=wrong", token="")).status == 401
