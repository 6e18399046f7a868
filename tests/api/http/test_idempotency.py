"""Repeated requests with an Idempotency-Key: performed once, answered each time."""

import asyncio
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest

from bot.operations import idempotency_records, jobs
from bot.queue.jobs import enqueue
from bot.store.database import execute
from bot.store.idempotency_records import IdempotencyRecord
from tests.api.helpers import count_rows, create_project, cut_path, env_path, status_and_error
from tests.api.rest.test_projects import status_and_field
from tests.world import Response, World

PROJECTS = "/api/projects"


async def post(world: World, path: str, body: Any, key: str = "k1", **more: Any) -> Response:
    """Send a POST with an Idempotency-Key."""
    return await world.ask("POST", path, body, headers={"Idempotency-Key": key, **more.pop("headers", {})}, **more)


def is_replayed(answer: Response) -> bool:
    """Whether a response is marked as replayed."""
    assert answer.headers.get("Idempotency-Replayed") in (None, "true")
    return "Idempotency-Replayed" in answer.headers


async def age_records(by: timedelta) -> None:
    """Make every record older."""
    for row in await IdempotencyRecord.all():
        await IdempotencyRecord.filter(id=row.id).update(created_at=row.created_at - by)


async def test_a_repeated_request_gets_the_same_response_and_is_performed_once(world: World) -> None:
    await world.cut("1.0-rc1")
    body = {"release_candidate_version": "1.0-rc1"}
    first = await post(world, env_path("/deployments"), body)
    again = [await post(world, env_path("/deployments"), body) for _ in range(2)]
    assert (first.status, is_replayed(first)) == (201, False)
    assert [(item.status, item.json, is_replayed(item)) for item in again] == [(201, first.json, True)] * 2
    assert all(item.headers["Content-Type"] == first.headers["Content-Type"] for item in again)
    assert all(item.headers["X-Request-ID"] != first.headers["X-Request-ID"] for item in again)
    assert await count_rows("deployments") == {"deployments": 1}
    assert (
        status_and_error(await world.ask("POST", env_path("/deployments"), body))[0] == 409
    )  # without the key it is another request
    await world.settle()


async def test_a_refusal_is_stored_and_replayed_too(world: World) -> None:
    first = await post(world, env_path("/deployments"), {"release_candidate_version": "1.0-rc1"})
    await world.cut("1.0-rc1")
    again = await post(world, env_path("/deployments"), {"release_candidate_version": "1.0-rc1"})
    assert (status_and_error(first), status_and_error(again)) == ((404, "Release not found"),) * 2
    assert is_replayed(again)
    native = [await post(world, PROJECTS, {"name": "site"}, "k2") for _ in range(2)]
    assert [status_and_field(item) for item in native] == [(409, "#/name")] * 2
    assert [is_replayed(item) for item in native] == [False, True]
    malformed = [await post(world, PROJECTS, {"name": 7}, "k3") for _ in range(2)]
    assert [(status_and_field(item), is_replayed(item)) for item in malformed] == [
        ((400, "#/name"), False),
        ((400, "#/name"), True),
    ]


async def test_another_request_under_the_same_key_is_422_and_not_performed(world: World) -> None:
    await post(world, PROJECTS, {"name": "shop"})
    for path, body in (
        (PROJECTS, {"name": "other"}),
        (PROJECTS, {"name": "shop", "build_workflow": None}),
        (f"{PROJECTS}?x=1", {"name": "shop"}),
        (f"{PROJECTS}/site/environments", {"name": "qa", "tier": "staging"}),
    ):
        answer = await post(world, path, body)
        assert (status_and_field(answer), answer.json["detail"]) == ((422, None), idempotency_records.KEY_REUSED)
    native = await post(world, cut_path("1.0-rc1"), {"repo": "acme/site", "commit": world.github.head()})
    assert status_and_error(native) == (422, idempotency_records.KEY_REUSED)
    assert await count_rows("projects", "candidates") == {"projects": 2, "candidates": 0}
    assert is_replayed(await post(world, f"{PROJECTS}/", {"name": "shop"}))  # a trailing slash makes no difference


async def test_a_key_belongs_to_a_user_and_the_grants_of_the_token(world: World) -> None:
    grants = {"project:write", "release:cut"}
    mine, mine_too = [await world.create_token(*grants, user="me") for _ in range(2)]
    lesser = await world.create_token("release:cut", user="me")
    scoped = await world.create_token(*grants, project="site", user="me")
    yours = await world.create_token(*grants, user="you")
    assert (await post(world, PROJECTS, {"name": "shop"}, token=mine)).status == 201
    assert is_replayed(await post(world, PROJECTS, {"name": "shop"}, token=mine_too))
    for other in (lesser, scoped):
        assert status_and_field(await post(world, PROJECTS, {"name": "shop"}, token=other)) == (422, None)
    answer = await post(world, PROJECTS, {"name": "shop"}, token=yours)
    assert (status_and_field(answer), is_replayed(answer)) == ((409, "#/name"), False)


async def test_an_unauthenticated_request_does_not_use_up_a_key(world: World) -> None:
    for token in ("", "lsh_wrong"):
        assert status_and_field(await post(world, PROJECTS, {"name": "shop"}, token=token)) == (401, None)
        assert status_and_field(await post(world, PROJECTS, {"name": "shop"}, "", token=token)) == (401, None)
    assert await count_rows("kept_answers") == {"kept_answers": 0}


@pytest.mark.parametrize("key", ["", '""', " ", "x" * 256, "a\tb", "sch\u00f6n"])
async def test_a_malformed_key_is_400_in_the_form_of_the_dialect(world: World, key: str) -> None:
    answer = await post(world, PROJECTS, {"name": "shop"}, key)
    assert status_and_field(answer) == (400, None)
    assert answer.json["detail"] == "Idempotency-Key must be 1 to 255 printable ASCII characters."
    assert (await post(world, env_path("/rollback"), {}, key)).error == answer.json["detail"]
    assert await count_rows("projects") == {"projects": 1}


async def test_a_key_may_be_quoted_and_must_be_sent_once(world: World) -> None:
    for number, key in enumerate(("x" * 255, "a b~!", '"')):
        assert (await post(world, PROJECTS, {"name": f"p{number}"}, key)).status == 201
    assert is_replayed(await post(world, PROJECTS, {"name": "p1"}, '"a b~!"'))
    twice = [("Idempotency-Key", "a"), ("Idempotency-Key", "b"), ("Authorization", f"Bearer {world.token}")]
    async with world.session.post(f"{world.url}{PROJECTS}", json={"name": "x"}, headers=twice) as answer:
        assert answer.status == 400


async def test_while_the_first_request_is_in_progress_others_are_409_with_retry_after(world: World) -> None:
    world.github.faults.slow(0.4, path="*/compare/*", times=1)
    body = {"repo": "acme/site", "commit": world.github.head()}
    first = asyncio.create_task(post(world, cut_path("1.0-rc1"), body))
    while not await IdempotencyRecord.all().count():
        await asyncio.sleep(0.01)
    answer = await post(world, cut_path("1.0-rc1"), body)
    assert status_and_error(answer) == (409, idempotency_records.IN_PROGRESS)
    assert int(answer.headers["Retry-After"]) >= 1
    assert (await post(world, cut_path("1.0-rc2"), body)).status == 422
    assert (await first).status == 201
    last = await post(world, cut_path("1.0-rc1"), body)
    assert (last.status, last.json, is_replayed(last)) == (201, (await first).json, True)


async def test_concurrent_requests_with_one_key_are_performed_once(world: World) -> None:
    for key in ("a", "b", "c"):
        got = await asyncio.gather(*(post(world, PROJECTS, {"name": f"p-{key}"}, key) for _ in range(12)))
        assert {item.status for item in got} <= {201, 409}
        assert [item.status for item in got if not is_replayed(item)].count(201) == 1
        assert all(item.json["detail"] == idempotency_records.IN_PROGRESS for item in got if item.status == 409)
    assert await count_rows("projects", "kept_answers") == {"projects": 4, "kept_answers": 3}


async def test_transient_refusals_are_not_stored(world: World) -> None:
    world.github.faults.fail(path="*/compare/*", status=502, times=None)
    body = {"repo": "acme/site", "commit": world.github.head()}
    assert (await post(world, cut_path("1.0-rc1"), body)).status == 503
    world.github.faults.clear()
    assert (await post(world, cut_path("1.0-rc1"), body)).status == 201
    await execute("ALTER TABLE environments RENAME TO mislaid")
    fault = await post(world, env_path("/rollback"), {}, "k2")
    await execute("ALTER TABLE mislaid RENAME TO environments")
    assert fault.status == 500
    after = await post(world, env_path("/rollback"), {}, "k2")
    assert (status_and_error(after), is_replayed(after)) == ((404, "No previous deployment to roll back from"), False)


async def test_an_unreadable_request_does_not_use_up_a_key(world: World) -> None:
    long = b" " * 2_000_000
    for body, kind, status in ((b"{", "json", 400), (b"{}", "xml", 415), (long, "json", 413)):
        headers = {"Idempotency-Key": "k1", "Content-Type": f"application/{kind}"}
        assert (await world.ask("POST", PROJECTS, data=BytesIO(body), headers=headers)).status == status
    assert (await post(world, PROJECTS, {"name": "shop"})).status == 201


async def test_a_key_can_be_reused_after_a_day(world: World) -> None:
    await post(world, env_path("/rollback"), {})
    await age_records(timedelta(hours=23, minutes=59))
    assert is_replayed(await post(world, env_path("/rollback"), {}))
    await age_records(timedelta(minutes=2))
    assert not is_replayed(await post(world, env_path("/rollback"), {}))
    await age_records(timedelta(hours=25))
    assert (await post(world, PROJECTS, {"name": "shop"})).status == 201


async def abandoned_record(world: World, key: str = "k1") -> IdempotencyRecord:
    """The record of a process that died before it answered."""
    assert (await post(world, PROJECTS, {"name": "lost"}, key)).status == 201
    await IdempotencyRecord.filter(key=key).update(status=None, headers=None, body=None)
    return await IdempotencyRecord.get(key=key)


async def test_a_key_that_a_dead_process_held_is_taken_over_once(world: World) -> None:
    left = await abandoned_record(world)
    await age_records(idempotency_records.RESPONSE_TIMEOUT - timedelta(seconds=20))
    assert status_and_field(await post(world, PROJECTS, {"name": "lost"})) == (409, None)
    await age_records(timedelta(seconds=30))
    got = await asyncio.gather(*(post(world, PROJECTS, {"name": "lost"}) for _ in range(12)))
    performed = [
        item for item in got if not is_replayed(item) and item.json["detail"] != idempotency_records.IN_PROGRESS
    ]
    assert [status_and_field(item) for item in performed] == [
        (409, "#/name")
    ]  # the project was created before the process died
    assert (await IdempotencyRecord.get(key="k1")).id != left.id


async def test_a_late_response_does_not_overwrite_a_newer_one(world: World) -> None:
    left = await abandoned_record(world)
    await age_records(idempotency_records.RESPONSE_TIMEOUT + timedelta(seconds=1))
    await post(world, PROJECTS, {"name": "lost"})
    await idempotency_records.complete(left, 201, {}, b"late")
    await idempotency_records.discard(left)
    assert status_and_field(await post(world, PROJECTS, {"name": "lost"})) == (409, "#/name")


async def test_a_scheduled_job_deletes_records_older_than_a_day(world: World) -> None:
    await post(world, env_path("/rollback"), {}, "old")
    await age_records(timedelta(hours=24, seconds=1))
    await post(world, env_path("/rollback"), {}, "new")
    await enqueue(jobs.Prune())
    await world.settle()
    assert [row.key for row in await IdempotencyRecord.all()] == ["new"]


async def test_a_response_with_a_secret_is_never_stored(world: World) -> None:
    body = {"name": "ci", "grants": ["project:read"]}
    answer = await post(world, "/api/tokens", body)
    assert status_and_field(answer) == (400, None)
    assert "without Idempotency-Key" in answer.json["detail"]
    assert await count_rows("kept_answers", "api_tokens") == {"kept_answers": 0, "api_tokens": 1}


async def test_other_methods_ignore_a_key(world: World) -> None:
    await create_project(world, "shop")
    headers = {"Idempotency-Key": ""}
    assert (await world.ask("GET", f"{PROJECTS}/shop", headers=headers)).status == 200
    for minutes in (5, 6):
        changed = await world.ask("PATCH", f"{PROJECTS}/shop", {"build_deadline_minutes": minutes}, headers=headers)
        assert changed.json["build_deadline_minutes"] == minutes


async def test_the_age_of_a_record_is_counted_from_its_request(world: World) -> None:
    before = datetime.now(UTC)
    await post(world, env_path("/rollback"), {})
    row = await IdempotencyRecord.get(key="k1")
    assert before <= row.created_at <= datetime.now(UTC)
    assert row.status == 404 and row.headers is not None
    assert row.headers["Content-Type"].startswith("application/json")


async def test_a_response_over_64_kibibytes_is_not_stored_and_a_repeat_is_performed_again(world: World) -> None:
    new = {"package": "site", "release_date": "2024-05-22", "status": 30}
    for notes, version, expected in (("x" * 65_000, "1.0", (201, True)), ("x" * 66_000, "1.1", (409, False))):
        body = {**new, "version": version, "release_notes": notes}
        first, again = [await post(world, "/api/releases/new/", body, version) for _ in range(2)]
        assert (first.status, is_replayed(first)) == (201, False)
        assert (again.status, is_replayed(again)) == expected
    assert max(len(row.body or b"") for row in await IdempotencyRecord.all()) < 66_000
