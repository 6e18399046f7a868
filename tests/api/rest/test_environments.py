"""Environments over REST: creating, changing, freezing and unfreezing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.store.audit import AuditEntry
from bot.store.gates import Freeze
from tests.api.helpers import change_project, create_environment, create_project, field_values, freeze
from tests.world import Response, World

ENVIRONMENTS = "/api/projects/site/environments"
STAGING = f"{ENVIRONMENTS}/staging"


def status_and_field(answer: Response) -> tuple[int, str | None]:
    """Status and field of an error response."""
    assert answer.headers["Content-Type"].startswith("application/problem+json"), answer.json
    return answer.status, answer.json.get("pointer")


async def change_staging(world: World, token: str | None = None, **values: Any) -> Response:
    """Change the environment `staging`."""
    return await world.ask("PATCH", STAGING, values, token=token)


async def test_an_environment_is_created_with_defaults_and_listed_in_order(world: World) -> None:
    created = await create_environment(world, "qa", order=-0)
    moment = created.pop("created_at")
    assert moment.endswith("Z")
    assert created.pop("warnings") == []
    assert created == {
        "id": 3,
        "name": "qa",
        "tier": "development",
        "workflow": None,
        "inputs": {},
        "order": 0,
        "deploy_deadline_minutes": 60,
        "frozen": None,
        "freezes": [],
        "lock": None,
        "url": None,
        "closed": None,
        "managed": False,
        "waiting": None,
        "weakened": None,
        "after": [],
        "soak": "0s",
        "downgrade": "allow",
        "checks": [],
        "approvals": {"count": 0, "from": ["role:write"], "authors": False, "expire_after": "7d"},
        "deployers": [],
        "force": True,
        "auto": False,
        "wait_at_most": "7d",
        "windows": [],
    }
    assert (await world.ask("GET", f"{ENVIRONMENTS}/qa")).json == {**created, "created_at": moment}
    await change_staging(world, order=7)
    assert [item["name"] for item in (await world.ask("GET", ENVIRONMENTS)).json] == ["production", "qa", "staging"]


async def test_every_setting_is_stored_and_can_be_changed_alone(world: World) -> None:
    environment = (await world.ask("GET", STAGING)).json
    settings: dict[str, list[Any]] = {
        "tier": ["development"],
        "workflow": [None, "ship.yml"],
        "inputs": [{"region": "eu"}],
        "order": [3],
        "deploy_deadline_minutes": [5],
        "url": ["https://staging.example.com/", None],
        "name": ["STAGING"],
    }
    for name, value in field_values(settings):
        environment[name] = value
        answer = await change_staging(world, **{name: value})
        shown = {**answer.json, "warnings": [], "weakened": None}  # changing the workflow or the tier may weaken
        assert (answer.status, shown) == (200, {**environment, "warnings": []})
    assert status_and_field(await world.ask("GET", STAGING)) == (404, None)
    assert {**(await world.ask("GET", f"{ENVIRONMENTS}/STAGING")).json, "weakened": None} == environment
    assert (await world.ask("PATCH", f"{ENVIRONMENTS}/STAGING", {})).status == 400


WRONG: dict[str, list[Any]] = {
    "name": ["", " a", "a/b", "a\nb", "x" * 101, 7, "all", "All"],
    "tier": ["Production", "", "prod", 7],
    "workflow": ["deploy", "../deploy.yml", "", 7],
    "inputs": [[], {"1": "x"}, {"a": 1}, {f"i{n}": "" for n in range(16)}],
    "order": [-1, 1_000_001, 2**65, "1", 1.5, True],
    "deploy_deadline_minutes": [0, 10081, "5", 2**33],
    "url": [
        "",
        "example.com",
        "javascript:alert(1)",
        "https://user@example.com/",
        f"https://example.com/{'x' * 500}",
        7,
    ],
    "colour": ["red"],
}


@pytest.mark.parametrize("created", [True, False], ids=["created", "changed"])
async def test_an_invalid_setting_is_refused_naming_the_field(world: World, created: bool) -> None:
    before = (await world.ask("GET", ENVIRONMENTS)).json
    for field, value in field_values(WRONG):
        body = {"name": "qa", "tier": "staging", field: value} if created else {field: value}
        answer = await world.ask("POST" if created else "PATCH", ENVIRONMENTS if created else STAGING, body)
        status, pointer = status_and_field(answer)
        assert status == 400, (field, value)
        assert pointer is not None
        assert pointer.startswith(f"#/{field}"), (field, value, pointer)
    for field in ("name", "tier"):
        body = {name: value for name, value in {"name": "qa", "tier": "staging"}.items() if name != field}
        assert status_and_field(await world.ask("POST", ENVIRONMENTS, body)) == (400, f"#/{field}")
    assert (await world.ask("GET", ENVIRONMENTS)).json == before


async def test_names_that_differ_only_in_case_are_409_with_the_reason(world: World) -> None:
    await create_environment(world, "qa")
    answers = [
        await world.ask("POST", ENVIRONMENTS, {"name": name, "tier": "staging"}) for name in ("staging", "Staging")
    ]
    answers.append(await world.ask("PATCH", f"{ENVIRONMENTS}/qa", {"name": "STAGING"}))
    for answer in answers:
        assert status_and_field(answer) == (409, "#/name")
        assert answer.json["environment"] == "staging"
    same, *others = [answer.json["detail"] for answer in answers]
    assert same == "The project already has an environment `staging`."
    assert set(others) == {f"{same[:-1]}, and GitHub's environment names are not case-sensitive."}
    await create_project(world, "shop")
    await create_environment(world, "Staging", of="shop")


async def test_an_unknown_environment_is_404(world: World) -> None:
    calls: list[tuple[str, str, Any]] = [
        ("GET", f"{ENVIRONMENTS}/moon", None),
        ("PATCH", f"{ENVIRONMENTS}/moon", {}),
        ("PATCH", f"{ENVIRONMENTS}/Staging", {"order": 1}),
        ("PATCH", f"{ENVIRONMENTS}/moon", {"frozen": {"reason": "x"}}),
        ("PATCH", f"{ENVIRONMENTS}/moon", {"frozen": None}),
    ]
    for method, path, body in calls:
        answer = await world.ask(method, path, body)
        assert (answer.status, answer.json["detail"]) == (404, "Release environment not found")
    for method in ("GET", "POST"):
        answer = await world.ask(method, "/api/projects/none/environments", {"name": "qa", "tier": "staging"})
        assert (answer.status, answer.json["detail"]) == (404, "Release project not found")


async def test_a_freeze_shows_the_actor_the_reason_and_the_times(world: World) -> None:
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
    answer = await change_staging(world, frozen={"reason": " release party ", "until": until.isoformat()})
    frozen = answer.json["frozen"]
    assert (answer.status, frozen["by"], frozen["reason"]) == (200, "root", "release party")
    assert datetime.fromisoformat(frozen["until"]) == until
    assert datetime.fromisoformat(frozen["since"]) <= datetime.now(UTC)
    assert (await world.ask("GET", STAGING)).json["frozen"] == frozen
    forever = (await change_staging(world, frozen={"reason": "x", "until": None})).json["frozen"]
    assert forever["until"] is None
    assert (await change_staging(world, frozen=None)).json["frozen"] is None
    acts = [entry.act for entry in await AuditEntry.filter(act__startswith="environment.").order_by("id")]
    assert acts[-3:] == ["environment.freeze", "environment.freeze", "environment.unfreeze"]


async def test_until_may_be_in_any_time_zone(world: World) -> None:
    answer = await change_staging(world, frozen={"reason": "x", "until": "2999-01-01T02:00:00+02:00"})
    assert datetime.fromisoformat(answer.json["frozen"]["until"]) == datetime(2999, 1, 1, tzinfo=UTC)


async def test_an_expired_freeze_is_not_shown(world: World) -> None:
    await freeze(world, until=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    await Freeze.all().update(until=datetime.now(UTC) - timedelta(seconds=1))
    assert (await world.ask("GET", STAGING)).json["frozen"] is None
    await world.cut("1.0-rc1")
    assert (await world.deploy("1.0-rc1")).status == 201


async def test_a_malformed_freeze_is_refused_and_changes_nothing(world: World) -> None:
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    untold: list[Any] = ["tomorrow", "", 5, True, [], "2999-01-01T00:00:00", "9999-12-31T23:59:59-14:00"]
    untold.append("0001-01-01T00:00+14:00")
    invalid: list[tuple[Any, str]] = [
        ({"reason": "x", "until": past}, "#/frozen/until"),
        *(({"reason": "x", "until": text}, "#/frozen/until") for text in untold),
        ({"reason": ""}, "#/frozen/reason"),
        ({"reason": "  "}, "#/frozen/reason"),
        ({"reason": None}, "#/frozen/reason"),
        ({}, "#/frozen/reason"),
        ({"reason": "x", "by": "mallory"}, "#/frozen/by"),
        (True, "#/frozen"),
        ("x", "#/frozen"),
    ]
    before = (await world.ask("GET", STAGING)).json
    for frozen, pointer in invalid:
        assert status_and_field(await change_staging(world, order=9, frozen=frozen)) == (400, pointer), frozen
        assert (await world.ask("GET", STAGING)).json == before


async def test_settings_and_freeze_are_changed_together_or_not_at_all(world: World) -> None:
    freezer = await world.create_token("freeze:write")
    writer = await world.create_token("project:write")
    before = (await world.ask("GET", STAGING)).json
    both: dict[str, Any] = {"order": 4, "frozen": {"reason": "x"}}
    for token in (freezer, writer):
        assert (await change_staging(world, token, **both)).status == 403
    assert status_and_field(await change_staging(world, name="production", frozen={"reason": "x"})) == (409, "#/name")
    assert (await world.ask("GET", STAGING)).json == before
    assert (await change_staging(world, freezer, frozen={"reason": "x"})).status == 200
    assert (await change_staging(world, writer, order=4)).status == 200
    together = await change_staging(world, name="stage", order=5, frozen={"reason": "both"})
    environment = together.json
    assert (environment["name"], environment["order"], environment["frozen"]["reason"]) == ("stage", 5, "both")


async def test_environments_of_an_archived_project_are_still_shown(world: World) -> None:
    await change_project(world, archived=True)
    assert len((await world.ask("GET", ENVIRONMENTS)).json) == 2
