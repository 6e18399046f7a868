"""Request ids and log lines of requests."""

import json
import logging
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import orjson
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bot.log import configure
from bot.store.database import execute
from server.middleware import request_id_of
from tests.api.helpers import PROJECTS, UNWRAPPED, cut_path, env_path, send_raw
from tests.world import World


async def test_every_response_has_the_callers_request_id_or_a_new_one(world: World) -> None:
    for method, path, status in [
        ("GET", PROJECTS, 200),
        ("HEAD", PROJECTS, 200),
        ("GET", f"{PROJECTS}/none", 404),
        ("GET", "/nowhere", 404),
        ("DELETE", PROJECTS, 405),
        ("POST", PROJECTS, 400),
        ("GET", cut_path("1.0-rc1"), 404),
    ]:
        answer = await send_raw(world, method, path, {"X-Request-ID": "My.id_7-z"})
        assert (answer.status, answer.headers["X-Request-ID"]) == (status, "My.id_7-z"), path
        generated = {(await send_raw(world, method, path)).headers["X-Request-ID"] for _ in range(2)}
        assert len(generated) == 2 and all(len(item) == 32 for item in generated)
    anonymous = await world.ask("GET", PROJECTS, token="", headers={"X-Request-ID": "x" * 128})
    assert (anonymous.status, anonymous.headers["X-Request-ID"]) == (401, "x" * 128)


@given(st.text(max_size=200))
def test_only_well_formed_request_ids_are_accepted(text: str) -> None:
    taken = request_id_of(text)
    well_formed = 1 <= len(text) <= 128 and all(item.isascii() and (item.isalnum() or item in "._-") for item in text)
    assert (taken == text) == well_formed
    assert taken.isascii() and 1 <= len(taken) <= 128


async def test_a_malformed_request_id_is_replaced(world: World) -> None:
    for invalid in ("", "a b", "x" * 129, "a\u00e9", "a;b", "<b>"):
        answer = await send_raw(world, "GET", PROJECTS, {"X-Request-ID": invalid})
        assert (answer.status, len(answer.headers["X-Request-ID"])) == (200, 32)


Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def log_lines() -> Iterator[Lines]:
    """Capture the service's log; calling the fixture returns the lines written so far."""
    root, written = logging.getLogger(), StringIO()
    handlers, level, root.handlers[:] = list(root.handlers), root.level, []
    configure("info")
    for handler in root.handlers:
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(written)
    yield lambda: [orjson.loads(line) for line in written.getvalue().splitlines()]
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


async def test_log_lines_of_a_request_carry_its_id_and_those_of_a_job_do_not(log_lines: Lines, world: World) -> None:
    paths = {"path one": PROJECTS, "two": f"{PROJECTS}/none", "three": "/nowhere", "four": cut_path("1.0-rc1")}
    for number, path in enumerate(paths.values()):
        await world.ask("GET", path, headers={"X-Request-ID": f"id{number}"})
    calls = {line["request"]: line for line in log_lines() if line["event"] == "call" and line["request"][:2] == "id"}
    assert [(calls[f"id{number}"]["path"], calls[f"id{number}"]["status"]) for number in range(4)] == [
        *((PROJECTS, 200), (f"{PROJECTS}/none", 404), ("/nowhere", 404), (cut_path("1.0-rc1"), 404)),
    ]
    assert calls["id1"]["refusal"] == "Release project not found"
    assert calls["id1"]["actor"] == "root"
    assert not {"refusal", "actor", "project"} & set(calls["id2"])  # nothing is left over from the previous request
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    jobs = [line for line in log_lines() if line["event"] == "job"]
    assert jobs and not any("request" in line for line in jobs)


async def test_an_internal_error_is_500_with_the_request_id_that_the_log_has(log_lines: Lines, world: World) -> None:
    await execute("ALTER TABLE environments RENAME TO mislaid")
    answers = [
        await send_raw(world, "GET", path) for path in (f"{PROJECTS}/site/environments", env_path("/deployments"))
    ]
    await execute("ALTER TABLE mislaid RENAME TO environments")
    assert [answer.status for answer in answers] == [500, 500]
    assert all(b"mislaid" not in answer.body and b"environments" not in answer.body for answer in answers)
    assert json.loads(answers[0].body)["title"] == "Internal Server Error"
    assert set(json.loads(answers[1].body)) == {"error"}
    faults = [line["request"] for line in log_lines() if line["event"] == "fault"]
    assert faults == [answer.headers["X-Request-ID"] for answer in answers]


async def test_health_checks_and_metrics_get_no_extra_headers_and_no_log_line(log_lines: Lines, world: World) -> None:
    for path in UNWRAPPED:
        answer = await send_raw(world, "GET", path, {"X-Request-ID": "id", "Accept-Encoding": "gzip"})
        assert answer.status == 200
        assert not {"X-Request-ID", "ETag", "Vary", "Content-Encoding", "Cache-Control"} & set(answer.headers)
    assert not [line for line in log_lines() if line.get("path") in UNWRAPPED]
