"""Freezes over REST: of an environment, of a project, and of all projects."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.operations import personal_tokens
from bot.operations.users import NewToken
from bot.store.audit import AuditEntry
from bot.store.database import transaction
from bot.store.gates import Freeze, freezes_by_environment
from bot.store.projects import Environment
from tests.api.helpers import add_freeze, create_environment, create_project
from tests.world import Response, World

SITE = "/api/projects/site"
STAGING = f"{SITE}/environments/staging"
PRODUCTION = f"{SITE}/environments/production"
SCOPES = {"environment": f"{STAGING}/freezes", "project": f"{SITE}/freezes", "service": "/api/freezes"}
REASON = {"reason": "holidays"}


async def freeze(world: World, path: str, **body: Any) -> int:
    """Freeze at a path; returns the freeze's id."""
    answer = await world.ask("POST", path, {**REASON, **body})
    assert answer.status == 201, answer.json
    return int(answer.json["id"])


async def in_force(world: World, path: str = f"{STAGING}/freezes") -> list[int]:
    """The ids of the freezes that are listed at a path."""
    answer = await world.ask("GET", path)
    assert answer.status == 200, answer.json
    return [row["id"] for row in answer.json]


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_freeze_of_any_scope_stops_deployments_until_it_is_ended(world: World, scope: str) -> None:
    await world.cut("1.0-rc1")
    path = SCOPES[scope]
    created = await world.ask("POST", path, REASON)
    row = created.json
    assert (created.status, row["scope"], row["by"], row["reason"], row["until"]) == (
        *(201, scope, "root"),
        *("holidays", None),
    )
    assert row["environment"] == ("staging" if scope == "environment" else None)
    refused = await world.deploy("1.0-rc1")
    assert (refused.status, refused.error) == (400, "Environment is frozen")
    assert (refused.json["details"]["by"], refused.json["details"]["reason"]) == ("root", "holidays")
    shown = (await world.ask("GET", STAGING)).json
    assert shown["freezes"] == [row]
    assert (shown["frozen"]["by"], shown["frozen"]["reason"]) == ("root", "holidays")
    assert (await world.ask("DELETE", f"{path}/{row['id']}")).status == 204
    assert (await world.ask("GET", STAGING)).json["freezes"] == []
    assert (await world.deploy("1.0-rc1")).status == 201
    acts = [entry.act for entry in await AuditEntry.filter(act__endswith="freeze").order_by("id")]
    assert acts == [f"{scope}.freeze", f"{scope}.unfreeze"]


async def test_a_freeze_stops_what_is_below_it_and_nothing_else(world: World) -> None:
    await create_project(world, "shop")
    await create_environment(world, "staging", of="shop")
    elsewhere = "/api/projects/shop/environments/staging"
    own, project = await freeze(world, SCOPES["environment"]), await freeze(world, SCOPES["project"])
    service = await freeze(world, SCOPES["service"])
    assert await in_force(world) == [own, project, service]
    assert await in_force(world, f"{PRODUCTION}/freezes") == [project, service]
    assert await in_force(world, f"{elsewhere}/freezes") == [service]
    assert await in_force(world, "/api/projects/shop/freezes") == [service]
    assert await in_force(world, f"{SITE}/freezes") == [own, project, service]
    assert await in_force(world, "/api/freezes") == [service]
    listed = {row["name"]: row["freezes"] for row in (await world.ask("GET", f"{SITE}/environments")).json}
    assert [row["id"] for row in listed["staging"]] == [own, project, service]
    assert [row["id"] for row in listed["production"]] == [project, service]


async def test_frozen_shows_the_oldest_whatever_its_scope(world: World) -> None:
    await freeze(world, SCOPES["service"], reason="first")
    await freeze(world, SCOPES["environment"], reason="second")
    assert (await world.ask("GET", STAGING)).json["frozen"]["reason"] == "first"


async def test_unfreezing_an_environment_ends_all_of_its_own_and_leaves_those_above(world: World) -> None:
    for _ in range(3):
        await freeze(world, SCOPES["environment"])
    other = await freeze(world, f"{PRODUCTION}/freezes")
    project = await freeze(world, SCOPES["project"], reason="audit")
    changed = await world.ask("PATCH", STAGING, {"frozen": None})
    assert (changed.status, changed.json["frozen"]["reason"]) == (200, "audit")
    assert await in_force(world) == [project]
    assert await in_force(world, f"{PRODUCTION}/freezes") == [other, project]
    (entry,) = await world.audit("environment.unfreeze")
    assert len(entry.before["others"]) == 2


async def test_a_change_of_frozen_replaces_those_of_the_environment(world: World) -> None:
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    await freeze(world, SCOPES["environment"], until=until)
    changed = await world.ask("PATCH", STAGING, {"frozen": {"reason": "for good"}})
    assert (changed.json["frozen"]["reason"], changed.json["frozen"]["until"]) == ("for good", None)
    assert len(changed.json["freezes"]) == 1


async def test_a_freeze_ends_by_itself_after_its_duration(world: World) -> None:
    await world.cut("1.0-rc1")
    answer = await world.ask("POST", SCOPES["project"], {**REASON, "for": "2h"})
    since, until = (datetime.fromisoformat(answer.json[name]) for name in ("since", "until"))
    assert until - since == timedelta(hours=2)
    await Freeze.all().update(until=datetime.now(UTC) - timedelta(seconds=1))
    assert await in_force(world) == []
    assert (await world.ask("DELETE", f"{SCOPES['project']}/{answer.json['id']}")).status == 204
    assert (await Freeze.get(id=answer.json["id"])).ended_at is None, "it had ended by itself"
    assert (await world.deploy("1.0-rc1")).status == 201


async def test_a_freeze_that_was_ended_may_be_ended_again_without_effect(world: World) -> None:
    for scope, path in SCOPES.items():
        number = await freeze(world, path)
        for _ in range(2):
            assert (await world.ask("DELETE", f"{path}/{number}")).status == 204
        assert len(await world.audit(f"{scope}.unfreeze")) == 1


async def test_a_freeze_is_only_ended_where_it_is(world: World) -> None:
    numbers = {scope: await freeze(world, path) for scope, path in SCOPES.items()}
    for scope, number in numbers.items():
        others = [path for each, path in SCOPES.items() if each != scope]
        for path in (*others, f"{PRODUCTION}/freezes"):
            answer = await world.ask("DELETE", f"{path}/{number}")
            assert (answer.status, answer.json["detail"]) == (404, "Freeze not found"), (scope, path)
    assert await in_force(world) == list(numbers.values())


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "#/reason"),
    ({"reason": " "}, "#/reason"),
    ({"reason": 7}, "#/reason"),
    ({**REASON, "until": "2020-01-01T00:00:00Z"}, "#/until"),
    ({**REASON, "until": "tomorrow"}, "#/until"),
    ({**REASON, "for": "2 hours"}, "#/for"),
    ({**REASON, "for": "0m"}, "#/for"),
    ({**REASON, "for": "400d"}, "#/for"),
    ({**REASON, "for": 7}, "#/for"),
    ({**REASON, "for": "2h", "until": "2999-01-01T00:00:00Z"}, "#/for"),
    ({**REASON, "lasts": "2h"}, "#/lasts"),
    ({**REASON, "scope": "service"}, "#/scope"),
]


@pytest.mark.parametrize("path", [*SCOPES.values(), f"{STAGING}/lock"])
async def test_a_malformed_request_is_refused_naming_the_field(world: World, path: str) -> None:
    for body, pointer in WRONG:
        answer = await world.ask("POST", path, body)
        assert (answer.status, answer.json["pointer"]) == (400, pointer), body
    assert await Freeze.all().count() == 0


async def test_all_projects_are_frozen_with_the_grant_on_all_of_them_only(world: World) -> None:
    scoped = await world.create_token("admin", project="site")
    reader = await world.create_token("project:read")
    assert (await world.ask("POST", "/api/freezes", REASON, token=scoped)).status == 403
    assert (await world.ask("POST", "/api/freezes", REASON, token=reader)).status == 403
    number = await freeze(world, "/api/freezes")
    assert (await world.ask("DELETE", f"/api/freezes/{number}", token=scoped)).status == 403
    assert await in_force(world) == [number]
    assert [row["id"] for row in (await world.ask("GET", "/api/freezes", token=reader)).json] == [number]


async def test_who_may_read_no_project_does_not_learn_of_the_freezes_of_all(world: World) -> None:
    await freeze(world, "/api/freezes")
    world.github.person("rita", "read")
    world.github.person("sam", "none")
    await world.github.set_private(True)
    await world.settle()
    for login, status in (("rita", 200), ("sam", 403)):
        new = NewToken(f"{login}-laptop", ["project:read"])
        _, token = await personal_tokens.create_for(await world.context(), login, new)
        assert (await world.ask("GET", "/api/freezes", token=token)).status == status, login


async def test_the_same_request_with_one_idempotency_key_freezes_once(world: World) -> None:
    answers: list[Response] = []
    for _ in range(2):
        headers = {"Idempotency-Key": "freeze-1"}
        answers.append(await world.ask("POST", SCOPES["project"], REASON, headers=headers))
    assert answers[0].json == answers[1].json
    assert await Freeze.all().count() == 1


async def test_a_freeze_and_its_end_are_told_to_waiting_deployments(world: World) -> None:
    await world.cut("1.0-rc1")
    number = await freeze(world, SCOPES["environment"], **{"for": "2h"})
    await freeze(world, SCOPES["service"], **{"for": "1h"})
    body = {"release_candidate_version": "1.0-rc1", "wait": True}
    waiting = await world.ask("POST", "/api/releases/site/environments/staging/deployments", body)
    assert (waiting.json["status"], waiting.json["waits_for"]) == ("pending", ["freeze"])
    assert (await world.ask("DELETE", f"{SCOPES['environment']}/{number}")).status == 204
    await world.settle()
    assert world.github.dispatches == [], "the freeze of all projects is still in force"
    assert (await world.ask("DELETE", f"/api/freezes/{(await in_force(world))[0]}")).status == 204
    await world.settle()
    assert len(world.github.dispatches) == 1


async def test_a_changed_setting_is_told_to_waiting_deployments(world: World) -> None:
    await world.cut("1.0-rc1")
    await freeze(world, SCOPES["environment"], **{"for": "2h"})
    body = {"release_candidate_version": "1.0-rc1", "wait": True}
    await world.ask("POST", "/api/releases/site/environments/staging/deployments", body)
    await world.settle()
    before = len(await world.jobs("evaluate_waiting"))
    assert (await world.ask("PATCH", STAGING, {"tier": "development"})).status == 200
    await world.settle()
    assert len(await world.jobs("evaluate_waiting")) == before + 1


async def test_a_freeze_without_an_end_refuses_what_waits_there(world: World) -> None:
    await world.cut("1.0-rc1")
    await freeze(world, SCOPES["environment"], **{"for": "2h"})
    body = {"release_candidate_version": "1.0-rc1", "wait": True}
    await world.ask("POST", "/api/releases/site/environments/staging/deployments", body)
    await freeze(world, SCOPES["project"], reason="for good")
    await world.settle()
    (deployment,) = await world.deployments()
    assert deployment["status"] == "error"
    assert "frozen by root: holidays (and 1 more freeze)" in deployment["error_message"]
    assert world.github.dispatches == []


async def test_the_environments_of_a_page_read_their_freezes_in_one_query(world: World) -> None:
    environments = list(await Environment.all())
    for environment in environments:
        await add_freeze(environment)
    async with transaction():
        found = await freezes_by_environment(environments, datetime.now(UTC))
    assert {key: len(rows) for key, rows in found.items()} == {row.id: 1 for row in environments}
