"""Decisions that are only shown: what is remembered from GitHub for them, and that deployments ask anew."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from pydantic import TypeAdapter

from api.rest.schemas import DecisionResponse, decision_json
from bot.operations import decisions
from bot.rules.gate_results import Decision, GateResult, to_json
from bot.rules.versions import parse_candidate_version
from tests.operations.test_approvals import person, set_gates
from tests.world import World

DECISION = "/api/projects/site/environments/staging/decision?candidate=1.0-rc1"
EVERYTHING: dict[str, Any] = {
    "after": ["production"],
    "soak": "2h",
    "downgrade": "refuse",
    "checks": ["test"],
    "approvals": {"count": 1},
    "deployers": ["role:maintain"],
    "windows": [{"deny": "FREQ=DAILY", "for": "24h", "reason": "always"}],
}


async def verdict(world: World, gate: str) -> str:
    """The verdict of a gate as it is shown."""
    answer = await world.ask("GET", DECISION)
    assert answer.status == 200, answer.json
    return next(str(each["verdict"]) for each in answer.json["gates"] if each["gate"] == gate)


async def test_a_decision_that_is_shown_again_asks_github_nothing(world: World) -> None:
    await world.cut("1.0-rc1")
    await world.complete_deployment("1.0-rc1")
    await world.github.commit()
    await world.settle()
    await world.cut("1.1-rc1")
    await set_gates(**EVERYTHING)
    approver, token = await person(world, "bob"), await person(world, "carol", "maintain")
    path = DECISION.replace("1.0-rc1", "1.1-rc1")
    approvals = path.partition("decision")[0] + "approvals"
    approved = await world.ask("POST", approvals, {"candidate": "1.1-rc1"}, token=approver)
    assert approved.status == 201, approved.json
    first = await world.ask("GET", path, token=token)
    before = len(world.github.calls)
    second = await world.ask("GET", path, token=token)
    assert len(world.github.calls) == before
    assert first.status == 200
    assert [(gate["gate"], gate["verdict"]) for gate in first.json["gates"]] == [
        *(("candidate", "pass"), ("hold", "pass"), ("order", "wait"), ("downgrade", "pass"), ("checks", "wait")),
        *(("approvals", "pass"), ("freeze", "wait"), ("lock", "pass"), ("busy", "pass"), ("deployers", "pass")),
    ]
    assert first.json == second.json


async def test_a_deployment_asks_for_checks_that_were_shown_a_moment_ago(world: World) -> None:
    await set_gates(checks=["test"])
    await world.cut("1.0-rc1")
    await world.github.report_check("test")
    assert await verdict(world, "checks") == "pass"
    await world.github.report_check("test", conclusion="failure")
    assert await verdict(world, "checks") == "pass"
    refused = await world.deploy("1.0-rc1")
    assert refused.status == 403, refused.json
    assert await verdict(world, "checks") == "refuse"


async def test_an_unknown_candidate_or_environment_has_no_decision(world: World) -> None:
    await world.cut("1.0-rc1")
    assert (await world.ask("GET", DECISION.replace("1.0-rc1", "9.0-rc1"))).status == 404
    assert (await world.ask("GET", DECISION.replace("staging", "moon"))).status == 404


TIMES = [
    None,
    datetime(2026, 11, 30, 10, tzinfo=UTC),
    datetime(2026, 11, 30, 10, 0, 0, 5, timezone(timedelta(hours=2))),
]


@pytest.mark.parametrize("time", TIMES, ids=str)
def test_the_json_of_a_decision_is_that_of_its_response_model(time: datetime | None) -> None:
    gates = (
        GateResult(
            "order", "wait", "Never", time, time, ("role:write", "ada"), {"after": [{"a": None}], "soak": 7200.0}
        ),
        GateResult("busy", "off"),
    )
    decision = Decision("1.0-rc1", "staging", gates)
    adapter = TypeAdapter(DecisionResponse)
    expected = adapter.dump_json(adapter.validate_python(to_json(decision)))
    assert orjson.dumps(decision_json(decision)) == expected


async def test_the_decision_that_is_shown_is_the_one_that_a_deployment_would_get(world: World) -> None:
    await world.cut("1.0-rc1")
    await world.complete_deployment("1.0-rc1")
    await world.github.commit()
    await world.settle()
    await world.cut("1.1-rc1")
    await set_gates(**{**EVERYTHING, "deployers": []})
    context = await world.context()
    shown = await decisions.preview_by_name(context, "site", "staging", parse_candidate_version("1.1-rc1"))
    refused = await world.deploy("1.1-rc1")
    assert refused.json["details"]["gates"] == to_json(shown)["gates"]
