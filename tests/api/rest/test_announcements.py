"""The dialect `announcements`: submitting, listing, showing and withdrawing releases."""

import asyncio
from typing import Any

import pytest

from bot.store.announcements import Announcement
from bot.store.database import fetch
from tests.api.helpers import count_rows, create_project, page_links
from tests.api.rest.announcement_helpers import (
    PROJECT,
    RELEASES,
    announce,
    ask_xml,
    decide,
    listed_versions,
    seed,
    status_and_fields,
    submit,
)
from tests.world import World

PATCH = {"version": "1.1", "changelog": "Security Patch"}
FIELDS = ["id", "version", "tag_list", "hidden_from_frontpage", "approved_at", "created_at", "changelog"]


async def test_a_release_is_submitted_approved_and_then_public(world: World) -> None:
    fields = {**PATCH, "tag_list": "stable, security", "hidden_from_frontpage": False}
    submitted = await world.ask("POST", f"{RELEASES}.json", {"auth_code": world.token, "release": fields}, token="")
    record = submitted.json["release"]
    created, number = record["created_at"], record["id"]
    shown = {**fields, "tag_list": ["stable", "security"], "id": number, "approved_at": None, "created_at": created}
    assert (submitted.status, record, list(record)) == (201, shown, FIELDS)
    assert len(created) == len("2008-12-15T18:07:06Z") and created.endswith("Z")
    assert listed_versions(await world.ask("GET", f"{RELEASES}.json")) == []
    pending = await world.ask("GET", f"{RELEASES}/pending.json")
    assert pending.json == [{"release": record}]
    assert await count_rows("releases") == {"releases": 0}

    assert (await decide(world, "1.1", "approve")).status == 200
    listed = await world.ask("GET", f"{RELEASES}.json", token="")
    approved = listed.json[0]["release"]["approved_at"]
    record["approved_at"] = approved
    assert (listed.json, list(listed.json[0]["release"]), approved[-1]) == ([{"release": record}], FIELDS, "Z")
    single = await world.ask("GET", f"{RELEASES}/{number}.json", token="")
    assert (single.status, single.json) == (200, {"release": record})
    assert (await world.ask("GET", f"{RELEASES}/pending.json")).json == []


async def test_json_and_xml_are_equivalent(world: World) -> None:
    body = (
        f"<r><auth_code>{world.token}</auth_code><release><version>1.1</version><changelog>a &lt; b\r\n</changelog>"
        "<tag_list type='array'><tag>a</tag></tag_list><hidden_from_frontpage type='boolean'>true"
        "</hidden_from_frontpage></release></r>"
    )
    submitted = await ask_xml(world, "POST", f"{RELEASES}.xml", body, token="", kind="text/xml; charset=utf-8")
    assert (submitted.status, submitted.root.tag, submitted.root.findtext("version")) == (201, "release", "1.1")
    number = submitted.root.findtext("id")
    in_json = (await world.ask("GET", f"{RELEASES}/{number}.json")).json["release"]
    assert in_json == {
        "id": int(str(number)),
        "version": "1.1",
        "tag_list": ["a"],
        "hidden_from_frontpage": True,
        "approved_at": None,
        "created_at": submitted.root.findtext("created-at"),
        "changelog": "a < b\n",
    }
    pending = (await ask_xml(world, "GET", f"{RELEASES}/pending.xml")).root
    assert (pending.tag, pending.attrib, [item.tag for item in pending]) == ("releases", {"type": "array"}, ["release"])
    assert [(item.tag, item.attrib) for item in pending[0]] == [
        ("approved-at", {"type": "datetime", "nil": "true"}),
        ("changelog", {}),
        ("created-at", {"type": "datetime"}),
        ("hidden-from-frontpage", {"type": "boolean"}),
        ("id", {"type": "integer"}),
        ("version", {}),
        ("tag-list", {}),
    ]
    assert (await ask_xml(world, "GET", f"{RELEASES}.xml")).root.attrib == {"type": "array"}
    deleted = await ask_xml(
        world, "DELETE", f"{RELEASES}/{number}.xml", f"<auth_code>{world.token}</auth_code>", token=""
    )
    assert (deleted.status, deleted.root.findtext("version")) == (200, "1.1")
    assert (await ask_xml(world, "GET", f"{RELEASES}/{number}.xml")).errors == {"base": "Release not found"}


async def test_a_release_in_xml_may_have_any_root_and_hyphenated_names(world: World) -> None:
    inner = "<version>1.{}</version><changelog>x</changelog><tag-list>a, b</tag-list>"
    inner += "<hidden-from-frontpage type='boolean'>true</hidden-from-frontpage>"
    code = f"<auth_code>{world.token}</auth_code>"
    bodies = [
        f"<release>{inner}</release>",
        f"<request><release>{inner}</release></request>",
        f"<request>{inner}</request>",
        f"<anything>{code}{inner}</anything>",
        f"<anything>{code}<release>{inner}</release></anything>",
        f"<release>{code}{inner}</release>",
    ]
    for number, body in enumerate(bodies):
        query = "" if code in body else f"?auth_code={world.token}"
        submitted = await ask_xml(world, "POST", f"{RELEASES}.xml{query}", body.format(number), token="")
        assert (submitted.status, submitted.root.findtext("tag-list")) == (201, "a, b"), body
        assert submitted.root.findtext("hidden-from-frontpage") == "true"


async def test_a_record_without_its_name_is_accepted(world: World) -> None:
    submitted = await world.ask("POST", f"{RELEASES}.json", {"auth_code": world.token, **PATCH}, token="")
    assert (submitted.status, submitted.json["release"]["version"]) == (201, "1.1")


async def test_read_only_fields_are_ignored(world: World) -> None:
    moment = "1999-01-01T00:00:00Z"
    fields = {**PATCH, "id": 7777, "approved_at": moment, "created_at": moment, "state": "approved", "x": [{}]}
    submitted = (await world.ask("POST", f"{RELEASES}.json", {"release": fields, "state": "approved"})).json["release"]
    assert (submitted["id"] != 7777, submitted["approved_at"], submitted["created_at"] > moment) == (True, None, True)


async def test_flags_are_accepted_in_several_notations(world: World) -> None:
    notations: list[tuple[Any, bool]] = [
        (True, True),
        ("1", True),
        ("Y", True),
        (False, False),
        ("0", False),
        ("N", False),
    ]
    for number, (value, expected) in enumerate(notations):
        body = {**PATCH, "version": str(number), "hidden_from_frontpage": value}
        answer = await world.ask("POST", f"{RELEASES}.json", {"release": body})
        assert answer.json["release"]["hidden_from_frontpage"] is expected
    answer = await world.ask("POST", f"{RELEASES}.json", {"release": {**PATCH, "hidden_from_frontpage": "maybe"}})
    assert status_and_fields(answer) == (409, ["hidden_from_frontpage"])


async def test_invalid_values_are_409_naming_every_field(world: World) -> None:
    invalid: list[tuple[Any, list[str]]] = [
        ({}, ["version", "changelog"]),
        ({"release": {}}, ["version", "changelog"]),
        ({"release": {"version": "1.1"}}, ["changelog"]),
        ({"release": {"version": None, "changelog": ""}}, ["version", "changelog"]),
        ({"release": {**PATCH, "version": "v" * 256}}, ["version"]),
        ({"release": {**PATCH, "changelog": "x" * 65_536}}, ["changelog"]),
        ({"release": {"version": "<b>1</b>", "changelog": "<p>x"}}, ["version", "changelog"]),
        ({"release": {**PATCH, "version": 1.1}}, ["version"]),
        ({"release": {**PATCH, "version": 2**64}}, ["version"]),
        ({"release": {**PATCH, "tag_list": 7, "hidden_from_frontpage": 2**64}}, ["tag_list", "hidden_from_frontpage"]),
        ({"release": {**PATCH, "changelog": "\x01"}}, ["changelog"]),
        *(({"release": record}, ["release"]) for record in (None, [], "1.1", 7, True, [PATCH])),
    ]
    for body, fields in invalid:
        assert status_and_fields(await world.ask("POST", f"{RELEASES}.json", body)) == (409, fields), body
    response = await ask_xml(world, "POST", f"{RELEASES}.xml", "<release><version>&lt;b&gt;</version></release>")
    sentences = {"version": "`version` must hold no HTML tags.", "changelog": "`changelog` is required."}
    assert (response.status, response.errors) == (409, sentences)
    assert await count_rows("announcements") == {"announcements": 0}


async def test_texts_of_the_maximum_length_and_with_special_characters_are_stored_unchanged(world: World) -> None:
    fields: dict[str, Any] = {"version": "1.0 ü/日本?#%&+ <3", "changelog": "🚢" * 65_534 + "\n"}
    fields["tag_list"] = ["6.0.x (Alpha)", "é"]
    number = await submit(world, **fields)
    assert (await world.ask("GET", f"{RELEASES}/{number}.json")).json["release"].items() >= fields.items()
    assert (await ask_xml(world, "GET", f"{RELEASES}/{number}.xml")).root.findtext("changelog") == fields["changelog"]
    path = "1.0%20%C3%BC%2F%E6%97%A5%E6%9C%AC%3F%23%25%26+%20%3C3"
    assert (await decide(world, path, "approve")).json["release_id"] == f"site-{fields['version']}"


async def test_a_version_is_announced_once_unless_it_was_rejected_or_withdrawn(world: World) -> None:
    first = await submit(world, "1.1")
    again = await world.ask("POST", f"{RELEASES}.json", {"release": PATCH})
    assert status_and_fields(again) == (409, ["version"])
    assert "pending" in again.json["errors"]["version"][0]
    assert (await world.ask("DELETE", f"{RELEASES}/{first}.json")).status == 200
    second = await submit(world, "1.1")
    assert (await decide(world, "1.1", "reject")).status == 200
    third = await submit(world, "1.1")
    assert (await decide(world, "1.1", "approve")).status == 200
    again = await world.ask("POST", f"{RELEASES}.json", {"release": PATCH})
    assert status_and_fields(again) == (409, ["version"])
    assert "approved" in again.json["errors"]["version"][0]
    assert len({first, second, third}) == 3
    await create_project(world, "shop")
    assert (await world.ask("POST", "/projects/shop/releases.json", {"release": PATCH})).status == 201


async def test_of_concurrent_submissions_of_a_version_one_succeeds(world: World) -> None:
    requests = (world.ask("POST", f"{RELEASES}.json", {"release": PATCH}) for _ in range(8))
    answers = await asyncio.gather(*requests)
    assert sorted(answer.status for answer in answers) == [201] + [409] * 7
    assert await count_rows("announcements") == {"announcements": 1}


async def test_lists_are_newest_first_in_pages_of_one_hundred(world: World) -> None:
    await seed(205)
    await announce(world, "9.0", hidden_from_frontpage=True)
    first = await world.ask("GET", f"{RELEASES}.json?auth_code={world.token}", token="")
    assert listed_versions(first) == ["9.0", *(f"0.{number}" for number in range(204, 105, -1))]
    assert page_links(first) == {"next": "page=2"}
    assert world.token not in str(first.headers)
    second = await world.ask("GET", f"{RELEASES}.json?page=2")
    assert listed_versions(second) == [f"0.{number}" for number in range(105, 5, -1)]
    assert page_links(second) == {"first": "page=1", "prev": "page=1", "next": "page=3"}
    third = await ask_xml(world, "GET", f"{RELEASES}.xml?page=3")
    assert [item.findtext("version") for item in third.root] == [f"0.{number}" for number in range(5, -1, -1)]
    for page in (4, 10_000_000):
        assert (await world.ask("GET", f"{RELEASES}.json?page={page}")).json == []


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_an_invalid_page_number_is_409(world: World, form: str) -> None:
    for query in ("0", "-1", "abc", "", "1.5", "%00", str(10**30), "10000001", "1&page=2"):
        for path in (RELEASES, f"{RELEASES}/pending"):
            if form == "json":
                assert status_and_fields(await world.ask("GET", f"{path}.json?page={query}")) == (409, ["page"]), query
            else:
                response = await ask_xml(world, "GET", f"{path}.xml?page={query}")
                assert (response.status, list(response.errors)) == (409, ["page"]), query


async def test_pending_releases_are_those_of_the_user_not_of_the_token(world: World) -> None:
    mine = [await world.create_token("announcement:submit", user="carol") for _ in range(2)]
    others = await world.create_token("announcement:submit", user="dave")
    number = await submit(world, "1.1", token=mine[0])
    await submit(world, "1.2", token=others)
    await announce(world, "1.0")
    for token in mine:
        assert listed_versions(await world.ask("GET", f"{RELEASES}/pending.json", token=token)) == ["1.1"]
        assert (await world.ask("GET", f"{RELEASES}/{number}.json", token=token)).status == 200
    assert listed_versions(await world.ask("GET", f"{RELEASES}/pending.json", token=others)) == ["1.2"]
    assert (await world.ask("GET", f"{RELEASES}/{number}.json", token=others)).status == 404
    assert (await world.ask("DELETE", f"{RELEASES}/{number}.json", token=mine[1])).status == 200


async def test_pending_releases_come_in_long_pages(world: World) -> None:
    await seed(105, "pending")
    first = await world.ask("GET", f"{RELEASES}/pending.json")
    assert (len(listed_versions(first)), listed_versions(first)[0], page_links(first)) == (
        100,
        "0.104",
        {"next": "page=2"},
    )
    assert len(listed_versions(await world.ask("GET", f"{RELEASES}/pending.json?page=2"))) == 5


async def test_only_the_submitter_withdraws_a_release_and_only_while_it_is_pending(world: World) -> None:
    carol, dave = [await world.create_token("announcement:submit", user=name) for name in ("carol", "dave")]
    (approved,) = await announce(world, "1.0", token=carol)
    number, rejected = await submit(world, "1.1", token=carol), await submit(world, "1.2", token=carol)
    assert (await decide(world, "1.2", "reject")).status == 200
    for token in (dave, world.token):
        for other in (number, approved):
            assert status_and_fields(await world.ask("DELETE", f"{RELEASES}/{other}.json", token=token)) == (
                403,
                ["base"],
            )
    for decided in (approved, rejected):
        answer = await world.ask("DELETE", f"{RELEASES}/{decided}.json", token=carol)
        assert status_and_fields(answer) == (409, ["base"])
    deleted = await world.ask("DELETE", f"{RELEASES}/{number}.json", token=carol)
    assert (deleted.status, deleted.json["release"]["id"], deleted.json["release"]["approved_at"]) == (
        200,
        number,
        None,
    )
    for method in ("GET", "DELETE"):
        assert status_and_fields(await world.ask(method, f"{RELEASES}/{number}.json", token=carol)) == (404, ["base"])
    assert status_and_fields(await world.ask("GET", f"{RELEASES}/{rejected}.json", token=carol)) == (404, ["base"])
    assert (await world.ask("GET", f"{RELEASES}/{approved}.json", token=dave)).status == 200


async def test_a_release_of_another_project_or_with_an_invalid_id_is_404(world: World) -> None:
    await create_project(world, "shop")
    (number,) = await announce(world, "1.0")
    pending = await submit(world, "1.1")
    for name in map(str, (number, pending)):
        assert status_and_fields(await world.ask("GET", f"/projects/shop/releases/{name}.json")) == (404, ["base"])
        assert status_and_fields(await world.ask("DELETE", f"/projects/shop/releases/{name}.json")) == (404, ["base"])
    for name in ("0", "-1", "+1", f"{number}.0", "abc", "%00", "%C2%B9", str(2**31), str(2**65), "9" * 300, "%2e"):
        for method in ("GET", "DELETE"):
            assert status_and_fields(await world.ask(method, f"{RELEASES}/{name}.json")) == (404, ["base"]), name
            assert (await ask_xml(world, method, f"{RELEASES}/{name}.xml")).errors == {"base": "Release not found"}


async def test_an_unknown_project_is_404(world: World) -> None:
    for name in ("none", "Site", "%00", "%FF", "%2F", "x" * 300, "site%20"):
        for method, rest in (("GET", ".json"), ("GET", "/releases.json"), ("GET", "/urls.json"), ("PUT", ".json")):
            answer = await world.ask(method, f"/projects/{name}{rest}", {} if method == "PUT" else None)
            (sentence,) = answer.json["errors"]["base"]
            assert (answer.status, sentence.startswith("Project not found.")) == (404, True)
            assert sentence.endswith("Known projects: `site`.")


async def test_nothing_is_submitted_to_an_archived_project(world: World) -> None:
    number = await submit(world, "1.1")
    assert (await world.ask("PATCH", "/api/projects/site", {"archived": True})).status == 200
    assert status_and_fields(await world.ask("POST", f"{RELEASES}.json", {"release": {**PATCH, "version": "2"}})) == (
        409,
        ["base"],
    )
    assert (await decide(world, "1.1", "approve")).status == 409
    assert (await world.ask("DELETE", f"{RELEASES}/{number}.json")).status == 200
    assert (await world.ask("GET", f"{PROJECT}.json")).status == 200


async def test_every_change_is_audited(world: World) -> None:
    token = await world.create_token("announcement:submit", user="carol")
    number = await submit(world, "1.1", token=token, tag_list="a")
    await decide(world, "1.1", "reject")
    for act, actor in (("submit", "carol"), ("reject", "root")):
        (entry,) = await world.audit(f"announcement.{act}")
        assert (entry.actor, entry.channel, entry.subject, entry.after["id"]) == (actor, "rest", "1.1", number)
    row = await Announcement.get(id=number)
    assert (row.state, row.reason, row.decided_at is not None) == ("rejected", "Spam.", True)
    written = str(await fetch("SELECT * FROM audit_entries"))
    assert world.token not in written and token not in written


async def test_a_repeated_submission_with_an_idempotency_key_is_performed_once(world: World) -> None:
    headers = {"Idempotency-Key": "k1"}
    first, again = [await world.ask("POST", f"{RELEASES}.json", {"release": PATCH}, headers=headers) for _ in range(2)]
    assert (first.status, again.status, again.json) == (201, 201, first.json)
