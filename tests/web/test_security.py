"""What others try with somebody's browser: forged forms, fixed and stolen sessions, misused sign-ins, redirects."""

import re
from contextlib import ExitStack
from pathlib import Path

import orjson
import pytest
from aiohttp.test_utils import make_mocked_request
from yarl import URL

from bot.actors import anonymous
from bot.attempts import MAX_FAILURES, Attempts
from bot.context import Context
from bot.errors import Forbidden, Unavailable
from bot.operations import sessions
from bot.operations.freezes import freeze_environment
from bot.store.database import fetch
from bot.store.sessions import Session
from bot.store.users import User
from tests.conftest import Lines
from tests.web.visitors import Visitor
from tests.world import Serve, World, running_world
from web import cookies, security, sign_in_cookies
from web.event_feed import EventFeed
from web.pages import live
from web.pages.routes import ROUTES
from web.rendering import MAX_SHARED, Renderer
from web.runtime import SignIn, WebRuntime
from web.site import OWN_HEADERS
from web.static_files import StaticFiles

OURS = "http://127.0.0.1:8080"
EVIL = {"Origin": "https://evil.example"}
Fields = dict[str, str]
FORGED: dict[str, tuple[Fields, Fields]] = {
    "no token": ({"csrf": ""}, {}),
    "token that is none": ({"csrf": "é" * 43}, {}),
    "form of another site": ({}, EVIL),
    "form of a sandboxed frame": ({}, {"Origin": "null"}),
    "form of another port": ({}, {"Origin": "http://127.0.0.1:1"}),
    "form of a sibling": ({}, {"Sec-Fetch-Site": "same-site"}),
    "form of a stranger": ({}, {"Sec-Fetch-Site": "cross-site", "Origin": OURS}),
}
PAGES = [route for route in ROUTES if not route.path.startswith(OWN_HEADERS)]


def filled(path: str) -> str:
    """A path with something in place of its parts."""
    return re.sub(r"\{[^{}]*\}", "1", path)


# --- forged forms


async def test_forms_of_other_pages_and_other_sessions_do_nothing(world: World) -> None:
    victim, attacker = Visitor(world), Visitor(world)
    await victim.sign_in("alice")
    world.github.person("mallory", "read")
    await attacker.sign_in("mallory")
    tokens: dict[str, tuple[Fields, Fields]] = {
        "token of another session": ({"csrf": cookies.csrf_token(attacker.secret)}, {})
    }
    for name, (fields, headers) in {**FORGED, **tokens}.items():
        refused = await victim.send("/settings/sessions/end-others", fields, headers)
        assert (refused.status, "was not sent from one of our pages" in refused.text) == (403, True), name
    for headers in ({"Origin": OURS}, {"Origin": world.url, "Sec-Fetch-Site": "same-origin"}):
        assert (await victim.send("/settings/sessions/end-others", headers=headers)).status == 303
    plain = await victim.send("/sign-out", headers={"Content-Type": "text/plain"})
    assert (plain.status, "not a form of ours" in plain.text) == (400, True)


async def test_no_act_of_any_page_is_performed_without_the_token_of_its_session(world: World) -> None:
    visitor = Visitor(world)
    await visitor.sign_in("alice")
    before = await fetch("SELECT count(*) AS count FROM audit_entries")
    acts = [filled(route.path) for route in PAGES if route.method == "POST"]
    answers = {path: (await visitor.send(path, {"csrf": ""})).status for path in acts}
    assert set(answers.values()) == {403} and len(answers) >= 6
    foreign = {path: (await visitor.send(path, headers=EVIL)).status for path in acts}
    assert set(foreign.values()) == {403}
    assert await fetch("SELECT count(*) AS count FROM audit_entries") == before


# --- sessions


async def test_a_cookie_that_somebody_planted_never_becomes_a_session(world: World) -> None:
    planted = "attackers-choice"
    visitor = Visitor(world, {"longshore": planted})
    await visitor.sign_in("alice")
    assert visitor.secret not in ("", planted)
    for value in (planted, "x" * 5000, "é", '"', visitor.secret[:-1], visitor.secret + "x"):
        other = await Visitor(world, {"longshore": value}).open("/settings")
        assert (other.status, other.location) == (303, "/sign-in?next=%2Fsettings"), value
    stored = await fetch("SELECT * FROM sessions")
    assert visitor.secret not in str(stored)


async def test_a_stolen_session_is_seen_and_ended_by_its_owner_and_by_operators(world: World) -> None:
    world.github.person("mallory", "read")
    owner, mallory, operator = Visitor(world), Visitor(world), Visitor(world)
    await owner.sign_in("alice")
    await mallory.sign_in("mallory")
    thief = Visitor(world, {"longshore": owner.secret})
    assert (await thief.open("/settings")).status == 200  # the same cookie is the same session
    number = (await Session.get(user__name="alice")).id
    assert (await mallory.send(f"/settings/sessions/{number}/end")).status == 404
    assert (await owner.send(f"/settings/sessions/{number}/end")).location == "/sign-in"
    assert owner.cookies == {}
    assert (await thief.open("/settings")).status == 303
    secret = await sessions.create_link(await world.context())
    await operator.send("/login-link", {"secret": secret})
    assert (await mallory.open("/settings?everybody")).status == 403
    everybody = await operator.open("/settings?everybody")
    assert "mallory" in everybody.text
    number = (await Session.get(user__name="mallory")).id
    assert (await operator.send(f"/settings/sessions/{number}/end")).status == 303
    assert (await mallory.open("/settings")).status == 303


async def test_a_session_belongs_to_the_account_whatever_its_login_is(world: World) -> None:
    await world.github.set_private(True)
    await world.settle()
    world.github.person("carol", "write")
    carol = Visitor(world)
    await carol.sign_in("carol")
    world.github.rename_person("carol", "caroline")
    mallory = world.github.person("carol", "none")
    impostor = Visitor(world)
    await impostor.sign_in("carol")
    assert await User.filter(github_id=mallory.id).count() == 1
    assert "acme/site" in (await carol.open("/")).text
    assert "acme/site" not in (await impostor.open("/")).text
    await carol.sign_in("caroline")
    assert "You have signed in as caroline" in (await carol.open("/settings")).text
    assert len(await User.filter(github_id__not_isnull=True)) == 2


async def test_who_is_removed_from_the_repository_can_do_nothing_there_at_once(world: World) -> None:
    world.github.person("dan", "maintain")
    dan = Visitor(world)
    await dan.sign_in("dan")
    context = await acting(world, dan.secret)
    await freeze_environment(context, "site", "staging", "before")
    world.github.person("dan", "read")
    with pytest.raises(Forbidden, match="it needs maintain; you have read"):
        await freeze_environment(context, "site", "production", "after")
    await world.github.set_private(True)
    world.github.person("dan", "none")
    with pytest.raises(Forbidden):
        await freeze_environment(context, "site", "production", "after")
    world.github.delete_person("dan")
    with pytest.raises(Forbidden):
        await freeze_environment(context, "site", "production", "after")


async def acting(world: World, secret: str) -> Context:
    """The context of acts in a session."""
    found = await sessions.authenticate(secret, (await world.context()).now(), operators=frozenset())
    assert found is not None
    return (await world.context()).acting_as(found.actor, "page")


async def test_a_form_sent_to_another_address_is_another_act(world: World) -> None:
    world.github.person("mona", "write")
    mona = Visitor(world)
    await mona.sign_in("mona")
    await world.cut("1.0.0-rc1")
    again = {"once": "one click"}
    locked = await mona.send("/projects/site/environments/staging/lock", {"reason": "looking", **again})
    assert locked.location == "/projects/site/environments/staging"
    fields = {"version": "2.0.0", "commit": world.github.head(), **again}
    for _ in range(2):  # not the candidate with the id of the lock
        cut = await mona.send("/projects/site/cut", fields)
        assert cut.location == "/projects/site/candidates/2.0.0-rc1", cut.text
    await world.settle()


# --- signing in


async def test_a_sign_in_ends_only_in_the_browser_that_began_it_and_once(world: World) -> None:
    world.github.person("mallory")
    victim, attacker = Visitor(world), Visitor(world)
    theirs = await attacker.ask_github(await attacker.begin_sign_in(), "mallory")
    code, state = URL(theirs).query["code"], URL(theirs).query["state"]
    for path in (theirs, "/auth/github/callback", f"/auth/github/callback?code={code}"):
        page = await victim.open(path)
        assert (page.status, "was not begun in this browser" in page.text) == (400, True)
    await victim.begin_sign_in()
    for query in (f"code={code}&state={state}", f"code={code}", f"code={code}&state=", "state=%ff"):
        kept = dict(victim.cookies)
        assert (await victim.open(f"/auth/github/callback?{query}")).status == 400
        assert victim.cookies == {}
        victim.cookies = kept
    kept = dict(attacker.cookies)
    assert (await attacker.open(theirs)).status == 303
    replayed = Visitor(world, kept)
    assert (await replayed.open(theirs)).status == 400
    assert "longshore" not in {**victim.cookies, **replayed.cookies}
    assert await Session.all().count() == 1


async def test_a_code_is_worth_nothing_to_who_lacks_the_verifier_of_its_browser(world: World) -> None:
    world.github.person("mallory")
    victim, attacker = Visitor(world), Visitor(world)
    stolen = URL(await victim.ask_github(await victim.begin_sign_in(), "alice")).query["code"]
    state = (await attacker.begin_sign_in()).query["state"]
    injected = await attacker.open(f"/auth/github/callback?code={stolen}&state={state}")
    assert (injected.status, "GitHub does not accept this sign-in" in injected.text) == (400, True)
    url = await victim.begin_sign_in()
    back = await victim.ask_github(url, "alice")
    name, value = next(iter(victim.cookies.items()))
    begun, verifier, path = value.split(".")
    victim.cookies[name] = f"{begun}.{verifier[::-1]}.{path}"
    assert (await victim.open(back)).status == 400
    assert url.query["code_challenge_method"] == "S256" and verifier not in str(url)
    assert await Session.all().count() == 0


async def test_too_many_failures_are_refused_before_github_is_asked_but_a_valid_link_never_is(world: World) -> None:
    visitor = Visitor(world)
    for _ in range(MAX_FAILURES):
        assert (await visitor.send("/login-link", {"secret": "wrong"})).status == 401
    refused = await visitor.send("/login-link", {"secret": "wrong"})
    assert (refused.status, refused.headers["Retry-After"].isdigit()) == (429, True)
    back = await visitor.ask_github(await visitor.begin_sign_in(), "alice")
    world.github.forget_calls()
    limited = await visitor.open(back)
    assert (limited.status, limited.headers["Retry-After"].isdigit()) == (429, True)
    assert not [call for call in world.github.calls if call.method == "POST"]
    secret = await sessions.create_link(await world.context())
    assert (await visitor.send("/login-link", {"secret": secret})).status == 303


def test_of_a_cookie_that_somebody_made_up_no_long_state_is_kept() -> None:
    for length, is_read in ((43, True), (sign_in_cookies.MAX_STATE + 1, False)):
        cookie = f"__Host-{sign_in_cookies.NAME}={'s' * length}.verifier."
        request = make_mocked_request("GET", "/auth/github/callback", headers={"Cookie": cookie})
        assert (sign_in_cookies.read(runtime("https://longshore.example"), request) is not None) == is_read


async def test_a_text_that_no_database_can_hold_is_refused_and_no_fault(world: World) -> None:
    await world.cut("1.0.0-rc1")
    operator = Visitor(world)
    await operator.send("/login-link", {"secret": await sessions.create_link(await world.context())})
    queries = ("/?q=%00", "/audit?actor=%00", "/audit.jsonl?project=a%00", "/projects/site/cut?version=%00")
    for path in (*queries, "/projects/%00", "/board/a%00", "/projects/site/environments/%00"):
        assert (await operator.open(path)).status == 400, path
    page = await operator.send("/projects/site/environments/staging/lock", {"reason": "a\0b"})
    assert (page.status, "U+0000" in page.text) == (400, True)


# --- what strangers may use up


def test_strangers_leave_streams_for_who_has_signed_in() -> None:
    feed = EventFeed()
    with ExitStack() as stack:
        for _ in range(live.MAX_OF_STRANGERS):
            live.refuse_too_many(feed, None)
            stack.enter_context(feed.subscribed(live.Inbox(None)))
        live.refuse_too_many(feed, "person 1")
        with pytest.raises(Unavailable):
            live.refuse_too_many(feed, None)


def test_parts_of_pages_are_kept_up_to_a_size_and_not_up_to_a_number() -> None:
    renderer = Renderer(runtime("https://longshore.example"), StaticFiles())
    first, size = renderer.shared("waiting_count.html", 0, count="first"), MAX_SHARED // 4
    assert renderer.shared("waiting_count.html", 0, count="other") == first
    for key in range(1, 5):
        renderer.shared("waiting_count.html", key, count="x" * size)
    assert "other" in renderer.shared("waiting_count.html", 0, count="other")


# --- where browsers are sent

ELSEWHERE = (
    *("//evil.example", "/\\evil.example", "\\/evil.example", "https:evil.example", "https://evil.example"),
    *("///evil.example", "javascript:alert(1)", "/\tevil", "/\r\nSet-Cookie: a=b", " //evil.example", "evil.example"),
    *("/\x00", "/x\u2028", "/\ud800", "", "?next", "https:/evil.example"),
)
WITHIN = ("/", "/projects/a%2Fb?x=1#y", "/%2F%2Fevil.example", "/%5Cevil.example", "/a//b", "/x:y", "/é")


def runtime(url: str) -> WebRuntime:
    """What pages share, of a service at a URL."""
    return WebRuntime(Context, url, anonymous("none"), Attempts(), SignIn, frozenset, None, None)  # type: ignore[arg-type]


def test_after_a_sign_in_browsers_are_sent_to_paths_of_ours_only() -> None:
    at_root, below = runtime("https://longshore.example"), runtime("https://example.com/tools/longshore")
    assert {security.local_path(at_root, text) for text in ELSEWHERE} == {"/"}
    assert [security.local_path(at_root, text) for text in WITHIN] == list(WITHIN)
    for text in (*ELSEWHERE, "/", "/tools", "/tools/longshoreman", "/tools/other"):
        assert security.local_path(below, text) == "/tools/longshore/", text
    assert security.local_path(below, "/tools/longshore/settings?x") == "/tools/longshore/settings?x"


async def test_a_sign_in_leads_nowhere_else(world: World) -> None:
    visitor = Visitor(world)
    for text in ("//evil.example", "/%5Cevil.example", "%2F%2Fevil.example", "https%3Aevil.example", "/" + "x" * 2000):
        assert (await visitor.sign_in("alice", text)).location == "/", text
    name = "longshore-sign-in"
    url = await visitor.begin_sign_in()
    begun, verifier, _ = visitor.cookies[name].split(".")
    visitor.cookies[name] = f"{begun}.{verifier}.Ly9ldmlsLmV4YW1wbGU"  # "//evil.example"
    assert (await visitor.open(await visitor.ask_github(url, "alice"))).location == "/"


# --- headers and cookies


async def test_every_page_forbids_frames_and_foreign_scripts_errors_too(world: World) -> None:
    visitor = Visitor(world)
    secret = await sessions.create_link(await world.context())
    await visitor.send("/login-link", {"secret": secret})
    paths = [filled(route.path) for route in PAGES if route.method == "GET"]
    found = {path: await visitor.open(path) for path in (*paths, "/nothing", "/projects/nothing", "/settings?x=%ff")}
    found["stranger"] = await Visitor(world).open("/sign-in")
    found["forged"] = await visitor.send("/sign-out", {"csrf": ""})
    found["refused"] = await Visitor(world).send("/login-link", {"secret": "x"})
    found["too large"] = await visitor.send("/sign-out", {"x": "x" * 70_000})
    for path, page in found.items():
        if page.status == 303 or not page.headers["Content-Type"].startswith("text/html"):
            continue
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy, path
        assert "unsafe" not in policy and "base-uri 'none'" in policy and "form-action 'self'" in policy, path
        assert page.headers["X-Frame-Options"] == "DENY" and page.headers["X-Content-Type-Options"] == "nosniff", path
        assert page.headers["Referrer-Policy"] == "same-origin", path
        assert page.headers["Cache-Control"] in ("private, no-cache", "no-store"), path
        assert not re.search(r"<script(?! src=)|<style|\son\w+=|\sstyle=|javascript:", page.html), path


@pytest.mark.parametrize(("url", "prefix"), [("", ""), ("https://longshore.example", "__Host-")])
async def test_cookies_are_kept_from_scripts_and_other_sites_and_over_https_to_this_host(
    source: Path, database_url: str, aiohttp_server: Serve, url: str, prefix: str
) -> None:
    async with running_world(source, database_url, aiohttp_server, base_url=url) as world:
        visitor = Visitor(world)
        back = await visitor.ask_github(await visitor.begin_sign_in(), "alice")
        begun = [*visitor.told]
        assert [line.partition("=")[0] for line in begun] == [f"{prefix}longshore-sign-in"]
        await visitor.open(back)
        assert sorted(line.partition("=")[0] for line in visitor.told) == [
            f"{prefix}longshore",
            f"{prefix}longshore-sign-in",
        ]
        for line in (*begun, *visitor.told):
            attributes = {part.strip().lower() for part in line.split(";")[1:]}
            assert {"httponly", "samesite=lax", "path=/"} <= attributes
            assert ("secure" in attributes) is bool(url)
            assert not any(part.startswith("domain") for part in attributes)
        assert (await visitor.open("/settings")).status == 200
        assert (await visitor.send("/sign-out", headers={"Origin": url or OURS})).status == 303
        assert visitor.cookies == {}


@pytest.mark.parametrize(
    ("url", "expected"),
    [("", None), ("http://longshore.example", None), ("https://longshore.example", "max-age=31536000")],
)
async def test_pages_keep_browsers_to_https_where_people_reach_the_service_over_it(
    source: Path, database_url: str, aiohttp_server: Serve, url: str, expected: str | None
) -> None:
    async with running_world(source, database_url, aiohttp_server, base_url=url) as world:
        visitor = Visitor(world)
        for path, status in (("/sign-in", 200), ("/", 303), ("/nothing", 404), ("/auth/github/callback", 400)):
            page = await visitor.open(path)
            assert (page.status, page.headers.get("Strict-Transport-Security")) == (status, expected), path
        assert "Strict-Transport-Security" not in (await world.ask("GET", "/api/projects")).headers


# --- secrets


async def test_no_secret_of_a_sign_in_or_a_session_is_logged_or_stored(lines: Lines, world: World) -> None:
    visitor, operator = Visitor(world), Visitor(world)
    back = await visitor.ask_github(await visitor.begin_sign_in(), "alice")
    known = [*visitor.cookies["longshore-sign-in"].split(".")[:2], URL(back).query["code"]]
    await visitor.open(back)
    await visitor.open(back)
    link = await sessions.create_link(await world.context())
    await operator.open(f"/login-link?secret={link}")
    await operator.send("/login-link", {"secret": link})
    await operator.send("/login-link", {"secret": link})
    made = await visitor.send("/settings/tokens", {"name": "laptop", "lifetime": "7", "grant.project:read": "on"})
    token = re.search(r"lsh_[\w-]+", made.html.partition("new-token")[2])
    assert token is not None
    user_tokens = list(world.github.state.user_tokens)
    known += [visitor.secret, operator.secret, link, token[0], world.github.client_secret, *user_tokens]
    assert len(user_tokens) == 1 and all(len(secret) >= 20 for secret in known)
    tables = ("sessions", "login_links", "api_tokens", "audit_entries", "users", "jobs")
    stored = str([await fetch(f"SELECT * FROM {table}") for table in tables])
    logged = orjson.dumps(lines()).decode()
    assert "/auth/github/callback" in logged
    assert [secret for secret in known if secret in logged or secret in stored] == []
