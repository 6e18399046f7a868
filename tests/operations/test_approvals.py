"""Approvals: who may give one, what it does, and how it is taken back."""

from typing import Any

import pytest

from bot.operations import personal_tokens
from bot.operations.users import NewToken
from bot.store.projects import Environment
from tests.world import Response, World

APPROVALS = "/api/projects/site/environments/staging/approvals"
READ = ("project:read",)


async def set_gates(environment: str = "staging", **settings: Any) -> None:
    """Set the gates' settings of an environment in its row."""
    assert await Environment.filter(name=environment).update(gate_settings=settings)


async def personal_token(world: World, login: str, *grants: str) -> str:
    """The secret of a token that an operator makes for a person."""
    new = NewToken(f"{login}-laptop", list(grants or READ))
    _, secret = await personal_tokens.create_for(await world.context(), login, new)
    return secret


async def person(world: World, login: str, role: str = "write", *grants: str) -> str:
    """Create an account with a role in the repository, and a personal token for it; returns the secret."""
    world.github.person(login, role)
    return await personal_token(world, login, *grants)


async def approve(world: World, token: str, candidate: str = "1.0-rc1", **body: Any) -> Response:
    return await world.ask("POST", APPROVALS, {"candidate": candidate, **body}, token=token)


async def approvals_gate(world: World, candidate: str = "1.0-rc1") -> dict[str, Any]:
    """The result of the gate `approvals` for the admin."""
    path = f"/api/projects/site/environments/staging/decision?candidate={candidate}"
    answer = await world.ask("GET", path)
    assert answer.status == 200, answer.json
    (gate,) = [each for each in answer.json["gates"] if each["gate"] == "approvals"]
    return dict(gate)


@pytest.fixture
async def gated(world: World) -> World:
    """A world in which `staging` needs one approval and `1.0-rc1` was cut."""
    await set_gates(approvals={"count": 1})
    assert (await world.cut("1.0-rc1")).status == 201
    return world


async def test_a_second_approval_of_the_same_person_counts_once(gated: World) -> None:
    alice = await person(gated, "alice")
    first = await approve(gated, alice, comment="looks good")
    second = await approve(gated, alice, comment="still")
    assert (first.status, second.status) == (201, 200)
    assert first.json == second.json
    assert (first.json["by"], first.json["comment"], first.json["candidate"]) == ("alice", "looks good", "1.0-rc1")
    gate = await approvals_gate(gated)
    assert (gate["verdict"], gate["facts"]["given"]) == ("pass", 1)
    (entry,) = await gated.audit("approval.given")
    assert (entry.actor, entry.subject) == ("alice", "staging: 1.0-rc1")
    assert entry.after is not None
    assert entry.after["made_by_operator"] is True
