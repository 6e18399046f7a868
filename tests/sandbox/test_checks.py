"""Check runs and commit statuses of the App and of other Apps, annotations, and the buttons of check runs."""

from typing import Any

import pytest

from sandbox import SandboxError
from tests.sandbox.conftest import Lab

ANNOTATION = {"path": "a.txt", "start_line": 1, "end_line": 2, "annotation_level": "failure", "message": "Wrong"}
OUTPUT = {"title": "Result", "summary": "Some problems"}
BUTTON = {"label": "Deploy", "description": "Deploy it to staging", "identifier": "deploy"}


async def _create(lab: Lab, name: str = "release", **body: Any) -> Any:
    created = await lab.repo("POST", "/check-runs", json={"name": name, "head_sha": lab.github.head(), **body})
    assert created.status == 201, created.text
    return created.json


async def _listed(lab: Lab, query: str = "") -> list[tuple[str, str, str | None]]:
    body = (await lab.repo("GET", f"/commits/main/check-runs{query}")).json
    return [(check["app"]["slug"], check["name"], check["conclusion"]) for check in body["check_runs"]]


async def test_check_runs_of_other_apps_have_their_app_and_events(lab: Lab) -> None:
    await lab.github.report_check("ci/test", conclusion=None)
    started = await lab.last_payload("check_run")
    assert (started["action"], started["check_run"]["status"]) == ("created", "in_progress")
    assert started["sender"]["login"] == "ci-bot[bot]" and started["sender"]["type"] == "Bot"
    await lab.github.report_check("ci/test", conclusion="failure")
    done = await lab.last_payload("check_run")
    assert (done["action"], done["check_run"]["conclusion"]) == ("completed", "failure")
    assert done["check_run"]["id"] == started["check_run"]["id"]
    assert done["check_run"]["app"]["slug"] == "ci-bot"
    assert done["check_run"]["app"]["id"] != lab.github.app_id
    assert len(await lab.events("check_run")) == 2


async def test_the_checks_of_a_commit_are_filtered(lab: Lab) -> None:
    await lab.github.report_check("test", conclusion="failure")
    await lab.github.report_check("test", conclusion="success")
    await lab.github.report_check("test", conclusion="success", app="github-actions")
    await lab.github.report_check("lint", conclusion="queued")
    await lab.github.report_check("test", sha="main~1", conclusion="failure")
    await _create(lab)
    newest = [
        ("longshore-sandbox", "release", None),
        ("ci-bot", "lint", None),
        ("github-actions", "test", "success"),
        ("ci-bot", "test", "success"),
    ]
    assert await _listed(lab) == newest
    assert await _listed(lab, "?filter=all") == [*newest, ("ci-bot", "test", "failure")]
    assert await _listed(lab, "?check_name=test&app_id=15368") == [("github-actions", "test", "success")]
    assert await _listed(lab, "?status=completed") == [newest[2], newest[3]]
    assert await _listed(lab, f"?app_id={lab.github.app_id}") == [newest[0]]
    assert await _listed(lab, "?per_page=1&page=2") == [newest[1]]


async def test_only_the_app_that_created_a_check_run_can_change_it(lab: Lab) -> None:
    number = await lab.github.report_check("test", conclusion="failure", app="github-actions")
    refused = await lab.repo("PATCH", f"/check-runs/{number}", json={"conclusion": "success"})
    assert refused.status == 403
    assert refused.json["message"].startswith("Invalid app_id `15368` - check run can only be modified")
    assert (await lab.repo("GET", f"/check-runs/{number}")).json["conclusion"] == "failure"


async def test_each_app_has_a_check_suite_of_its_own(lab: Lab) -> None:
    await lab.github.report_check("test")
    await lab.github.report_check("lint")
    await _create(lab)
    checks = (await lab.repo("GET", "/commits/main/check-runs")).json["check_runs"]
    suites = [check["check_suite"]["id"] for check in checks]
    assert suites[1] == suites[2] != suites[0]


async def test_annotations_are_appended_fifty_at_a_time(lab: Lab) -> None:
    check = await _create(lab, output={**OUTPUT, "annotations": [ANNOTATION] * 50})
    path = f"/check-runs/{check['id']}"
    more = {**OUTPUT, "annotations": [{**ANNOTATION, "message": "More"}]}
    assert (await lab.repo("PATCH", path, json={"output": more})).json["output"]["annotations_count"] == 51
    assert (await lab.repo("PATCH", path, json={"output": OUTPUT})).json["output"]["annotations_count"] == 51
    page = (await lab.repo("GET", f"{path}/annotations?per_page=50&page=2")).json
    assert [annotation["message"] for annotation in page] == ["More"]
    assert page[0]["start_column"] is None


@pytest.mark.parametrize(
    "output",
    [
        {**OUTPUT, "annotations": [ANNOTATION] * 51},
        {**OUTPUT, "annotations": [{**ANNOTATION, "annotation_level": "error"}]},
        {**OUTPUT, "annotations": [{**ANNOTATION, "message": ""}]},
        {**OUTPUT, "annotations": [{**ANNOTATION, "start_line": 3}]},
        {**OUTPUT, "annotations": [{**ANNOTATION, "start_column": 1}]},
        {**OUTPUT, "summary": "x" * 65_536},
        {"title": "Result"},
    ],
)
async def test_invalid_output_is_refused(lab: Lab, output: dict[str, Any]) -> None:
    check = await _create(lab)
    assert (await lab.repo("PATCH", f"/check-runs/{check['id']}", json={"output": output})).status == 422
    assert (await lab.repo("GET", f"/check-runs/{check['id']}/annotations")).json == []


async def test_a_button_sends_its_identifier_and_who_clicked(lab: Lab) -> None:
    check = await _create(lab, actions=[BUTTON])
    await lab.github.click_button(check["id"], "deploy", by="bob")
    payload = await lab.last_payload("check_run")
    assert (payload["action"], payload["sender"]["login"]) == ("requested_action", "bob")
    assert payload["requested_action"] == {"identifier": "deploy"}
    assert payload["check_run"]["id"] == check["id"]
    with pytest.raises(SandboxError, match="no button"):
        await lab.github.click_button(check["id"], "destroy")


async def test_only_the_app_of_a_check_run_gets_the_event_that_requests_it_again(lab: Lab) -> None:
    check = await _create(lab, conclusion="failure")
    other = await lab.github.report_check("test")
    await lab.github.rerequest(check["id"], by="bob")
    await lab.github.rerequest(other, by="bob")
    events = await lab.events("check_run")
    assert events == ["check_run.completed", "check_run.completed", "check_run.rerequested"]
    assert (await lab.last_payload("check_run"))["sender"]["login"] == "bob"
    assert (await lab.repo("GET", f"/check-runs/{check['id']}")).json["conclusion"] == "failure"


async def test_the_status_of_another_app_has_its_bot_and_branches(lab: Lab) -> None:
    await lab.github.branch("release-1", "main~1")
    await lab.github.report_status("ci/legacy", "main~1", "failure")
    payload = await lab.last_payload("status")
    assert (payload["context"], payload["state"], payload["sender"]["login"]) == ("ci/legacy", "failure", "ci-bot[bot]")
    assert [branch["name"] for branch in payload["branches"]] == ["main", "release-1"]
    assert (await lab.repo("GET", "/commits/main~1/status")).status == 422
    assert (await lab.repo("GET", "/commits/release-1/status")).json["state"] == "failure"
    with pytest.raises(SandboxError, match="state"):
        await lab.github.report_status("ci/legacy", state="green")


async def test_a_result_that_is_none_is_refused(lab: Lab) -> None:
    with pytest.raises(SandboxError, match="green"):
        await lab.github.report_check("test", conclusion="green")
    with pytest.raises(SandboxError, match="API"):
        await lab.github.report_check("test", app=lab.github.app_slug)


async def test_jobs_are_check_runs_of_actions_in_the_suite_of_their_run(lab: Lab) -> None:
    await lab.dispatch()
    assert await _listed(lab) == []
    lab.github.set_job_checks()
    await lab.dispatch()
    await lab.github.start(2)
    assert await _listed(lab) == [("github-actions", "build", None)]
    await lab.github.finish(2, "failure")
    await lab.github.rerun(2)
    assert await _listed(lab) == [("github-actions", "build", None)]
    await lab.github.finish(2)
    assert await _listed(lab, "?filter=all") == [
        ("github-actions", "build", "success"),
        ("github-actions", "build", "failure"),
    ]
    events = [f"check_run.{action}" for action in ("created", "completed")] * 2
    assert await lab.events("check_run") == events
    newest = (await lab.repo("GET", "/commits/main/check-runs")).json["check_runs"][0]
    run = (await lab.repo("GET", f"/actions/runs/{lab.github.runs[1].id}")).json
    (job,) = (await lab.repo("GET", f"/actions/runs/{run['id']}/jobs")).json["jobs"]
    assert newest["check_suite"]["id"] == run["check_suite_id"]
    assert newest["id"] == job["id"] and newest["details_url"] == job["html_url"]
    assert job["check_run_url"].endswith(f"/check-runs/{newest['id']}")
