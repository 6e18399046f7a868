"""Approvals: who may give one, what it does, and how it is taken back."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from bot.context import Actor
from bot.errors import NotFound
from bot.operations import approvals, personal_tokens, users
from bot.operations.users import NewToken
from bot.rules.ids import GitHubUserId, InstallationId
from bot.rules.versions import parse_candidate_version
from bot.store.audit import AuditEntry
from bot.store.database import execute
from bot.store.gates import Approval
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


async def test_a_token_of_a_program_never_approves_not_even_an_admins(gated: World) -> None:
    answer = await approve(gated, gated.token)
    assert answer.status == 403
    assert "Only people approve" in answer.json["detail"]
    assert await Approval.all().count() == 0


async def test_who_has_less_than_the_role_may_not_approve_and_learns_who_may(gated: World) -> None:
    answer = await approve(gated, await person(gated, "bob", "triage"))
    assert (answer.status, answer.json["detail"]) == (403, "You may not approve it here: `role:write` may.")
    assert (await approvals_gate(gated))["verdict"] == "wait"


async def test_who_cut_the_candidate_may_not_approve_it(world: World) -> None:
    await set_gates(approvals={"count": 1})
    alice = await person(world, "alice", "write", "project:read", "release:cut")
    body = {"repo": "acme/site", "commit": world.github.head()}
    assert (await world.ask("POST", "/api/releases/site/releases/1.0-rc1", body, token=alice)).status == 201
    answer = await approve(world, alice)
    assert answer.status == 403
    assert answer.json["detail"] == "You cut this candidate: somebody else has to approve it."


async def test_who_asked_for_the_deployment_may_not_approve_it(gated: World) -> None:
    alice = await person(gated, "alice", "write", "project:read", "deployment:start")
    path = "/api/releases/site/environments/staging/deployments"
    body = {"release_candidate_version": "1.0-rc1", "wait": True}
    assert (await gated.ask("POST", path, body, token=alice)).json["waits_for"] == ["approvals"]
    answer = await approve(gated, alice)
    assert answer.status == 403
    assert answer.json["detail"] == "You asked for this deployment: somebody else has to approve it."


async def test_an_approval_of_who_asks_for_the_deployment_later_does_not_count(gated: World) -> None:
    alice = await person(gated, "alice", "write", "project:read", "deployment:start")
    assert (await approve(gated, alice)).status == 201
    path = "/api/releases/site/environments/staging/deployments"
    answer = await gated.ask("POST", path, {"release_candidate_version": "1.0-rc1"}, token=alice)
    assert answer.status == 403
    (gate,) = [each for each in answer.json["details"]["gates"] if each["gate"] == "approvals"]
    assert gate["facts"]["not_counted"] == [{"by": "alice", "because": "requested"}]


async def test_who_wrote_a_commit_in_it_may_not_approve_it_unless_authors_may(world: World) -> None:
    await world.cut("0.9-rc1")
    await world.complete_deployment("0.9-rc1")
    world.github.add_email("alice", "alice@example.com")
    await world.github.commit(author="Alice <alice@example.com>")
    await world.github.commit("Follow up", by="bob")
    await world.cut("1.0-rc1")
    await set_gates(approvals={"count": 1})
    alice, carol = await person(world, "alice"), await person(world, "carol")
    refused = await approve(world, alice)
    assert refused.status == 403
    assert refused.json["detail"].startswith("You wrote a commit that this deployment would bring")
    assert (await approve(world, carol)).status == 201
    await set_gates(approvals={"count": 1, "authors": True})
    assert (await approve(world, alice)).status == 201


async def test_a_listed_user_approves_without_a_role_and_a_recycled_login_does_not(gated: World) -> None:
    await gated.github.set_private()
    await gated.settle()
    account = gated.github.person("eve", "none")
    await set_gates(approvals={"count": 1, "from": ["user:eve"]})
    await Environment.filter(name="staging").update(listed_users={"eve": account.id})
    assert (await approve(gated, await personal_token(gated, "eve"))).status == 201
    gated.github.rename_person("eve", "evelyn")
    other = await person(gated, "eve", "none")
    assert (await approve(gated, other)).status == 403
    assert (await approvals_gate(gated))["verdict"] == "pass"


async def test_a_renamed_approver_stays_the_same_person(gated: World) -> None:
    alice = await person(gated, "alice")
    assert (await approve(gated, alice)).status == 201
    gated.github.rename_person("alice", "alicia")
    gated.github.person("alice", "read")
    assert (await approve(gated, alice)).status == 200
    assert (await approvals_gate(gated))["facts"]["given"] == 1


async def test_members_of_a_team_approve_and_lose_that_with_the_membership(gated: World) -> None:
    await set_gates(approvals={"count": 1, "from": ["team:acme/release-managers"]})
    gated.github.team("Release managers")
    alice, bob = await person(gated, "alice"), await person(gated, "bob", "admin")
    gated.github.add_team_member("release-managers", "alice")
    assert (await approve(gated, bob)).status == 403
    assert (await approve(gated, alice)).status == 201
    gated.github.remove_team_member("release-managers", "alice")
    assert (await approve(gated, alice)).status == 403
    context = await gated.context()
    context.github.forget(InstallationId(gated.github.installation_id))  # what is shown may be a minute old
    gate = await approvals_gate(gated)
    assert (gate["verdict"], gate["facts"]["not_counted"]) == ("wait", [{"by": "alice", "because": "not_listed"}])


async def test_an_approval_of_who_lost_the_role_counts_no_more(gated: World) -> None:
    assert (await approve(gated, await person(gated, "alice"))).status == 201
    gated.github.person("alice", "read")
    answer = await gated.deploy("1.0-rc1")
    assert (answer.status, answer.error) == (403, "Deployment is gated")
    gated.github.person("alice", "maintain")
    assert (await gated.deploy("1.0-rc1")).status == 201


async def test_nobody_approves_while_github_does_not_answer(gated: World) -> None:
    alice = await person(gated, "alice")
    gated.github.faults.fail(path="*/collaborators/*", status=503, times=None)
    answer = await approve(gated, alice)
    assert answer.status == 503
    assert "Retry-After" in answer.headers
    gated.github.faults.clear()
    gated.github.faults.fail(path="*/commits*", status=503, times=None)
    answer = await approve(gated, alice)
    assert (answer.status, answer.json["detail"]) == (503, "GitHub is unavailable")
    assert await Approval.all().count() == 0
    gated.github.faults.clear()
    assert (await approve(gated, alice)).status == 201


async def test_a_team_that_is_gone_makes_nobody_an_approver(gated: World) -> None:
    await set_gates(approvals={"count": 1, "from": ["team:acme/release-managers"]})
    answer = await approve(gated, await person(gated, "alice", "admin"))
    assert answer.status == 503
    assert "no team" in answer.json["reason"]


@pytest.mark.parametrize("status", ["failed", "canceled", "banned"])
async def test_a_candidate_that_cannot_be_deployed_any_more_is_not_approved(gated: World, status: str) -> None:
    await execute(f"UPDATE candidates SET status = '{status}'")
    answer = await approve(gated, await person(gated, "alice"))
    assert (answer.status, answer.json["detail"]) == (409, f"Release candidate is {status}")


async def test_an_environment_without_approvals_takes_none(world: World) -> None:
    await world.cut("1.0-rc1")
    answer = await approve(world, await person(world, "alice"))
    assert (answer.status, answer.json["detail"]) == (409, "The environment needs no approvals")


async def test_an_expired_approval_is_given_anew_by_the_same_person(gated: World) -> None:
    alice = await person(gated, "alice")
    first = await approve(gated, alice)
    moment = (await Approval.get(id=first.json["id"])).approved_at - timedelta(days=7)
    await Approval.filter(id=first.json["id"]).update(approved_at=moment)
    assert (await approvals_gate(gated))["facts"]["not_counted"] == [{"by": "alice", "because": "expired"}]
    second = await approve(gated, alice)
    assert (second.status, second.json["id"] == first.json["id"]) == (201, False)
    assert (await Approval.get(id=first.json["id"])).withdrawn_at is not None
    assert (await approvals_gate(gated))["verdict"] == "pass"


async def test_an_approval_holds_for_one_candidate_and_one_environment(gated: World) -> None:
    await gated.cut("1.0-rc2")
    await set_gates("production", approvals={"count": 1, "from": ["role:write"]})
    assert (await approve(gated, await person(gated, "alice"))).status == 201
    assert (await approvals_gate(gated, "1.0-rc2"))["verdict"] == "wait"
    path = "/api/projects/site/environments/production/decision?candidate=1.0-rc1"
    (gate,) = [each for each in (await gated.ask("GET", path)).json["gates"] if each["gate"] == "approvals"]
    assert gate["verdict"] == "wait"


async def test_the_last_approval_dispatches_the_deployment_that_waits_for_it(gated: World) -> None:
    await set_gates(approvals={"count": 2})
    assert (await gated.deploy("1.0-rc1")).status == 403
    path = "/api/releases/site/environments/staging/deployments"
    body = {"release_candidate_version": "1.0-rc1", "wait": True}
    waiting = (await gated.ask("POST", path, body)).json
    assert (waiting["status"], waiting["waits_for"]) == ("pending", ["approvals"])
    for login in ("alice", "bob"):
        assert not gated.github.dispatches
        assert (await approve(gated, await person(gated, login))).status == 201
        await gated.settle()
    (dispatch,) = gated.github.dispatches
    assert dispatch.inputs["environment"] == "staging"
    shown = (await gated.ask("GET", f"{path}/{waiting['id']}")).json
    assert (shown["waits_for"], shown["wait_outcome"]) == (None, "dispatched")


async def test_a_withdrawn_approval_counts_no_more_and_can_be_given_again(gated: World) -> None:
    alice, bob = await person(gated, "alice"), await person(gated, "bob")
    given = (await approve(gated, alice)).json
    path = f"{APPROVALS}/{given['id']}"
    others = await gated.ask("DELETE", path, token=bob)
    assert (others.status, others.json["detail"]) == (403, "This approval is alice's: only they can withdraw it.")
    assert (await gated.ask("DELETE", path)).status == 403
    assert (await gated.ask("DELETE", f"{APPROVALS}/99", token=alice)).status == 404
    assert [(await gated.ask("DELETE", path, token=alice)).status for _ in range(2)] == [204, 204]
    assert len(await gated.audit("approval.withdrawn")) == 1
    assert (await approvals_gate(gated))["verdict"] == "wait"
    assert (await approve(gated, alice)).status == 201
    assert (await approvals_gate(gated))["verdict"] == "pass"
    listed = (await gated.ask("GET", APPROVALS)).json
    assert [(row["by"], row["withdrawn_at"] is None) for row in listed] == [("alice", True), ("alice", False)]


async def test_approvals_are_listed_newest_first_in_pages_and_by_candidate(gated: World) -> None:
    await gated.cut("1.0-rc2")
    tokens = [await person(gated, login) for login in ("alice", "bob")]
    for candidate in ("1.0-rc1", "1.0-rc2"):
        for token in tokens:
            assert (await approve(gated, token, candidate)).status == 201
    page = await gated.ask("GET", f"{APPROVALS}?per_page=3")
    assert [row["id"] for row in page.json] == [4, 3, 2]
    assert "before=2" in page.headers["Link"]
    ones = await gated.ask("GET", f"{APPROVALS}?candidate=1.0-rc1")
    assert [(row["candidate"], row["by"]) for row in ones.json] == [("1.0-rc1", "bob"), ("1.0-rc1", "alice")]


async def test_one_withdraws_by_the_candidate_what_one_gave(gated: World) -> None:
    alice = gated.github.person("alice")
    context = await gated.context()
    user = await users.from_github(context, alice.id, "alice")
    actor = Actor(
        user.id,
        "alice",
        frozenset({"project:read"}),
        role="write",
        github_id=GitHubUserId(alice.id),
        repository_id=None,
    )
    own, version = context.acting_as(actor, "comment"), parse_candidate_version("1.0-rc1")
    approval, is_new = await approvals.approve(own.with_origin("comment:1:1"), "site", "staging", version)
    again = await approvals.approve(own.with_origin("comment:1:1"), "site", "staging", version)
    assert (is_new, again[1], again[0].id) == (True, False, approval.id)
    assert (await approvals.withdraw_own(own, "site", "staging", version)).id == approval.id
    with pytest.raises(NotFound, match="not approved"):
        await approvals.withdraw_own(own, "site", "staging", version)


async def test_many_requests_of_one_person_at_once_make_one_approval(gated: World) -> None:
    alice = await person(gated, "alice")
    answers = await asyncio.gather(*(approve(gated, alice) for _ in range(6)))
    assert sorted(answer.status for answer in answers) == [200] * 5 + [201]
    assert await Approval.all().count() == 1
    assert await AuditEntry.filter(act="approval.given").count() == 1


async def test_a_stranger_learns_nothing_about_a_private_project_by_approving(gated: World) -> None:
    await gated.github.set_private()
    await gated.settle()
    stranger = await person(gated, "mallory", "none")
    answers = [
        await gated.ask("POST", path, {"candidate": "1.0-rc1"}, token=stranger)
        for path in (APPROVALS, APPROVALS.replace("site", "unknown"), APPROVALS.replace("staging", "moon"))
    ]
    assert {answer.status for answer in answers} == {403}
    assert len({answer.json["detail"] for answer in answers}) == 1
