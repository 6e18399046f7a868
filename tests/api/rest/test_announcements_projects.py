"""The dialect `announcements`: the public description of a project, and its links."""

import asyncio
from typing import Any

import pytest

from bot.rules.announcements import MAX_LINKS
from bot.store.announcements import Link
from bot.store.projects import Project
from tests.api.helpers import count_rows, create_project
from tests.api.rest.announcement_helpers import PROJECT, RELEASES, URLS, announce, ask_xml, status_and_fields, submit
from tests.world import Response, World

HOME = {"label": "Home Page", "location": "https://example.com/site"}
LINK_FIELDS = ["id", "label", "permalink", "host", "location", "redirector"]


async def create_link(world: World, **values: Any) -> Response:
    """Create a link."""
    return await world.ask("POST", f"{URLS}.json", {"url": {**HOME, **values}})


async def show_profile(world: World) -> Any:
    """The public description of the project."""
    answer = await world.ask("GET", f"{PROJECT}.json")
    assert answer.status == 200, answer.json
    return answer.json["project"]


async def test_a_project_shows_its_description_links_and_newest_releases(world: World) -> None:
    new = await show_profile(world)
    moment = new["created_at"]
    assert new == {
        "id": new["id"],
        "permalink": "site",
        "name": "site",
        "oneliner": "",
        "description": "",
        "license_list": [],
        "tag_list": [],
        "created_at": moment,
        "updated_at": moment,
        "approved_urls": [],
        "recent_releases": [],
    }
    await create_link(world)
    numbers = await announce(world, *(f"1.{number}" for number in range(7)), tag_list="a", hidden_from_frontpage=True)
    await submit(world, "2.0")
    profile = await show_profile(world)
    (url,) = profile["approved_urls"]
    at = (await world.ask("GET", f"{URLS}.json")).json[0]["url"]
    assert url == {name: at[name] for name in ("id", "label", "permalink", "host", "redirector")}
    assert (url["label"], url["redirector"].endswith(f"{URLS}/home-page")) == ("Home Page", True)
    assert [(item["id"], item["version"]) for item in profile["recent_releases"]] == [
        (numbers[number], f"1.{number}") for number in range(6, 1, -1)
    ]
    newest = profile["recent_releases"][0]
    assert (newest["tag_list"], newest["hidden_from_frontpage"], newest["changelog"]) == (["a"], True, "Fixes")
    in_xml = (await ask_xml(world, "GET", f"{PROJECT}.xml")).root
    assert (in_xml.tag, in_xml.findtext("approved-urls/approved-url/label")) == ("project", "Home Page")
    assert [item.text for item in in_xml.findall("recent-releases/recent-release/version")] == [
        f"1.{number}" for number in range(6, 1, -1)
    ]


async def test_only_the_fields_that_are_sent_are_changed(world: World) -> None:
    before = await show_profile(world)
    changes: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"oneliner": "A site."}, {"oneliner": "A site."}),
        ({"description": "Several\nlines, 1 < 2."}, {"description": "Several\nlines, 1 < 2."}),
        ({"license_list": "GPLv2, BSD"}, {"license_list": ["GPLv2", "BSD"]}),
        ({"project_tag_list": ["web,", "go"]}, {"tag_list": ["web", "go"]}),
        ({"tag_list": ["ignored"], "permalink": "x", "id": 7}, {}),
        ({"oneliner": None, "license_list": []}, {"oneliner": "", "license_list": []}),
        ({"name": "The Site"}, {"name": "The Site"}),
    ]
    for fields, expected in changes:
        answer = await world.ask("PUT", f"{PROJECT}.json", {"project": fields})
        profile = answer.json["project"]
        before = {**before, **expected, "updated_at": profile["updated_at"]}
        assert (answer.status, profile) == (200, before), fields
    assert (await show_profile(world)) == before
    body = "<project><oneliner>é</oneliner><project-tag-list>c</project-tag-list></project>"
    in_xml = (await ask_xml(world, "PUT", f"{PROJECT}.xml", body)).root
    assert (in_xml.findtext("oneliner"), in_xml.findtext("tag-list")) == ("é", "c")
    entry = (await world.audit("project.change"))[-1]
    assert entry.after == {"oneliner": "é", "tag_list": ["c"]}


async def test_tags_of_a_project_and_of_its_releases_never_mix(world: World) -> None:
    await announce(world, "1.0", tag_list="stable")
    await world.ask("PUT", f"{PROJECT}.json", {"project": {"project_tag_list": "web"}})
    profile = await show_profile(world)
    assert (profile["tag_list"], profile["recent_releases"][0]["tag_list"]) == (["web"], ["stable"])
    assert (await world.ask("GET", f"{RELEASES}.json")).json[0]["release"]["tag_list"] == ["stable"]


async def test_an_invalid_description_is_409_and_changes_nothing(world: World) -> None:
    await create_project(world, "shop")
    before = await show_profile(world)
    invalid: list[tuple[dict[str, Any], list[str]]] = [
        ({"name": "shop"}, ["name"]),
        ({"name": None, "oneliner": "fine"}, ["name"]),
        ({"name": "a/b", "oneliner": "fine"}, ["name"]),
        ({"oneliner": "<b>x</b>", "description": "<p>"}, ["oneliner", "description"]),
        ({"oneliner": "x" * 256}, ["oneliner"]),
        ({"oneliner": "two\nlines"}, ["oneliner"]),
        ({"description": "x" * 65_536}, ["description"]),
        ({"license_list": {}, "project_tag_list": 7}, ["license_list", "project_tag_list"]),
    ]
    for values, fields in invalid:
        assert status_and_fields(await world.ask("PUT", f"{PROJECT}.json", {"project": values})) == (409, fields), (
            values
        )
    assert status_and_fields(await world.ask("PUT", f"{PROJECT}.json", {"project": []})) == (409, ["project"])
    assert await show_profile(world) == before


async def test_links_are_created_listed_shown_changed_and_removed(world: World) -> None:
    created = await create_link(world)
    url = created.json["url"]
    at, number = url["redirector"], url["id"]
    known = {**HOME, "id": number, "permalink": "home-page", "host": "example.com", "redirector": at}
    assert (created.status, url, list(url)) == (201, known, LINK_FIELDS)
    assert at.endswith(f"{URLS}/home-page") and number > 0
    assert (await world.ask("GET", f"{URLS}.json")).json == [{"url": url}]
    assert (await world.ask("GET", f"{URLS}/home-page.json")).json == {"url": url}
    new = "ftp://FTP.example.com:2121/x.tar.gz"
    changed = await world.ask("PUT", f"{URLS}/home-page.json", {"url": {"label": "Tar/GZ", "location": new}})
    known |= {"label": "Tar/GZ", "location": new, "host": "ftp.example.com"}
    assert (changed.status, changed.json) == (200, {"url": known})
    assert (await world.ask("PUT", f"{URLS}/home-page.json", {"url": {}})).json == {"url": known}
    deleted = await world.ask("DELETE", f"{URLS}/home-page.json")
    assert (deleted.status, deleted.json) == (200, {"url": known})
    for method, body in (("GET", None), ("PUT", {"url": {}}), ("DELETE", None)):
        answer = await world.ask(method, f"{URLS}/home-page.json", body)
        assert (answer.status, answer.json) == (404, {"errors": {"base": ["Link not found"]}})
    assert (await world.ask("GET", f"{URLS}.json")).json == []
    acts = ("create", "change", "remove")
    assert [len(await world.audit(f"link.{act}")) for act in acts] == [1, 1, 1]


async def test_links_in_xml(world: World) -> None:
    inner = "<label>a &amp; b</label><location>https://example.com/?a=1&amp;b=2</location>"
    created = await ask_xml(world, "POST", f"{URLS}.xml", f"<url>{inner}</url>")
    assert (created.status, created.root.tag, created.root.findtext("permalink")) == (201, "url", "a-b")
    listed = (await ask_xml(world, "GET", f"{URLS}.xml")).root
    assert (listed.tag, listed.attrib, listed.findtext("url/label")) == ("urls", {"type": "array"}, "a & b")
    changed = await ask_xml(world, "PUT", f"{URLS}/a-b.xml", "<r><url><label>c</label></url></r>")
    assert (changed.status, changed.root.findtext("location")) == (200, "https://example.com/?a=1&b=2")
    assert (await ask_xml(world, "DELETE", f"{URLS}/a-b.xml")).status == 200
    response = await ask_xml(world, "POST", f"{URLS}.xml", "<url/>")
    assert (response.status, list(response.errors)) == (409, ["location", "label"])
    assert (await ask_xml(world, "GET", f"{URLS}.xml")).root.tag == "urls"


async def test_a_link_redirects_to_its_location_whatever_the_request_says(world: World) -> None:
    await create_link(world)
    for method in ("GET", "HEAD"):
        answer = await world.ask(method, f"{URLS}/home-page", token="", allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (302, HOME["location"])
    for query in ("?location=https://evil.example/", "?url=//evil.example"):
        answer = await world.ask("GET", f"{URLS}/home-page{query}", token="", allow_redirects=False)
        assert (answer.status, "Location" in answer.headers) == (409, False)
    for name in ("none", "home-page.html", "%00", "x" * 300, "..%2Fx", "Home-Page"):
        answer = await world.ask("GET", f"{URLS}/{name}", token="", allow_redirects=False)
        assert status_and_fields(answer) == (404, ["base"])
        assert "Location" not in answer.headers


async def test_an_unsafe_location_is_409_and_not_stored(world: World) -> None:
    await create_link(world)
    for location in (
        "javascript:alert(1)",
        "//evil.example",
        "http://a\r\nX: y",
        "http://u:p@h/",
        "",
        None,
        7,
        "http://é/",
    ):
        for method, path in (("POST", URLS), ("PUT", f"{URLS}/home-page")):
            body = {"url": {"label": "new", "location": location}}
            assert status_and_fields(await world.ask(method, f"{path}.json", body)) == (409, ["location"]), location
    assert await count_rows("links") == {"links": 1}
    assert (await Link.get(permalink="home-page")).location == HOME["location"]


async def test_labels_and_permalinks_of_links_are_unique(world: World) -> None:
    first, second = await create_link(world, label="Tar/GZ"), await create_link(world, label="Tar-GZ")
    assert [item.json["url"]["permalink"] for item in (first, second)] == ["tar-gz", "tar-gz-2"]
    assert status_and_fields(await create_link(world, label="Tar/GZ")) == (409, ["label"])
    assert status_and_fields(await world.ask("PUT", f"{URLS}/tar-gz.json", {"url": {"label": "Tar-GZ"}})) == (
        409,
        ["label"],
    )
    assert (await world.ask("PUT", f"{URLS}/tar-gz.json", {"url": {"label": "Tar/GZ"}})).status == 200
    await create_project(world, "shop")
    assert (await world.ask("POST", "/projects/shop/urls.json", {"url": {**HOME, "label": "Tar/GZ"}})).status == 201
    assert status_and_fields(await world.ask("GET", "/projects/shop/urls/tar-gz-2.json")) == (404, ["base"])


async def test_of_concurrent_requests_for_the_same_link_one_succeeds(world: World) -> None:
    same = await asyncio.gather(*(create_link(world) for _ in range(6)))
    assert sorted(answer.status for answer in same) == [201] + [409] * 5
    similar = await asyncio.gather(*(create_link(world, label=label) for label in ("a b", "a-b", "a/b", "A B", "A-B")))
    assert {answer.status for answer in similar} == {201}
    names = {answer.json["url"]["permalink"] for answer in similar}
    assert names == {"a-b", "a-b-2", "a-b-3", "a-b-4", "a-b-5"}


async def test_the_number_of_links_is_limited(world: World) -> None:
    owner = await Project.get(name="site")
    values = {"project_id": owner.id, "created_at": owner.created_at, "location": HOME["location"]}
    names = [str(number) for number in range(MAX_LINKS)]
    await Link.bulk_create([Link(label=name, permalink=f"p{name}", **values) for name in names])
    assert status_and_fields(await create_link(world)) == (409, ["base"])
    assert len((await world.ask("GET", f"{URLS}.json")).json) == MAX_LINKS


@pytest.mark.parametrize("label", ["日本", "🚢", "..", "/"])
async def test_a_label_without_letters_or_digits_still_gives_a_permalink(world: World, label: str) -> None:
    created = await create_link(world, label=label)
    assert (created.status, created.json["url"]["permalink"], created.json["url"]["label"]) == (201, "link", label)
    assert (await world.ask("GET", f"{URLS}/link", allow_redirects=False)).status == 302
