"""The gates' settings of environments over REST, and what they do to deployments."""

from typing import Any

import pytest

from bot.store.candidates import Candidate
from bot.store.projects import Environment
from tests.api.helpers import create_environment, create_project
from tests.world import Response, World

ENVIRONMENTS = "/api/projects/site/environments"
DEPLOYMENTS = "/api/releases/site/environments/{}/deployments"
DENY_ALL = {"deny": "FREQ=DAILY", "for": "1d", "reason": "closed"}


async def change(world: World, environment: str = "staging", **values: Any) -> Response:
    return await world.ask("PATCH", f"{ENVIRONMENTS}/{environment}", values)


async def show(world: World, environment: str = "staging") -> dict[str, Any]:
    return dict((await world.ask("GET", f"{ENVIRONMENTS}/{environment}")).json)


async def test_settings_are_stored_and_shown_in_the_words_in_which_they_were_written(world: World) -> None:
    world.github.person("bob")
    settings: dict[str, Any] = {
        "after": ["staging"],
        "soak": "2h",
        "downgrade": "allow",
        "checks": ["test", {"name": "scan*", "app": "scanner"}],
        "approvals": {"count": 2, "from": ["role:maintain", "user:bob"], "authors": True, "expire_after": "1d"},
        "deployers": ["team:acme/operators"],
        "force": False,
        "wait_at_most": "30m",
        "windows": [{**DENY_ALL, "allow": None, "timezone": "Europe/Vienna"}],
    }
    answer = await change(world, "production", **settings)
    assert answer.status == 200, answer.json
    shown = await show(world, "production")
    assert {name: shown[name] for name in settings} == settings
    created = await create_environment(world, "qa", **settings)
    assert {name: created[name] for name in settings} == settings


async def test_null_resets_one_setting_and_others_are_kept(world: World) -> None:
    await change(world, "production", after=["staging"], soak="1h", downgrade="allow", force=False)
    assert (await change(world, "production", downgrade=None)).status == 200
    shown = await show(world, "production")
    assert (shown["after"], shown["soak"], shown["downgrade"], shown["force"]) == (["staging"], "1h", "refuse", False)
    row = await Environment.get(name="production")
    assert set(row.gate_settings) == {"after", "soak", "force"}


async def test_defaults_follow_the_tier(world: World) -> None:
    assert (await show(world, "production"))["approvals"]["from"] == ["role:maintain"]
    assert (await show(world, "production"))["downgrade"] == "refuse"
    await change(world, "production", tier="staging")
    shown = await show(world, "production")
    assert (shown["approvals"]["from"], shown["downgrade"]) == (["role:write"], "allow")


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"after": "staging"}, "#/after", "must be a list"),
    ({"after": ["moon"]}, "#/after/0", "no environment `moon`"),
    ({"after": ["qa"]}, "#/after/0", "cannot come after itself"),
    ({"soak": 30, "after": ["staging"]}, "#/soak", "30m"),
    ({"soak": "30 minutes", "after": ["staging"]}, "#/soak", "30m"),
    ({"soak": "30m"}, "#/soak", "`after`"),
    ({"downgrade": "maybe"}, "#/downgrade", "`refuse`"),
    ({"checks": [7]}, "#/checks/0", "text"),
    ({"checks": [{"name": "x", "apps": "y"}]}, "#/checks/0/apps", "Did you mean `app`?"),
    ({"approvals": 2}, "#/approvals", "object"),
    ({"approvals": {"count": "2"}}, "#/approvals/count", "whole number"),
    ({"approvals": {"count": 21}}, "#/approvals/count", "at most 20"),
    ({"approvals": {"cuont": 2}}, "#/approvals/cuont", "Did you mean `count`?"),
    ({"approvals": {"count": 1, "from": ["role:write", "bob"]}}, "#/approvals/from/1", "`user:LOGIN`"),
    ({"approvals": {"count": 1, "from": []}}, "#/approvals", "names nobody"),
    ({"deployers": ["role:owner"]}, "#/deployers/0", "`role:NAME`"),
    ({"force": "no"}, "#/force", "true or false"),
    ({"auto": True, "deployers": ["role:write"]}, "#/auto", "`deployers`"),
    ({"wait_at_most": "0s"}, "#/wait_at_most", "longer"),
    ({"windows": [{"deny": "FREQ=HOURLY", "for": "1h"}]}, "#/windows/0/deny", "daily"),
    ({"windows": [{"deny": "FREQ=DAILY", "fro": "1h"}]}, "#/windows/0/for", "required"),
    (
        {"windows": [{"deny": "FREQ=DAILY", "for": "1h", "timezone": "Moon/Base"}]},
        "#/windows/0/timezone",
        "Europe/Berlin",
    ),
    ({"aproval": {}}, "#/aproval", "Did you mean `approvals`?"),
]


@pytest.mark.parametrize("created", [True, False], ids=["created", "changed"])
async def test_what_is_wrong_is_refused_naming_the_field_and_what_would_be_right(world: World, created: bool) -> None:
    if not created:
        await create_environment(world, "qa")
    before = (await world.ask("GET", ENVIRONMENTS)).json
    for values, pointer, hint in WRONG:
        body = {"name": "qa", "tier": "staging", **values} if created else values
        path = ENVIRONMENTS if created else f"{ENVIRONMENTS}/qa"
        answer = await world.ask("POST" if created else "PATCH", path, body)
        assert (answer.status, answer.json.get("pointer")) == (400, pointer), (values, answer.json)
        assert hint.lower() in answer.json["detail"].lower(), (values, answer.json)
    assert (await world.ask("GET", ENVIRONMENTS)).json == before


async def test_an_unknown_environment_in_after_is_refused_with_those_there_are(world: World) -> None:
    answer = await change(world, "production", after=["stagin"])
    assert answer.json["did_you_mean"] == "staging"
    assert answer.json["environments"] == ["staging"]


async def test_environments_cannot_come_after_each_other_in_a_circle(world: World) -> None:
    await create_environment(world, "qa", after=["staging"])
    assert (await change(world, "production", after=["qa"])).status == 200
    answer = await change(world, "staging", after=["production"])
    assert (answer.status, answer.json["pointer"]) == (400, "#/after")
    assert all(f"`{name}`" in answer.json["detail"] for name in ("staging", "qa", "production"))


async def test_an_environment_that_is_renamed_is_renamed_in_those_that_come_after_it(world: World) -> None:
    await change(world, "production", after=["staging"])
    assert (await change(world, "staging", name="preview")).status == 200
    assert (await show(world, "production"))["after"] == ["preview"]


async def test_logins_are_resolved_to_accounts_when_they_are_named(world: World) -> None:
    bob = world.github.person("bob")
    assert (await change(world, deployers=["user:Bob"])).status == 200
    assert (await Environment.get(name="staging")).listed_users == {"bob": bob.id}
    world.github.rename_person("bob", "robert")
    world.github.person("bob", "read")
    assert (await change(world, deployers=["user:bob"], force=False)).status == 200
    assert (await Environment.get(name="staging")).listed_users == {"bob": bob.id}
    assert (await change(world, deployers=None)).status == 200
    assert (await Environment.get(name="staging")).listed_users == {}


async def test_a_login_that_github_does_not_know_is_refused_naming_its_place(world: World) -> None:
    answer = await change(world, approvals={"count": 1, "from": ["role:admin", "user:nobody-here"]})
    assert (answer.status, answer.json["pointer"]) == (404, "#/approvals/from/1")
    assert "`nobody-here`" in answer.json["detail"]
    answer = await change(world, deployers=["user:acme"])
    assert (answer.status, answer.json["pointer"]) == (400, "#/deployers/0")
    await create_project(world, "shop")
    body = {"name": "qa", "tier": "staging", "deployers": ["user:alice"]}
    answer = await world.ask("POST", "/api/projects/shop/environments", body)
    assert (answer.status, answer.json["pointer"]) == (400, "#/deployers/0")
    assert "no repository" in answer.json["detail"]


async def test_a_change_is_503_while_github_cannot_say_who_a_login_is(world: World) -> None:
    world.github.faults.down()
    answer = await change(world, deployers=["user:alice"])
    world.github.faults.up()
    assert answer.status == 503
    assert (await show(world))["deployers"] == []


async def test_weakening_a_gate_is_audited_and_shown_until_the_next_one(world: World) -> None:
    await change(world, "production", approvals={"count": 2}, force=False)
    assert (await show(world, "production"))["weakened"] is None
    await change(world, "production", approvals={"count": 1, "expire_after": "8d"}, force=True)
    weakened = (await show(world, "production"))["weakened"]
    assert (weakened["by"], weakened["fields"]) == ("root", ["approvals.count", "approvals.expire_after", "force"])
    (entry,) = await world.audit("gate.weakened")
    assert (entry.actor, entry.subject) == ("root", "site/production")
    assert entry.before["gate_settings"]["approvals"] == {"count": 2}
    await change(world, "production", approvals={"count": 3})
    assert len(await world.audit("gate.weakened")) == 1
    await change(world, "production", name="live", tier="staging")
    assert (await show(world, "live"))["weakened"]["fields"] == ["approvals.from", "downgrade", "tier"]
    assert (await show(world, "staging"))["weakened"] is None


async def test_a_change_of_settings_is_felt_by_what_waits(world: World) -> None:
    await world.cut("1.0-rc1")
    await change(world, approvals={"count": 1})
    body = {"release_candidate_version": "1.0-rc1", "wait": True}
    waiting = (await world.ask("POST", DEPLOYMENTS.format("staging"), body)).json
    assert (await show(world))["waiting"] == waiting["id"]
    await change(world, approvals=None)
    await world.settle()
    assert len(world.github.dispatches) == 1
    assert (await show(world))["waiting"] is None


async def test_automatic_deployments_begin_with_the_next_candidate(world: World) -> None:
    await world.cut("1.0-rc1")
    assert (await change(world, auto=True)).status == 200
    await world.settle()
    assert not await world.deployments()
    await world.github.commit()
    await world.cut("1.0-rc2")
    await world.settle()
    assert await world.statuses() == [("1.0-rc2", "pending")]
    await world.github.finish()
    await world.settle()
    assert await world.statuses() == [("1.0-rc2", "success")]


async def test_a_manual_deployment_does_not_bring_older_candidates_once_auto_is_set(world: World) -> None:
    await world.cut("1.0-rc1")
    await world.cut("1.0-rc2")
    await change(world, auto=True)
    await world.complete_deployment("1.0-rc1")
    assert await world.statuses() == [("1.0-rc1", "success")]


async def test_settings_and_a_freeze_are_changed_together_or_not_at_all(world: World) -> None:
    frozen = {"reason": "moving"}
    answer = await change(world, frozen=frozen, after=["moon"])
    assert answer.status == 400
    assert (await show(world))["frozen"] is None
    assert (await change(world, frozen=frozen, force=False)).status == 200
    shown = await show(world)
    assert (shown["frozen"]["reason"], shown["force"]) == ("moving", False)


async def test_a_decision_shows_every_gate_and_changes_nothing(world: World) -> None:
    await world.cut("1.0-rc1")
    await Candidate.filter(version="1.0-rc1").update(status="building")
    await change(world, "production", after=["staging"], windows=[DENY_ALL], approvals={"count": 1})
    answer = await world.ask("GET", f"{ENVIRONMENTS}/production/decision?candidate=1.0-rc1")
    assert (answer.status, answer.json["verdict"]) == (200, "wait")
    verdicts = {gate["gate"]: gate["verdict"] for gate in answer.json["gates"]}
    assert verdicts == {
        "candidate": "wait",
        "hold": "pass",
        "order": "wait",
        "downgrade": "pass",
        "checks": "off",
        "approvals": "wait",
        "freeze": "wait",
        "lock": "pass",
        "busy": "pass",
        "deployers": "off",
    }
    (gate,) = [gate for gate in answer.json["gates"] if gate["gate"] == "approvals"]
    assert gate["who_can_help"] == ["role:maintain"]
    assert not await world.deployments("production")


async def test_a_decision_names_what_is_unknown(world: World) -> None:
    await world.cut("1.0-rc1")
    path = f"{ENVIRONMENTS}/{{}}/decision?candidate={{}}"
    answers = [await world.ask("GET", path.format(*names)) for names in (("moon", "1.0-rc1"), ("staging", "9.0-rc1"))]
    assert [answer.status for answer in answers] == [404, 404]
    missing = await world.ask("GET", f"{ENVIRONMENTS}/staging/decision")
    assert (missing.status, missing.json["parameter"]) == (400, "candidate")
    assert (await world.ask("GET", path.format("staging", "1.0"))).status == 400


async def test_who_opens_an_environment_that_takes_no_deployments_weakens_it(world: World) -> None:
    await Environment.filter(name="production").update(closed="it left the file")
    assert (await change(world, "production", order=3)).status == 200
    assert (await show(world, "production"))["weakened"] is None
    assert (await change(world, "production", closed=None)).status == 200
    assert (await show(world, "production"))["weakened"]["fields"] == ["closed"]
    (entry,) = await world.audit("gate.weakened")
    assert entry.before["closed"] == "it left the file"
