"""Rate limits, failures and garbage from GitHub: callers get 503 with Retry-After, jobs wait and continue."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import aiohttp
import jwt
import pytest
from aiohttp import web

from bot.github.app import AppKeys, GitHub
from bot.rules.ids import InstallationId
from bot.store.candidates import Candidate
from bot.store.releases import Release
from sandbox.credentials import key_pair
from tests.world import Serve, World

LIMITS = ("primary", "secondary", "429")


def age_tokens(world: World) -> None:
    """Make the cached installation tokens a minute older."""
    cache = world.service.github._tokens._cache
    for key, token in list(cache.items()):
        cache[key] = replace(token, minted=token.minted - 60)


# --- rate limits


async def test_a_job_waits_out_a_rate_limit_without_counting_a_failure(world: World) -> None:
    for kind in LIMITS:
        world.github.faults.limit(kind, retry_after=30, path="*/dispatches")
        await world.cut(f"{kind}-rc1", build=True)
        await world.settle()
        assert await world.status(f"{kind}-rc1") == "pending"
        assert await world.unfinished_jobs() == ["dispatch"]
        assert (await world.attempts("dispatch"))[-1] == 0
        await world.settle(skip_delays=True)
        assert await world.status(f"{kind}-rc1") == "building"
    assert await world.attempts("dispatch") == [1, 1, 1]
    assert len(world.github.dispatches) == 3


async def test_a_job_waits_as_long_as_github_says(world: World) -> None:
    world.github.faults.limit("secondary", retry_after=600, path="*/dispatches")
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    (row,) = await world.jobs("dispatch")
    assert 590 < row["run_at"] / 1000 - datetime.now(UTC).timestamp() <= 600
    await world.settle(skip_delays=True)


async def test_a_caller_gets_503_with_the_time_to_retry(world: World) -> None:
    for kind in LIMITS:
        world.github.faults.limit(kind, retry_after=40, path="*/compare/*")
        response = await world.cut("1.2-rc1", build=True)
        assert (response.status, response.error) == (503, "GitHub is unavailable")
        assert 39 <= int(response.headers["Retry-After"]) <= 42
    assert not await Candidate.exists()
    assert not await Release.exists()
    assert (await world.cut("1.2-rc1", build=True)).status == 201


async def test_a_rate_limited_reply_is_posted_once_the_limit_is_over(world: World) -> None:
    number = await world.github.pull_request()
    world.github.faults.limit("secondary", path="*/issues/*/comments", retry_after=30)
    await world.github.comment(number, "/release help")
    await world.settle(skip_delays=True)
    assert await world.attempts("reply") == [1]
    assert len(world.replies(number)) == 1


async def test_a_403_that_is_not_a_rate_limit_is_a_refusal(world: World) -> None:
    world.github.faults.fail(
        path="*/dispatches", status=403, body='{"message": "Resource not accessible by integration"}'
    )
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    candidate = await world.candidate("1.2-rc1")
    assert candidate["status"] == "failed"
    assert "actions: write" in candidate["reason"]


# --- failures


async def test_a_failed_read_is_retried(world: World) -> None:
    faults = world.github.faults
    for number, fault in enumerate((faults.fail, faults.garbage, faults.lose_answer)):
        fault(path="*/compare/*")
        assert (await world.cut(f"1.2-rc{number}")).status == 201


async def test_while_github_is_down_callers_get_503_and_nothing_is_written(world: World) -> None:
    world.github.faults.down()
    response = await world.cut("1.2-rc1", build=True)
    assert (response.status, response.error) == (503, "GitHub is unavailable")
    assert int(response.headers["Retry-After"]) > 0
    assert not await Candidate.exists()
    assert not await Release.exists()
    assert await world.unfinished_jobs() == []


async def test_requests_about_existing_candidates_succeed_while_github_is_down(world: World) -> None:
    await world.cut("1.2-rc1")
    world.github.faults.down()
    assert (await world.cut("1.2-rc1")).status == 200
    assert (await world.cut("1.2-rc1", world.github.resolve("main~1"))).status == 409


async def test_jobs_continue_when_github_is_available_again(world: World) -> None:
    world.github.faults.fail(path="*/git/refs", status=503, times=3)
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    assert await world.status("1.2-rc1") == "pending"
    await world.settle(skip_delays=True)
    assert await world.status("1.2-rc1") == "building"
    assert len(world.github.dispatches) == 1


async def test_a_slow_response_is_awaited_and_the_dispatch_not_repeated(world: World) -> None:
    world.github.faults.slow(0.3, path="*/dispatches", times=1)
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    assert len(world.github.dispatches) == 1
    assert await world.status("1.2-rc1") == "building"


# --- tokens and clocks


async def test_an_expired_token_is_replaced(world: World) -> None:
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    world.github.expire_tokens()
    age_tokens(world)
    assert (await world.cut("1.2-rc2", build=True)).status == 201
    await world.settle()
    assert await world.status("1.2-rc2") == "building"
    assert await world.attempts("dispatch") == [1, 1]


async def test_a_new_token_that_github_does_not_accept_yet_is_retried(world: World) -> None:
    world.service.github.forget(InstallationId(world.github.installation_id))
    world.github.faults.lag_tokens(0.5)
    assert (await world.cut("1.2-rc1")).status == 201
    refused = [call.path for call in world.github.calls if call.status == 401]
    assert len(refused) == 1 and "/compare/" in refused[0]


async def test_concurrent_requests_mint_one_token(world: World) -> None:
    world.service.github.forget(InstallationId(world.github.installation_id))
    world.github.forget_calls()
    responses = await asyncio.gather(*(world.cut(f"1.2-rc{number}") for number in range(1, 9)))
    assert {response.status for response in responses} == {201}
    minted = [call for call in world.github.calls if call.path.endswith("/access_tokens")]
    assert len(minted) == 1


@pytest.mark.parametrize("hours", [-2, 2])
async def test_a_wrong_clock_is_corrected_by_githubs(aiohttp_server: Serve, hours: int) -> None:
    shift = timedelta(hours=hours)

    async def get_app(request: web.Request) -> web.Response:
        now = datetime.now(UTC) + shift
        bearer = request.headers["Authorization"].partition(" ")[2]
        claims = jwt.decode(bearer, options={"verify_signature": False})
        headers = {"Date": format_datetime(now, usegmt=True)}
        if not claims["iat"] <= now.timestamp() < claims["exp"]:
            return web.json_response({"message": "'Issued at' claim ('iat') must be …"}, status=401, headers=headers)
        return web.json_response({"slug": "longshore"}, headers=headers)

    app = web.Application()
    app.router.add_get("/app", get_app)
    server = await aiohttp_server(app)
    keys = AppKeys("1", key_pair()[0], str(server.make_url("/")))
    async with aiohttp.ClientSession() as session:
        github = GitHub(keys, session, lambda *_: None, lambda _: None)
        assert (await github.as_app("GET", "/app")).data == {"slug": "longshore"}
        assert (await github.as_app("GET", "/app")).data == {"slug": "longshore"}
