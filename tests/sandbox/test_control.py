"""The control API: the same actions over HTTP."""

import re
from pathlib import Path
from typing import Any

import pytest

from sandbox import control
from tests.sandbox.conftest import ApiReply, Lab


async def _post(lab: Lab, route: str, /, **body: Any) -> ApiReply:
    return await lab.request("POST", f"/_sandbox/{route}", token="", json=body)


async def _get(lab: Lab, path: str) -> Any:
    return (await lab.request("GET", f"/_sandbox/{path}", token="")).json["result"]


async def test_the_index_lists_every_route_with_its_fields(lab: Lab) -> None:
    routes = (await lab.request("GET", "/_sandbox/", token="")).json["routes"]
    assert len(routes) == len(control.ACTIONS) + len(control.VIEWS)
    assert all(route["does"] for route in routes)
    tag = next(route for route in routes if route["route"] == "POST /_sandbox/tags")
    assert tag["needs"] == ["name"] and tag["may"]["annotated"] is False


def test_the_readme_names_every_route() -> None:
    text = (Path(control.__file__).parent / "README.md").read_text()
    described = set[str]()
    for row in re.findall(r"^\| `(?:POST|GET) .*? \|", text, re.MULTILINE):
        for name in re.findall(r"`(?:POST |GET )?([^`?]+)[^`]*`", row):
            first = re.findall(r"`(?:POST |GET )([^`?]+)", row)[0]
            described.add(name.replace("…", first.rpartition("/")[0]).strip())
    assert {*control.ACTIONS, *control.VIEWS} - described == set()


async def test_gates_over_http(lab: Lab) -> None:
    text = "on: workflow_dispatch\njobs: {ship: {environment: production}}\n"
    await _post(lab, "commits", files={".github/workflows/ship.yml": text}, author="Carol <carol@example.com>")
    await _post(lab, "environments", name="production", reviewers=["bob"], rule=True)
    await _post(lab, "runs/on-push", enabled=False)
    await lab.dispatch("ship.yml")
    assert (await _post(lab, "runs/approve", by="alice")).status == 422
    assert (await _post(lab, "runs/approve", by="bob")).status == 200
    path = f"/actions/runs/{lab.github.runs[0].id}/deployment_protection_rule"
    await lab.repo("POST", path, json={"environment_name": "production", "state": "approved", "comment": "Good."})
    reports = await _get(lab, "gate-reports?run=1")
    assert reports == [{"environment": "production", "state": "approved", "comment": "Good."}]
    await _post(lab, "checks/report", name="ci", conclusion="failure")
    assert [check["app"]["slug"] for check in await _get(lab, "check-runs?sha=main")] == ["ci-bot"]
    await _post(lab, "teams", name="Staff")
    assert (await _post(lab, "teams/members/add", team="staff", login="bob", state="pending")).status == 200
    assert (await _post(lab, "releases", tag="v1", prerelease=True)).status == 200
    assert (await _post(lab, "installation/permission", name="checks", level=None)).status == 200


async def test_a_typical_session(lab: Lab) -> None:
    await _post(lab, "people", login="bob", role="maintain")
    await _post(lab, "commits", message="Change", files={"a.txt": "1", "README.md": None})
    number = (await _post(lab, "pull-requests", title="Improve", by="bob")).json["result"]
    await _post(lab, "comments", number=number, body="/help", by="bob")
    await _post(lab, "tags", name="v1", annotated=True)
    await lab.dispatch(ref="v1")
    await _post(lab, "runs/start", run=1)
    await _post(lab, "runs/finish", run=1, conclusion="failure")
    await _post(lab, "runs/speed", seconds=[1, 3])
    assert list(lab.github.run_seconds or ()) == [1, 3]
    assert (await _get(lab, "runs"))[0]["conclusion"] == "failure"
    assert (await _get(lab, f"comments?number={number}"))[0]["user"] == "bob"
    assert (await _get(lab, "resolve?rev=v1")) == lab.github.head()
    assert len(await _get(lab, "dispatches")) == 1
    await _post(lab, "settle")
    assert {delivery["status"] for delivery in await _get(lab, "deliveries")} == {"OK"}
    await _post(lab, "repositories/rename", new_name="shop")
    await _post(lab, "calls/forget")
    assert await _get(lab, "calls") == []


async def test_every_fault_can_be_set(lab: Lab) -> None:
    bodies: dict[str, dict[str, Any]] = {
        "webhooks": {"drop": 0.3, "double": 0.3, "reorder": True, "delay": [1, 2], "seed": 1},
        "fail": {"path": "*/dispatches", "status": 502},
        "limit": {"kind": "secondary", "retry_after": 1, "times": 1},
        "slow": {"seconds": 1},
    }
    for path in control.ACTIONS:
        if path.startswith("faults/"):
            response = await _post(lab, path, **bodies.get(path.removeprefix("faults/"), {}))
            assert response.status == 200, response.text


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("tags", {}, "The field 'name' is missing."),
        ("tags", {"name": 1}, "The field 'name' must be a string."),
        ("tags", {"name": "v1", "annotated": "yes"}, "The field 'annotated' must be true or false."),
        ("runs/finish", {"run": "1"}, "The field 'run' must be an integer."),
        ("people", {"login": "x", "rank": 1}, "Unknown field 'rank'"),
        ("runs/speed", {"seconds": [1]}, "The field 'seconds' must be a list or null."),
        ("commits", {"files": ["a"]}, "The field 'files' must be an object or null."),
    ],
)
async def test_a_bad_body_names_the_field(lab: Lab, path: str, body: dict[str, Any], message: str) -> None:
    response = await _post(lab, path, **body)
    assert response.status == 400
    assert response.json["error"].startswith(message)


async def test_impossible_actions_return_an_error(lab: Lab) -> None:
    response = await _post(lab, "runs/finish", run=7)
    assert (response.status, response.json["error"]) == (422, "No run 7; the number of runs is 0.")
    headers = {"Content-Type": "application/json"}
    raw = await lab.request("POST", "/_sandbox/tags", token="", data=b"{", headers=headers)
    assert raw.json["error"] == "The body is not JSON."
    assert (await lab.request("GET", "/_sandbox/nonsense", token="")).status == 404
    assert lab.github.unknown_routes == []


SENT_FOR_A_WEB_PAGE = (
    {"Origin": "https://evil.example"},
    {"Origin": "http://localhost:3000"},
    {"Origin": "null"},
    {"Host": "evil.example"},
    {"Host": "evil.example:4000"},
    {"Host": "localhost.evil.example"},
    {"Host": "127.0.0.1@evil.example"},
    {"Host": "127.0.0.1.evil.example"},
    {"Host": ""},
    {"Host": "evil.example", "Origin": "http://evil.example"},
)


async def test_web_pages_of_others_are_refused(lab: Lab) -> None:
    head = lab.github.head()
    for headers in SENT_FOR_A_WEB_PAGE:
        for method, path, body in (("POST", "commits", {}), ("GET", "calls", None), ("GET", "", None)):
            refused = await lab.request(method, f"/_sandbox/{path}", token="", headers=headers, json=body)
            assert (refused.status, list(refused.json)) == (403, ["error"]), headers
    for site in ("cross-site", "same-site"):
        headers = {"Sec-Fetch-Site": site}
        assert (await lab.request("POST", "/_sandbox/commits", token="", headers=headers, json={})).status == 403
        assert (await lab.request("GET", "/_sandbox/web/acme", token="", headers=headers)).status == 200
    assert lab.github.head() == head


async def test_what_a_form_can_send_is_refused(lab: Lab) -> None:
    head, kinds = lab.github.head(), ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data", "")
    for content_type in (*kinds, "application/jsonx"):
        for body in ("{}", ""):
            headers = {"Content-Type": content_type}
            refused = await lab.request("POST", "/_sandbox/commits", token="", headers=headers, data=body)
            assert refused.status == 415, content_type
            assert refused.json["error"].endswith("Content-Type: application/json.")
    assert lab.github.head() == head


async def test_local_names_and_addresses_and_the_own_origin_are_served(lab: Lab) -> None:
    for host in ("localhost:1", "LOCALHOST", "localhost.", "[::1]:4000", "10.0.0.7", "a.localhost"):
        headers = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
        served = await lab.request("POST", "/_sandbox/ping", token="", headers=headers, json={})
        bare = await lab.request(
            "POST", "/_sandbox/ping", token="", headers=headers, skip_auto_headers=["Content-Type"]
        )
        assert (served.status, bare.status) == (200, 200), host


async def test_the_simulated_api_may_be_asked_under_any_name(lab: Lab) -> None:
    assert (await lab.repo("GET", "", headers={"Host": "api.github.example"})).status == 200
