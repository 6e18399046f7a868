"""Answers and outages: what is tried again, what it is called, and with which code a command ends."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from cli.client.exits import FAILED, REFUSED, UNREACHABLE, USAGE, Stopped, Unreachable, Usage
from cli.client.logins import Login
from cli.client.refusals import worded
from cli.client.service import Pace, Service, connected, path
from tests.cli.client.conftest import IMPATIENT, QUICK, Told
from tests.world import Serve

Ask = Callable[[Service], Awaitable[Any]]
PROBLEM = {"type": "about:blank", "title": "Conflict", "status": 409, "detail": "Taken.", "tag": "rc/1", "since": "x"}
OUTAGE = {"error": "GitHub is unavailable", "details": {"reason": "it limits requests"}}


def get(service: Service) -> Awaitable[Any]:
    return service.get("/here")


def post(service: Service) -> Awaitable[Any]:
    return service.post("/here", {})


async def asked(serve: Serve, answers: list[web.Response], ask: Ask, pace: Pace = QUICK) -> tuple[Any, Told, list[str]]:
    """Ask a service that gives these answers in turn, the last one again and again; also returns the keys it got."""
    keys: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        keys.append(request.headers.get("Idempotency-Key", ""))
        found = answers[min(len(keys), len(answers)) - 1]
        return web.Response(status=found.status, body=found.body, headers=found.headers)

    app, told = web.Application(), Told()
    app.router.add_route("*", "/{path:.*}", answer)
    url = str((await serve(app)).make_url("/")).rstrip("/")
    async with connected(Login(url, "lsh_secret"), told.say, pace) as service:
        return await ask(service), told, keys


def json(body: Any, status: int = 200, **headers: str) -> web.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.json_response(body, status=status, headers=named)


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (json(PROBLEM, 409), REFUSED, "Taken (tag: rc/1)"),
        (json({"error": "No."}, 400), REFUSED, "No."),
        (json({"error": "Invalid token."}, 401), REFUSED, "Invalid token. Log in again with `longshore login`."),
        (json({"error": "Not Found"}, 404), USAGE, "The service has nothing at http"),
        (web.Response(text="<h1>Hello</h1>"), USAGE, "is not Longshore (it says 200): check the URL of the service."),
        (web.Response(text="No", status=404), USAGE, "is not Longshore (it says 404)"),
        (json([], 403), USAGE, "is not Longshore (it says 403)"),
        (
            web.Response(status=301, headers={"Location": "https://x/"}),
            USAGE,
            "redirects to https://x/: log in at that",
        ),
        (json({"detail": "Oh.", "title": "x"}, 500, X_Request_ID="r7"), FAILED, "failed (Oh); its log says more about"),
        (
            json(OUTAGE, 503, Retry_After="5"),
            UNREACHABLE,
            "(GitHub is unavailable (it limits requests)). Try again in 5 s",
        ),
        (web.Response(status=502), UNREACHABLE, "cannot do this at the moment (status 502)."),
        (json({"error": "Too many."}, 429, Retry_After="60"), UNREACHABLE, "(Too many). Try again in 60 seconds."),
    ],
)
async def test_an_answer_that_is_an_error_has_a_sentence_and_an_exit_code(
    aiohttp_server: Serve, answer: web.Response, code: int, words: str
) -> None:
    with pytest.raises(Stopped) as stopped:
        await asked(aiohttp_server, [answer], get, IMPATIENT)
    assert stopped.value.code == code and words in stopped.value.sentence
    assert "lsh_secret" not in stopped.value.sentence


@pytest.mark.parametrize(
    "passing",
    [
        json(OUTAGE, 503),
        web.Response(status=504),
        json({"detail": "It is in progress.", "title": "x"}, 409, Retry_After="0"),
    ],
)
async def test_what_passes_is_tried_again_with_the_same_key_and_told_once(
    aiohttp_server: Serve, passing: web.Response
) -> None:
    found, told, keys = await asked(aiohttp_server, [passing, passing, passing, json({"id": 1}, 201)], post)
    assert found == {"id": 1} and len(keys) == 4 and len(set(keys)) == 1 and keys[0]
    assert len(told.lines) == 1 and "trying again for" in told.lines[0]


async def test_a_conflict_is_not_tried_again(aiohttp_server: Serve) -> None:
    with pytest.raises(Stopped):
        await asked(aiohttp_server, [json(PROBLEM, 409), json({})], post)


async def test_all_pages_of_a_list_are_read(aiohttp_server: Serve) -> None:
    pages = [json([{}] * 100), json([{}] * 100), json([])]
    found, _, keys = await asked(aiohttp_server, pages, lambda service: service.get_all("/here"))
    assert (len(found), len(keys)) == (200, 3)


async def test_what_is_wrong_with_a_connection_is_said_in_words() -> None:
    async with connected(Login("http://127.0.0.1:9", "lsh_secret"), Told().say, IMPATIENT) as service:
        with pytest.raises(Unreachable) as stopped:
            await service.get("/here")
    assert stopped.value.sentence == "http://127.0.0.1:9 does not answer (connection refused)."


@pytest.mark.parametrize(
    ("details", "words"),
    [
        ({}, "No."),
        ({"reason": "it is late", "field": "x", "grant": "y"}, "No (it is late)"),
        ({"status": "building", "gates": []}, "No."),
        ({"did_you_mean": "site", "projects": ["site"]}, "No. Did you mean `site`? Known projects: `site`."),
        ({"owner": "ada", "commits": [1], "until": None}, "No (owner: ada)"),
    ],
)
def test_a_refusal_is_worded_with_the_details_that_are_worth_reading(details: dict[str, Any], words: str) -> None:
    assert worded("No.", details) == words


def test_parts_of_paths_are_encoded() -> None:
    assert path("api", "my site", "a/b", "..", 7) == "/api/my%20site/a%2Fb/%2E%2E/7"
    with pytest.raises(Usage, match="A name is empty"):
        path("api", "")
