"""Starting, showing, listing and cancelling deployments over REST."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.store.candidates import Candidate
from tests.api.helpers import (
    change_project,
    create_environment,
    cut_path,
    env_path,
    freeze,
    hold,
    page_links,
    remove_workflow,
    status_and_error,
)
from tests.world import World

IN_PROGRESS = (409, "Another deployment is in progress")
KEYS = {
    "actor",
    "deploy_start_at",
    "deploy_end_at",
    "environment_name",
    "error_message",
    "from_release_candidate_version",
    "from_release_version",
    "id",
    "release_candidate_version",
    "release_version",
    "status",
    "waits_for",
}
DETAILS = {"run", "automatic", "force_reason", "rollback_reason", "wait_outcome", "expires_at", "decision"}


async def test_a_deployment_answers_201_pending_and_is_tracked_to_success(world: World) -> None:
    await world.cut("1.0-rc1")
    answer = await world.deploy("1.0-rc1")
    assert answer.status == 201
    assert answer.json == {
        "actor": "root",
        "deploy_start_at": None,
        "deploy_end_at": None,
        "environment_name": "staging",
        "error_message": None,
        "from_release_candidate_version": None,
        "from_release_version": None,
        "id": 1,
        "release_candidate_version": "1.0-rc1",
        "release_version": "1.0",
        "status": "pending",
        "waits_for": None,
    }
    await world.settle()
    (dispatch,) = world.github.dispatches
    assert dispatch.inputs["environment"] == "staging"
    await world.github.start()
    await world.settle()
    assert await world.statuses() == [("1.0-rc1", "in_progress")]
    await world.github.finish()
    await world.settle()
    (row,) = await world.deployments()
    assert set(row) == KEYS
    times = [row[name] for name in ("deploy_start_at", "deploy_end_at")]
    assert times == sorted(times)
    assert all(text.endswith("Z") and datetime.fromisoformat(text).utcoffset() == timedelta(0) for text in times)
    (run,) = world.github.runs
    alone = (await world.ask("GET", env_path("/deployments/1"))).json
    shown, decision = alone.pop("run"), alone.pop("decision")
    assert decision["verdict"] == "pass"
    assert alone == {
        **row,
        "automatic": False,
        "force_reason": None,
        "rollback_reason": None,
        "wait_outcome": None,
        "expires_at": None,
    }
    assert (shown["run_id"], shown["status"], shown["conclusion"]) == (run.id, "completed", "success")
    assert shown["url"].endswith(f"/acme/site/actions/runs/{run.id}")


async def test_a_deployment_that_a_pipeline_reported_has_no_run(world: World) -> None:
    await world.cut("1.0-rc1")
    await world.report("1.0-rc1", "success")
    assert (await world.ask("GET", env_path("/deployments/1"))).json["run"] is None


async def test_a_deployment_names_the_version_that_was_live_before_it(world: World) -> None:
    await world.cut("1.0-rc1")
    await world.cut("1.1-rc1")
    await world.complete_deployment("1.0-rc1")
    await world.complete_deployment("1.1-rc1", conclusion="failure")
    await world.complete_deployment("1.1-rc1")
    rows = [(row["from_release_candidate_version"], row["from_release_version"]) for row in await world.deployments()]
    assert rows == [("1.0-rc1", "1.0"), ("1.0-rc1", "1.0"), (None, None)]


async def test_a_run_that_fails_is_a_failure_with_a_message(world: World) -> None:
    await world.cut("1.0-rc1")
    await world.complete_deployment("1.0-rc1", conclusion="failure")
    (row,) = await world.deployments()
    assert row["status"] == "failure"
    assert "`failure`" in row["error_message"]


async def test_checks_are_made_in_the_documented_order(world: World) -> None:
    """Each request fails every check from its position on; the first failed check decides the response."""
    reader = await world.create_token("project:read")
    stager = await world.create_token("deployment:start", project="site")
    await world.cut("1.0-rc1")
    await world.cut("2.0-rc1")
    await hold("1.0")
    await world.deploy("2.0-rc1")
    await freeze(world)
    await Candidate.filter(version="2.0-rc1").update(status="banned")

    async def deploy(
        version: object, path: str = env_path("/deployments"), token: str | None = None
    ) -> tuple[int, str]:
        return status_and_error(await world.ask("POST", path, {"release_candidate_version": version}, token=token))

    nowhere, production = env_path("/deployments", "moon"), env_path("/deployments", "production")
    in_order = [
        await deploy(None, env_path("/deployments", "moon", "none"), ""),
        await deploy("1.0", env_path("/deployments", "moon", "none"), reader),
        await deploy("9.0-rc1", env_path("/deployments", "moon", "none"), reader),
        await deploy("9.0-rc1", env_path("/deployments", "moon", "none"), stager),
        await deploy("9.0-rc1", env_path("/deployments", "moon", "none")),
        await deploy("9.0-rc1", nowhere, stager),
        await deploy("9.0-rc1", production, stager),
        await deploy("9.0-rc1"),
        await deploy("2.0-rc1"),
        await deploy("1.0-rc1"),
    ]
    await world.settle()
    await world.github.finish()
    await world.settle()
    in_order.append(await deploy("1.0-rc1"))
    await world.ask("PATCH", "/api/projects/site/environments/staging", {"frozen": None})
    in_order.append(await deploy("1.0-rc1"))
    assert in_order == [
        (401, "Authentication credentials were not provided."),
        (400, "Invalid release candidate version"),
        (403, "You do not have permission to perform this action."),
        (403, "You do not have permission to perform this action."),
        (404, "Release project not found"),
        (404, "Release environment not found"),
        (403, "You do not have permission to perform this action."),
        (404, "Release not found"),
        (409, "Release candidate is not ready"),
        IN_PROGRESS,
        (400, "Environment is frozen"),
        (403, "Deployment is gated"),
    ]


async def test_a_missing_or_malformed_version_is_an_invalid_one(world: World) -> None:
    invalid: list[Any] = [None, 7, [], {}, True, "", "1.0", "1.0-rc1\n"]
    bodies = [{"status": "success"}, *({"status": "success", "release_candidate_version": item} for item in invalid)]
    for method in ("POST", "PATCH"):
        answers = [status_and_error(await world.ask(method, env_path("/deployments"), body)) for body in bodies]
        assert answers == [(400, "Invalid release candidate version")] * len(bodies)


async def test_a_candidate_that_is_not_ready_is_refused_with_its_status(world: World) -> None:
    await world.cut("1.0-rc1")
    for status in ("pending", "building", "failed", "canceled", "banned"):
        await Candidate.filter(version="1.0-rc1").update(status=status)
        answer = await world.deploy("1.0-rc1")
        assert status_and_error(answer) == (409, "Release candidate is not ready")
        assert answer.json["details"]["status"] == status
    assert not await world.deployments()


async def test_a_frozen_environment_refuses_with_the_actor_the_reason_and_the_end(world: World) -> None:
    await world.cut("1.0-rc1")
    until = (datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=0)
    await freeze(world, until=until.isoformat())
    answer = await world.deploy("1.0-rc1")
    assert status_and_error(answer) == (400, "Environment is frozen")
    details = answer.json["details"]
    assert (details["by"], details["reason"]) == ("root", "moving house")
    assert datetime.fromisoformat(details["until"]) == until
    await freeze(world)
    assert (await world.deploy("1.0-rc1")).json["details"]["until"] is None
    assert (await world.deploy("1.0-rc1", "production")).status == 201


async def test_a_held_release_is_gated_and_the_gate_names_what_it_waits_for(world: World) -> None:
    await world.cut("1.0-rc1")
    await hold("1.0")
    answer = await world.deploy("1.0-rc1")
    assert status_and_error(answer) == (403, "Deployment is gated")
    (closed,) = [gate for gate in answer.json["details"]["gates"] if "waits_for" in gate]
    assert (closed["gate"], closed["verdict"]) == ("hold", "refuse")
    assert closed["waits_for"] == closed["sentence"] == "The release is held by alice: a leak"


async def test_of_concurrent_deployments_one_starts(world: World) -> None:
    await world.cut("1.0-rc1")
    await world.cut("1.0-rc2")
    answers = await asyncio.gather(*(world.deploy(f"1.0-rc{1 + n % 2}") for n in range(10)))
    assert Counter(answer.status for answer in answers) == {201: 1, 409: 9}
    assert {status_and_error(answer) for answer in answers if answer.status == 409} == {IN_PROGRESS}
    assert (await world.deploy("1.0-rc1", "production")).status == 201
    await world.settle()
    assert len(world.github.dispatches) == 2


async def test_a_reported_deployment_in_progress_blocks_others_too(world: World) -> None:
    await world.cut("1.0-rc1")
    await world.report("1.0-rc1", "in_progress")
    assert status_and_error(await world.deploy("1.0-rc1")) == IN_PROGRESS
    await world.report("1.0-rc1", "success")
    assert (await world.deploy("1.0-rc1")).status == 201


async def test_a_deployment_without_a_workflow_waits_for_reports(world: World) -> None:
    await remove_workflow()
    await world.cut("1.0-rc1")
    assert (await world.deploy("1.0-rc1")).json["status"] == "pending"
    await world.settle()
    assert await world.statuses() == [("1.0-rc1", "pending")]
    assert not world.github.dispatches
    assert (await world.report("1.0-rc1", "success")).json["id"] == 1
    assert await world.statuses() == [("1.0-rc1", "success")]


async def test_a_deployment_without_a_workflow_fails_at_its_deadline(world: World) -> None:
    await remove_workflow()
    await world.cut("1.0-rc1")
    await world.deploy("1.0-rc1")
    await world.expire_deadlines()
    await world.reconcile()
    (row,) = await world.deployments()
    assert (row["status"], row["error_message"]) == ("error", "No pipeline reported an end within 60 minutes.")


async def test_a_deployment_is_cancelled_once_its_run_has_ended(world: World) -> None:
    await world.cut("1.0-rc1")
    await world.deploy("1.0-rc1")
    await world.settle()
    answer = await world.ask("POST", env_path("/deployments/1/cancel"))
    assert answer.status == 202
    assert answer.json["status"] in ("canceling", "canceled")  # GitHub may have answered before we do
    assert set(answer.json) == KEYS | DETAILS
    await world.settle()
    assert await world.statuses() == [("1.0-rc1", "canceled")]
    again = await world.ask("POST", env_path("/deployments/1/cancel"))
    assert status_and_error(again) == (409, "Deployment has ended")
    assert again.json["details"] == {"status": "canceled"}


async def test_a_deployment_without_a_run_is_cancelled_at_once(world: World) -> None:
    await remove_workflow()
    await world.cut("1.0-rc1")
    await world.deploy("1.0-rc1")
    answer = await world.ask("POST", env_path("/deployments/1/cancel"))
    assert (answer.status, answer.json["status"]) == (202, "canceled")


async def test_a_deployment_is_found_on_its_own_environment_only(world: World) -> None:
    await world.cut("1.0-rc1")
    await world.complete_deployment("1.0-rc1")
    numbers = ["2", "0", "-1", "one", "1.0", "%C2%B9", "18446744073709551617", "9" * 300, "1%00", "1%0A"]
    missing = (404, "Deployment not found")
    answers = {
        number: status_and_error(await world.ask("GET", env_path(f"/deployments/{number}"))) for number in numbers
    }
    assert answers == dict.fromkeys(numbers, missing)
    assert status_and_error(await world.ask("GET", env_path("/deployments/1", "production"))) == missing
    assert status_and_error(await world.ask("POST", env_path("/deployments/1/cancel", "production"))) == missing
    assert status_and_error(await world.ask("GET", env_path("/deployments/x", "moon"))) == (
        404,
        "Release environment not found",
    )
    assert status_and_error(await world.ask("GET", env_path("/deployments/x", project="x"))) == (
        404,
        "Release project not found",
    )


async def test_lists_are_newest_first_in_pages_with_link_headers_like_githubs(world: World) -> None:
    await world.cut("1.0-rc1")
    for status in ["pending", "success"] * 12:  # a running state after a final one is a new deployment
        await world.report("1.0-rc1", status)

    async def page(query: str) -> tuple[list[int], dict[str, str]]:
        answer = await world.ask("GET", env_path(f"/deployments{query}"))
        assert answer.status == 200
        return [row["id"] for row in answer.json], dict(page_links(answer))

    assert await page("") == (list(range(12, 2, -1)), {"next": "page=2", "last": "page=2"})
    assert await page("?page=2") == ([2, 1], {"first": "page=1", "prev": "page=1"})
    assert await page("?per_page=5&page=2") == (
        [7, 6, 5, 4, 3],
        {
            "first": "per_page=5&page=1",
            "prev": "per_page=5&page=1",
            "next": "per_page=5&page=3",
            "last": "per_page=5&page=3",
        },
    )
    assert await page("?per_page=100") == (list(range(12, 0, -1)), {})
    assert (await page("?page=99"))[0] == []


async def test_an_invalid_page_is_refused_by_name(world: World) -> None:
    queries = [
        "page=0",
        "page=-1",
        "page=x",
        "page=",
        "per_page=0",
        "per_page=101",
        f"page={2**65}",
        "page=1.5",
        "page=%00",
    ]
    answers = {query: await world.ask("GET", env_path(f"/deployments?{query}")) for query in queries}
    assert {query: answer.status for query, answer in answers.items()} == dict.fromkeys(queries, 400)
    assert all(f"`{query.partition('=')[0]}`" in answer.error for query, answer in answers.items())


async def test_an_environment_of_another_project_or_letter_case_is_not_found(world: World) -> None:
    await create_environment(world, "QA Süd/1".replace("/", "-"))
    assert (await world.ask("GET", env_path("/deployments", "QA%20S%C3%BCd-1"))).json == []
    for name in ("Staging", "STAGING", "qa%20s%C3%BCd-1", "staging%00", "staging%20"):
        assert status_and_error(await world.ask("GET", env_path("/deployments", name))) == (
            404,
            "Release environment not found",
        )
    for name in ("Site", "site%00", "%73ite%20"):
        assert status_and_error(await world.ask("GET", env_path("/deployments", project=name))) == (
            404,
            "Release project not found",
        )
    assert (await world.ask("GET", env_path("/deployments/", "%73taging", "%73ite"))).json == []


async def test_a_trailing_slash_makes_no_difference(world: World) -> None:
    body = {"repo": "acme/site", "commit": world.github.head()}
    assert (await world.ask("POST", f"{cut_path('1.0-rc1')}/", body)).status == 201
    assert (await world.ask("GET", f"{cut_path('1.0-rc1')}/")).status == 200
    said_so = {"release_candidate_version": "1.0-rc1", "status": "success"}
    assert (await world.ask("PATCH", env_path("/deployments/"), said_so)).status == 200
    assert (await world.ask("GET", env_path("/deployments/1/"))).status == 200
    assert (await world.ask("POST", env_path("/rollback/"))).status == 404


async def test_an_archived_project_cannot_be_deployed(world: World) -> None:
    await world.cut("1.0-rc1")
    await change_project(world, archived=True)
    assert status_and_error(await world.deploy("1.0-rc1")) == (409, "Release project is archived")


async def test_releases_become_testing_and_released_as_they_go_live(world: World) -> None:
    await world.cut("1.0-rc1")
    statuses = []
    for environment in ("", "staging", "production", "staging"):
        if environment:
            await world.complete_deployment("1.0-rc1", environment)
        statuses.append((await world.ask("GET", "/api/projects/site/releases/1.0")).json["status"])
    assert statuses == [1, 10, 30, 30]
