"""Tokens over REST: creating, listing and revoking them, and who may."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from bot.errors import Forbidden
from bot.operations import users
from bot.store.database import fetch
from bot.store.users import ApiToken
from tests.api.helpers import count_rows, create_project, field_values, page_links
from tests.api.rest.test_projects import status_and_field
from tests.world import Response, World

TOKENS = "/api/tokens"
KEYS = {
    *("id", "name", "prefix", "user", "github_user", "by_operator", "project", "grants"),
    *("created_at", "expires_at", "last_used_at", "revoked_at"),
}


async def create_token(world: World, **values: Any) -> Any:
    """Create a token and return the response body."""
    answer = await world.ask("POST", TOKENS, {"name": "ci", "grants": ["project:read"], **values})
    assert answer.status == 201, answer.json
    return answer.json


async def read_status(world: World, secret: str) -> int:
    """The status of a read request with a token."""
    return (await world.ask("GET", "/api/projects", token=secret)).status


async def test_a_token_is_created_and_its_secret_shown_once(world: World) -> None:
    answer = await world.ask("POST", TOKENS, {"name": "ci", "grants": ["release:cut", "project:read", "release:cut"]})
    created = answer.json
    assert answer.status == 201
    assert answer.headers["Cache-Control"] == "no-store"
    secret = created.pop("token")
    assert secret.startswith("lsh_") and len(secret) > 40
    assert set(created) == KEYS
    assert (created["name"], created["user"], created["project"]) == ("ci", "ci", None)
    assert created["grants"] == ["project:read", "release:cut"]
    assert secret.startswith(created["prefix"]) and len(created["prefix"]) == 12
    assert created["expires_at"] is created["last_used_at"] is created["revoked_at"] is None
    assert await read_status(world, secret) == 200
    answer_to_get = await world.ask("GET", f"{TOKENS}/{created['id']}")
    assert {**answer_to_get.json, "last_used_at": None} == created
    assert answer_to_get.json["last_used_at"] > created["created_at"]
    listed = await world.ask("GET", TOKENS)
    assert listed.json[0] == answer_to_get.json
    kept = [listed.json, await fetch("SELECT * FROM api_tokens"), await fetch("SELECT * FROM audit_entries")]
    assert secret[12:] not in orjson.dumps(kept, default=str).decode()


async def test_a_token_has_a_user_a_project_and_an_expiry(world: World) -> None:
    await create_project(world, "shop")
    for_days = await create_token(world, user="robot", project="shop", expires_in_days=90)
    assert (for_days["user"], for_days["project"]) == ("robot", "shop")
    lasts = datetime.fromisoformat(for_days["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=89) < lasts <= timedelta(days=90)
    assert [item["name"] for item in (await world.ask("GET", "/api/projects", token=for_days["token"])).json] == [
        "shop"
    ]
    soon = datetime.now(UTC) + timedelta(seconds=0.3)
    until = await create_token(world, user="robot", expires_at=soon.isoformat())
    assert until["expires_at"] == soon.isoformat().replace("+00:00", "Z")
    assert await read_status(world, until["token"]) == 200
    while datetime.now(UTC) <= soon:
        await asyncio.sleep(0.02)
    assert await read_status(world, until["token"]) == 401
    elsewhere = await create_token(world, expires_at="2126-11-03T20:00:00+02:00")
    assert elsewhere["expires_at"] == "2126-11-03T18:00:00Z"
    assert await count_rows("users") == {"users": 4}  # longshore, root, robot, ci


async def test_a_revoked_token_is_refused_at_once_and_revoking_it_again_changes_nothing(world: World) -> None:
    token = await create_token(world)
    path = f"{TOKENS}/{token['id']}"
    answer = await world.ask("DELETE", path)
    assert (answer.status, answer.json, answer.headers.get("Content-Type")) == (204, None, None)
    assert await read_status(world, token["token"]) == 401
    revoked = (await world.ask("GET", path)).json["revoked_at"]
    assert revoked > token["created_at"]
    assert (await world.ask("DELETE", path)).status == 204
    assert (await world.ask("GET", path)).json["revoked_at"] == revoked
    assert len(await world.audit("token.revoke")) == 1


async def test_a_token_may_revoke_itself(world: World) -> None:
    token = await create_token(world, grants=["admin"])
    assert (await world.ask("DELETE", f"{TOKENS}/{token['id']}", token=token["token"])).status == 204
    assert (await world.ask("DELETE", f"{TOKENS}/{token['id']}", token=token["token"])).status == 401


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_an_unknown_token_is_404(world: World, method: str) -> None:
    for number in ("9999", "0", "-1", "x", "1.5", "9" * 30, "%D9%A1", world.token[:12], "root"):
        answer = await world.ask(method, f"{TOKENS}/{number}")
        assert (answer.status, answer.json["detail"]) == (404, "Token not found"), number
    assert (await ApiToken.get(name="root")).revoked_at is None


WRONG: dict[str, list[Any]] = {
    "name": ["", " ", "a b", "-a", "a\nb", "é", "x" * 256, 7, None, [], "longshore"],
    "grants": [[], ["root"], ["project:read", "release:*"], [""], [7], ["Admin"], "admin", None, {}],
    "user": ["", "a b", "x" * 256, 7, "longshore"],
    "project": [7, []],
    "expires_in_days": [0, -1, 1.5, "90", 36501, True, 2**65],
    "expires_at": ["", "soon", "2026-11-03", "2126-11-03T18:00:00", "2001-01-01T00:00:00Z", 7, "9999-12-31T23:59-12"],
    "colour": ["red"],
}


async def test_an_invalid_field_is_named_and_nothing_is_created(world: World) -> None:
    before = await count_rows("api_tokens", "users", "audit_entries")
    for field, value in field_values(WRONG):
        body = {"name": "ci", "grants": ["project:read"], field: value}
        status, pointer = status_and_field(await world.ask("POST", TOKENS, body))
        assert status == 400, (field, value)
        assert str(pointer).startswith(f"#/{field}"), (field, value)
    nowhere = await world.ask("POST", TOKENS, {"name": "ci", "grants": ["project:read"], "project": "nowhere"})
    assert (status_and_field(nowhere), nowhere.json["detail"]) == ((404, "#/project"), "Release project not found")
    both = {"expires_in_days": 1, "expires_at": "2126-11-03T18:00:00Z"}
    answer = await world.ask("POST", TOKENS, {"name": "ci", "grants": ["project:read"], **both})
    assert status_and_field(answer) == (400, "#/expires_in_days")
    assert await count_rows("api_tokens", "users", "audit_entries") == before


async def test_every_invalid_field_is_named_at_once(world: World) -> None:
    answer = await world.ask("POST", TOKENS, {"grants": ["project:read", 7], "expires_in_days": 0, "x/y~z": 1})
    assert status_and_field(answer) == (400, "#/name")
    assert answer.json["detail"] == "`name` is required."
    assert [item["pointer"] for item in answer.json["errors"]] == [
        *("#/name", "#/grants/1", "#/expires_in_days", "#/x~1y~0z"),
    ]
    assert answer.json["errors"][0]["detail"] == answer.json["detail"]
    assert all(item["detail"] for item in answer.json["errors"])


async def test_the_list_is_read_page_by_page_newest_first(world: World) -> None:
    for number in range(4):
        await create_token(world, name=f"ci{number}")
    seen, query = [], "per_page=2"
    while query:
        page = await world.ask("GET", f"{TOKENS}?{query}")
        seen += [item["name"] for item in page.json]
        query = page_links(page).get("next", "")
        await create_token(world, name="later")  # rows inserted meanwhile do not shift the pages
    assert seen == ["ci3", "ci2", "ci1", "ci0", "root"]
    assert status_and_field(await world.ask("GET", f"{TOKENS}?per_page=0")) == (400, "per_page")


async def test_only_administrators_of_all_projects_manage_tokens(world: World) -> None:
    await create_project(world, "shop")
    calls: list[tuple[str, str, Any]] = [
        ("GET", TOKENS, None),
        ("POST", TOKENS, {"name": "x", "grants": ["project:read"], "project": "shop"}),
        ("POST", TOKENS, {"name": "x", "grants": ["admin"]}),
        ("GET", f"{TOKENS}/1", None),
        ("DELETE", f"{TOKENS}/1", None),
        ("DELETE", f"{TOKENS}/9999", None),
    ]
    grants = ["project:write", "deployment:force", "content:write", "release:cut"]
    mighty = await world.create_token(*grants)
    scoped = await world.create_token("admin", project="shop")
    before = await count_rows("api_tokens", "audit_entries")
    for method, path, body in calls:
        for secret in (mighty, scoped):
            answer = await world.ask(method, path, body, token=secret)
            assert status_and_field(answer) == (403, None)
            assert answer.json["grant"] == "admin"
        assert (await world.ask(method, path, body, token="")).status == 401
    assert "one project only" in (await world.ask("GET", TOKENS, token=scoped)).json["reason"]
    assert await count_rows("api_tokens", "audit_entries") == before
    assert await read_status(world, world.token) == 200


async def test_a_token_of_one_project_cannot_escape_it_by_any_route(world: World) -> None:
    _, secret = await users.create_token(await world.context(), "s", grants=["admin"], project="site")
    actor = await users.authenticate(secret, datetime.now(UTC))
    context = (await world.context()).acting_as(actor, "test")
    for act in (users.create_token(context, "free", grants=["admin"]), users.revoke_token(context, "root")):
        with pytest.raises(Forbidden):
            await act


async def test_creating_and_revoking_are_audited(world: World) -> None:
    token = await create_token(world, user="robot", project="site", grants=["release:cut"])
    await world.ask("DELETE", f"{TOKENS}/{token['id']}")
    (created,), (revoked,) = (await world.audit("token.create"))[-1:], await world.audit("token.revoke")
    assert (created.actor, created.channel, created.subject) == ("root", "rest", "ci")
    assert created.after == {"user": "robot", "grants": ["release:cut"], "prefix": token["prefix"]}
    assert (revoked.actor, revoked.channel, revoked.before) == ("root", "rest", {"prefix": token["prefix"]})
    assert created.project_id == revoked.project_id == 1


async def test_two_concurrent_revocations_both_succeed(world: World) -> None:
    token = await create_token(world)
    answers: list[Response] = await asyncio.gather(*(world.ask("DELETE", f"{TOKENS}/{token['id']}") for _ in range(8)))
    assert {answer.status for answer in answers} == {204}
    assert len(await world.audit("token.revoke")) == 1


async def test_of_many_unknown_grants_the_first_five_are_named(world: World) -> None:
    unknown = [f"no:{number}" for number in range(100)]
    answer = await world.ask("POST", TOKENS, {"name": "ci", "grants": unknown})
    assert status_and_field(answer) == (400, "#/grants")
    assert "No such grant: no:0, no:1, no:10, no:11, no:12 and 95 more." in answer.json["detail"]
    long = await world.ask("POST", TOKENS, {"name": "ci", "grants": ["x" * 100_000]})
    assert (status_and_field(long), len(long.json["detail"]) < 1000) == ((400, "#/grants"), True)
    single = await world.ask("POST", TOKENS, {"name": "ci", "grants": ["nope"]})
    assert single.json["detail"].startswith("No such grant: nope. There are: ")


async def test_a_project_name_that_no_project_can_have_is_404(world: World) -> None:
    for name in ("", "x" * 256, "x" * 100_000):
        answer = await world.ask("POST", TOKENS, {"name": "ci", "grants": ["project:read"], "project": name})
        assert (status_and_field(answer), len(answer.json["project"]) <= 100) == ((404, "#/project"), True)
