"""Package releases: creating and showing them, and the error responses of this dialect."""

import asyncio
from typing import Any

import pytest

from bot.context import utc_now
from bot.store.audit import AuditEntry
from bot.store.releases import Release
from tests.api.helpers import count_rows, create_project, field_values
from tests.world import Response, World

NEW = "/api/releases/new/"
MISSING = "Authentication credentials were not provided."
FORBIDDEN = "You do not have permission to perform this action."
BODY: dict[str, Any] = {
    "package": "site",
    "version": "1.1",
    "release_date": "2024-05-22T14:00:00+02:00",
    "status": 30,
}


async def create_release(world: World, *, token: str | None = None, **values: Any) -> Response:
    """Create a package release."""
    return await world.ask("POST", NEW, {**BODY, **values}, token=token)


async def show_release(world: World, number: int) -> Any:
    """A package release as the API shows it."""
    answer = await world.ask("GET", f"/api/releases/{number}/")
    assert answer.status == 200, answer.json
    return answer.json


def status_and_sentence(answer: Response) -> tuple[int, str]:
    """Status and sentence of an error response without fields."""
    assert {"error"} <= set(answer.json) <= {"error", "details"}, answer.json
    return answer.status, answer.error


def fields_named(answer: Response) -> set[str]:
    """The fields of an error response, which must have a sentence for each."""
    assert answer.status == 400, answer.json
    assert set(answer.json) == {"error", "fields"}
    fields = answer.json["fields"]
    assert all(sentences and all(f"`{name}`" in item for item in sentences) for name, sentences in fields.items())
    assert answer.error == next(iter(fields.values()))[0]
    return set(fields)


async def test_a_package_release_is_created_and_shown(world: World) -> None:
    answer = await create_release(world, release_notes="Added new features.", files={"js": "js/a.js"}, signature="sig ")
    expected = {
        "id": 1,
        "package": "site",
        "version": "1.1",
        "release_date": "2024-05-22T12:00:00Z",
        "status": 30,
        "release_notes": "Added new features.",
    }
    assert (answer.status, answer.json) == (201, expected)
    assert await show_release(world, 1) == {**expected, "files": {"js": ["js/a.js"]}, "signature": "sig "}
    native = await world.ask("GET", "/api/projects/site/releases/1.1")
    assert (native.json["status_name"], native.json["candidates"]) == ("released", [])
    row = await Release.get(id=1)
    assert (row.release_id, row.release_type, row.commit, row.held) == ("site-1.1", "ga", None, None)
    [entry] = await world.audit("release.create")
    assert (entry.actor, entry.channel, entry.subject, entry.project_id) == ("root", "rest", "1.1", 1)
    assert entry.after == {"status": 30, "release_date": "2024-05-22T12:00:00+00:00"}


async def test_absent_fields_are_empty(world: World) -> None:
    answer = await create_release(world)
    assert answer.json["release_notes"] == ""
    whole = await show_release(world, 1)
    assert (whole["files"], whole["signature"]) == ({}, None)
    assert (await create_release(world, version="1.2", signature=None)).status == 201


@pytest.mark.parametrize(
    ("date", "kept"),
    [
        ("2024-05-22T12:00:00", "2024-05-22T12:00:00Z"),
        ("2024-05-22", "2024-05-22T00:00:00Z"),
        ("2024-05-22T12:00:00.125-07:00", "2024-05-22T19:00:00.125000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
    ],
)
async def test_a_date_is_stored_in_utc(world: World, date: str, kept: str) -> None:
    answer = await create_release(world, release_date=date)
    assert (answer.status, answer.json["release_date"]) == (201, kept)
    assert (await show_release(world, 1))["release_date"] == kept


async def test_a_malformed_field_is_named_and_nothing_is_written(world: World) -> None:
    invalid: dict[str, list[Any]] = {
        "package": [None, 1, True, [], {}],
        "version": [None, 1.1, 1, True, "", " ", "<b>1</b>", "a\nb", "x" * 256],
        "release_date": [None, 0, 1716379200, True, "", "soon", "2024-13-01", "0000-01-01T00:00:00Z", "10000-01-01"],
        "status": [None, "30", 30.5, True, 0, 2, 31, -1, 2**70, []],
        "release_notes": [1, True, [], {}],
        "files": [1, [], "a", {"js": 1}, {"js": ["../a"]}, {"js": ["a", None]}, {"": ["a"]}],
        "signature": [1, True, [], "x" * 257],
        "name": ["1.1"],
        "id": [7],
    }
    invalid["release_date"] += ["0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"]
    for field, value in field_values(invalid):
        assert fields_named(await create_release(world, **{field: value})) == {field}, value
    for field in BODY:
        body = {name: value for name, value in BODY.items() if name != field}
        answer = await world.ask("POST", NEW, body)
        assert (fields_named(answer), answer.error) == ({field}, f"`{field}` is required.")
    assert await count_rows("releases", "audit_entries") == {
        "releases": 0,
        "audit_entries": (await AuditEntry.exclude(act__startswith="release").count()),
    }


async def test_every_malformed_field_is_named_at_once(world: World) -> None:
    answer = await world.ask("POST", NEW, {"version": "<b>", "status": "30", "files": [], "x": 1, "signature": ""})
    assert fields_named(answer) == {"package", "version", "release_date", "status", "files", "x"}


async def test_an_unreadable_body_is_refused_without_fields(world: World) -> None:
    for data, kind, status in ((b"{", "application/json", 400), (b"[]", "application/json", 400), (b"{}", "x/y", 415)):
        answer = await world.ask("POST", NEW, data=data, headers={"Content-Type": kind})
        assert status_and_sentence(answer)[0] == status
    assert fields_named(await world.ask("POST", NEW)) == set(BODY)


async def test_null_in_an_optional_field_counts_as_absent(world: World) -> None:
    answer = await create_release(world, release_notes=None, files=None, signature=None)
    assert (answer.status, answer.json["release_notes"]) == (201, "")
    release = await show_release(world, 1)
    assert (release["release_notes"], release["files"], release["signature"]) == ("", {}, None)


async def test_a_package_is_named_by_its_permalink_too_and_the_name_wins(world: World) -> None:
    await create_project(world, "Web Shop")
    await create_project(world, "shop", permalink="other")
    await create_project(world, "Third", permalink="shop")
    for number, (package, name) in enumerate([("web-shop", "Web Shop"), ("Web Shop", "Web Shop"), ("shop", "shop")]):
        answer = await create_release(world, package=package, version=f"1.{number}")
        assert (answer.status, answer.json["package"]) == (201, name)
        listed = (await world.ask("GET", f"/api/releases/?package={package}")).json
        assert {row["package"] for row in listed["results"]} == {name}
        latest = await world.ask("GET", f"/api/releases/latest/?package={package}")
        assert latest.json["package"] == name


async def test_an_unknown_package_is_named_and_not_created(world: World) -> None:
    for name in ("shop", "Site", "site ", "", "x" * 5000, "1"):
        assert fields_named(await create_release(world, package=name)) == {"package"}
    assert await count_rows("projects", "releases") == {"projects": 1, "releases": 0}


async def test_a_release_that_exists_is_409(world: World) -> None:
    await create_release(world)
    answer = await create_release(world, status=1, release_date="2025-01-01")
    assert status_and_sentence(answer) == (409, "The package `site` has a release 1.1 already.")
    await world.cut("2.0-rc1")
    assert status_and_sentence(await create_release(world, version="2.0"))[0] == 409
    assert (await show_release(world, 1))["status"] == 30


async def test_a_release_id_of_another_project_is_409_naming_it(world: World) -> None:
    await create_project(world, "site-1")
    await create_release(world, version="1-2")
    answer = await create_release(world, package="site-1", version="2")
    sentence = "The release id `site-1-2` is that of the release 1-2 of the project `site`."
    assert status_and_sentence(answer) == (409, sentence)


async def test_an_archived_package_cannot_be_released(world: World) -> None:
    await world.ask("PATCH", "/api/projects/site", {"archived": True})
    assert status_and_sentence(await create_release(world)) == (409, "Release project is archived")


async def test_of_concurrent_requests_for_the_same_release_one_succeeds(world: World) -> None:
    answers = await asyncio.gather(*(create_release(world, status=status) for status in [1, 10, 20, 30, 40] * 3))
    assert sorted(answer.status for answer in answers) == [201] + [409] * 14
    assert {status_and_sentence(answer)[1] for answer in answers if answer.status == 409} == {
        "The package `site` has a release 1.1 already."
    }
    assert await count_rows("releases") == {"releases": 1}
    assert len(await world.audit("release.create")) == 1


async def test_of_two_releases_with_the_same_release_id_one_is_created(world: World) -> None:
    await create_project(world, "site-1")
    pairs = [("site", "1-2"), ("site-1", "2")] * 4
    answers = await asyncio.gather(*(create_release(world, package=name, version=version) for name, version in pairs))
    assert sorted(answer.status for answer in answers) == [201] + [409] * 7
    assert await count_rows("releases") == {"releases": 1}


async def test_candidates_of_a_package_release_can_be_cut_later(world: World) -> None:
    await create_release(world, version="1.4.0", status=1)
    assert (await world.cut("1.4.0-rc1")).status == 201
    whole = await show_release(world, 1)
    assert (whole["version"], whole["status"]) == ("1.4.0", 1)
    assert await count_rows("releases") == {"releases": 1}


async def test_a_release_that_was_cut_is_a_package_release(world: World) -> None:
    await world.cut("1.4.0-rc1")
    whole = await show_release(world, 1)
    assert whole == {
        "id": 1,
        "package": "site",
        "version": "1.4.0",
        "release_date": None,
        "status": 1,
        "release_notes": "",
        "files": {},
        "signature": None,
    }


@pytest.mark.parametrize(("status", "after_staging", "after_production"), [(1, 10, 30), (30, 30, 30), (40, 40, 40)])
async def test_a_status_is_kept_until_a_deployment_advances_it(
    world: World, status: int, after_staging: int, after_production: int
) -> None:
    await create_release(world, version="1.4.0", status=status)
    await world.cut("1.4.0-rc1")
    assert (await show_release(world, 1))["status"] == status
    await world.complete_deployment("1.4.0-rc1", "staging")
    assert (await show_release(world, 1))["status"] == after_staging
    await world.complete_deployment("1.4.0-rc1", "production")
    assert (await show_release(world, 1))["status"] == after_production


async def test_a_hold_is_separate_from_the_status_and_stops_deployments(world: World) -> None:
    assert (await create_release(world, version="1.4.0", status=20)).json["status"] == 20
    row = await Release.get(id=1)
    assert row.status == 1
    assert row.held is not None and row.held["by"] == "root" and row.held["since"] and row.held["reason"]
    await world.cut("1.4.0-rc1")
    answer = await world.deploy("1.4.0-rc1")
    assert (answer.status, answer.error) == (403, "Deployment is gated")
    assert [gate["gate"] for gate in answer.json["details"]["gates"] if "waits_for" in gate] == ["hold"]
    assert (await show_release(world, 1))["status"] == 20
    assert await world.deployments() == []


async def test_a_version_with_special_characters_is_found_by_its_id(world: World) -> None:
    for number, version in enumerate(("6.0.x (Alpha)", "1/2", "版本 1", "1 < 2", "new", "a" * 255), 1):
        assert (await create_release(world, version=version)).status == 201
        assert (await show_release(world, number))["version"] == version


# --- access


async def test_credentials_are_checked_first(world: World) -> None:
    calls: list[tuple[str, str, Any]] = [
        ("POST", NEW, {}),
        ("PATCH", "/api/releases/7/update_files/", {}),
        ("PATCH", "/api/releases/x/update_files/", None),
        ("GET", "/api/releases/", None),
        ("GET", "/api/releases/?status=x", None),
        ("GET", "/api/releases/latest/", None),
        ("GET", "/api/releases/7/", None),
    ]
    for method, path, body in calls:
        for token, sentence in (("", MISSING), ("lsh_unknown", "Invalid token.")):
            answer = await world.ask(method, path, body, token=token)
            assert status_and_sentence(answer) == (401, sentence), path
            assert answer.headers["WWW-Authenticate"] == "Token"
    broken = await world.ask("POST", NEW, data=b"{", headers={"Content-Type": "x/y"}, token="")
    assert status_and_sentence(broken) == (401, MISSING)


async def test_the_challenge_of_this_dialect_is_token(world: World) -> None:
    for header in (f"Token {world.token}", f"token {world.token}", f"Bearer {world.token}"):
        answer = await world.ask("GET", "/api/releases/", token="", headers={"Authorization": header})
        assert answer.status == 200
    answer = await world.ask("GET", "/api/releases/", token="", headers={"Authorization": f"Basic {world.token}"})
    assert status_and_sentence(answer) == (401, "Invalid token.")


async def test_writing_and_reading_require_their_grants(world: World) -> None:
    await create_release(world)
    writer, reader = await world.create_token("project:write"), await world.create_token("project:read")
    neither = await world.create_token("release:cut", "content:read", "content:write", "release:hold")
    writes = [("POST", NEW, BODY), ("PATCH", "/api/releases/1/update_files/", {"files": {"js": "a"}})]
    for method, path, body in writes:
        refused = await world.ask(method, path, body, token=reader)
        assert status_and_sentence(refused) == (403, FORBIDDEN)
        assert refused.json["details"]["reason"] == "it needs `project:write`; the token has `project:read`"
        assert (await world.ask(method, path, body, token=writer)).status in (200, 409)
    for path in ("/api/releases/", "/api/releases/1/", "/api/releases/latest/?package=site"):
        assert status_and_sentence(await world.ask("GET", path, token=neither)) == (403, FORBIDDEN)
        assert (await world.ask("GET", path, token=reader)).status == 200


async def test_the_body_is_checked_before_the_grant_and_the_grant_before_the_package(world: World) -> None:
    reader = await world.create_token("project:read")
    assert fields_named(await create_release(world, token=reader, status="30")) == {"status"}
    assert status_and_sentence(await create_release(world, token=reader, package="shop")) == (403, FORBIDDEN)


async def test_a_token_of_one_project_learns_nothing_about_others(world: World) -> None:
    await create_project(world, "shop")
    await create_release(world)
    await create_release(world, package="shop")
    scoped = await world.create_token("admin", project="shop")
    for package in ("site", "nobody"):
        assert status_and_sentence(await create_release(world, token=scoped, package=package, version="9")) == (
            403,
            FORBIDDEN,
        )
        query = f"package={package}"
        assert (await world.ask("GET", f"/api/releases/?{query}", token=scoped)).json["count"] == 0
        answer = await world.ask("GET", f"/api/releases/latest/?{query}", token=scoped)
        assert status_and_sentence(answer) == (404, "Release not found")
    assert (await create_release(world, token=scoped, package="shop", version="9")).status == 201
    seen = await world.ask("GET", "/api/releases/", token=scoped)
    assert (seen.json["count"], {row["package"] for row in seen.json["results"]}) == (2, {"shop"})
    assert status_and_sentence(await world.ask("GET", "/api/releases/1/", token=scoped)) == (403, FORBIDDEN)
    files = {"files": {"js": "a"}}
    assert status_and_sentence(await world.ask("PATCH", "/api/releases/1/update_files/", files, token=scoped)) == (
        403,
        FORBIDDEN,
    )
    assert (await world.ask("PATCH", "/api/releases/2/update_files/", files, token=scoped)).status == 200


# --- paths


async def test_an_unknown_id_is_not_found(world: World) -> None:
    await create_release(world)
    now = utc_now()
    await Release.create(project_id=1, version="1", release_type="eus", release_id="s", created_at=now, updated_at=now)
    numbers = ["0", "3", "2", "-1", "01x", "1.0", "x", "%00", "%31%30", "9999999999", "9" * 400, "١", "1%20", "+1"]
    for number in numbers:
        answer = await world.ask("GET", f"/api/releases/{number}/")
        assert status_and_sentence(answer) == (404, "Release not found"), number
        answer = await world.ask("PATCH", f"/api/releases/{number}/update_files/", {"files": {}})
        assert status_and_sentence(answer) == (404, "Release not found"), number


async def test_a_get_without_the_trailing_slash_is_redirected_and_a_write_is_performed(world: World) -> None:
    written = await world.ask("POST", "/api/releases/new", BODY)
    assert written.status == 201
    added = await world.ask("PATCH", "/api/releases/1/update_files", {"files": {"js": "a"}})
    assert (added.status, added.json) == (200, {"files": {"js": ["a"]}})
    for path in ("/api/releases", "/api/releases/1", "/api/releases/latest"):
        answer = await world.ask("GET", f"{path}?package=a%2Bb&status=", allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (301, f"{path}/?package=a%2Bb&status=")
    assert (await world.ask("GET", "/api/releases/1")).json["id"] == 1


@pytest.mark.parametrize("name", ["new", "latest", "1", "update_files", "releases", "environments"])
async def test_a_project_may_have_the_name_of_a_path_of_this_dialect(world: World, name: str) -> None:
    await create_project(world, name, repo="acme/site")
    body = {"repo": "acme/site", "commit": world.github.head()}
    path = f"/api/releases/{name}/releases/1.0-rc1"
    assert (await world.ask("POST", path, body)).status == 201
    assert (await world.ask("GET", path)).json["project"] == name
    environment = {"name": "update_files", "tier": "development"}
    assert (await world.ask("POST", f"/api/projects/{name}/environments", environment)).status == 201
    deployments = f"/api/releases/{name}/environments/update_files/deployments"
    assert (await world.ask("POST", deployments, {"release_candidate_version": "1.0-rc1"})).status == 201
    assert len((await world.ask("GET", deployments)).json) == 1
    assert (await create_release(world, package=name, version="2.0")).status == 201
    newest = await world.ask("GET", f"/api/releases/latest/?package={name}")
    assert (newest.json["package"], newest.json["version"]) == (name, "2.0")
    assert (await show_release(world, 1))["package"] == name


async def test_a_wrong_method_is_405_in_this_dialects_form(world: World) -> None:
    for method, path, allowed in (
        ("DELETE", "/api/releases/1/", "GET"),
        ("POST", "/api/releases/", "GET"),
        ("GET", "/api/releases/1/update_files/", "PATCH"),
        ("PUT", NEW, "POST"),
    ):
        answer = await world.ask(method, path)
        assert status_and_sentence(answer)[0] == 405
        assert allowed in answer.headers["Allow"]
