"""The native routes to review announcements: listing, approving and rejecting."""

import asyncio
from typing import Any

from bot.rules.announcements import STATES
from bot.store.announcements import Announcement
from bot.store.projects import Project
from bot.store.releases import Release
from tests.api.helpers import count_rows, create_project, field_values
from tests.api.rest.announcement_helpers import (
    QUEUE,
    RELEASES,
    announce,
    decide,
    make_private,
    seed,
    submit,
)
from tests.world import Response, World


def versions_in(answer: Response) -> list[str]:
    """The versions of a list, in order."""
    assert answer.status == 200, answer.json
    return [row["version"] for row in answer.json]


def status_and_field(answer: Response) -> tuple[int, str | None]:
    """Status and field of an error response, whose form is checked."""
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert answer.json["status"] == answer.status
    return answer.status, answer.json.get("pointer", answer.json.get("parameter"))


async def test_pending_announcements_are_listed_with_all_fields(world: World) -> None:
    carol = await world.create_token("announcement:submit", user="carol")
    number = await submit(world, "1.1", "Fixes", token=carol, tag_list="a, b", hidden_from_frontpage="Y")
    (row,) = (await world.ask("GET", QUEUE)).json
    created = row.pop("created_at")
    assert created.endswith("Z")
    expected = {
        "id": number,
        "project": "site",
        "permalink": "site",
        "version": "1.1",
        "changelog": "Fixes",
        "tag_list": ["a", "b"],
        "hidden_from_frontpage": True,
        "state": "pending",
        "submitted_by": "carol",
        "decided_by": None,
        "decided_at": None,
        "reason": None,
        "release_id": None,
    }
    assert row == expected
    approved = (await decide(world, "1.1", "approve")).json
    decided = approved.pop("decided_at")
    changes = {"state": "approved", "decided_by": "root", "release_id": "site-1.1", "created_at": created}
    expected.pop("decided_at")
    assert (approved, decided[-1]) == ({**expected, **changes}, "Z")
    assert (await world.ask("GET", QUEUE)).json == []


async def test_announcements_are_listed_by_state(world: World) -> None:
    for number, version in enumerate(("1.0", "2.0", "3.0", "4.0")):
        identity = await submit(world, version)
        if number in (0, 1):
            await decide(world, version, ("approve", "reject")[number])
        if number == 2:
            await world.ask("DELETE", f"{RELEASES}/{identity}.json")
    found = {state: versions_in(await world.ask("GET", f"{QUEUE}?state={state}")) for state in STATES}
    assert found == {"approved": ["1.0"], "rejected": ["2.0"], "withdrawn": ["3.0"], "pending": ["4.0"]}
    (rejected,) = (await world.ask("GET", f"{QUEUE}?state=rejected")).json
    assert (rejected["reason"], rejected["decided_by"]) == ("Spam.", "root")


async def test_the_list_is_newest_first_with_keyset_pages(world: World) -> None:
    await seed(5, "pending")
    seen, path = [], f"{QUEUE}?per_page=2"
    while path:
        answer = await world.ask("GET", path)
        seen.append(versions_in(answer))
        path = answer.headers.get("Link", "").partition(">")[0].removeprefix(f"<{world.url}")
    assert seen == [["0.4", "0.3"], ["0.2", "0.1"], ["0.0"]]


async def test_an_invalid_query_is_refused(world: World) -> None:
    invalid = {
        "state": ["state=open", "state=", "state=pending&state=approved"],
        "before": ["before=0", "before=x", f"before={10**30}"],
        "per_page": ["per_page=101", "per_page=0"],
    }
    for field, query in field_values(invalid):
        assert status_and_field(await world.ask("GET", f"{QUEUE}?{query}")) == (400, field), query


async def test_the_list_can_be_limited_to_one_project(world: World) -> None:
    await create_project(world, "Web Shop")
    await submit(world, "1.0")
    body = {"release": {"version": "9", "changelog": "x"}}
    assert (await world.ask("POST", "/projects/web-shop/releases.json", body)).status == 201
    assert versions_in(await world.ask("GET", QUEUE)) == ["9", "1.0"]
    assert versions_in(await world.ask("GET", f"{QUEUE}?project=Web%20Shop")) == ["9"]
    for name in ("none", "%FF", "x" * 255, "web-shop"):
        assert status_and_field(await world.ask("GET", f"{QUEUE}?project={name}")) == (404, None)
    for name in ("", "%00", "a%00", "x" * 256):
        assert status_and_field(await world.ask("GET", f"{QUEUE}?project={name}")) == (400, "project")


async def test_the_list_shows_each_caller_what_they_may_see(world: World) -> None:
    await create_project(world, "shop")
    carol = await world.create_token("announcement:submit", user="carol")
    await submit(world, "1.0", token=carol)
    await submit(world, "1.1")
    body = {"release": {"version": "9", "changelog": "x"}}
    await world.ask("POST", "/projects/shop/releases.json", body)
    await make_private()
    sees = [
        (["announcement:approve"], "dave", None, ["9", "1.1", "1.0"]),
        (["announcement:approve"], "dave", "shop", ["9"]),
        (["announcement:approve"], "carol", "shop", ["9"]),
        (["announcement:submit"], "carol", "site", ["1.0"]),
        (["announcement:submit"], "carol", "shop", []),
        (["project:read"], "carol", None, ["1.0"]),
        (["project:read", "content:read"], "dave", None, []),
    ]
    for grants, user, scope, expected in sees:
        token = await world.create_token(*grants, user=user, project=scope)
        assert versions_in(await world.ask("GET", QUEUE, token=token)) == expected, (grants, user, scope)
    await decide(world, "1.0", "approve")
    reader = await world.create_token("project:read", user="dave", project="site")
    assert versions_in(await world.ask("GET", f"{QUEUE}?state=approved", token=reader)) == ["1.0"]
    elsewhere = await world.create_token("project:read", user="dave", project="shop")
    assert versions_in(await world.ask("GET", f"{QUEUE}?state=approved", token=elsewhere)) == []


async def test_an_approval_creates_the_release_unless_it_exists(world: World) -> None:
    await world.cut("1.0-rc1")
    cut = await Release.get(version="1.0")
    for version in ("1.0", "2.0 final"):
        await submit(world, version)
        assert (await decide(world, version, "approve")).status == 200
    created = await Release.get(version="2.0 final")
    assert (created.release_type, created.release_id, created.status, created.commit) == (
        "ga",
        "site-2.0 final",
        1,
        None,
    )
    assert [row.release_id for row in await Announcement.all().order_by("id")] == [cut.id, created.id]
    assert (await Release.get(id=cut.id)).commit == cut.commit
    assert (await world.ask("GET", "/api/projects/site/releases/2.0%20final")).status == 200


async def test_an_approval_gives_a_release_without_notes_the_changelog(world: World) -> None:
    async def notes(version: str) -> Any:
        return (await world.ask("GET", f"/api/projects/site/releases/{version}")).json["notes"]

    await world.cut("1.0-rc1")
    for version, before in (("2.0", "Written by hand."), ("3.0", " \n")):
        await world.cut(f"{version}-rc1")
        changed = await world.ask("PATCH", f"/api/projects/site/releases/{version}", {"notes": before})
        assert changed.status == 200, changed.json
    for version in ("1.0", "2.0", "3.0", "4.0"):
        await submit(world, version, f"News of {version}.\n")
        assert (await decide(world, version, "approve")).status == 200
    expected = ["News of 1.0.\n", "Written by hand.", "News of 3.0.\n", "News of 4.0.\n"]
    assert [await notes(version) for version in ("1.0", "2.0", "3.0", "4.0")] == expected
    changes = [entry for entry in await world.audit("release.change") if entry.after["notes"].startswith("News")]
    assert [(entry.subject, entry.actor, entry.before["notes"]) for entry in changes] == [
        *(("1.0", "root", ""), ("3.0", "root", " \n"), ("4.0", "root", "")),
    ]
    packages = (await world.ask("GET", "/api/releases/?package=site")).json["results"]
    assert [row["release_notes"] for row in packages] == [expected[3], expected[2], expected[1], expected[0]]


async def test_a_rejection_leaves_the_notes_as_they_are(world: World) -> None:
    await world.cut("1.0-rc1")
    await submit(world, "1.0", "Spam")
    assert (await decide(world, "1.0", "reject")).status == 200
    assert (await world.ask("GET", "/api/projects/site/releases/1.0")).json["notes"] == ""


async def test_an_approval_whose_release_id_is_taken_is_409_and_stays_pending(world: World) -> None:
    await create_project(world, "site-1")
    await world.ask("POST", "/projects/site-1/releases.json", {"release": {"version": "0", "changelog": "x"}})
    assert (await world.ask("POST", "/api/projects/site-1/releases/0/announcement/approve")).status == 200
    await submit(world, "1-0")
    answer = await decide(world, "1-0", "approve")
    assert (answer.status, "`site-1`" in answer.json["detail"]) == (409, True)
    assert versions_in(await world.ask("GET", QUEUE)) == ["1-0"]
    assert await count_rows("releases") == {"releases": 1}


async def test_a_decision_is_final(world: World) -> None:
    await announce(world, "1.0")
    await submit(world, "2.0")
    await decide(world, "2.0", "reject")
    withdrawn = await submit(world, "3.0")
    await world.ask("DELETE", f"{RELEASES}/{withdrawn}.json")
    states = {"1.0": "approved", "2.0": "rejected", "3.0": "withdrawn"}
    for version, state in states.items():
        for act in ("approve", "reject"):
            answer = await decide(world, version, act)
            assert (status_and_field(answer), answer.json["state"]) == ((409, None), state)
    for version in ("9.0", "%00", "x" * 300, "1.0%20", ".."):
        assert status_and_field(await decide(world, version, "approve"))[0] == 404
    assert status_and_field(await world.ask("POST", "/api/projects/none/releases/1/announcement/approve")) == (
        404,
        None,
    )


async def test_an_approval_may_name_the_announcement_that_was_read(world: World) -> None:
    read = await submit(world, "1.0", "What was read")
    await world.ask("DELETE", f"{RELEASES}/{read}.json")
    other = await submit(world, "1.0", "Something else")
    for act in ("approve", "reject"):
        answer = await decide(world, "1.0", act, {"id": read})
        assert (status_and_field(answer), answer.json["id"]) == ((409, None), other)
    assert (await decide(world, "1.0", "approve", {"id": other})).json["changelog"] == "Something else"


async def test_a_malformed_decision_is_refused(world: World) -> None:
    await submit(world, "1.0")
    path = "/api/projects/site/releases/1.0/announcement"
    invalid: list[tuple[str, Any, str]] = [
        ("reject", {}, "reason"),
        ("reject", {"reason": ""}, "reason"),
        ("reject", {"reason": " "}, "reason"),
        ("reject", {"reason": None}, "reason"),
        ("reject", {"reason": 7}, "reason"),
        ("reject", {"reason": "x" * 2001}, "reason"),
        ("reject", {"reason": "x", "id": "1"}, "id"),
        ("approve", {"id": "1"}, "id"),
        ("approve", {"reason": "x"}, "reason"),
    ]
    for act, body, field in invalid:
        assert status_and_field(await world.ask("POST", f"{path}/{act}", body)) == (400, f"#/{field}"), body
    assert (await decide(world, "1.0", "approve", {"id": 2**65})).status in (400, 409)
    assert versions_in(await world.ask("GET", QUEUE)) == ["1.0"]


async def test_of_two_concurrent_decisions_the_second_is_refused(world: World) -> None:
    for number in range(6):
        identity = await submit(world, f"1.{number}")
        version = f"1.{number}"
        acts = [
            decide(world, version, "approve"),
            decide(world, version, "approve"),
            decide(world, version, "reject"),
            world.ask("DELETE", f"{RELEASES}/{identity}.json"),
        ]
        if number % 2:
            acts.reverse()
        answers = await asyncio.gather(*acts)
        assert sorted(answer.status for answer in answers) == [200, 409, 409, 409]
    rows = await Announcement.all().values_list("state", "release_id")
    assert all((state == "approved") == (release is not None) for state, release in rows)
    entries = [await world.audit(f"announcement.{act}") for act in ("approve", "reject", "withdraw")]
    assert sum(map(len, entries)) == 6


async def test_of_two_concurrent_approvals_with_the_same_release_id_one_succeeds(world: World) -> None:
    await create_project(world, "site-1")
    await submit(world, "1-0")
    await world.ask("POST", "/projects/site-1/releases.json", {"release": {"version": "0", "changelog": "x"}})
    other = world.ask("POST", "/api/projects/site-1/releases/0/announcement/approve")
    answers = await asyncio.gather(decide(world, "1-0", "approve"), other)
    assert sorted(answer.status for answer in answers) == [200, 409]


async def test_an_approval_concurrent_with_a_cut_of_the_version_creates_one_release(world: World) -> None:
    for number in range(4):
        await submit(world, f"1.{number}")
        cut, approved = await asyncio.gather(world.cut(f"1.{number}-rc1"), decide(world, f"1.{number}", "approve"))
        assert (cut.status, approved.status) == (201, 200)
    owner = await Project.get(name="site")
    assert await Release.filter(project_id=owner.id).count() == 4
