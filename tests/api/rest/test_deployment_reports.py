"""Deployments that are reported by other pipelines (PATCH)."""

from bot.rules.deployments import FINAL, STATUSES
from bot.store.audit import AuditEntry
from tests.api.helpers import change_project, env_path, freeze, hold, status_and_error
from tests.world import World

RUNNING = [status for status in STATUSES if status not in FINAL]


async def test_a_report_creates_a_deployment_and_dispatches_nothing(world: World) -> None:
    await world.cut("1.0-rc1")
    answers = [await world.report("1.0-rc1", status) for status in ("in_progress", "success")]
    assert [(answer.status, answer.json["id"], answer.json["status"]) for answer in answers] == [
        (200, 1, "in_progress"),
        (200, 1, "success"),
    ]
    await world.settle()
    assert not world.github.dispatches
    assert answers[0].json["deploy_end_at"] is None
    assert answers[0].json["deploy_start_at"] == answers[1].json["deploy_start_at"]


async def test_each_of_the_eight_statuses_may_be_reported_first(world: World) -> None:
    for number, status in enumerate(STATUSES):
        await world.cut(f"1.0-rc{number}")
        answer = await world.report(f"1.0-rc{number}", status)
        assert (answer.status, answer.json["status"]) == (200, status)
        assert (answer.json["deploy_end_at"] is not None) == (status in FINAL)
    assert len(await world.deployments()) == len(STATUSES) == 8


async def test_an_unknown_status_is_refused_listing_the_eight(world: World) -> None:
    await world.cut("1.0-rc1")
    for unknown in ("succeeded", "SUCCESS", "", "success ", "in progress"):
        answer = await world.report("1.0-rc1", unknown)
        assert answer.status == 400
        assert "`status`" in answer.error
        assert all(status in answer.error for status in STATUSES)
    assert not await world.deployments()


async def test_the_newest_deployment_of_the_candidate_is_the_one_reported(world: World) -> None:
    await world.cut("1.0-rc1")
    await world.cut("1.0-rc2")
    await world.report("1.0-rc1", "success")
    await world.report("1.0-rc1", "in_progress")
    await world.report("1.0-rc2", "in_progress")
    await world.report("1.0-rc1", "success", "production")
    await world.report("1.0-rc1", "failure", error_message="no space")
    assert [(row["id"], row["status"], row["error_message"]) for row in await world.deployments()] == [
        (3, "in_progress", None),
        (2, "failure", "no space"),
        (1, "success", None),
    ]


async def test_a_running_state_after_a_final_one_is_a_new_deployment(world: World) -> None:
    await world.cut("1.0-rc1")
    expected = []
    for final in sorted(FINAL):
        for running in RUNNING:
            await world.report("1.0-rc1", final)
            assert (await world.report("1.0-rc1", running)).status == 200
            expected.append(final)
    assert len(await world.deployments()) == len(FINAL) * len(RUNNING) + 1
    assert [status for _, status in reversed(await world.statuses())][:-1] == expected


async def test_running_states_follow_one_another_on_one_deployment(world: World) -> None:
    await world.cut("1.0-rc1")
    for status in ("pending", "in_progress", "in_progress", "canceling", "canceled"):
        await world.report("1.0-rc1", status)
    assert await world.statuses() == [("1.0-rc1", "canceled")]


async def test_a_repeated_final_state_changes_nothing(world: World) -> None:
    await world.cut("1.0-rc1")
    first = await world.report("1.0-rc1", "failure", error_message="no space")
    entries = await AuditEntry.all().count()
    again = [await world.report("1.0-rc1", "failure"), await world.report("1.0-rc1", "failure", error_message="other")]
    assert [answer.json for answer in again] == [first.json] * 2
    assert await AuditEntry.all().count() == entries


async def test_one_final_state_after_another_corrects_it_and_is_audited(world: World) -> None:
    reporter = await world.create_token("deployment:report", user="pipeline")
    await world.cut("1.0-rc1")
    await world.report("1.0-rc1", "failure", error_message="no space")
    body = {"release_candidate_version": "1.0-rc1", "status": "success"}
    answer = await world.ask("PATCH", env_path("/deployments"), body, token=reporter)
    assert (answer.json["id"], answer.json["status"], answer.json["error_message"]) == (1, "success", None)
    entry = await AuditEntry.filter(act="deployment.report").order_by("-id").first()
    assert entry is not None
    assert (entry.actor, entry.channel, entry.before) == ("pipeline", "rest", {"is": "failure"})
    assert entry.after is not None
    assert entry.after["status"] == "success"


async def test_no_gate_and_no_freeze_stops_a_report(world: World) -> None:
    await world.cut("1.0-rc1", build=True)
    await hold("1.0")
    await freeze(world)
    answer = await world.report("1.0-rc1", "success")
    assert (answer.status, answer.json["status"]) == (200, "success")
    await world.settle()
    await world.github.finish()


async def test_a_report_about_an_unknown_project_environment_or_candidate_is_refused(world: World) -> None:
    await world.cut("1.0-rc1")

    async def report(version: str, path: str) -> tuple[int, str]:
        return status_and_error(
            await world.ask("PATCH", path, {"release_candidate_version": version, "status": "success"})
        )

    assert await report("1.0", env_path("/deployments", "moon", "none")) == (400, "Invalid release candidate version")
    assert await report("2.0-rc1", env_path("/deployments", "moon", "none")) == (404, "Release project not found")
    assert await report("2.0-rc1", env_path("/deployments", "moon")) == (404, "Release environment not found")
    assert await report("2.0-rc1", env_path("/deployments")) == (404, "Release not found")


async def test_a_malformed_field_is_named_and_a_missing_version_is_an_invalid_one(world: World) -> None:
    await world.cut("1.0-rc1")
    version = {"release_candidate_version": "1.0-rc1"}
    cases = [
        ({"name": "Ann", "age": 3}, "Invalid release candidate version"),
        ({}, "Invalid release candidate version"),
        (version, "`status` is required."),
        ({**version, "status": 5}, "`status`"),
        ({**version, "status": "error", "error_message": 5}, "`error_message`"),
    ]
    for body, sentence in cases:
        answer = await world.ask("PATCH", env_path("/deployments"), body)
        assert (answer.status, sentence in answer.error) == (400, True), answer.json
    unknown = {**version, "status": "error", "name": "Ann", "age": 3, "error_message": None}
    assert (await world.ask("PATCH", env_path("/deployments"), unknown)).status == 200


async def test_a_reported_success_makes_the_candidate_live(world: World) -> None:
    await world.cut("1.0-rc1")
    await world.cut("1.0-rc2")
    await world.report("1.0-rc1", "success", "production")
    await world.report("1.0-rc2", "success", "production")
    assert (await world.deployments("production"))[0]["from_release_candidate_version"] == "1.0-rc1"
    assert (await world.ask("GET", "/api/projects/site/releases/1.0")).json["status_name"] == "released"


async def test_a_report_about_an_archived_project_is_accepted(world: World) -> None:
    await world.cut("1.0-rc1")
    await change_project(world, archived=True)
    assert (await world.report("1.0-rc1", "success")).status == 200
