"""Requests sent again under their Idempotency-Key: performed once, answered as often as they are asked."""

import asyncio
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest

from bot.operations import idempotency_records
from bot.queue.jobs import enqueue
from bot.store.database import execute
from bot.store.idempotency_records import IdempotencyRecord
from tests.api.calls import counted, cut_path, env_path, project, said
from tests.api.test_projects import told
from tests.world import Answer, World

PROJECTS = "/api/projects"


async def post(world: World, path: str, body: Any, key: str = "k1", **more: Any) -> Answer:
    """A POST with a key."""
    return await world.ask("POST", path, body, headers={"Idempotency-Key": key, **more.pop("headers", {})}, **more)


def replayed(answer: Answer) -> bool:
    """Whether an answer says that it was given before."""
    assert answer.headers.get("Idempotency-Replayed") in (None, "true")
    return "Idempotency-Replayed" in answer.headers


async def age(by: timedelta) -> None:
    """Let every row be as much older."""
    for row in await IdempotencyRecord.all():
        await IdempotencyRecord.filter(id=row.id).update(created_at=row.created_at - by)


async def test_the_same_request_again_is_given_the_same_answer_and_done_once(world: World) -> None:
    await world.cut("1.0-rc1")
    body = {"release_candidate_version": "1.0-rc1"}
    first = await post(world, env_path("/deployments"), body)
    again = [await post(world, env_path("/deployments"), body) for _ in range(2)]
    assert (first.status, replayed(first)) == (201, False)
    assert [(each.status, each.json, replayed(each)) for each in again] == [(201, first.json, True)] * 2
    assert all(each.headers["Content-Type"] == first.headers["Content-Type"] for each in again)
    assert all(each.headers["X-Request-ID"] != first.headers["X-Request-ID"] for each in again)
    assert await counted("deployments") == {"deployments": 1}
    assert said(await world.ask("POST", env_path("/deployments"), body))[0] == 409  # without the key it is another
    await world.settle()


async def test_a_refusal_is_an_answer_too(world: World) -> None:
    first = await post(world, env_path("/deployments"), {"release_candidate_version": "1.0-rc1"})
    await world.cut("1.0-rc1")
    again = await post(world, env_path("/deployments"), {"release_candidate_version": "1.0-rc1"})
    assert (said(first), said(again)) == ((404, "Release not found"),) * 2
    assert replayed(again)
    native = [await post(world, PROJECTS, {"name": "site"}, "k2") for _ in range(2)]
    assert [told(each) for each in native] == [(409, "#/name")] * 2
    assert [replayed(each) for each in native] == [False, True]
    malformed = [await post(world, PROJECTS, {"name": 7}, "k3") for _ in range(2)]
    assert [(told(each), replayed(each)) for each in malformed] == [((400, "#/name"), False), ((400, "#/name"), True)]


async def test_another_request_under_the_same_key_is_422_and_not_performed(world: World) -> None:
    await post(world, PROJECTS, {"name": "shop"})
    for path, body in (
        (PROJECTS, {"name": "other"}),
        (PROJECTS, {"name": "shop", "build_workflow": None}),
        (f"{PROJECTS}?x=1", {"name": "shop"}),
        (f"{PROJECTS}/site/environments", {"name": "qa", "tier": "staging"}),
    ):
        answer = await post(world, path, body)
        assert (told(answer), answer.json["detail"]) == ((422, None), idempotency_records.KEY_REUSED)
    native = await post(world, cut_path("1.0-rc1"), {"repo": "acme/site", "commit": world.github.head()})
    assert said(native) == (422, idempotency_records.KEY_REUSED)
    assert await counted("projects", "candidates") == {"projects": 2, "candidates": 0}
    assert replayed(await post(world, f"{PROJECTS}/", {"name": "shop"}))  # the slash is no matter


async def test_a_key_belongs_to_a_user_and_to_what_their_token_may_do(world: World) -> None:
    grants = {"project:write", "release:cut"}
    mine, mine_too = [await world.with_grants(*grants, user="me") for _ in range(2)]
    lesser = await world.with_grants("release:cut", user="me")
    scoped = await world.with_grants(*grants, project="site", user="me")
    yours = await world.with_grants(*grants, user="you")
    assert (await post(world, PROJECTS, {"name": "shop"}, token=mine)).status == 201
    assert replayed(await post(world, PROJECTS, {"name": "shop"}, token=mine_too))
    for other in (lesser, scoped):
        assert told(await post(world, PROJECTS, {"name": "shop"}, token=other)) == (422, None)
    answer = await post(world, PROJECTS, {"name": "shop"}, token=yours)
    assert (told(answer), replayed(answer)) == ((409, "#/name"), False)


async def test_who_is_not_known_uses_no_key(world: World) -> None:
    for token in ("", "lsh_wrong"):
        assert told(await post(world, PROJECTS, {"name": "shop"}, token=token)) == (401, None)
        assert told(await post(world, PROJECTS, {"name": "shop"}, "", token=token)) == (401, None)
    assert await counted("kept_answers") == {"kept_answers": 0}


@pytest.mark.parametrize("key", ["", '""', " ", "x" * 256, "a\tb", "sch\u00f6n"])
async def test_a_malformed_key_is_400_in_the_words_of_the_dialect(world: World, key: str) -> None:
    answer = await post(world, PROJECTS, {"name": "shop"}, key)
    assert told(answer) == (400, None)
    assert answer.json["detail"] == "Idempotency-Key must be 1 to 255 printable ASCII characters."
    assert (await post(world, env_path("/rollback"), {}, key)).error == answer.json["detail"]
    assert await counted("projects") == {"projects": 1}


async def test_a_key_may_stand_in_quotes_and_only_once(world: World) -> None:
    for number, key in enumerate(("x" * 255, "a b~!", '"')):
        assert (await post(world, PROJECTS, {"name": f"p{number}"}, key)).status == 201
    assert replayed(await post(world, PROJECTS, {"name": "p1"}, '"a b~!"'))
    twice = [("Idempotency-Key", "a"), ("Idempotency-Key", "b"), ("Authorization", f"Bearer {world.token}")]
    async with world.session.post(f"{world.url}{PROJECTS}", json={"name": "x"}, headers=twice) as answer:
        assert answer.status == 400


async def test_while_the_first_is_being_answered_others_are_409_with_a_time(world: World) -> None:
    world.github.faults.slow(0.4, path="*/compare/*", times=1)
    body = {"repo": "acme/site", "commit": world.github.head()}
    first = asyncio.create_task(post(world, cut_path("1.0-rc1"), body))
    while not await IdempotencyRecord.all().count():
        await asyncio.sleep(0.01)
    answer = await post(world, cut_path("1.0-rc1"), body)
    assert said(answer) == (409, idempotency_records.IN_PROGRESS)
    assert int(answer.headers["Retry-After"]) >= 1
    assert (await post(world, cut_path("1.0-rc2"), body)).status == 422
    assert (await first).status == 201
    last = await post(world, cut_path("1.0-rc1"), body)
    assert (last.status, last.json, replayed(last)) == (201, (await first).json, True)


async def test_many_at_once_are_performed_once(world: World) -> None:
    for key in ("a", "b", "c"):
        got = await asyncio.gather(*(post(world, PROJECTS, {"name": f"p-{key}"}, key) for _ in range(12)))
        assert {each.status for each in got} <= {201, 409}
        assert [each.status for each in got if not replayed(each)].count(201) == 1
        assert all(each.json["detail"] == idempotency_records.IN_PROGRESS for each in got if each.status == 409)
    assert await counted("projects", "kept_answers") == {"projects": 4, "kept_answers": 3}


async def test_what_passes_by_itself_is_not_kept(world: World) -> None:
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
    assert (said(after), replayed(after)) == ((404, "No previous deployment to roll back from"), False)


async def test_what_cannot_be_read_uses_no_key(world: World) -> None:
    long = b" " * 2_000_000
    for body, kind, status in ((b"{", "json", 400), (b"{}", "xml", 415), (long, "json", 413)):
        headers = {"Idempotency-Key": "k1", "Content-Type": f"application/{kind}"}
        assert (await world.ask("POST", PROJECTS, data=BytesIO(body), headers=headers)).status == status
    assert (await post(world, PROJECTS, {"name": "shop"})).status == 201


async def test_after_a_day_a_key_is_new(world: World) -> None:
    await post(world, env_path("/rollback"), {})
    await age(timedelta(hours=23, minutes=59))
    assert replayed(await post(world, env_path("/rollback"), {}))
    await age(timedelta(minutes=2))
    assert not replayed(await post(world, env_path("/rollback"), {}))
    await age(timedelta(hours=25))
    assert (await post(world, PROJECTS, {"name": "shop"})).status == 201


async def begun(world: World, key: str = "k1") -> IdempotencyRecord:
    """A row as a process leaves it that dies before it has answered."""
    assert (await post(world, PROJECTS, {"name": "lost"}, key)).status == 201
    await IdempotencyRecord.filter(key=key).update(status=None, headers=None, body=None)
    return await IdempotencyRecord.get(key=key)


async def test_what_a_dead_process_left_is_taken_over_by_one(world: World) -> None:
    left = await begun(world)
    await age(idempotency_records.ANSWER_TIMEOUT - timedelta(seconds=20))
    assert told(await post(world, PROJECTS, {"name": "lost"})) == (409, None)
    await age(timedelta(seconds=30))
    got = await asyncio.gather(*(post(world, PROJECTS, {"name": "lost"}) for _ in range(12)))
    performed = [each for each in got if not replayed(each) and each.json["detail"] != idempotency_records.IN_PROGRESS]
    assert [told(each) for each in performed] == [(409, "#/name")]  # it had been made before the process died
    assert (await IdempotencyRecord.get(key="k1")).id != left.id


async def test_who_comes_back_late_does_not_overwrite_what_was_answered_since(world: World) -> None:
    left = await begun(world)
    await age(idempotency_records.ANSWER_TIMEOUT + timedelta(seconds=1))
    await post(world, PROJECTS, {"name": "lost"})
    await idempotency_records.complete(left, 201, {}, b"late")
    await idempotency_records.discard(left)
    assert told(await post(world, PROJECTS, {"name": "lost"})) == (409, "#/name")


async def test_the_schedule_deletes_what_is_older_than_a_day(world: World) -> None:
    await post(world, env_path("/rollback"), {}, "old")
    await age(timedelta(hours=24, seconds=1))
    await post(world, env_path("/rollback"), {}, "new")
    await enqueue("prune", {}, key="prune")
    await world.settle()
    assert [row.key for row in await IdempotencyRecord.all()] == ["new"]


async def test_an_answer_that_holds_a_secret_is_never_kept(world: World) -> None:
    body = {"name": "ci", "grants": ["project:read"]}
    answer = await post(world, "/api/tokens", body)
    assert told(answer) == (400, None)
    assert "without Idempotency-Key" in answer.json["detail"]
    assert await counted("kept_answers", "api_tokens") == {"kept_answers": 0, "api_tokens": 1}


async def test_other_methods_take_no_notice_of_a_key(world: World) -> None:
    await project(world, "shop")
    headers = {"Idempotency-Key": ""}
    assert (await world.ask("GET", f"{PROJECTS}/shop", headers=headers)).status == 200
    for minutes in (5, 6):
        changed = await world.ask("PATCH", f"{PROJECTS}/shop", {"build_deadline_minutes": minutes}, headers=headers)
        assert changed.json["build_deadline_minutes"] == minutes


async def test_what_is_kept_is_as_old_as_its_request(world: World) -> None:
    before = datetime.now(UTC)
    await post(world, env_path("/rollback"), {})
    row = await IdempotencyRecord.get(key="k1")
    assert before <= row.created_at <= datetime.now(UTC)
    assert row.status == 404 and row.headers is not None
    assert row.headers["Content-Type"].startswith("application/json")


async def test_an_answer_over_64_kibibytes_is_not_kept_and_its_request_is_performed_again(world: World) -> None:
    new = {"package": "site", "release_date": "2024-05-22", "status": 30}
    for notes, version, expected in (("x" * 65_000, "1.0", (201, True)), ("x" * 66_000, "1.1", (409, False))):
        body = {**new, "version": version, "release_notes": notes}
        first, again = [await post(world, "/api/releases/new/", body, version) for _ in range(2)]
        assert (first.status, replayed(first)) == (201, False)
        assert (again.status, replayed(again)) == expected
    assert max(len(row.body or b"") for row in await IdempotencyRecord.all()) < 66_000
