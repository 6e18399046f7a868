"""What the sandbox does not simulate is never answered as if it did."""

import re
from types import SimpleNamespace
from typing import cast

from aiohttp import web
from aiohttp.web_urldispatcher import AbstractResource
from yarl import URL

from sandbox.rest import NOT_SIMULATED
from sandbox.rest.core import ROUTES
from tests.sandbox.conftest import Lab
from tests.sandbox.github_api import operations, shape


def test_every_route_parameter_and_field_of_the_sandbox_is_one_of_githubs() -> None:
    documented = {(operation.method, shape(operation.path)): operation for operation in operations()}
    assert len(documented) > 1_000
    for route in ROUTES:
        key = (route.method, shape(route.path.replace("{repo}", "/repos/{owner}/{repo}")))
        assert key in documented, route.path
        assert set(route.query) <= documented[key].query, route.path
        assert set(route.fields) <= documented[key].arguments, route.path


async def test_no_route_of_the_sandbox_hides_another_one_of_github(lab: Lab) -> None:
    not_simulated = {shape(path.replace("{repo}", "/repos/{owner}/{repo}")) for path in NOT_SIMULATED}
    for operation in operations():
        for name in ("1", "feature/1"):
            path = re.sub(r"\{(ref|branch|commit_sha|path|basehead)\}", name, operation.path)
            resource = await _resource(lab, operation.method, re.sub(r"\{[^{}]*\}", "1", path))
            if resource is not None and shape(resource.canonical) not in not_simulated:
                assert shape(resource.canonical) == shape(operation.path), (operation.method, path)


async def _resource(lab: Lab, method: str, path: str) -> AbstractResource | None:
    request = SimpleNamespace(method=method, rel_url=URL(path))  # all that the router looks at
    return (await lab.github.app.router.resolve(cast("web.Request", request))).route.resource


async def test_routes_that_are_not_simulated_are_recorded(lab: Lab) -> None:
    paths = (
        *("/commits/main/check-suites", "/commits/feature/x/check-suites"),
        *("/branches/main/protection", "/branches/main/protection/restrictions/apps"),
        *("/pulls/comments", "/issues/comments", "/actions/runs/latest"),
    )
    for path in paths:
        assert (await lab.repo("GET", path)).status == 404, path
    assert lab.github.unknown_routes == [f"GET /repos/acme/site{path}" for path in paths]


async def test_routes_below_a_branch_with_slashes_are_found(lab: Lab) -> None:
    await lab.github.branch("feature/x")
    head = lab.github.head()
    for path in ("check-runs", "comments", "pulls", "status", "statuses", "branches-where-head"):
        assert (await lab.repo("GET", f"/commits/feature/x/{path}")).status == 200, path
    assert (await lab.repo("GET", "/commits/feature/x")).json["sha"] == head
    assert {call.route for call in lab.github.calls} >= {"GET {repo}/commits/{sha:.+}/comments"}


async def test_parameters_fields_and_media_types_that_are_not_simulated_are_recorded(lab: Lab) -> None:
    html = {"Accept": "application/vnd.github.html+json"}
    await lab.repo("GET", "/git/matching-refs/heads/m?per_page=100")
    await lab.repo("GET", "/commits/main/comments?since=2026-01-01")
    await lab.repo("GET", "?page=1")
    await lab.repo("GET", "/contents/README.md", headers=html)
    await lab.repo("POST", "/git/refs", json={"ref": "refs/tags/v", "sha": "1" * 40, "force": True})
    assert lab.github.unknown_routes == [
        "GET {repo}/git/matching-refs/{ref:.+}: query parameter per_page",
        "GET {repo}/commits/{sha:.+}/comments: query parameter since",
        "GET {repo}: query parameter page",
        "GET {repo}/contents/{path:.*}: media type html",
        "POST {repo}/git/refs: field force",
    ]
    lab.github.forget_calls()
    assert lab.github.unknown_routes == []


async def test_a_known_parameter_is_not_recorded(lab: Lab) -> None:
    await lab.repo("GET", "/commits?sha=main&since=2026-01-01T00:00:00Z&per_page=2&page=1")
    await lab.repo("GET", "/commits/main", headers={"Accept": "application/vnd.github.v3.sha"})
    for kind in ("vnd.github+json", "vnd.github.v3+json", "vnd.github.machine-man-preview+json", "json"):
        await lab.repo("GET", "/commits/main", headers={"Accept": f"application/{kind}"})
    assert lab.github.unknown_routes == []
