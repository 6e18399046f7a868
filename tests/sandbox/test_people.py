"""People's roles, pull requests, comments, reactions, checks and deployments."""

import pytest

from sandbox import SandboxError
from tests.sandbox.conftest import Lab


@pytest.mark.parametrize(
    ("role", "permission"),
    [("read", "read"), ("triage", "read"), ("write", "write"), ("maintain", "write"), ("admin", "admin")],
)
async def test_permission_and_role_name_differ(lab: Lab, role: str, permission: str) -> None:
    lab.github.person("bob", role)
    answer = (await lab.repo("GET", "/collaborators/bob/permission")).json
    assert (answer["permission"], answer["role_name"]) == (permission, role)


async def test_custom_roles_and_strangers(lab: Lab) -> None:
    lab.github.person("bob", "release-manager", base="maintain")
    answer = (await lab.repo("GET", "/collaborators/bob/permission")).json
    assert (answer["permission"], answer["role_name"]) == ("write", "release-manager")
    with pytest.raises(SandboxError, match="base"):
        lab.github.person("bob", "wizard")
    assert (await lab.repo("GET", "/collaborators/nobody/permission")).status == 404
    lab.github.person("eve", "none")
    assert (await lab.repo("GET", "/collaborators/eve/permission")).json["permission"] == "read"
    await lab.github.set_private()
    assert (await lab.repo("GET", "/collaborators/eve/permission")).json["permission"] == "none"


async def test_people_are_found_by_login_and_id(lab: Lab) -> None:
    alice = (await lab.ask("GET", "/users/alice")).json
    assert (await lab.ask("GET", f"/user/{alice['id']}")).json["login"] == "alice"
    assert (await lab.ask("GET", "/users/stranger")).status == 404


async def test_a_comment_s_life(lab: Lab) -> None:
    number = await lab.github.pull_request("Improve")
    comment = await lab.github.comment(number, "/help")
    created = await lab.last("issue_comment")
    assert "pull_request" in created["issue"] and created["comment"]["body"] == "/help"
    await lab.github.edit_comment(comment, "/status")
    assert (await lab.last("issue_comment"))["changes"] == {"body": {"from": "/help"}}
    await lab.github.delete_comment(comment)
    assert await lab.events("issue_comment") == [f"issue_comment.{one}" for one in ("created", "edited", "deleted")]
    assert (await lab.repo("GET", f"/issues/comments/{comment}")).status == 404


async def test_the_app_s_own_comment_comes_back_as_a_bot_s(lab: Lab) -> None:
    number = await lab.github.pull_request()
    made = (await lab.repo("POST", f"/issues/{number}/comments", json={"body": "Done."})).json
    heard = await lab.last("issue_comment")
    assert (heard["sender"]["type"], heard["comment"]["user"]["login"]) == ("Bot", "longshore-sandbox[bot]")
    changed = await lab.repo("PATCH", f"/issues/comments/{made['id']}", json={"body": "Really."})
    assert changed.status == 200
    assert [one["body"] for one in lab.github.comments(number)] == ["Really."]
    assert (await lab.repo("POST", f"/issues/{number}/comments", json={})).status == 422
    assert (await lab.repo("DELETE", f"/issues/comments/{made['id']}")).status == 204


async def test_reacting_twice_is_200(lab: Lab) -> None:
    number = await lab.github.pull_request()
    comment = await lab.github.comment(number, "/help")
    on_commit = await lab.github.commit_comment("main", "/help")
    for path in (f"/issues/comments/{comment}/reactions", f"/comments/{on_commit}/reactions"):
        answers = [await lab.repo("POST", path, json={"content": "eyes"}) for _ in range(2)]
        assert [one.status for one in answers] == [201, 200]
        assert (await lab.repo("POST", path, json={"content": "cake"})).status == 422
    assert lab.github.comments(number)[0]["reactions"] == ["eyes"]


async def test_a_commit_comment_is_created_only(lab: Lab) -> None:
    await lab.github.commit_comment("main", "/build", by="bob")
    heard = await lab.last("commit_comment")
    assert (heard["action"], heard["comment"]["commit_id"]) == ("created", lab.github.head())
    made = await lab.repo("POST", f"/commits/{lab.github.head()}/comments", json={"body": "Built."})
    assert made.status == 201
    assert [one["user"] for one in lab.github.commit_comments(lab.github.head())] == ["bob", "longshore-sandbox[bot]"]


async def test_a_merged_pull_request_is_found_by_its_commit(lab: Lab) -> None:
    number = await lab.github.pull_request("Improve", files={"new.txt": "new"})
    sha = await lab.github.merge(number)
    assert [one["number"] for one in (await lab.repo("GET", f"/commits/{sha}/pulls")).json] == [number]
    older = (await lab.repo("GET", f"/pulls/{number}")).json
    newer = (await lab.repo("GET", f"/pulls/{number}", headers={"X-GitHub-Api-Version": "2026-03-10"})).json
    assert older["merge_commit_sha"] == sha and "merge_commit_sha" not in newer
    assert older["merged"] is True


async def test_a_deployment_by_default_may_merge_instead(lab: Lab) -> None:
    await lab.github.branch("old", "main~1")
    assert (await lab.repo("POST", "/deployments", json={"ref": "old"})).status == 202
    assert (await lab.repo("GET", "/deployments")).json == []
    await lab.repo("POST", f"/statuses/{lab.github.head()}", json={"state": "failure", "context": "ci"})
    assert (await lab.repo("POST", "/deployments", json={"ref": "main"})).status == 409
    plain = {"ref": "old", "auto_merge": False, "required_contexts": []}
    assert (await lab.repo("POST", "/deployments", json=plain)).status == 201


@pytest.mark.parametrize(("environment", "state"), [("staging", "inactive"), ("production", "success")])
async def test_a_success_retires_older_deployments_but_not_in_production(
    lab: Lab, environment: str, state: str
) -> None:
    plain = {"ref": "main", "auto_merge": False, "required_contexts": [], "environment": environment}
    made = [(await lab.repo("POST", "/deployments", json=plain)).json["id"] for _ in range(2)]
    for number in made:
        await lab.repo("POST", f"/deployments/{number}/statuses", json={"state": "success"})
    statuses = (await lab.repo("GET", f"/deployments/{made[0]}/statuses")).json
    assert statuses[0]["state"] == state
    assert len(await lab.events("deployment_status")) == 2


async def test_the_combined_status_is_blind_to_check_runs(lab: Lab) -> None:
    head = lab.github.head()
    made = (await lab.repo("POST", "/check-runs", json={"name": "ci", "head_sha": head})).json
    assert (made["status"], made["conclusion"]) == ("queued", None)
    assert (await lab.repo("GET", "/commits/main/status")).json["state"] == "pending"
    done = (await lab.repo("PATCH", f"/check-runs/{made['id']}", json={"conclusion": "failure"})).json
    assert (done["status"], done["conclusion"]) == ("completed", "failure")
    assert (await lab.repo("PATCH", f"/check-runs/{made['id']}", json={"status": "nonsense"})).status == 422
    await lab.repo("POST", f"/statuses/{head}", json={"state": "success", "context": "ci"})
    assert (await lab.repo("GET", "/commits/main/status")).json["state"] == "success"
    assert await lab.events("check_run") == ["check_run.created", "check_run.completed"]
