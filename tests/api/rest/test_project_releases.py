"""Releases on the native routes: showing, changing, holding and unholding."""

import asyncio
from typing import Any

import pytest

from bot.store.releases import Release
from tests.api.helpers import create_project, field_values
from tests.api.rest.test_projects import status_and_field
from tests.world import Response, World

RELEASE = "/api/projects/site/releases/1.0"


async def change_release(world: World, *, path: str = RELEASE, token: str | None = None, **values: Any) -> Response:
    """Change a release."""
    return await world.ask("PATCH", path, values, token=token)


async def release_status(world: World) -> tuple[int, str]:
    """The status of the release as number and name."""
    release = (await world.ask("GET", RELEASE)).json
    return release["status"], release["status_name"]


async def test_a_new_release_has_no_notes_date_or_hold(world: World) -> None:
    await world.cut("1.0-rc1")
    release = (await world.ask("GET", RELEASE)).json
    assert (release["release_date"], release["notes"], release["held"]) == (None, "", None)
    assert (release["status"], release["newest_candidate"]) == (1, "1.0-rc1")


async def test_fields_that_are_sent_are_changed_and_others_stay(world: World) -> None:
    await world.cut("1.0-rc1")
    answer = await change_release(world, status=40, release_date="2026-11-03T20:00:00+02:00", notes="Withdrawn.")
    assert answer.status == 200
    assert answer.json == (await world.ask("GET", RELEASE)).json
    changes = {"status": 40, "status_name": "deprecated", "release_date": "2026-11-03T18:00:00Z", "notes": "Withdrawn."}
    assert answer.json == {**answer.json, **changes}
    answer = await change_release(world, notes="")
    assert answer.json == {**answer.json, **changes, "notes": ""}
    assert (await change_release(world, release_date=None)).json["release_date"] is None
    assert (await change_release(world, status=None, notes=None)).status == 400
    package = await world.ask("GET", "/api/releases/1/")
    assert (package.json["status"], package.json["release_date"]) == (40, None)


async def test_changes_are_audited_and_no_ops_are_not(world: World) -> None:
    await world.cut("1.0-rc1")
    at = "2026-11-03T18:00:00+00:00"
    await change_release(world, status=30, release_date=at, notes="n")
    moment = (await Release.get(id=1)).updated_at
    await change_release(world, status=30, release_date=at, notes="n")
    await change_release(world)
    assert (await Release.get(id=1)).updated_at == moment
    [entry] = await world.audit("release.change")
    assert (entry.actor, entry.subject, entry.project_id) == ("root", "1.0", 1)
    assert entry.before == {"status": 1, "release_date": None, "notes": ""}
    assert entry.after == {"status": 30, "release_date": at, "notes": "n"}


async def test_a_malformed_change_is_refused_naming_the_field_and_changes_nothing(world: World) -> None:
    await world.cut("1.0-rc1")
    invalid: dict[str, list[Any]] = {
        "status": ["30", 30.5, True, 0, 2, 31, [], {}, 2**70],
        "release_date": [0, True, "", "soon", "2026-11-03", "2026-11-03T18:00:00", "0001-01-01T00:00:00+01:00", []],
        "notes": [1, True, [], {}],
        "version": ["1.1"],
        "held": [None, {}],
        "x": [None],
    }
    before = (await world.ask("GET", RELEASE)).json
    for field, value in field_values(invalid):
        answer = await change_release(world, **{"notes": "x", field: value})
        assert status_and_field(answer) == (400, f"#/{field}"), value
    assert (await world.ask("GET", RELEASE)).json == before


async def test_an_unknown_release_or_project_is_404(world: World) -> None:
    await world.cut("1.0-rc1")
    for values in ({}, {"status": 20}, {"status": 30}, {"notes": "x"}):
        unknown = await change_release(world, path="/api/projects/site/releases/9", **values)
        assert (unknown.status, unknown.json["detail"]) == (404, "Release not found")
        unknown = await change_release(world, path="/api/projects/shop/releases/1.0", **values)
        assert (unknown.status, unknown.json["detail"]) == (404, "Release project not found")


# --- holding


async def test_a_held_release_is_not_deployed_until_it_is_unheld(world: World) -> None:
    await world.cut("1.0-rc1")
    answer = await change_release(world, status=20)
    assert (answer.json["status"], answer.json["status_name"]) == (20, "hold")
    held = answer.json["held"]
    assert held["by"] == "root" and held["reason"] and held["since"]
    refused = await world.deploy("1.0-rc1")
    assert (refused.status, refused.error) == (403, "Deployment is gated")
    assert (await change_release(world, status=20)).json["held"] == held
    answer = await change_release(world, status=1)
    assert (answer.json["status"], answer.json["held"]) == (1, None)
    assert (await world.deploy("1.0-rc1")).status == 201
    await world.settle()
    acts = [(await world.audit(act))[0].after for act in ("release.hold", "release.unhold")]
    assert acts == [{"held": held}, {"held": None}]
    assert not await world.audit("release.change")


@pytest.mark.parametrize("status_code", [1, 10, 30, 40])
async def test_any_other_status_unholds_and_is_kept(world: World, status_code: int) -> None:
    await world.cut("1.0-rc1")
    await change_release(world, status=10)
    await change_release(world, status=20, notes="held for a leak")
    assert await release_status(world) == (20, "hold")
    answer = await change_release(world, status=status_code)
    assert (answer.json["status"], answer.json["held"], answer.json["notes"]) == (status_code, None, "held for a leak")


async def test_other_changes_leave_a_hold_in_place(world: World) -> None:
    await world.cut("1.0-rc1")
    await change_release(world, status=20)
    answer = await change_release(world, notes="x", release_date="2030-01-01T00:00:00Z")
    assert (answer.json["status"], answer.json["held"]["by"]) == (20, "root")


async def test_holding_and_changing_require_different_grants(world: World) -> None:
    await world.cut("1.0-rc1")
    writer = await world.create_token("project:write", user="writer")
    maintainer = await world.create_token("release:hold", user="maintainer")
    reader = await world.create_token("project:read", "release:cut")
    for token, values, expected in (
        (reader, {}, 403),
        (maintainer, {}, 403),
        (maintainer, {"status": 40}, 403),
        (maintainer, {"notes": "x"}, 403),
        (writer, {"status": 20}, 403),
        (writer, {"status": 20, "notes": "x"}, 403),
        (maintainer, {"status": 20, "notes": "x"}, 403),
        (maintainer, {"status": 20}, 200),
        (writer, {"status": 1}, 403),
        (writer, {"status": 40}, 403),
        (writer, {"notes": "held"}, 200),
        (maintainer, {"status": 40}, 403),
        (maintainer, {"status": 1}, 200),
        (writer, {"status": 40}, 200),
    ):
        answer = await change_release(world, token=token, **values)
        assert answer.status == expected, (values, answer.json)
    refused = await change_release(world, token=writer, status=20)
    assert (refused.json["grant"], refused.json["github_role"]) == ("release:hold", "maintain")
    release = (await world.ask("GET", RELEASE)).json
    assert (release["status"], release["held"], release["notes"]) == (40, None, "held")


async def test_a_token_of_another_project_cannot_hold_a_release(world: World) -> None:
    await create_project(world, "shop")
    await world.cut("1.0-rc1")
    elsewhere = await world.create_token("admin", project="shop")
    for values in ({"status": 20}, {"status": 40}, {"notes": "x"}, {}):
        assert (await change_release(world, token=elsewhere, **values)).status == 403
        assert (await change_release(world, token="", **values)).status == 401
    assert await release_status(world) == (1, "development")


async def test_concurrent_changes_are_not_lost(world: World) -> None:
    await world.cut("1.0-rc1")
    changes: list[dict[str, Any]] = [{"notes": "n"}, {"release_date": "2030-01-01T00:00:00Z"}, {"status": 20}] * 5
    answers = await asyncio.gather(*(change_release(world, **values) for values in changes))
    assert {answer.status for answer in answers} == {200}
    release = (await world.ask("GET", RELEASE)).json
    assert (release["notes"], release["release_date"], release["status"]) == ("n", "2030-01-01T00:00:00Z", 20)
    assert len(await world.audit("release.hold")) == 1


@pytest.mark.parametrize(("date", "kept"), [(None, None), ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z")])
async def test_a_production_deployment_sets_the_date_of_a_release_without_one(
    world: World, date: str | None, kept: str | None
) -> None:
    await world.cut("1.0-rc1")
    await change_release(world, release_date=date)
    await world.complete_deployment("1.0-rc1", "staging")
    assert (await world.ask("GET", RELEASE)).json["release_date"] == kept
    await world.complete_deployment("1.0-rc1", "production")
    release = (await world.ask("GET", RELEASE)).json
    assert release["status_name"] == "released"
    assert release["release_date"] == (kept or release["release_date"])
    assert release["release_date"].endswith("Z")


async def test_a_version_with_special_characters_is_found_by_its_encoded_path(world: World) -> None:
    body = {"package": "site", "release_date": "2024-05-22", "status": 1}
    for version, encoded in (("6.0.x (Alpha)", "6.0.x%20(Alpha)"), ("1/2", "1%2F2"), ("版本", "%E7%89%88%E6%9C%AC")):
        assert (await world.ask("POST", "/api/releases/new/", {**body, "version": version})).status == 201
        answer = await change_release(world, path=f"/api/projects/site/releases/{encoded}", status=30)
        assert (answer.status, answer.json["version"], answer.json["status"]) == (200, version, 30)
