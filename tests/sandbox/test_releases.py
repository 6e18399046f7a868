"""Releases, workflows that publish them, and runs started by pushes."""

import pytest

from sandbox import SandboxError
from sandbox.triggers import parse_push
from tests.sandbox.conftest import Lab

RELEASE = """\
name: release
on:
  workflow_dispatch:
    inputs:
      version: {type: string}
  push: {tags: ["v*"]}
jobs:
  release:
    steps:
      - uses: actions/checkout@v5
      - uses: sandbox/tag@v1
        with: {name: "v${{ inputs.version }}", message: "Version ${{ inputs.version }}"}
      - uses: sandbox/release@v1
        with: {tag: "v${{ inputs.version }}", body: Notes, prerelease: true}
"""
TEST = "name: test\non: {push: {branches: [main, 'release/**']}}\njobs: {test: {}}\n"


async def _add_workflow(lab: Lab, name: str, text: str) -> None:
    await lab.github.commit("Add a workflow", files={f".github/workflows/{name}": text})


async def test_a_published_release_creates_its_tag(lab: Lab) -> None:
    release = await lab.github.release("v1.0.0", "main~1", by="bob")
    assert await lab.events("release", "push", "create") == [
        *("push", "create", "release.created", "release.published", "release.released")
    ]
    payload = await lab.last_payload("release")
    assert (payload["sender"]["login"], payload["release"]["author"]["login"]) == ("bob", "bob")
    assert payload["release"]["tag_name"] == "v1.0.0" and payload["release"]["draft"] is False
    assert "sha" not in payload["release"]
    tagged = (await lab.repo("GET", "/git/ref/tags/v1.0.0")).json["object"]["sha"]
    assert tagged == lab.github.resolve("main~1")
    assert (await lab.repo("GET", "/releases/latest")).json["id"] == release
    assert (await lab.repo("GET", "/releases/tags/v1.0.0")).json["id"] == release
    with pytest.raises(SandboxError, match="Validation"):
        await lab.github.release("v1.0.0")


async def test_a_release_keeps_the_commit_of_an_existing_tag(lab: Lab) -> None:
    sha = lab.github.resolve("main~2")
    await lab.github.tag("v1", "main~2", annotated=True)
    created = await lab.repo("POST", "/releases", json={"tag_name": "v1", "target_commitish": "main"})
    assert created.status == 201 and created.json["author"]["login"] == "longshore-sandbox[bot]"
    assert lab.github.resolve("v1") == sha
    assert (await lab.events("release"))[-1] == "release.released"
    assert (await lab.repo("POST", "/releases", json={"tag_name": "v1"})).json["errors"][0]["code"] == "already_exists"
    for body in ({"tag_name": "v2", "target_commitish": "none"}, {"tag_name": "a b"}, {}):
        assert (await lab.repo("POST", "/releases", json=body)).status == 422


async def test_a_draft_is_hidden_and_has_no_tag_until_it_is_published(lab: Lab) -> None:
    draft = await lab.github.release("v1", draft=True, prerelease=True)
    reader = (await lab.create_token(permissions={"contents": "read"})).json["token"]
    assert (await lab.repo("GET", "/git/ref/tags/v1")).status == 404
    assert (await lab.repo("GET", "/releases/tags/v1")).status == 404
    assert (await lab.repo("GET", "/releases", token=reader)).json == []
    assert (await lab.repo("GET", f"/releases/{draft}", token=reader)).status == 404
    assert (await lab.repo("POST", "/releases", token=reader, json={"tag_name": "v2"})).status == 403
    assert [each["draft"] for each in (await lab.repo("GET", "/releases")).json] == [True]
    published = (await lab.repo("PATCH", f"/releases/{draft}", json={"draft": False, "name": "One"})).json
    assert (published["draft"], published["name"]) == (False, "One")
    assert lab.github.resolve("v1") == lab.github.head()
    assert await lab.events("release") == ["release.created", "release.edited", "release.published"]
    assert (await lab.repo("GET", "/releases/latest")).status == 404
    assert (await lab.repo("DELETE", f"/releases/{draft}")).status == 204
    assert lab.github.resolve("v1") == lab.github.head()


async def test_releases_of_other_workflow_files_need_a_permission(lab: Lab) -> None:
    await _add_workflow(lab, "release.yml", RELEASE)
    lab.github.require_workflows_permission()
    body = {"tag_name": "v1", "target_commitish": lab.github.resolve("main~1")}
    assert (await lab.repo("POST", "/releases", json=body)).status == 403
    assert (await lab.repo("POST", "/releases", json={"tag_name": "v1"})).status == 201


async def test_a_workflow_tags_and_publishes_when_it_starts(lab: Lab) -> None:
    lab.github.set_push_runs()
    await _add_workflow(lab, "release.yml", RELEASE)
    await lab.dispatch("release.yml", inputs={"version": "1.0.0"})
    assert await lab.events("release") == []
    await lab.github.start()
    push, release = await lab.last_payload("push"), await lab.last_payload("release")
    assert push["ref"] == "refs/tags/v1.0.0" and push["head_commit"]["id"] == lab.github.head() != push["after"]
    assert push["sender"]["login"] == push["pusher"]["name"] == "github-actions[bot]"
    assert release["sender"]["type"] == "Bot" and release["release"]["body"] == "Notes"
    assert await lab.events("release") == ["release.created", "release.published", "release.prereleased"]
    assert len(lab.github.runs) == 1  # what workflows push starts none
    await lab.github.finish()
    assert lab.github.runs[0].conclusion == "success"


async def test_a_run_fails_when_its_tag_is_elsewhere(lab: Lab) -> None:
    await lab.github.tag("v1.0.0", "main~1")
    await _add_workflow(lab, "release.yml", RELEASE)
    await lab.dispatch("release.yml", inputs={"version": "1.0.0"})
    await lab.github.finish()
    assert lab.github.runs[0].conclusion == "failure"
    assert await lab.events("release") == []


async def test_pushes_start_no_runs_unless_that_is_enabled(lab: Lab) -> None:
    await _add_workflow(lab, "test.yml", TEST)
    assert lab.github.runs == []
    lab.github.set_push_runs()
    head = await lab.github.commit("Change\n\nMuch")
    await lab.github.branch("release/1")
    await lab.github.branch("feature")
    await lab.github.tag("v1")
    await lab.github.commit("Change [skip ci]")
    assert [(run.event, run.head_branch, run.display_title) for run in lab.github.runs] == [
        ("push", "main", "Change"),
        ("push", "release/1", "Change"),
    ]
    payload = await lab.last_payload("workflow_run")
    assert (payload["action"], payload["workflow_run"]["event"]) == ("requested", "push")
    assert payload["workflow_run"]["head_sha"] == head and payload["sender"]["login"] == "alice"
    assert len((await lab.repo("GET", "/actions/runs?event=push")).json["workflow_runs"]) == 2
    lab.github.set_push_runs(False)
    await lab.github.commit()
    assert len(lab.github.runs) == 2


async def test_the_workflow_runs_as_it_is_at_the_pushed_commit(lab: Lab) -> None:
    lab.github.set_push_runs()
    await _add_workflow(lab, "test.yml", TEST)
    await _add_workflow(lab, "test.yml", "on: workflow_dispatch\n")
    assert [run.workflow for run in lab.github.runs] == [".github/workflows/test.yml"]
    await _add_workflow(lab, "release.yml", RELEASE)
    await lab.github.tag("v1", by="longshore-sandbox[bot]")
    assert [(run.workflow_name, run.ref) for run in lab.github.runs[1:]] == [("release", "refs/tags/v1")]
    await lab.github.delete_tag("v1")
    assert len(lab.github.runs) == 2


@pytest.mark.parametrize(
    ("push", "ref", "files", "runs"),
    [
        ({}, "heads/main", [], True),
        ({}, "tags/v1", [], True),
        ({"branches": ["main"]}, "tags/v1", [], False),
        ({"tags": ["v*"]}, "heads/main", [], False),
        ({"tags": ["v*"], "branches": ["main"]}, "heads/main", [], True),
        ({"branches": ["release/*"]}, "heads/release/a/b", [], False),
        ({"branches": ["release/**"]}, "heads/release/a/b", [], True),
        ({"branches": ["**", "!main"]}, "heads/main", [], False),
        ({"branches": ["!main", "m*"]}, "heads/main", [], True),
        ({"branches-ignore": ["main"]}, "heads/main", [], False),
        ({"branches-ignore": ["main"]}, "heads/other", [], True),
        ({"tags": ["v[12].[0-9]+.[0-9]+"]}, "tags/v1.20.3", [], True),
        ({"tags": ["v[12].[0-9]+.[0-9]+"]}, "tags/v3.20.3", [], False),
        ({"paths": ["src/**"]}, "heads/main", ["README.md"], False),
        ({"paths": ["src/**"]}, "heads/main", ["src/a/b.py"], True),
        ({"paths": ["**/b.py"]}, "heads/main", ["b.py"], True),
        ({"paths-ignore": ["*.md"]}, "heads/main", ["README.md"], False),
        ({"paths-ignore": ["*.md"]}, "heads/main", ["README.md", "a.py"], True),
        ({"paths": ["src/**"]}, "tags/v1", [], True),
    ],
)
def test_the_filters_of_a_push_trigger(push: dict[str, list[str]], ref: str, files: list[str], runs: bool) -> None:
    trigger = parse_push({"push": push})
    assert trigger is not None and trigger.matches(f"refs/{ref}", files) is runs


def test_other_triggers_are_no_push() -> None:
    assert parse_push("push") == parse_push(["pull_request", "push"]) == parse_push({"push": ""})
    for triggers in ("workflow_dispatch", ["release"], {"pull_request": ""}, None):
        assert parse_push(triggers) is None
