"""The dialect `announcements`: grants, credentials, and keeping credentials secret."""

import logging
from typing import Any
from urllib.parse import quote

import pytest
import structlog
from structlog.testing import capture_logs

from bot.rules.names import in_words
from bot.store.announcements import Announcement
from tests.api.helpers import create_project
from tests.api.rest.announcement_helpers import (
    PROJECT,
    QUEUE,
    RELEASES,
    URLS,
    announce,
    ask_xml,
    decide,
    listed_versions,
    make_private,
    status_and_fields,
    submit,
)
from tests.api.rest.test_announcements_input import without_table
from tests.world import Serve, World, running_world

MISSING = "Authentication credentials were not provided."
INVALID = "Invalid token."
FORBIDDEN = "You do not have permission to perform this action."
RELEASE = {"version": "1.1", "changelog": "x"}
LINK = {"label": "Home", "location": "https://example.com/"}

READERS = ("project:read", "content:read", "announcement:submit", "announcement:approve")
READS = ("GET", ".json"), ("GET", "/releases.json"), ("GET", "/releases/1.json"), ("GET", "/urls.json")
LINKED = ("GET", "/urls/home.json"), ("GET", "/urls/home")
WRITES: list[tuple[str, str, Any, str]] = [
    ("POST", "/releases.json", {"release": {**RELEASE, "version": "2"}}, "announcement:submit"),
    ("DELETE", "/releases/2.json", None, "announcement:submit"),
    ("PUT", ".json", {"project": {}}, "project:write"),
    ("POST", "/urls.json", {"url": LINK}, "project:write"),
    ("PUT", "/urls/home.json", {"url": {}}, "project:write"),
    ("DELETE", "/urls/home.json", None, "project:write"),
]


def credential_options(code: str, number: int) -> list[dict[str, Any]]:
    """Request options for each place where a call accepts a token, from the one of this number on."""
    requests: list[dict[str, Any]] = [
        {"headers": {"Authorization": f"Bearer {code}"}},
        {"headers": {"Authorization": f"token {code}"}},
        {"params": {"auth_code": code}},
        {"json": {"auth_code": code}},
        {"json": {"auth_code": code, "release": {}}},
        {"json": {"release": {"auth_code": code}}},
    ]
    return requests[number:]


async def test_an_auth_code_may_be_in_the_header_the_query_or_the_body_of_any_method(world: World) -> None:
    carol = await world.create_token("announcement:submit", user="carol")
    for number, options in enumerate(credential_options(carol, 0)):
        await submit(world, f"1.{number}", token=carol)
        listed = await world.ask("GET", f"{RELEASES}/pending.json", token="", **options)
        assert listed_versions(listed) == [f"1.{number}"], options
        row = listed.json[0]["release"]["id"]
        assert (await world.ask("DELETE", f"{RELEASES}/{row}.json", token="", **options)).status == 200, options
    for body in (f"<auth_code>{carol}</auth_code>", f"<x>\n<auth-code> {carol} </auth-code></x>"):
        response = await ask_xml(world, "GET", f"{RELEASES}/pending.xml", body, token="", kind="text/xml")
        assert (response.status, len(response.root)) == (200, 0)


async def test_the_header_takes_precedence_over_the_query_and_that_over_the_body(world: World) -> None:
    carol, dave = [await world.create_token("announcement:submit", user=name) for name in ("carol", "dave")]
    await submit(world, "1.1", token=carol)
    for more, token in [
        ({"params": {"auth_code": dave}}, carol),
        ({"params": {"auth_code": "wrong"}, "json": {"auth_code": "wrong"}}, carol),
        ({"params": {"auth_code": carol}, "json": {"auth_code": dave}}, ""),
        ({"params": {"auth_code": carol}, "json": {"auth_code": "wrong"}}, ""),
    ]:
        assert listed_versions(await world.ask("GET", f"{RELEASES}/pending.json", token=token, **more)) == ["1.1"]
    invalid = await world.ask("GET", f"{RELEASES}/pending.json?auth_code={carol}", token="wrong")
    assert (invalid.status, invalid.json) == (401, {"errors": {"base": [INVALID]}})


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_a_missing_or_wrong_auth_code_is_401_in_the_callers_format(world: World, form: str) -> None:
    calls = [
        ("GET", f"{RELEASES}/pending", ""),
        ("POST", RELEASES, ""),
        ("DELETE", f"{RELEASES}/1", ""),
        ("PUT", PROJECT, ""),
    ]
    calls += [
        (method, path, f"?auth_code={quote(code)}") for method, path, _ in calls for code in ("x", "ü", "%00", " ")
    ]
    calls += [("GET", RELEASES, "?auth_code=wrong"), ("GET", PROJECT, "?auth_code=lsh_wrong")]
    for method, path, query in calls:
        sentence = INVALID if query else MISSING
        url = f"{path}.{form}{query}"
        if form == "json":
            answer = await world.ask(method, url, token="", headers={"X-Forwarded-For": "192.0.2.1"})
            status, sentence_in_body, headers = answer.status, answer.json["errors"]["base"][0], answer.headers
        else:
            xml = await ask_xml(world, method, url, token="")
            status, sentence_in_body, headers = xml.status, xml.errors["base"], xml.headers
        if status == 429:  # the limit of failed attempts in a minute
            assert int(headers["Retry-After"]) in range(1, 62)
        else:
            assert (status, sentence_in_body, headers["WWW-Authenticate"]) == (401, sentence, "Bearer"), url


async def test_an_auth_code_that_is_not_a_text_is_wrong(world: World) -> None:
    invalid: list[Any] = [7, ["x"], {"x": 1}, True, 2**64, 1.5]
    for code in invalid:
        answer = await world.ask("GET", f"{RELEASES}.json", token="", json={"auth_code": code})
        assert (answer.status, answer.json) == (401, {"errors": {"base": [INVALID]}}), code
    for code in (None, ""):
        assert (await world.ask("GET", f"{RELEASES}.json", token="", json={"auth_code": code})).status == 200
        assert (await world.ask("DELETE", f"{RELEASES}/1.json", token="", json={"auth_code": code})).status == 401
    twice = await world.ask("GET", f"{RELEASES}.json?auth_code={world.token}&auth_code=x", token="")
    assert status_and_fields(twice) == (400, ["base"])


async def test_anonymous_callers_read_approved_releases_of_public_projects(world: World) -> None:
    await announce(world, "1.0")
    pending = await submit(world, "1.1")
    await world.ask("POST", f"{URLS}.json", {"url": LINK})
    for method, rest in READS:
        assert (await world.ask(method, f"{PROJECT}{rest}", token="")).status == 200, rest
    assert (await world.ask("GET", f"{URLS}/home", token="", allow_redirects=False)).status == 302
    assert listed_versions(await world.ask("GET", f"{RELEASES}.json", token="")) == ["1.0"]
    assert status_and_fields(await world.ask("GET", f"{RELEASES}/{pending}.json", token="")) == (404, ["base"])
    for method, rest, body, _ in [*WRITES, ("GET", "/releases/pending.json", None, "")]:
        answer = await world.ask(method, f"{PROJECT}{rest}", body, token="")
        assert (answer.status, answer.json) == (401, {"errors": {"base": [MISSING]}}), rest
    assert (await world.ask("GET", QUEUE, token="")).status == 401

    await make_private()
    for method, rest in (*READS, *LINKED):
        answer = await world.ask(method, f"{PROJECT}{rest}", token="", allow_redirects=False)
        assert (answer.status, answer.json) == (404, {"errors": {"base": ["Project not found"]}}), rest
    assert listed_versions(await world.ask("GET", f"{RELEASES}.json")) == ["1.0"]


@pytest.mark.parametrize(("setting", "status"), [("none", 401), ("content", 200), ("all", 200)])
async def test_the_setting_decides_whether_anonymous_callers_may_read(
    source: Any, database_url: str, aiohttp_server: Serve, setting: str, status: int
) -> None:
    async with running_world(source, database_url, aiohttp_server, anonymous_read=setting) as world:
        await announce(world, "1.0")
        await world.ask("POST", f"{URLS}.json", {"url": LINK})
        for method, rest in (*READS, *LINKED):
            answer = await world.ask(method, f"{PROJECT}{rest}", token="", allow_redirects=False)
            assert answer.status == (302 if status == 200 and rest == "/urls/home" else status), rest


async def test_each_call_requires_its_grant(world: World) -> None:
    await announce(world, "1.0")
    await world.ask("POST", f"{URLS}.json", {"url": LINK})
    await make_private()
    for grant in READERS:
        token = await world.create_token(grant)
        for method, rest in (*READS, *LINKED, ("GET", "/releases/pending.json")):
            answer = await world.ask(method, f"{PROJECT}{rest}", token=token, allow_redirects=False)
            assert answer.status in (200, 302), (grant, rest)
        assert (await world.ask("GET", QUEUE, token=token)).status == 200
    none = await world.create_token("release:cut", "deployment:force", "content:write")
    for method, rest in (*READS, *LINKED, ("GET", "/releases/pending.json")):
        answer = await world.ask(method, f"{PROJECT}{rest}", token=none, allow_redirects=False)
        assert answer.status in (403, 404), rest  # a private project is hidden from callers without a grant to read
    for act in ("approve", "reject"):
        for grants in (["announcement:submit", "project:write", "project:read", "content:read"], ["release:hold"]):
            answer = await decide(world, "1.0", act, token=await world.create_token(*grants))
            assert (answer.status, answer.json["grant"]) == (403, "announcement:approve")


async def test_a_write_without_its_grant_is_403_and_with_it_alone_is_admitted(world: World) -> None:
    await world.ask("POST", f"{URLS}.json", {"url": LINK})
    others = {
        "announcement:submit": ["project:read", "content:read", "announcement:approve", "project:write"],
        "project:write": ["project:read", "content:read", "announcement:approve", "announcement:submit"],
    }
    for method, rest, body, grant in WRITES:
        refused = await world.ask(method, f"{PROJECT}{rest}", body, token=await world.create_token(*others[grant]))
        held = in_words(sorted(others[grant]))
        sentences = [FORBIDDEN, f"It needs `{grant}`; the token has {held}."]
        assert (refused.status, refused.json) == (403, {"errors": {"base": sentences}}), rest
        status = (await world.ask(method, f"{PROJECT}{rest}", body, token=await world.create_token(grant))).status
        assert status in (200, 201, 404, 409), rest


async def test_a_writer_without_a_grant_to_read_sees_the_result_of_a_write(world: World) -> None:
    await world.ask("POST", f"{URLS}.json", {"url": LINK})
    await make_private()
    token = await world.create_token("project:write")
    answer = await world.ask("PUT", f"{PROJECT}.json", {"project": {"oneliner": "Changed."}}, token=token)
    assert (answer.status, answer.json) == (200, (await world.ask("GET", f"{PROJECT}.json")).json)
    assert answer.json["project"]["oneliner"] == "Changed."
    assert (await world.ask("GET", f"{PROJECT}.json", token=token)).status == 404


async def test_a_token_of_another_project_is_403(world: World) -> None:
    await create_project(world, "shop")
    await make_private()
    token = await world.create_token("admin", project="shop")
    for method, rest, *body in [*((method, rest, None) for method, rest in READS), *(write[:3] for write in WRITES)]:
        answer = await world.ask(method, f"{PROJECT}{rest}", *body, token=token)
        assert (answer.status, answer.json) == (403, {"errors": {"base": [FORBIDDEN]}}), rest
    assert (await world.ask("GET", "/projects/shop.json", token=token)).status == 200


async def test_a_pending_release_is_visible_to_its_submitter_and_to_approvers(world: World) -> None:
    carol = await world.create_token("announcement:submit", user="carol")
    number = await submit(world, "1.1", token=carol)
    await create_project(world, "shop")
    sees: dict[str, bool] = {
        await world.create_token("announcement:submit", user="carol"): True,
        await world.create_token("project:read", user="carol"): True,
        await world.create_token("announcement:approve", user="dave"): True,
        await world.create_token("announcement:approve", user="erin", project="site"): True,
        await world.create_token("announcement:approve", user="erin", project="shop"): False,
        await world.create_token("project:read", "content:read", "announcement:submit", user="frank"): False,
        "": False,
    }
    for token, seen in sees.items():
        answer = await world.ask("GET", f"{RELEASES}/{number}.json", token=token)
        assert answer.status == (200 if seen else 404), token
        if token:
            listed = await world.ask("GET", QUEUE, token=token)
            assert [row["id"] for row in listed.json] == ([number] if seen else []), token


async def test_no_auth_code_is_ever_logged_or_stored(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """The log is captured before secrets are redacted from it."""
    caplog.set_level(logging.DEBUG)
    valid = await world.create_token("announcement:submit", "project:write", user="carol")
    await world.ask("POST", f"{URLS}.json", {"url": LINK})
    codes = [valid, "hunter2-hunter2"]
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        for code in codes:
            for method, path in [
                ("GET", f"{RELEASES}.json"),
                ("GET", f"{RELEASES}/pending.xml"),
                ("POST", f"{RELEASES}.json"),
                ("POST", f"{RELEASES}.xml"),
                ("DELETE", f"{RELEASES}/1.json/"),
                ("PUT", f"{PROJECT}.json"),
                ("GET", f"{URLS}/home"),
                ("GET", f"{URLS}/home/"),
                ("PATCH", f"{PROJECT}.json"),
                ("GET", "/projects/site/nowhere.xml"),
            ]:
                json = {"auth_code": code, "release": {**RELEASE, "auth_code": code, "version": "9"}}
                xml = f"<r><auth_code>{code}</auth_code></r>"
                kind = {"Content-Type": "application/xml"}
                await world.ask(method, f"{path}?auth_code={code}", token="", allow_redirects=False)
                await world.ask(method, path, token="", json=json, allow_redirects=False)
                await world.ask(method, path, token="", data=xml, headers=kind, allow_redirects=False)
                await world.ask(method, path, token="", data=xml + "&", headers=kind, allow_redirects=False)
                await world.ask(method, path, token="", data=f'{{"auth_code": "{code}",', allow_redirects=False)
        async with without_table():  # an internal error, which is logged in full
            for body in ({"auth_code": valid, "release": RELEASE}, {"auth_code": valid, **RELEASE}):
                answer = await world.ask("POST", f"{RELEASES}.json?auth_code={valid}", body, token="")
                assert (answer.status, valid in str(answer.json)) == (500, False)
    assert len(lines) > 100
    assert not [line for line in lines if any(code in str(line) for code in codes)]
    assert not [record for record in caplog.messages if any(code in record for code in codes)]
    assert len([line for line in lines if line["event"] == "fault"]) == 2
    rows = [str(vars(row)) for row in [*await world.audit("announcement.submit"), *await Announcement.all()]]
    assert rows and not any(code in row for row in rows for code in codes)


async def test_a_redirect_discloses_no_auth_code_to_its_target(world: World) -> None:
    await world.ask("POST", f"{URLS}.json", {"url": LINK})
    for path in (f"{URLS}/home", f"{URLS}/home/"):
        answer = await world.ask("GET", f"{path}?auth_code={world.token}", token="", allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (302, LINK["location"])
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert world.token not in str(answer.headers)
