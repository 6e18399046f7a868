"""What one dialect guards, all dialects guard: each way to write a field of a release, with each grant."""

from typing import Any, NamedTuple

import pytest

from bot.rules.release_grants import CONTENT, HOLD, WRITE
from bot.store.projects import Project
from bot.store.releases import Release
from tests.api.helpers import create_project
from tests.api.pdc.content import send
from tests.world import World

PDC = "/rest_api/v1/releases/"
PACKAGE = {"package": "site", "version": "1.0", "release_date": "2026-01-01", "status": 1}
ALL_GRANTS = (
    *("project:read", "content:read", "content:write", "project:write", "release:hold", "release:cut"),
    *("announcement:submit", "announcement:approve", "deployment:report", "freeze:write"),
)


class Way(NamedTuple):
    """A request that changes a field of the release 1.0, the field, and the grants that it needs at least."""

    field: str
    method: str
    path: str
    body: dict[str, Any]
    grants: frozenset[str]


def ways(*, established: bool) -> list[Way]:
    """Every way to change a field of the release 1.0 of `site`, whose row id is 1."""
    identity = frozenset({CONTENT, WRITE} if established else {CONTENT})
    whole = {"name": "x", "short": "site", "version": "1.0", "release_type": "ga"}
    changes = {"version": "9.9", "release_type": "eus", "short": "shop"}
    native = {"status": (40, WRITE), "release_date": ("2030-01-01T00:00:00Z", WRITE), "notes": ("x", WRITE)}
    pdc = {"name": "x", "active": False, "product_version": None}
    return [
        *(Way(name, "PATCH", f"{PDC}site-1.0/", {name: value}, identity) for name, value in changes.items()),
        *(Way(name, "PUT", f"{PDC}site-1.0/", {**whole, name: value}, identity) for name, value in changes.items()),
        *(Way(name, "PATCH", PDC, {"site-1.0": {name: value}}, identity) for name, value in changes.items()),
        *(Way(name, "PUT", PDC, {"site-1.0": {**whole, name: value}}, identity) for name, value in changes.items()),
        *(Way(name, "PATCH", f"{PDC}site-1.0/", {name: value}, frozenset({CONTENT})) for name, value in pdc.items()),
        *(
            Way(name, "PATCH", "/api/projects/site/releases/1.0", {name: value}, frozenset({grant}))
            for name, (value, grant) in native.items()
        ),
        Way("files", "PATCH", "/api/releases/1/update_files/", {"files": {"css": "a.css"}}, frozenset({WRITE})),
        Way("files", "PUT", "/api/projects/site/releases/1.0/files", {"files": {}}, frozenset({WRITE})),
    ]


ESTABLISHED: dict[str, dict[str, Any]] = {
    "testing": {"status": 10},
    "released": {"status": 30},
    "deprecated": {"status": 40},
    "held": {"held": {"by": "alice", "reason": "a leak", "since": "now"}},
    "signed": {"signature": "-----BEGIN PGP SIGNATURE-----"},
    "with files": {"files": {"js": ["a.js"]}},
}


async def reset(columns: dict[str, Any]) -> None:
    """Give the release 1.0 back its columns."""
    site = await Project.get(name="site")
    values = {"project_id": site.id, "version": "1.0", "release_type": "ga", "release_id": "site-1.0", "status": 1}
    values |= {"held": None, "signature": None, "files": {}, "notes": "", "name": None, "active": True}
    await Release.filter(id=1).update(**{**values, **columns})


async def prepare(world: World) -> None:
    """Create the release 1.0, and another project to move it to."""
    await create_project(world, "shop")
    assert (await world.ask("POST", "/api/releases/new/", PACKAGE)).status == 201


@pytest.mark.parametrize("state", [*ESTABLISHED, "development"])
async def test_a_field_needs_the_same_grants_in_every_dialect(world: World, state: str) -> None:
    await prepare(world)
    columns, established = ESTABLISHED.get(state, {}), state != "development"
    secrets: dict[frozenset[str], str] = {}
    for way in ways(established=established):
        # the status of a held release is changed by ending the hold
        needed = frozenset({WRITE, HOLD}) if state == "held" and way.field == "status" else way.grants
        lacking = [frozenset(ALL_GRANTS) - {grant} for grant in needed]
        for grants in [needed, *lacking]:
            if grants not in secrets:
                secrets[grants] = await world.create_token(*grants)
            await reset(columns)
            before = await Release.filter(id=1).values()
            answer = await world.ask(way.method, way.path, way.body, token=secrets[grants])
            if grants == needed:
                assert answer.status == 200, (way, answer.json)
            else:
                assert answer.status == 403, (way, answer.json)
                assert await Release.filter(id=1).values() == before, way


async def test_a_refusal_names_the_grant_and_why(world: World) -> None:
    await prepare(world)
    writer = await world.create_token("content:read", "content:write")
    for columns, why in (
        (ESTABLISHED["released"], "has the status released"),
        (ESTABLISHED["held"], "is held"),
        (ESTABLISHED["signed"], "is signed"),
        (ESTABLISHED["with files"], "has files"),
    ):
        await reset(columns)
        sentence = f"The release site-1.0 {why}: changing its `version` needs the grant `project:write`."
        for path, body in ((f"{PDC}site-1.0/", {"version": "2"}), (PDC, {"site-1.0": {"version": "2"}})):
            answer = await world.ask("PATCH", path, body, token=writer)
            assert (answer.status, answer.json) == (403, {"detail": sentence})


async def test_of_several_changes_one_that_needs_another_grant_refuses_all(world: World) -> None:
    await prepare(world)
    await send(world, "POST", "releases/", {"name": "x", "short": "shop", "version": "1", "release_type": "ga"})
    await reset(ESTABLISHED["released"])
    writer = await world.create_token("content:write")
    body = {"shop-1": {"version": "2"}, "site-1.0": {"release_type": "eus"}}
    assert (await world.ask("PATCH", PDC, body, token=writer)).status == 403
    assert {row.release_id for row in await Release.all()} == {"shop-1", "site-1.0"}


async def test_values_that_stay_need_no_grant(world: World) -> None:
    await prepare(world)
    await reset(ESTABLISHED["released"])
    writer = await world.create_token("content:write")
    same = {"name": "The Site", "short": "site", "version": "1.0", "release_type": "ga"}
    for method in ("PUT", "PATCH"):
        assert (await world.ask(method, f"{PDC}site-1.0/", same, token=writer)).status == 200


async def test_projects_are_created_with_the_same_grant_in_every_dialect(world: World) -> None:
    new = {"name": "x", "short": "new", "version": "1", "release_type": "ga"}
    for others in (["content:write"], [grant for grant in ALL_GRANTS if grant != "project:write"]):
        token = await world.create_token(*others)
        assert (await world.ask("POST", "/api/projects", {"name": "new"}, token=token)).status == 403
        for body in (new, [new]):
            answer = await world.ask("POST", PDC, body, token=token)
            sentence = "There is no project `new`, and creating one needs the grant `project:write`."
            assert (answer.status, answer.json) == (403, {"detail": sentence})
        existing = await world.ask("POST", PDC, {**new, "short": "site", "version": str(len(others))}, token=token)
        assert existing.status == 201
    assert await Project.filter(name="new").exists() is False
    both = await world.create_token("content:write", "project:write")
    assert (await world.ask("POST", PDC, new, token=both)).status == 201


async def test_a_release_moves_to_a_new_project_with_that_grant_only(world: World) -> None:
    await prepare(world)
    writer = await world.create_token("content:write")
    assert (await world.ask("PATCH", f"{PDC}site-1.0/", {"short": "new"}, token=writer)).status == 403
    assert (await world.ask("PATCH", f"{PDC}site-1.0/", {"short": "shop"}, token=writer)).status == 200


async def test_a_release_is_held_with_the_same_grant_in_every_dialect(world: World) -> None:
    await prepare(world)
    body = {**PACKAGE, "version": "2.0", "status": 20}
    writer = await world.create_token("project:write")
    refused = await world.ask("POST", "/api/releases/new/", body, token=writer)
    assert (refused.status, refused.error) == (403, "Holding a release needs the grant `release:hold`.")
    native = await world.ask("PATCH", "/api/projects/site/releases/1.0", {"status": 20}, token=writer)
    assert (native.status, native.json["grant"]) == (403, "release:hold")
    both = await world.create_token("project:write", "release:hold")
    assert (await world.ask("POST", "/api/releases/new/", body, token=both)).status == 201


async def test_the_profile_of_a_project_needs_the_same_grant_in_every_dialect(world: World) -> None:
    for grants, status in ((frozenset(ALL_GRANTS) - {WRITE}, 403), (frozenset({WRITE}), 200)):
        token = await world.create_token(*grants)
        native = await world.ask("PATCH", "/api/projects/site", {"name": "site"}, token=token)
        profile = await world.ask("PUT", "/projects/site.json", {"project": {"name": "site"}}, token=token)
        assert (native.status, profile.status) == (status, status)
