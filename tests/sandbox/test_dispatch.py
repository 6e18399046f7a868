"""Dispatching workflows, and the life of their runs."""

import asyncio
from typing import Any

import aiohttp
import pytest

from sandbox.deliveries import delivery_guid
from tests.sandbox.conftest import Lab

STRICT_WORKFLOW = """\
name: strict
on:
  workflow_dispatch:
    inputs:
      version: {required: true}
      level: {type: choice, options: [low, high], default: low}
      force: {type: boolean}
jobs: {one: {runs-on: x}, two: {runs-on: x}}
"""


async def test_the_older_version_returns_the_run_only_on_request(lab: Lab) -> None:
    assert (await lab.dispatch()).status == 204
    detailed = await lab.dispatch(return_run_details=True)
    assert (detailed.status, detailed.json["workflow_run_id"]) == (200, lab.github.runs[1].id)
    newer = await lab.dispatch(version="2026-03-10")
    assert (newer.status, newer.json["workflow_run_id"]) == (200, lab.github.runs[2].id)
    assert lab.github.runs[0].id > 2**33


async def test_the_request_id_is_in_the_title(lab: Lab) -> None:
    await lab.dispatch(inputs={"release_candidate_version": "1.2-rc1", "release_cut_id": "77"})
    run = (await lab.repo("GET", f"/actions/runs/{lab.github.runs[0].id}")).json
    assert run["display_title"] == "build 1.2-rc1 (77)"
    assert run["path"] == ".github/workflows/build.yml@main"
    assert (await lab.last_payload("workflow_run"))["workflow_run"]["path"] == ".github/workflows/build.yml"
    assert run["actor"]["login"] == "longshore-sandbox[bot]"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"ref": "0" * 40}, "No ref found for: " + "0" * 40),
        ({"ref": "nowhere"}, "No ref found for: nowhere"),
        ({"inputs": {"x": "1", "version": "1"}}, 'Unexpected inputs provided: ["x"]'),
        ({"inputs": {}}, "Required input 'version' not provided"),
        (
            {"inputs": {"version": "1", "level": "mid"}},
            "Provided value 'mid' for input 'level' not in the list of allowed values",
        ),
        ({"inputs": {str(n): "" for n in range(26)}}, "You may only define up to 25 `inputs`"),
    ],
)
async def test_invalid_dispatches_are_refused_with_githubs_messages(
    lab: Lab, body: dict[str, Any], message: str
) -> None:
    await lab.github.commit(files={".github/workflows/strict.yml": STRICT_WORKFLOW})
    refused = await lab.dispatch("strict.yml", **body)
    assert refused.status == 422
    assert refused.json["message"].startswith(message)
    assert lab.github.dispatches == []


async def test_a_sha_is_not_a_ref(lab: Lab) -> None:
    assert (await lab.dispatch(ref=lab.github.head())).json["message"].startswith("No ref found for:")


async def test_defaults_are_filled_in(lab: Lab) -> None:
    await lab.github.commit(files={".github/workflows/strict.yml": STRICT_WORKFLOW})
    await lab.dispatch("strict.yml", inputs={"version": "1"})
    assert lab.github.dispatches[0].inputs == {"version": "1", "level": "low", "force": "false"}
    jobs = (await lab.repo("GET", f"/actions/runs/{lab.github.runs[0].id}/jobs")).json
    assert [job["name"] for job in jobs["jobs"]] == ["one", "two"]


async def test_the_file_must_be_on_the_default_branch_and_have_its_trigger_at_the_ref(lab: Lab) -> None:
    await lab.github.branch("old", "main~1")
    refused = await lab.dispatch(ref="old")
    assert refused.json["message"] == "Workflow does not have 'workflow_dispatch' trigger"
    await lab.github.branch("new")
    await lab.github.commit(branch="new", files={".github/workflows/other.yml": STRICT_WORKFLOW})
    assert (await lab.dispatch("other.yml", ref="new")).status == 404


async def test_a_disabled_workflow_cannot_be_dispatched(lab: Lab) -> None:
    assert (await lab.repo("PUT", "/actions/workflows/build.yml/disable")).status == 204
    refused = await lab.dispatch()
    assert refused.json["message"] == "Cannot trigger a 'workflow_dispatch' on a disabled workflow"
    await lab.repo("PUT", "/actions/workflows/build.yml/enable")
    assert (await lab.dispatch()).status == 204


async def test_a_run_uses_the_head_of_its_ref(lab: Lab) -> None:
    await lab.github.tag("v1", "main~0", annotated=True)
    await lab.dispatch(ref="v1")
    assert lab.github.runs[0].head_sha == lab.github.head()
    assert lab.github.runs[0].head_branch == "v1"


async def test_a_wrong_head_sha_can_be_simulated(lab: Lab) -> None:
    lab.github.faults.wrong_head_sha()
    await lab.dispatch()
    await lab.dispatch()
    assert [run.head_sha == lab.github.head() for run in lab.github.runs] == [False, True]


async def test_a_dispatch_whose_response_is_lost_starts_exactly_one_run(lab: Lab) -> None:
    lab.github.faults.lose_answer()
    with pytest.raises(aiohttp.ClientError):
        await lab.dispatch(inputs={"release_cut_id": "77"}, return_run_details=True)
    listed = (await lab.repo("GET", "/actions/workflows/build.yml/runs?event=workflow_dispatch")).json
    assert [run["display_title"] for run in listed["workflow_runs"]] == ["build  (77)"]
    assert len(lab.github.dispatches) == 1


async def test_a_run_goes_from_requested_to_completed(lab: Lab) -> None:
    await lab.dispatch()
    await lab.github.start()
    await lab.github.finish()
    expected = ["workflow_run.requested", "workflow_run.in_progress", "workflow_run.completed"]
    assert await lab.events("workflow_run") == expected


async def test_a_completed_run_keeps_its_conclusion(lab: Lab) -> None:
    await lab.dispatch()
    for conclusion in ("success", "failure"):
        await lab.github.finish(conclusion=conclusion, delivery="d1")
    await lab.github.settle()
    completed = [webhook for webhook in lab.received if webhook.payload.get("action") == "completed"]
    assert [webhook.guid for webhook in completed] == [delivery_guid("d1")] * 2
    assert [webhook.payload["workflow_run"]["conclusion"] for webhook in completed] == ["success", "failure"]
    assert lab.github.runs[0].conclusion == "success"


async def test_a_rerun_keeps_the_id_and_sends_no_requested(lab: Lab) -> None:
    await lab.dispatch()
    run = lab.github.runs[0]
    assert (await lab.repo("POST", f"/actions/runs/{run.id}/rerun")).status == 403
    await lab.github.finish(conclusion="failure")
    assert (await lab.repo("POST", f"/actions/runs/{run.id}/rerun")).status == 201
    await lab.github.start()
    assert (run.run_attempt, run.status) == (2, "in_progress")
    assert (await lab.events("workflow_run")).count("workflow_run.requested") == 1
    first = (await lab.repo("GET", f"/actions/runs/{run.id}/attempts/1")).json
    assert (first["conclusion"], first["run_attempt"]) == ("failure", 1)


async def test_runs_can_be_cancelled(lab: Lab) -> None:
    await lab.dispatch()
    run_id = lab.github.runs[0].id
    assert (await lab.repo("POST", f"/actions/runs/{run_id}/cancel")).status == 202
    assert (await lab.last_payload("workflow_run"))["workflow_run"]["conclusion"] == "cancelled"
    assert (await lab.repo("POST", f"/actions/runs/{run_id}/cancel")).status == 409
    assert (await lab.repo("POST", f"/actions/runs/{run_id}/force-cancel")).status == 409


async def test_runs_can_complete_automatically(lab: Lab) -> None:
    lab.github.run_seconds = (0.02, 0.04)
    await lab.dispatch()
    while lab.github.runs[0].status != "completed":
        await asyncio.sleep(0.01)
    assert lab.github.runs[0].conclusion == "success"


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("event=workflow_dispatch", 2),
        ("event=push", 0),
        ("branch=main", 2),
        ("status=success", 1),
        ("status=queued", 1),
        ("actor=longshore-sandbox[bot]", 2),
        ("created=%3E%3D2020-01-01T00:00:00Z", 2),
        ("created=%3C2020-01-01", 0),
        ("created=2020-01-01..2020-01-02", 0),
    ],
)
async def test_runs_are_filtered(lab: Lab, query: str, count: int) -> None:
    await lab.dispatch()
    await lab.dispatch("deploy.yml")
    await lab.github.finish()
    assert (await lab.repo("GET", f"/actions/runs?{query}")).json["total_count"] == count
