"""The sandbox as an Enterprise Server, and dispatches on servers that do not return their run."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox import SandboxOptions
from tests.sandbox.conftest import Lab, running_lab


@pytest.fixture
async def enterprise(source: Path) -> AsyncIterator[Lab]:
    async with running_lab(source, SandboxOptions(enterprise="3.20")) as lab:
        yield lab


async def test_an_older_server_refuses_to_return_the_run(lab: Lab) -> None:
    lab.github.server.set_run_details("refused")
    refused = await lab.dispatch(return_run_details=True)
    assert refused.status == 422
    assert refused.json["message"] == 'Invalid request.\n\n"return_run_details" is not a permitted key.'
    assert lab.github.dispatches == []
    assert (await lab.dispatch()).status == 204


async def test_a_server_may_ignore_that_the_run_is_wanted(lab: Lab) -> None:
    lab.github.server.set_run_details("ignored")
    ignored = await lab.dispatch(return_run_details=True)
    assert (ignored.status, ignored.text, len(lab.github.dispatches)) == (204, "", 1)


async def test_unknown_keys_of_a_dispatch_are_refused(lab: Lab) -> None:
    refused = await lab.dispatch(force=True, draft=False)
    assert refused.json["message"] == 'Invalid request.\n\n"force", "draft" are not permitted keys.'


async def test_an_enterprise_server_has_its_api_below_a_path(enterprise: Lab) -> None:
    assert enterprise.url.endswith("/api/v3")
    app = await enterprise.request("GET", "/app", token=enterprise.jwt())
    assert (app.status, app.headers["X-GitHub-Enterprise-Version"]) == (200, "enterprise-server@3.20.0")
    repository = (await enterprise.repo("GET", "")).json
    assert repository["url"] == f"{enterprise.url}/repos/acme/site"
    assert repository["html_url"] == f"{enterprise.url.removesuffix('/api/v3')}/acme/site"
    assert (await enterprise.dispatch(return_run_details=True)).status == 422
    assert (await enterprise.repo("GET", "", headers={"X-GitHub-Api-Version": "2026-03-10"})).status == 400
    await enterprise.github.rename("shop")
    moved = await enterprise.repo("GET", "/commits/main?x=1")
    number = enterprise.github.repository().id
    assert moved.headers["Location"] == f"{enterprise.url}/repositories/{number}/commits/main?x=1"


async def test_other_paths_of_an_enterprise_server_are_its_web_pages(enterprise: Lab) -> None:
    enterprise.url = enterprise.url.removesuffix("/api/v3")
    for status in (200, 302, 404, 406):
        enterprise.github.server.set_front_page(status)
        for method, path in (("GET", "/app"), ("GET", "/repos/a/b"), ("POST", "/app/installations/1/access_tokens")):
            page = await enterprise.request(method, path, token=enterprise.jwt())
            assert (page.status, page.headers["Content-Type"]) == (status, "text/html; charset=utf-8"), path
            assert page.text.startswith("<!DOCTYPE html>")
            assert ("Location" in page.headers) == (status == 302)
    assert (await enterprise.request("GET", "/login", token="")).status == 200
    assert (await enterprise.request("GET", "/", token="")).status == 200
    assert enterprise.github.unknown_routes == []


async def test_github_com_knows_no_api_below_that_path(lab: Lab) -> None:
    assert (await lab.request("GET", "/api/v3/app", token=lab.jwt())).status == 404
    assert lab.github.unknown_routes == ["GET /api/v3/app"]


async def test_execution_protections_refuse_dispatches(lab: Lab) -> None:
    sentences = {
        "event": "Event 'workflow_dispatch' is not allowed to trigger Actions workflows. "
        "Workflow file: '.github/workflows/build.yml'.",
        "actor": "Actor is not allowed to trigger Actions workflows.",
    }
    for rule, sentence in sentences.items():
        lab.github.protect_execution(rule)
        refused = await lab.dispatch()
        assert (refused.status, refused.json["message"]) == (403, sentence)
    lab.github.protect_execution(None)
    assert (await lab.dispatch()).status == 204


async def test_a_run_can_be_not_found_once(lab: Lab) -> None:
    await lab.dispatch()
    path = f"/actions/runs/{lab.github.runs[0].id}"
    lab.github.faults.lose_run()
    lost = await lab.repo("GET", path)
    assert (lost.status, lost.json["message"], lost.headers["X-RateLimit-Limit"]) == (404, "Not Found", "5000")
    assert (await lab.repo("GET", path)).status == 200
    lab.github.faults.lose_run(None, path="/repos/*/actions/runs/*")
    assert [(await lab.repo("GET", path)).status for _ in range(2)] == [404, 404]
    assert (await lab.request("GET", f"/repositories/{lab.github.repository().id}{path}")).status == 200


async def test_a_repository_can_have_more_branches_than_ten_pages_list(lab: Lab) -> None:
    await lab.github.branches(1_200, "release/")
    last = await lab.repo("GET", "/branches?per_page=100&page=13")
    assert [branch["name"] for branch in last.json] == ["release/01200"]
    assert (await lab.repo("GET", "/branches/release/01200")).json["commit"]["sha"] == lab.github.head()
    assert await lab.events() == []


async def test_a_fresh_token_may_be_refused_for_a_moment(lab: Lab) -> None:
    lab.github.faults.lag_tokens(10)
    fresh = (await lab.create_token()).json["token"]
    assert (await lab.repo("GET", "", token=fresh)).json["message"] == "Bad credentials"
    lab.github.advance(11)
    assert (await lab.repo("GET", "", token=fresh)).status == 200
