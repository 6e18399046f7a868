"""Responses and webhooks match the schemas of a typed third-party client."""

import importlib
from types import ModuleType
from typing import Any

import pytest
from pydantic import TypeAdapter

from tests.conftest import postgres
from tests.sandbox.conftest import ApiReply, Lab

pytestmark = pytest.mark.skipif(postgres(), reason="the sandbox does not depend on the database")
VERSIONS = {"2026-03-10": "latest", "2022-11-28": "v2022_11_28"}


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def models(version: str) -> ModuleType:
    return _import_schemas(version, "models")


def _import_schemas(version: str, part: str) -> ModuleType:
    name = f"githubkit_schemas.{VERSIONS[version]}"
    pytest.importorskip(name, reason="only one version of the schemas is installed")
    return importlib.import_module(f"{name}.{part}")


def _validate(model: Any, reply: ApiReply) -> None:
    assert reply.status in (200, 201), reply.text
    TypeAdapter(model).validate_json(reply.text)


GATES = "ReposOwnerRepoEnvironmentsEnvironmentNameDeploymentProtectionRulesGetResponse200"
SHIP = """\
on: workflow_dispatch
jobs:
  ship:
    environment: {name: eu/production, url: "https://eu.example.com"}
"""
RESPONSE_MODELS = {
    "": "FullRepository",
    "/branches": "list[ShortBranch]",
    "/branches/main": "BranchWithProtection",
    "/commits": "list[Commit]",
    "/commits/main": "Commit",
    "/commits/heads%2Fmain": "Commit",
    "/compare/{first}...main": "CommitComparison",
    "/compare/main...{first}": "CommitComparison",
    "/git/ref/heads/main": "GitRef",
    "/git/matching-refs/tags/v": "list[GitRef]",
    "/git/tags/{tag}": "GitTag",
    "/git/commits/{head}": "GitCommit",
    "/tags": "list[Tag]",
    "/contents/README.md": "ContentFile",
    "/git/trees/main": "GitTree",
    "/contents/": "list[ContentDirectoryItems]",
    "/commits/{pulled}/pulls": "list[PullRequestSimple]",
    "/commits/{head}/branches-where-head": "list[BranchShort]",
    "/actions/workflows": "ReposOwnerRepoActionsWorkflowsGetResponse200",
    "/actions/workflows/build.yml": "Workflow",
    "/actions/workflows/build.yml/runs": "ReposOwnerRepoActionsWorkflowsWorkflowIdRunsGetResponse200",
    "/actions/runs": "ReposOwnerRepoActionsRunsGetResponse200",
    "/actions/runs/{run}": "WorkflowRun",
    "/actions/runs/{run}/attempts/1": "WorkflowRun",
    "/actions/runs/{run}/jobs": "ReposOwnerRepoActionsRunsRunIdJobsGetResponse200",
    "/actions/runs/{run}/attempts/1/jobs": "ReposOwnerRepoActionsRunsRunIdAttemptsAttemptNumberJobsGetResponse200",
    "/pulls": "list[PullRequestSimple]",
    "/pulls/1": "PullRequest",
    "/pulls/1/files": "list[DiffEntry]",
    "/issues/1": "Issue",
    "/issues/{issue}": "Issue",
    "/issues/{issue}/comments": "list[IssueComment]",
    "/issues/1/comments": "list[IssueComment]",
    "/issues/comments/{comment}": "IssueComment",
    "/issues/comments/{comment}/reactions": "list[Reaction]",
    "/comments/{commit_comment}": "CommitComment",
    "/commits/{head}/comments": "list[CommitComment]",
    "/collaborators/alice/permission": "RepositoryCollaboratorPermission",
    "/environments": "ReposOwnerRepoEnvironmentsGetResponse200",
    "/environments/eu%2Fproduction": "Environment",
    "/environments/eu%2Fproduction/deployment_protection_rules": GATES,
    "/actions/runs/{waiting}/pending_deployments": "list[PendingDeployment]",
    "/releases": "list[Release]",
    "/releases/latest": "Release",
    "/releases/tags/v0.9": "Release",
    "/releases/{draft}": "Release",
    "/deployments": "list[Deployment]",
    "/deployments/{deployment}": "Deployment",
    "/deployments/{deployment}/statuses": "list[DeploymentStatus]",
    "/check-runs/{check}": "CheckRun",
    "/check-runs/{check}/annotations": "list[CheckAnnotation]",
    "/commits/main/check-runs": "ReposOwnerRepoCommitsRefCheckRunsGetResponse200",
    "/commits/main/status": "CombinedCommitStatus",
    "/commits/main/statuses": "list[Status]",
}


ANNOTATION = {"path": "README.md", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "Look"}


async def _create_one_of_each(lab: Lab) -> dict[str, object]:
    github = lab.github
    first = github.resolve("main~2")
    tag = await github.tag("v1", annotated=True)
    number = await github.pull_request("Improve it")
    comment = await github.comment(number, "/help")
    await lab.repo("POST", f"/issues/comments/{comment}/reactions", json={"content": "eyes"})
    issue = await github.issue("It is broken", body="Very")
    await github.comment(issue, "/help")
    commit_comment = await github.commit_comment("main", "/build")
    await lab.dispatch(inputs={"release_cut_id": "7"})
    github.team("Release managers")
    github.environment("eu/production", reviewers=["alice"], teams=["release-managers"], rule=True)
    await github.commit("Ship", files={".github/workflows/ship.yml": SHIP})
    await lab.dispatch("ship.yml")
    check = {"name": "release", "head_sha": github.head(), "status": "completed", "conclusion": "success"}
    output = {"title": "t", "summary": "s", "annotations": [ANNOTATION]}
    actions = [{"label": "Retry", "description": "Once more", "identifier": "retry"}]
    check_run = await lab.repo("POST", "/check-runs", json={**check, "output": output, "actions": actions})
    await github.release("v0.9")
    draft = await github.release("v0.10", draft=True)
    await github.report_check("ci/test", conclusion=None)
    await github.report_check("ci/test", conclusion="failure")
    await github.report_status("legacy", state="pending")
    await lab.repo("POST", f"/statuses/{github.head()}", json={"state": "success", "context": "ci"})
    deployment_body = {"ref": "main", "auto_merge": False, "required_contexts": [], "payload": {"id": 1}}
    deployment = (await lab.repo("POST", "/deployments", json=deployment_body)).json["id"]
    await lab.repo("POST", f"/deployments/{deployment}/statuses", json={"state": "success"})
    return {
        "first": first,
        "head": github.head(),
        "tag": tag,
        "pulled": github.repository().pulls[number].head_sha,
        "run": github.runs[0].id,
        "waiting": github.runs[1].id,
        "comment": comment,
        "issue": issue,
        "draft": draft,
        "commit_comment": commit_comment,
        "check": check_run.json["id"],
        "deployment": deployment,
    }


async def test_repository_responses_match_the_schemas(lab: Lab, version: str, models: ModuleType) -> None:
    values = await _create_one_of_each(lab)
    for path, name in RESPONSE_MODELS.items():
        model_name = name.removeprefix("list[").removesuffix("]")
        model = getattr(models, model_name)
        reply = await lab.repo("GET", path.format(**values), headers={"X-GitHub-Api-Version": version})
        try:
            _validate(list[model] if model_name != name else model, reply)  # type: ignore[valid-type]
        except ValueError as error:
            pytest.fail(f"{path}: {error}")
    assert not lab.github.unknown_routes


async def test_app_responses_match_the_schemas(lab: Lab, version: str, models: ModuleType) -> None:
    await lab.github.ping()
    await lab.github.settle()
    installation_id, delivery_id = lab.github.installation_id, lab.github.deliveries[0].id
    models_by_path = {
        "/app": models.Integration,
        "/app/installations": list[models.Installation],  # type: ignore[name-defined]
        f"/app/installations/{installation_id}": models.Installation,
        "/repos/acme/site/installation": models.Installation,
        "/app/hook/config": models.WebhookConfig,
        "/app/hook/deliveries": list[models.HookDeliveryItem],  # type: ignore[name-defined]
        f"/app/hook/deliveries/{delivery_id}": models.HookDelivery,
    }
    headers = {"X-GitHub-Api-Version": version}
    for path, model in models_by_path.items():
        _validate(model, await lab.request("GET", path, token=lab.jwt(), headers=headers))
    _validate(models.RateLimitOverview, await lab.request("GET", "/rate_limit", headers=headers))
    lab.github.team("Release managers", parent=lab.github.team("Staff").slug)
    lab.github.add_team_member("release-managers", "alice", role="maintainer")
    path = "/orgs/acme/teams/release-managers"
    _validate(models.TeamFull, await lab.request("GET", path, headers=headers))
    _validate(models.TeamMembership, await lab.request("GET", f"{path}/memberships/alice", headers=headers))
    _validate(models.PublicUser, await lab.request("GET", "/users/alice", headers=headers))
    _validate(models.InstallationToken, await lab.create_token(repositories=["site"]))
    _validate(models.InstallationRepositoriesGetResponse200, await lab.request("GET", "/installation/repositories"))


async def _trigger_every_event(lab: Lab) -> None:
    github = lab.github
    values = await _create_one_of_each(lab)
    check = int(str(values["check"]))
    await github.click_button(check, "retry")
    await github.rerequest(check)
    await github.start()
    await github.finish(conclusion="failure")
    await github.publish_release(int(str(values["draft"])))
    await github.delete_release(await github.release("v0.11-rc1", prerelease=True))
    await github.bypass_protection(2)
    await github.start(2)
    await github.finish(2)
    await github.commit("Change it", files={"README.md": "new", "src/part1.py": None})
    await github.commit("More", branch=github.repository().pulls[1].head)
    await github.branch("release-1")
    await github.tag("v2")
    await github.delete_tag("v2")
    await github.tag("v3", annotated=True)
    comment = await github.comment(1, "one")
    await github.edit_comment(comment, "two")
    await github.delete_comment(comment)
    await github.merge(1)
    another = await github.pull_request("Another", by="mallory", fork=True)
    await github.push_to_pull_request(another, by="mallory")
    await github.close_pull_request(another)
    await github.reopen_pull_request(another)
    await lab.repo("PATCH", f"/releases/{values['draft']}", json={"body": "New"})
    await github.archive()
    await github.archive(False)
    await github.set_private()
    await github.set_private(False)
    await github.rename("shop")
    await github.transfer("umbrella")
    await github.transfer("acme")
    await github.remove_repository()
    await github.add_repository("acme/shop")
    await github.suspend()
    await github.unsuspend()
    await github.set_permission("pages", "read")
    await github.uninstall()
    await github.install()
    await github.delete_repository()
    await github.ping()
    await github.settle()


async def test_webhooks_match_the_schemas(lab: Lab, version: str) -> None:
    webhooks = _import_schemas(version, "webhooks")
    await _trigger_every_event(lab)
    for webhook in lab.received:
        try:
            webhooks.WebhookNamespace.parse(webhook.event, webhook.raw)
        except ValueError as error:
            pytest.fail(f"{webhook.event} {webhook.payload.get('action')}: {error}")
    names = {delivery.event for delivery in lab.received}
    assert names >= {*lab.github.state.events, "ping", "installation", "installation_repositories"}
    assert {delivery.status for delivery in lab.github.deliveries} == {"OK"}
