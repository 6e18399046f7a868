"""The control surface: the same acts over HTTP."""

from typing import Any

import pytest

from sandbox import control
from tests.sandbox.conftest import Lab, Reply


async def _do(lab: Lab, route: str, /, **body: Any) -> Reply:
    return await lab.ask("POST", f"/_sandbox/{route}", by="nobody", json=body)


async def _see(lab: Lab, path: str) -> Any:
    return (await lab.ask("GET", f"/_sandbox/{path}", by="nobody")).json["result"]


async def test_the_index_lists_every_route_with_its_fields(lab: Lab) -> None:
    routes = (await lab.ask("GET", "/_sandbox/", by="nobody")).json["routes"]
    assert len(routes) == len(control.ACTIONS) + len(control.VIEWS)
    assert all(one["does"] for one in routes)
    tag = next(one for one in routes if one["route"] == "POST /_sandbox/tags")
    assert tag["needs"] == ["name"] and tag["may"]["annotated"] is False


async def test_a_session(lab: Lab) -> None:
    await _do(lab, "people", login="bob", role="maintain")
    await _do(lab, "commits", message="Change", files={"a.txt": "1", "README.md": None})
    number = (await _do(lab, "pull-requests", title="Improve", by="bob")).json["result"]
    await _do(lab, "comments", number=number, body="/help", by="bob")
    await _do(lab, "tags", name="v1", annotated=True)
    await lab.dispatch(ref="v1")
    await _do(lab, "runs/start", run=1)
    await _do(lab, "runs/finish", run=1, conclusion="failure")
    await _do(lab, "runs/speed", seconds=[1, 3])
    assert list(lab.github.run_seconds or ()) == [1, 3]
    assert (await _see(lab, "runs"))[0]["conclusion"] == "failure"
    assert (await _see(lab, f"comments?number={number}"))[0]["user"] == "bob"
    assert (await _see(lab, "resolve?rev=v1")) == lab.github.head()
    assert len(await _see(lab, "dispatches")) == 1
    await _do(lab, "settle")
    assert {one["status"] for one in await _see(lab, "deliveries")} == {"OK"}
    await _do(lab, "repositories/rename", new_name="shop")
    await _do(lab, "calls/forget")
    assert await _see(lab, "calls") == []


async def test_every_fault_can_be_set(lab: Lab) -> None:
    bodies: dict[str, dict[str, Any]] = {
        "webhooks": {"drop": 0.3, "double": 0.3, "reorder": True, "delay": [1, 2], "seed": 1},
        "fail": {"path": "*/dispatches", "status": 502},
        "limit": {"kind": "secondary", "retry_after": 1, "times": 1},
        "slow": {"seconds": 1},
    }
    for path in control.ACTIONS:
        if path.startswith("faults/"):
            answer = await _do(lab, path, **bodies.get(path.removeprefix("faults/"), {}))
            assert answer.status == 200, answer.text


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("tags", {}, "The field 'name' is missing."),
        ("tags", {"name": 1}, "The field 'name' must be a text."),
        ("tags", {"name": "v1", "annotated": "yes"}, "The field 'annotated' must be true or false."),
        ("runs/finish", {"run": "1"}, "The field 'run' must be a whole number."),
        ("people", {"login": "x", "rank": 1}, "There is no field 'rank' here"),
        ("runs/speed", {"seconds": [1]}, "The field 'seconds' must be a list or null."),
        ("commits", {"files": ["a"]}, "The field 'files' must be an object or null."),
    ],
)
async def test_a_bad_body_names_the_field(lab: Lab, path: str, body: dict[str, Any], sentence: str) -> None:
    answer = await _do(lab, path, **body)
    assert answer.status == 400
    assert answer.json["error"].startswith(sentence)


async def test_what_cannot_be_done_is_said(lab: Lab) -> None:
    answer = await _do(lab, "runs/finish", run=7)
    assert (answer.status, answer.json["error"]) == (422, "There is no run 7; there are 0.")
    raw = await lab.ask("POST", "/_sandbox/tags", by="nobody", data=b"{")
    assert raw.json["error"] == "The body is not JSON."
    assert (await lab.ask("GET", "/_sandbox/nonsense", by="nobody")).status == 404
    assert lab.github.unknown_routes == []
