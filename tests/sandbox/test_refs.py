"""Commits, comparisons, refs and their push events."""

import os
import subprocess
from pathlib import Path

import pytest

from sandbox import SandboxError
from tests.sandbox.conftest import Lab, running_lab

ZERO = "0" * 40


async def test_a_commit_is_found_by_sha_branch_and_tag(lab: Lab) -> None:
    head = lab.github.head()
    await lab.github.branch("feature/x")
    await lab.github.tag("v1", annotated=True)
    for ref in (head, head[:8], "main", "heads/main", "feature/x", "v1", "tags/v1"):
        assert (await lab.repo("GET", f"/commits/{ref}")).json["sha"] == head, ref


async def test_a_branch_can_shadow_a_short_sha(lab: Lab) -> None:
    head = lab.github.head()
    await lab.github.branch(head[:7], "main~2")
    assert (await lab.repo("GET", f"/commits/{head[:7]}")).json["sha"] == lab.github.resolve("main~2") != head


async def test_an_unknown_commit_is_422(lab: Lab) -> None:
    for ref in ("1" * 40, "nowhere"):
        refused = await lab.repo("GET", f"/commits/{ref}")
        assert (refused.status, refused.json["message"]) == (422, f"No commit found for SHA: {ref}")
    assert (await lab.repo("GET", f"/git/commits/{'1' * 40}")).status == 404


async def test_the_sha_alone_can_be_requested(lab: Lab) -> None:
    head = lab.github.head()
    accept = {"Accept": "application/vnd.github.sha"}
    response = await lab.repo("GET", "/commits/main", headers=accept)
    assert (response.text, response.headers["ETag"]) == (head, f'"{head}"')
    unchanged = await lab.repo("GET", "/commits/main", headers={**accept, "If-None-Match": f'"{head}"'})
    assert unchanged.status == 304


async def test_commits_are_compared(lab: Lab) -> None:
    github = lab.github
    await github.branch("side", "main~1")
    await github.commit(branch="side")
    expected_by_range = {
        "main...main": ("identical", 0, 0),
        "main...main~": None,
        f"main...{github.resolve('main~2')}": ("behind", 0, 2),
        f"{github.resolve('main~2')}...main": ("ahead", 2, 0),
        "main...side": ("diverged", 1, 1),
    }
    for names, expected in expected_by_range.items():
        response = await lab.repo("GET", f"/compare/{names}")
        if expected is None:
            assert response.status == 404
        else:
            assert (response.json["status"], response.json["ahead_by"], response.json["behind_by"]) == expected
    assert "files" not in (await lab.repo("GET", "/compare/main...side?per_page=1&page=2")).json


async def test_a_forks_commit_resolves_but_is_on_no_branch(lab: Lab) -> None:
    sha = await lab.github.fork_commit("Sneak in")
    assert (await lab.repo("GET", f"/commits/{sha}")).status == 200
    assert (await lab.repo("GET", f"/compare/main...{sha}")).json["status"] == "ahead"
    await lab.github.commit()
    assert (await lab.repo("GET", f"/compare/main...{sha}")).json["status"] == "diverged"
    assert (await lab.repo("GET", f"/commits/{sha}/branches-where-head")).json == []
    assert sha not in (await lab.repo("GET", "/commits")).text
    assert [branch["name"] for branch in (await lab.repo("GET", "/branches")).json] == ["main"]
    assert await lab.events() == ["push"]


async def test_creating_a_ref_is_atomic(lab: Lab) -> None:
    body = {"ref": "refs/tags/v1", "sha": lab.github.head()}
    assert (await lab.repo("POST", "/git/refs", json=body)).status == 201
    refused = await lab.repo("POST", "/git/refs", json=body)
    assert (refused.status, refused.json["message"]) == (422, "Reference already exists")
    found = (await lab.repo("GET", "/git/ref/tags/v1")).json
    assert found["object"] == {"sha": body["sha"], "type": "commit", "url": found["object"]["url"]}


@pytest.mark.parametrize(
    ("ref", "sha", "message"),
    [
        ("refs/tags/v1", "1" * 40, "Object does not exist"),
        ("v1", None, "Reference must start with 'refs/'"),
        ("refs/tags/v..1", None, "Reference name is invalid"),
    ],
)
async def test_an_invalid_ref_is_refused(lab: Lab, ref: str, sha: str | None, message: str) -> None:
    refused = await lab.repo("POST", "/git/refs", json={"ref": ref, "sha": sha or lab.github.head()})
    assert (refused.status, refused.json["message"]) == (422, message)


async def test_a_ruleset_prevents_creating_tags(lab: Lab) -> None:
    lab.github.protect_tags("v*")
    body = {"ref": "refs/tags/v1", "sha": lab.github.head()}
    refused = await lab.repo("POST", "/git/refs", json=body)
    assert refused.status == 422
    assert refused.json["message"].startswith("Repository rule violations found")


@pytest.mark.parametrize("status", [403, 404])
async def test_changed_workflow_files_need_the_workflows_permission(lab: Lab, status: int) -> None:
    lab.github.require_workflows_permission(status=status)
    old, new = lab.github.resolve("main~1"), lab.github.head()
    refused = await lab.repo("POST", "/git/refs", json={"ref": "refs/tags/old", "sha": old})
    assert refused.status == status
    assert refused.headers["X-Accepted-GitHub-Permissions"] == "contents=write; contents=write,workflows=write"
    assert (await lab.repo("POST", "/git/refs", json={"ref": "refs/tags/new", "sha": new})).status == 201


async def test_refs_are_only_fast_forwarded_unless_forced(lab: Lab) -> None:
    head, old = lab.github.head(), lab.github.resolve("main~2")
    await lab.github.tag("v1", "main~1")
    assert (await lab.repo("PATCH", "/git/refs/tags/v1", json={"sha": head})).status == 200
    refused = await lab.repo("PATCH", "/git/refs/tags/v1", json={"sha": old})
    assert (refused.status, refused.json["message"]) == (422, "Update is not a fast forward")
    assert (await lab.repo("PATCH", "/git/refs/tags/v1", json={"sha": old, "force": True})).status == 200
    assert (await lab.last_payload("push"))["forced"] is True
    assert (await lab.repo("DELETE", "/git/refs/tags/v1")).status == 204
    assert (await lab.repo("DELETE", "/git/refs/tags/v1")).status == 422
    assert (await lab.repo("GET", "/git/ref/tags/v1")).status == 404


async def test_annotated_tags_are_created_through_the_api(lab: Lab) -> None:
    body = {"tag": "v1", "message": "One", "object": lab.github.head(), "type": "commit"}
    created = (await lab.repo("POST", "/git/tags", json=body)).json
    await lab.repo("POST", "/git/refs", json={"ref": "refs/tags/v1", "sha": created["sha"]})
    assert (await lab.repo("GET", "/git/ref/tags/v1")).json["object"]["type"] == "tag"
    peeled = (await lab.repo("GET", f"/git/tags/{created['sha']}")).json
    assert peeled["object"]["sha"] == lab.github.head()
    push = await lab.last_payload("push")
    assert push["sender"]["type"] == "Bot"


async def test_an_annotated_tag_has_the_tagger_it_was_given(lab: Lab) -> None:
    body = {"tag": "v1", "message": "One", "object": lab.github.head(), "type": "commit"}
    by_bot = (await lab.repo("POST", "/git/tags", json=body)).json["tagger"]
    assert by_bot["name"] == "longshore-sandbox[bot]"
    eve = {"name": "Eve", "email": "eve@example.com", "date": "2026-03-01T10:00:00+02:00"}
    by_eve = (await lab.repo("POST", "/git/tags", json={**body, "tagger": eve})).json
    assert by_eve["tagger"] == {**eve, "date": "2026-03-01T08:00:00Z"}
    assert (await lab.repo("GET", f"/git/tags/{by_eve['sha']}")).json == by_eve
    for wrong in ({"name": "Eve"}, {**eve, "date": "yesterday"}, "Eve"):
        assert (await lab.repo("POST", "/git/tags", json={**body, "tagger": wrong})).status == 422


async def test_a_tag_of_the_source_keeps_its_tagger_and_its_own_name(source: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(source), str(clone)], check=True)
    identity = {"GIT_COMMITTER_NAME": "Eve", "GIT_COMMITTER_EMAIL": "eve@example.com"}
    environment = {**os.environ, **identity, "GIT_COMMITTER_DATE": "2026-03-01T10:00:00+0200"}
    for command in (("tag", "-a", "-m", "One", "v1"), ("update-ref", "refs/tags/copy", "refs/tags/v1")):
        subprocess.run(["git", *command], cwd=clone, env=environment, check=True)
    async with running_lab(clone) as lab:
        ref = (await lab.repo("GET", "/git/ref/tags/copy")).json["object"]
        tag = (await lab.repo("GET", f"/git/tags/{ref['sha']}")).json
    assert (ref["type"], tag["tag"]) == ("tag", "v1")
    assert tag["tagger"] == {"name": "Eve", "email": "eve@example.com", "date": "2026-03-01T08:00:00Z"}


async def test_the_push_of_an_annotated_tag_has_the_object_in_after(lab: Lab) -> None:
    sha = await lab.github.tag("v1", annotated=True)
    push = await lab.last_payload("push")
    assert (push["before"], push["after"], push["created"]) == (ZERO, sha, True)
    assert push["head_commit"]["id"] == lab.github.head() != sha
    assert (push["commits"], push["base_ref"]) == ([], None)
    payload = await lab.last_payload("create")
    assert (payload["ref"], payload["ref_type"]) == ("v1", "tag")


async def test_pushing_more_than_three_tags_sends_no_events(lab: Lab) -> None:
    await lab.github.tags(["a", "b", "c"])
    assert len(await lab.events()) == 6
    await lab.github.tags(["d", "e", "f", "g"])
    assert len(await lab.events()) == 6
    assert lab.github.resolve("g") == lab.github.head()


async def test_a_push_lists_its_commits_and_files(lab: Lab) -> None:
    before = lab.github.head()
    sha = await lab.github.commit("Change", files={"README.md": "x", "new é.txt": "y", "src/part1.py": None})
    push = await lab.last_payload("push")
    assert (push["ref"], push["before"], push["after"]) == ("refs/heads/main", before, sha)
    (only,) = push["commits"]
    assert (only["added"], only["modified"], only["removed"]) == (["new é.txt"], ["README.md"], ["src/part1.py"])
    assert push["sender"]["login"] == push["pusher"]["name"] == "alice"


async def test_deleting_a_tag_sends_push_and_delete(lab: Lab) -> None:
    await lab.github.tag("v1")
    await lab.github.delete_tag("v1")
    push = await lab.last_payload("push")
    assert (push["after"], push["deleted"], push["head_commit"]) == (ZERO, True, None)
    assert (await lab.events())[-1] == "delete"
    with pytest.raises(SandboxError, match="does not exist"):
        await lab.github.delete_tag("v1")


async def test_the_history_in_memory_matches_git(lab: Lab, tmp_path: Path) -> None:
    from sandbox import git

    await lab.github.commit(files={"a b.txt": "1"})
    await lab.github.tag("v1", annotated=True)
    await lab.github.fork_commit()
    await lab.github.pull_request()
    indexed, loaded = lab.github.repository().history, await git.load(lab.github.path())
    assert (indexed.refs, indexed.commits, indexed.tags) == (loaded.refs, loaded.commits, loaded.tags)
    output = await git.git("clone", "--quiet", str(lab.github.path()), "copy", cwd=tmp_path)
    assert output == b"" and (tmp_path / "copy" / "a b.txt").read_text() == "1"
