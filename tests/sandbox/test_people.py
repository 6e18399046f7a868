"""Roles, pull requests, comments, reactions, checks and deployments."""

from datetime import datetime
from typing import Any

import pytest

from sandbox import SandboxError
from sandbox.use_cases import discussion
from tests.sandbox.conftest import Lab

RAW = {"Accept": "application/vnd.github.raw+json"}


@pytest.mark.parametrize(
    ("role", "permission"),
    [("read", "read"), ("triage", "read"), ("write", "write"), ("maintain", "write"), ("admin", "admin")],
)
async def test_permission_and_role_name_differ(lab: Lab, role: str, permission: str) -> None:
    lab.github.person("bob", role)
    response = (await lab.repo("GET", "/collaborators/bob/permission")).json
    assert (response["permission"], response["role_name"]) == (permission, role)


async def test_custom_roles_and_unknown_accounts(lab: Lab) -> None:
    lab.github.person("bob", "release-manager", base="maintain")
    response = (await lab.repo("GET", "/collaborators/bob/permission")).json
    assert (response["permission"], response["role_name"]) == ("write", "release-manager")
    with pytest.raises(SandboxError, match="base"):
        lab.github.person("bob", "wizard")
    assert (await lab.repo("GET", "/collaborators/nobody/permission")).status == 404
    lab.github.person("eve", "none")
    assert (await lab.repo("GET", "/collaborators/eve/permission")).json["permission"] == "read"
    await lab.github.set_private()
    assert (await lab.repo("GET", "/collaborators/eve/permission")).json["permission"] == "none"


async def test_accounts_are_found_by_login_and_id(lab: Lab) -> None:
    alice = (await lab.request("GET", "/users/alice")).json
    assert (await lab.request("GET", f"/user/{alice['id']}")).json["login"] == "alice"
    assert (await lab.request("GET", "/users/unknown")).status == 404


async def test_a_renamed_account_keeps_its_id_and_role_and_its_old_login_is_anothers(lab: Lab) -> None:
    old = lab.github.person("bob", "admin").id
    lab.github.rename_person("bob", "robert")
    assert (await lab.repo("GET", "/collaborators/bob/permission")).status == 404
    renamed = (await lab.repo("GET", "/collaborators/robert/permission")).json
    assert (renamed["role_name"], renamed["user"]["id"]) == ("admin", old)
    new = lab.github.person("bob", "read").id
    recycled = (await lab.repo("GET", "/collaborators/bob/permission")).json
    assert (recycled["role_name"], recycled["user"]["id"]) == ("read", new)
    assert new != old
    with pytest.raises(SandboxError, match="taken"):
        lab.github.rename_person("robert", "Bob")


async def test_a_deleted_accounts_login_is_free_for_another_account(lab: Lab) -> None:
    old = lab.github.person("bob", "admin").id
    lab.github.delete_person("bob")
    assert (await lab.request("GET", f"/user/{old}")).status == 404
    assert lab.github.person("bob", "none").id != old
    response = (await lab.repo("GET", "/collaborators/bob/permission")).json
    assert response["role_name"] == "read"  # the repository is public
    with pytest.raises(SandboxError, match="No account"):
        lab.github.delete_person("nobody")


async def test_commits_belong_to_the_account_with_their_email_address(lab: Lab) -> None:
    base, alice = lab.github.head(), lab.github.person("alice")
    lab.github.add_email("carol", "carol@Example.com")
    message = "Pair\n\nCo-authored-by: Dave <dave@example.com>"
    for author in ("Carol <carol@example.com>", f"A <{alice.id}+alice@users.noreply.github.com>", "B <b@example.com>"):
        await lab.github.commit(message, by="bob", author=author)
    compared = (await lab.repo("GET", f"/compare/{base}...main")).json["commits"]
    logins = [commit["author"] and commit["author"]["login"] for commit in compared]
    assert logins == ["carol", "alice", None]
    assert compared[0]["author"]["type"] == "User" and compared[0]["commit"]["message"] == message
    push = await lab.last_payload("push")
    assert (push["pusher"]["name"], push["pusher"]["email"]) == ("bob", "bob@users.noreply.github.com")
    assert push["commits"][0]["author"]["email"] == "b@example.com"
    lab.github.rename_person("carol", "caroline")
    assert (await lab.repo("GET", f"/commits/{compared[0]['sha']}")).json["author"]["login"] == "caroline"
    lab.github.delete_person("caroline")
    assert (await lab.repo("GET", f"/commits/{compared[0]['sha']}")).json["author"] is None
    with pytest.raises(SandboxError, match="not an author"):
        await lab.github.commit(author="Carol")


async def test_issues_are_no_pull_requests_but_have_comments(lab: Lab) -> None:
    pull, issue = await lab.github.pull_request(), await lab.github.issue("Broken", by="bob")
    assert issue == pull + 1
    comment = await lab.github.comment(issue, "/help", by="carol")
    payload = await lab.last_payload("issue_comment")
    assert "pull_request" not in payload["issue"] and payload["issue"]["number"] == issue
    assert payload["comment"]["html_url"].endswith(f"/issues/{issue}#issuecomment-{comment}")
    assert (await lab.repo("GET", f"/pulls/{issue}")).status == 404
    assert (await lab.repo("GET", f"/issues/{pull}")).json["pull_request"]["url"].endswith(f"/pulls/{pull}")
    assert (await lab.repo("POST", f"/issues/{issue}/comments", json={"body": "Thanks."})).status == 201
    assert [each["user"] for each in lab.github.comments(issue)] == ["carol", "longshore-sandbox[bot]"]
    assert (await lab.repo("GET", "/issues/99")).status == 404


async def test_comments_are_edited_and_deleted_by_others_too(lab: Lab) -> None:
    comment = await lab.github.comment(await lab.github.issue(), "/approve", by="bob")
    await lab.github.edit_comment(comment, "/deny", by="mallory")
    edited = await lab.last_payload("issue_comment")
    assert (edited["sender"]["login"], edited["comment"]["user"]["login"]) == ("mallory", "bob")
    assert edited["changes"]["body"]["from"] == "/approve"
    await lab.github.delete_comment(comment, by="mallory")
    assert (await lab.last_payload("issue_comment"))["action"] == "deleted"


async def test_comments_on_commits_are_edited_and_deleted_without_events(lab: Lab) -> None:
    created = (await lab.repo("POST", f"/commits/{lab.github.head()}/comments", json={"body": "Built."})).json
    path = f"/comments/{created['id']}"
    assert (await lab.repo("PATCH", path, json={"body": "Built again."})).json["body"] == "Built again."
    assert (await lab.repo("PATCH", path, json={"body": ""})).status == 422
    await lab.github.edit_commit_comment(created["id"], "Something else")
    assert (await lab.repo("GET", path)).json["body"] == "Something else"
    narrow = (await lab.create_token(permissions={"contents": "read", "issues": "write"})).json["token"]
    for method in ("PATCH", "DELETE"):
        assert (await lab.repo(method, path, token=narrow, json={"body": "No"})).status == 403
    assert (await lab.repo("DELETE", path)).status == 204
    assert (await lab.repo("GET", path)).status == 404
    await lab.github.delete_commit_comment(await lab.github.commit_comment("main", "/help"))
    assert lab.github.commit_comments(lab.github.head()) == []
    assert await lab.events("commit_comment") == ["commit_comment.created"] * 2


async def test_a_pull_request_sends_events_when_it_changes(lab: Lab) -> None:
    number = await lab.github.pull_request("Improve", by="bob", files={"a.txt": "1"})
    before = lab.github.repository().pulls[number].head_sha
    await lab.github.push_to_pull_request(number, by="carol", files={"b.txt": "2"})
    pushed = await lab.last_payload("pull_request")
    assert (pushed["action"], pushed["before"], pushed["sender"]["login"]) == ("synchronize", before, "carol")
    assert pushed["after"] == pushed["pull_request"]["head"]["sha"] != before
    sha = await lab.github.merge(number, by="dave")
    merged = (await lab.last_payload("pull_request"))["pull_request"]
    assert (merged["merged"], merged["merged_by"]["login"], merged["merge_commit_sha"]) == (True, "dave", sha)
    commit = (await lab.repo("GET", f"/commits/{sha}")).json
    assert (commit["author"]["login"], commit["committer"]["login"]) == ("bob", "web-flow")
    assert commit["commit"]["message"] == (
        f"Improve (#{number})\n\nCo-authored-by: carol <carol@users.noreply.github.com>"
    )
    assert (await lab.last_payload("push"))["sender"]["login"] == "dave"
    assert await lab.events("pull_request") == [f"pull_request.{each}" for each in ("opened", "synchronize", "closed")]


@pytest.mark.parametrize(
    ("method", "landed"),
    [
        ("squash", [("Improve (#1)", "bob", "web-flow", 1)]),
        (
            "merge",
            [
                ("Improve", "bob", "bob", 1),
                ("Change more", "carol", "carol", 1),
                ("Merge pull request #1 from acme/bob/change-1", "dave", "web-flow", 2),
            ],
        ),
        ("rebase", [("Improve", "bob", "dave", 1), ("Change more", "carol", "dave", 1)]),
    ],
)
async def test_pull_requests_land_by_each_method(lab: Lab, method: str, landed: list[Any]) -> None:
    base = lab.github.head()
    number = await lab.github.pull_request("Improve", by="bob", files={"a.txt": "1", "README.md": None})
    await lab.github.push_to_pull_request(number, by="carol", files={"a.txt": "2"})
    before = await lab.github.commit(files={"c.txt": "meanwhile"})
    sha = await lab.github.merge(number, by="dave", method=method)
    assert (await lab.repo("GET", f"/pulls/{number}")).json["merge_commit_sha"] == sha == lab.github.head()
    push = await lab.last_payload("push")
    assert (push["before"], push["after"], len(push["commits"])) == (before, sha, len(landed))
    commits = (await lab.repo("GET", f"/compare/{before}...{sha}")).json["commits"]
    assert [
        (
            each["commit"]["message"].split("\n")[0],
            each["author"]["login"],
            each["committer"]["login"],
            len(each["parents"]),
        )
        for each in commits
    ] == landed
    assert (await lab.repo("GET", "/contents/a.txt", headers=RAW)).text == "2"
    assert (await lab.repo("GET", "/contents/README.md")).status == 404
    assert (await lab.repo("GET", "/contents/c.txt")).status == 200
    for each in commits:
        pulls = (await lab.repo("GET", f"/commits/{each['sha']}/pulls")).json
        assert [pull["number"] for pull in pulls] == [number]
    files = {file["filename"] for file in (await lab.repo("GET", f"/compare/{base}...main")).json["files"]}
    assert files == {"README.md", "a.txt", "c.txt"}
    for wrong in ("fast-forward", "merge"):
        with pytest.raises(SandboxError):
            await lab.github.merge(number, method=wrong)


async def test_a_pull_request_from_a_fork_has_its_files_and_no_branch(lab: Lab) -> None:
    number = await lab.github.pull_request("Sneak in", by="mallory", files={"a.txt": "1"}, fork=True)
    opened = (await lab.last_payload("pull_request"))["pull_request"]
    assert opened["head"]["repo"]["full_name"] == "mallory/site" and opened["head"]["repo"]["fork"] is True
    assert opened["head"]["repo"]["id"] != opened["base"]["repo"]["id"]
    await lab.github.push_to_pull_request(number, by="mallory", files={"b.txt": "2"})
    head = (await lab.last_payload("pull_request"))["after"]
    assert await lab.events("push") == []
    assert [file["filename"] for file in (await lab.repo("GET", f"/pulls/{number}/files")).json] == ["a.txt", "b.txt"]
    assert (await lab.repo("GET", f"/contents/b.txt?ref={head}")).status == 200
    assert (await lab.repo("GET", f"/compare/main...{head}")).json["status"] == "ahead"
    assert len((await lab.repo("GET", f"/pulls?head=mallory:{opened['head']['ref']}")).json) == 1
    assert [branch["name"] for branch in (await lab.repo("GET", "/branches")).json] == ["main"]


async def test_a_closed_pull_request_is_opened_again(lab: Lab) -> None:
    number = await lab.github.pull_request()
    await lab.github.close_pull_request(number)
    await lab.github.reopen_pull_request(number, by="bob")
    assert (await lab.last_payload("pull_request"))["action"] == "reopened"
    await lab.github.merge(number)
    with pytest.raises(SandboxError, match="open or merged"):
        await lab.github.reopen_pull_request(number)


async def test_the_tagger_may_be_another_person_than_who_pushes_the_tag(lab: Lab) -> None:
    sha = await lab.github.tag(
        "v1", annotated=True, by="bob", message="One", tagger="Carol <carol@example.com>", age=7200
    )
    tag = (await lab.repo("GET", f"/git/tags/{sha}")).json
    assert (tag["tagger"]["name"], tag["tagger"]["email"], tag["message"]) == ("Carol", "carol@example.com", "One")
    made = datetime.fromisoformat(tag["tagger"]["date"])
    assert 7_190 < (lab.github.state.now() - made).total_seconds() < 7_260
    assert tag["object"] == {**tag["object"], "sha": lab.github.head(), "type": "commit"}
    push = await lab.last_payload("push")
    assert (push["after"], push["pusher"]["email"]) == (sha, "bob@users.noreply.github.com")


async def test_a_pull_request_is_closed_without_being_merged(lab: Lab) -> None:
    number = await lab.github.pull_request()
    await lab.github.close_pull_request(number, by="bob")
    payload = await lab.last_payload("pull_request")
    assert (payload["action"], payload["pull_request"]["merged"]) == ("closed", False)
    assert (await lab.repo("GET", "/pulls")).json == []
    with pytest.raises(SandboxError, match="closed already"):
        await lab.github.close_pull_request(number)


async def test_comments_are_created_edited_and_deleted(lab: Lab) -> None:
    number = await lab.github.pull_request("Improve")
    comment = await lab.github.comment(number, "/help")
    payload = await lab.last_payload("issue_comment")
    assert "pull_request" in payload["issue"] and payload["comment"]["body"] == "/help"
    await lab.github.edit_comment(comment, "/status")
    assert (await lab.last_payload("issue_comment"))["changes"] == {"body": {"from": "/help"}}
    await lab.github.delete_comment(comment)
    assert await lab.events("issue_comment") == [
        f"issue_comment.{action}" for action in ("created", "edited", "deleted")
    ]
    assert (await lab.repo("GET", f"/issues/comments/{comment}")).status == 404


async def test_the_apps_own_comments_come_from_its_bot(lab: Lab) -> None:
    number = await lab.github.pull_request()
    created = (await lab.repo("POST", f"/issues/{number}/comments", json={"body": "Done."})).json
    payload = await lab.last_payload("issue_comment")
    assert (payload["sender"]["type"], payload["comment"]["user"]["login"]) == ("Bot", "longshore-sandbox[bot]")
    changed = await lab.repo("PATCH", f"/issues/comments/{created['id']}", json={"body": "Really."})
    assert changed.status == 200
    assert [comment["body"] for comment in lab.github.comments(number)] == ["Really."]
    assert (await lab.repo("POST", f"/issues/{number}/comments", json={})).status == 422
    assert (await lab.repo("DELETE", f"/issues/comments/{created['id']}")).status == 204


async def test_a_repeated_reaction_returns_200(lab: Lab) -> None:
    number = await lab.github.pull_request()
    comment = await lab.github.comment(number, "/help")
    on_commit = await lab.github.commit_comment("main", "/help")
    for path in (f"/issues/comments/{comment}/reactions", f"/comments/{on_commit}/reactions"):
        responses = [await lab.repo("POST", path, json={"content": "eyes"}) for _ in range(2)]
        assert [response.status for response in responses] == [201, 200]
        assert (await lab.repo("POST", path, json={"content": "cake"})).status == 422
    assert lab.github.comments(number)[0]["reactions"] == ["eyes"]


async def test_the_app_removes_its_own_reactions_only(lab: Lab) -> None:
    comment = await lab.github.comment(await lab.github.issue(), "/help")
    on_commit = await lab.github.commit_comment("main", "/help")
    for path in (f"/issues/comments/{comment}/reactions", f"/comments/{on_commit}/reactions"):
        reaction = (await lab.repo("POST", path, json={"content": "eyes"})).json["id"]
        assert (await lab.repo("DELETE", f"{path}/{reaction}")).status == 204
        assert (await lab.repo("DELETE", f"{path}/{reaction}")).status == 404
        assert (await lab.repo("GET", path)).json == []
    repository = lab.github.repository()
    other, _ = discussion.react(lab.github.state, repository.comments[comment], "eyes", lab.github.person("bob"))
    assert (await lab.repo("DELETE", f"/issues/comments/{comment}/reactions/{other.id}")).status == 403
    assert lab.github.comments(repository.last_number)[0]["reactions"] == ["eyes"]


async def test_commit_comments_only_have_created_events(lab: Lab) -> None:
    await lab.github.commit_comment("main", "/build", by="bob")
    payload = await lab.last_payload("commit_comment")
    assert (payload["action"], payload["comment"]["commit_id"]) == ("created", lab.github.head())
    created = await lab.repo("POST", f"/commits/{lab.github.head()}/comments", json={"body": "Built."})
    assert created.status == 201
    assert [comment["user"] for comment in lab.github.commit_comments(lab.github.head())] == [
        "bob",
        "longshore-sandbox[bot]",
    ]


async def test_a_merged_pull_request_is_found_by_its_commit(lab: Lab) -> None:
    number = await lab.github.pull_request("Improve", files={"new.txt": "new"})
    sha = await lab.github.merge(number)
    assert [pull["number"] for pull in (await lab.repo("GET", f"/commits/{sha}/pulls")).json] == [number]
    older = (await lab.repo("GET", f"/pulls/{number}")).json
    newer = (await lab.repo("GET", f"/pulls/{number}", headers={"X-GitHub-Api-Version": "2026-03-10"})).json
    assert older["merge_commit_sha"] == sha and "merge_commit_sha" not in newer
    assert older["merged"] is True


async def test_creating_a_deployment_merges_or_fails_by_default(lab: Lab) -> None:
    await lab.github.branch("old", "main~1")
    assert (await lab.repo("POST", "/deployments", json={"ref": "old"})).status == 202
    assert (await lab.repo("GET", "/deployments")).json == []
    await lab.repo("POST", f"/statuses/{lab.github.head()}", json={"state": "failure", "context": "ci"})
    assert (await lab.repo("POST", "/deployments", json={"ref": "main"})).status == 409
    body = {"ref": "old", "auto_merge": False, "required_contexts": []}
    assert (await lab.repo("POST", "/deployments", json=body)).status == 201


@pytest.mark.parametrize(("environment", "state"), [("staging", "inactive"), ("production", "success")])
async def test_a_success_makes_older_deployments_inactive_except_in_production(
    lab: Lab, environment: str, state: str
) -> None:
    body = {"ref": "main", "auto_merge": False, "required_contexts": [], "environment": environment}
    deployments = [(await lab.repo("POST", "/deployments", json=body)).json["id"] for _ in range(2)]
    for number in deployments:
        await lab.repo("POST", f"/deployments/{number}/statuses", json={"state": "success"})
    statuses = (await lab.repo("GET", f"/deployments/{deployments[0]}/statuses")).json
    assert statuses[0]["state"] == state
    assert len(await lab.events("deployment_status")) == 2


async def test_the_combined_status_ignores_check_runs(lab: Lab) -> None:
    head = lab.github.head()
    created = (await lab.repo("POST", "/check-runs", json={"name": "ci", "head_sha": head})).json
    assert (created["status"], created["conclusion"]) == ("queued", None)
    assert (await lab.repo("GET", "/commits/main/status")).json["state"] == "pending"
    done = (await lab.repo("PATCH", f"/check-runs/{created['id']}", json={"conclusion": "failure"})).json
    assert (done["status"], done["conclusion"]) == ("completed", "failure")
    assert (await lab.repo("PATCH", f"/check-runs/{created['id']}", json={"status": "nonsense"})).status == 422
    await lab.repo("POST", f"/statuses/{head}", json={"state": "success", "context": "ci"})
    assert (await lab.repo("GET", "/commits/main/status")).json["state"] == "success"
    assert await lab.events("check_run") == ["check_run.created", "check_run.completed"]
