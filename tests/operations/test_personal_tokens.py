"""Personal tokens: made for a person by an operator, and cut down to the person's role at each use."""

from typing import Any

import pytest

from bot.errors import NotFound, Problem, Refusal
from bot.operations import personal_tokens
from bot.operations.users import NewToken
from bot.rules.permissions import GRANTS
from bot.store.users import ApiToken, User
from tests.world import Response, World

ALL = ("project:read", "release:cut", "deployment:start", "deployment:production", "freeze:write", "project:write")
SITE = "/api/projects/site"


async def make(world: World, login: str, *grants: str, **values: Any) -> str:
    """The secret of a personal token."""
    new = NewToken(f"{login}-laptop", list(grants or ALL), **values)
    _, secret = await personal_tokens.create_for(await world.context(), login, new)
    return secret


async def cut(world: World, token: str) -> Response:
    body = {"repo": "acme/site", "commit": world.github.head()}
    return await world.ask("POST", "/api/releases/site/releases/1.0-rc1", body, token=token)


async def test_a_personal_token_is_tied_to_the_account_and_listed_as_such(world: World) -> None:
    account = world.github.person("Carol")
    await make(world, "carol", "project:read")
    user = await User.get(github_id=account.id)
    token = await ApiToken.get(user_id=user.id)
    assert (user.name, token.personal, token.by_operator) == ("Carol", True, True)
    listed = (await world.ask("GET", "/api/tokens")).json
    assert [(row["github_user"], row["by_operator"]) for row in listed] == [("Carol", True), (None, False)]
    entry = (await world.audit("token.create"))[-1]
    assert (entry.after["github_id"], entry.after["made_by_operator"]) == (account.id, True)


async def test_over_rest_no_personal_token_can_be_made(world: World) -> None:
    for field in ("github_user", "personal", "by_operator"):
        body = {"name": "x", "grants": ["project:read"], field: "alice"}
        assert (await world.ask("POST", "/api/tokens", body)).status == 400
    world.github.person("alice")
    await make(world, "alice")
    body = {"name": "x", "grants": ["project:read"], "user": "alice"}
    created = await world.ask("POST", "/api/tokens", body)
    assert (created.json["user"], created.json["github_user"]) == ("alice@token", None)


@pytest.mark.parametrize("grant", ["admin", "content:read", "content:write"])
async def test_what_no_role_brings_is_never_granted_to_a_person(world: World, grant: str) -> None:
    with pytest.raises(Refusal, match=f"cannot have {grant}"):
        await make(world, "alice", "project:read", grant)
    assert await ApiToken.filter(personal=True).count() == 0


async def test_a_login_that_github_does_not_know_or_that_is_no_person_is_refused(world: World) -> None:
    with pytest.raises(NotFound, match="knows no user `nobody-here`"):
        await make(world, "nobody-here")
    with pytest.raises(Refusal, match="not a person"):
        await make(world, "acme")


async def test_no_token_is_made_while_github_cannot_be_asked(world: World) -> None:
    world.github.faults.down()
    with pytest.raises(Problem, match="GitHub"):
        await make(world, "alice")
    world.github.faults.up()
    await world.github.uninstall()
    await world.settle()
    with pytest.raises(Refusal, match="installed on no repository"):
        await make(world, "alice")


async def test_the_grants_are_cut_down_to_those_of_the_role_at_each_use(world: World) -> None:
    world.github.person("alice", "read")
    alice = await make(world, "alice")
    assert (await world.ask("GET", SITE, token=alice)).status == 200
    refused = await cut(world, alice)
    assert refused.status == 403
    assert "needs write; you have read" in refused.error
    world.github.person("alice", "write")
    assert (await cut(world, alice)).status == 201
    world.github.person("alice", "triage")
    await world.cut("1.0-rc2")
    body = {"release_candidate_version": "1.0-rc2"}
    path = "/api/releases/site/environments/staging/deployments"
    assert (await world.ask("POST", path, body, token=alice)).status == 403
    world.github.person("alice", "admin")
    assert (await world.ask("POST", path, body, token=alice)).status == 201


async def test_a_role_brings_no_more_than_the_token_was_granted(world: World) -> None:
    world.github.person("alice", "admin")
    alice = await make(world, "alice", "project:read", "deployment:start")
    answer = await world.ask("PATCH", SITE, {"archived": True}, token=alice)
    assert (answer.status, answer.json["grant"]) == (403, "project:write")
    await world.cut("1.0-rc1")
    path = "/api/releases/site/environments/production/deployments"
    refused = await world.ask("POST", path, {"release_candidate_version": "1.0-rc1"}, token=alice)
    assert refused.status == 403
    assert refused.json["details"]["grant"] == "deployment:production"


async def test_two_changes_in_one_request_are_authorized_before_the_transaction(world: World) -> None:
    world.github.person("alice", "admin")
    alice = await make(world, "alice")
    path = f"{SITE}/environments/staging"
    answer = await world.ask("PATCH", path, {"frozen": {"reason": "moving"}, "order": 3}, token=alice)
    assert (answer.status, answer.json["order"]) == (200, 3)
    await world.cut("1.0-rc1")
    values = {"status": 20, "notes": "x"}
    assert (await world.ask("PATCH", f"{SITE}/releases/1.0", values, token=alice)).status == 403  # no release:hold


async def test_who_has_no_role_in_a_private_repository_cannot_tell_whether_the_project_exists(world: World) -> None:
    await world.github.set_private()
    await world.settle()
    world.github.person("eve", "none")
    eve = await make(world, "eve")
    known, unknown = [await world.ask("GET", path, token=eve) for path in (SITE, "/api/projects/none")]
    assert (known.status, known.json) == (unknown.status, unknown.json) == (403, unknown.json)
    assert (await world.ask("GET", "/api/projects", token=eve)).json == []


async def test_lists_over_all_projects_show_public_ones_only(world: World) -> None:
    world.github.person("alice", "admin")
    alice = await make(world, "alice")
    assert [row["name"] for row in (await world.ask("GET", "/api/projects", token=alice)).json] == ["site"]
    await world.github.set_private()
    await world.settle()
    assert (await world.ask("GET", "/api/projects", token=alice)).json == []
    assert (await world.ask("GET", SITE, token=alice)).status == 200


async def test_a_personal_token_is_503_while_github_does_not_say_the_role(world: World) -> None:
    world.github.person("alice", "admin")
    alice = await make(world, "alice")
    world.github.faults.fail(path="*/collaborators/*", status=503, times=None)
    answers = [await world.ask("GET", SITE, token=alice), await cut(world, alice)]
    assert [answer.status for answer in answers] == [503, 503]
    assert (await world.ask("GET", SITE)).status == 200
    world.github.faults.clear()
    assert (await world.ask("GET", SITE, token=alice)).status == 200


async def test_reads_ask_for_the_role_once_a_minute_and_other_tokens_never(world: World) -> None:
    world.github.person("alice", "admin")
    alice = await make(world, "alice")
    await world.ask("GET", SITE, token=alice)
    before = len(world.github.calls)
    for _ in range(3):
        assert (await world.ask("GET", SITE, token=alice)).status == 200
        assert (await world.ask("PATCH", f"{SITE}/environments/staging", {"order": 2})).status == 200
    assert len(world.github.calls) == before
    assert (await world.ask("PATCH", f"{SITE}/environments/staging", {"order": 1}, token=alice)).status == 200
    assert len(world.github.calls) > before


async def test_a_renamed_account_keeps_its_rights_and_a_recycled_login_gets_none(world: World) -> None:
    world.github.person("alice", "write")
    alice = await make(world, "alice")
    world.github.rename_person("alice", "alicia")
    world.github.person("alice", "admin")
    assert (await cut(world, alice)).status == 201
    world.github.delete_person("alicia")
    body = {"release_candidate_version": "1.0-rc1"}
    path = "/api/releases/site/environments/staging/deployments"
    assert (await world.ask("POST", path, body, token=alice)).status == 403


async def test_a_project_without_a_repository_takes_no_personal_tokens(world: World) -> None:
    assert (await world.ask("POST", "/api/projects", {"name": "shop"})).status == 201
    world.github.person("alice", "admin")
    alice = await make(world, "alice")
    assert (await world.ask("GET", "/api/projects/shop", token=alice)).status == 403
    assert (await world.ask("POST", "/api/projects", {"name": "new"}, token=alice)).status == 403


async def test_a_personal_token_of_one_project_is_for_that_one_only(world: World) -> None:
    body = {"name": "shop", "repo": "acme/site", "tag_prefix": "shop/", "trigger_tag_prefix": "shop-v"}
    assert (await world.ask("POST", "/api/projects", body)).status == 201
    world.github.person("alice", "admin")
    alice = await make(world, "alice", project="shop")
    assert (await world.ask("GET", "/api/projects/shop", token=alice)).status == 200
    assert (await world.ask("GET", SITE, token=alice)).status == 403


def test_what_a_role_brings_is_all_that_a_personal_token_can_have() -> None:
    assert {"admin", "content:read", "content:write"} == GRANTS - personal_tokens.POSSIBLE
