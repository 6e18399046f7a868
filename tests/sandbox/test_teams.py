"""Teams, their members, and what an installation has not accepted."""

import pytest

from sandbox import SandboxError
from tests.sandbox.conftest import Lab

TEAM = "/orgs/acme/teams/release-managers"


async def _membership(lab: Lab, login: str, team: str = TEAM) -> tuple[str, str] | int:
    reply = await lab.request("GET", f"{team}/memberships/{login}")
    return (reply.json["role"], reply.json["state"]) if reply.status == 200 else reply.status


async def test_members_are_added_invited_and_removed(lab: Lab) -> None:
    assert (await lab.request("GET", TEAM)).status == 404
    lab.github.team("Release managers")
    lab.github.add_team_member("Release managers", "alice", role="maintainer")
    lab.github.add_team_member("release-managers", "bob", state="pending")
    assert (await lab.request("GET", TEAM)).json["members_count"] == 1
    assert await _membership(lab, "Alice") == ("maintainer", "active")
    assert await _membership(lab, "bob") == ("member", "pending")
    assert await _membership(lab, "carol") == 404
    lab.github.person("carol")
    assert await _membership(lab, "carol") == 404
    lab.github.remove_team_member("release-managers", "alice")
    assert await _membership(lab, "alice") == 404
    with pytest.raises(SandboxError, match="not in the team"):
        lab.github.remove_team_member("release-managers", "alice")
    with pytest.raises(SandboxError, match="No team"):
        lab.github.add_team_member("unknown", "alice")


async def test_members_of_a_team_below_another_are_members_of_both(lab: Lab) -> None:
    lab.github.team("Staff")
    lab.github.team("Release managers", parent="staff")
    lab.github.add_team_member("release-managers", "bob", role="maintainer")
    assert await _membership(lab, "bob", "/orgs/acme/teams/staff") == ("member", "active")
    assert (await lab.request("GET", TEAM)).json["parent"]["slug"] == "staff"
    with pytest.raises(SandboxError, match="below itself"):
        lab.github.team("Staff", parent="release-managers")
    lab.github.delete_team("staff")
    assert (await lab.request("GET", TEAM)).status == 404


async def test_a_membership_belongs_to_the_account_not_to_its_login(lab: Lab) -> None:
    lab.github.team("Release managers")
    lab.github.add_team_member("release-managers", "bob")
    lab.github.rename_person("bob", "robert")
    lab.github.person("bob", "admin")
    assert await _membership(lab, "bob") == 404
    assert await _membership(lab, "robert") == ("member", "active")
    lab.github.delete_person("robert")
    assert await _membership(lab, "robert") == 404


async def test_teams_need_the_members_permission_of_their_organization(lab: Lab) -> None:
    lab.github.team("Release managers")
    narrow = (await lab.create_token(permissions={"actions": "read"})).json["token"]
    refused = await lab.request("GET", TEAM, token=narrow)
    assert (refused.status, refused.headers["X-Accepted-GitHub-Permissions"]) == (403, "members=read")
    assert (await lab.request("GET", TEAM, token="")).status == 401
    assert (await lab.request("GET", TEAM, token=lab.jwt())).status == 403
    lab.github.team("Release managers", org="umbrella")
    assert (await lab.request("GET", "/orgs/umbrella/teams/release-managers")).status == 404


async def test_an_installation_lacks_what_it_has_not_accepted(lab: Lab) -> None:
    await lab.github.set_permission("checks")
    await lab.github.set_permission("deployments", "read")
    body = {"name": "release", "head_sha": lab.github.head()}
    assert (await lab.repo("POST", "/check-runs", json=body)).status == 403
    assert (await lab.create_token(permissions={"checks": "read"})).status == 422
    assert (await lab.repo("GET", "/deployments")).status == 200
    assert (await lab.repo("POST", "/deployments", json={"ref": "main"})).status == 403
    await lab.github.report_check("test")
    assert await lab.events("check_run") == []
    await lab.github.set_permission("checks", "write")
    assert (await lab.repo("POST", "/check-runs", json=body)).status == 201
    assert (await lab.events("installation"))[-1] == "installation.new_permissions_accepted"
    with pytest.raises(SandboxError, match="level"):
        await lab.github.set_permission("checks", "all")
