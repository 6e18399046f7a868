"""Signing in with GitHub and by a link, signing out, and what begins and ends sessions."""

from datetime import timedelta
from pathlib import Path

from bot.operations import sessions
from bot.store.database import fetch
from bot.store.sessions import LoginLink, Session
from bot.store.users import User
from tests.web.visitors import Visitor
from tests.world import Serve, World, running_world


async def test_somebody_signs_in_with_github_and_comes_to_where_they_wanted(world: World) -> None:
    rita = world.github.person("rita", "read")
    visitor = Visitor(world)
    page = await visitor.open("/sign-in?next=/board/site")
    assert "Sign in with GitHub" in page.text
    assert 'href="/sign-in/github?next=/board/site"' in page.html
    arrived = await visitor.sign_in("rita", "/board/site")
    assert (arrived.status, arrived.location) == (303, "/board/site")
    assert set(visitor.cookies) == {"longshore"}
    assert "acme/site" in (await visitor.open("/")).text
    row = await Session.get().select_related("user")
    assert (row.user.github_id, row.operator) == (rita.id, False)
    assert (await world.audit("session.begin"))[0].actor == "rita"
    assert [call.route for call in world.github.calls if "oauth" in call.route or call.route == "GET /user"] == [
        "GET /login/oauth/authorize",
        "POST /login/oauth/access_token",
        "GET /user",
    ]
    assert (await visitor.open("/sign-in?next=/settings")).location == "/settings"


async def test_a_sign_in_replaces_the_session_of_the_browser_and_signing_out_ends_it(world: World) -> None:
    visitor = Visitor(world)
    await visitor.sign_in("alice")
    first = visitor.secret
    await visitor.sign_in("alice")
    second = visitor.secret
    assert first != second
    assert (await Visitor(world, {"longshore": first}).open("/settings")).location.startswith("/sign-in")
    assert (await visitor.send("/sign-out")).location == "/sign-in"
    assert visitor.cookies == {}
    assert (await Visitor(world, {"longshore": second}).open("/settings")).location.startswith("/sign-in")
    assert await Session.filter(ended_at=None).count() == 0
    assert len(await world.audit("session.end")) == 2
    assert (await Visitor(world).send("/sign-out")).location == "/sign-in"


async def test_only_the_newest_sessions_of_a_person_stay_open(world: World) -> None:
    world.github.person("bob", "read")
    other, oldest = Visitor(world), Visitor(world)
    await other.sign_in("bob")
    await oldest.sign_in("alice")
    context, user = await world.context(), await User.get(name="alice")
    for _ in range(sessions.MAX_OPEN - 1):
        await sessions.begin(context, user, "a test")
    assert (await oldest.open("/settings")).status == 200
    newest = Visitor(world)
    await newest.sign_in("alice")
    assert [(await each.open("/settings")).status for each in (oldest, newest, other)] == [303, 200, 200]
    assert await Session.filter(user=user, ended_at=None).count() == sessions.MAX_OPEN
    assert len(await world.audit("session.end")) == 1


async def test_who_takes_back_the_authorization_on_github_is_signed_out_at_once(world: World) -> None:
    world.github.person("bob", "read")
    alice, laptop, bob = Visitor(world), Visitor(world), Visitor(world)
    for visitor, login in ((alice, "alice"), (laptop, "alice"), (bob, "bob")):
        await visitor.sign_in(login)
    await world.github.revoke_authorization("alice")
    await world.settle()
    assert [(await each.open("/settings")).status for each in (alice, laptop, bob)] == [303, 303, 200]
    for payload in ({"action": "granted", "sender": {"id": 7}}, {"action": "revoked", "sender": None}):
        await world.github.send("github_app_authorization", payload)
    await world.settle()
    assert (await bob.open("/settings")).status == 200


async def test_a_link_signs_in_as_the_operator_once_and_showing_it_uses_nothing_up(world: World) -> None:
    context = await world.context()
    secret = await sessions.create_link(context)
    for _ in range(2):
        page = await Visitor(world).open(f"/login-link?secret={secret}")
        assert (page.status, page.headers["Cache-Control"]) == (200, "no-store")
        assert "data-submit" in page.html
    visitor = Visitor(world)
    used = await visitor.submit(page, "/login-link")
    assert (used.status, used.location) == (303, "/")
    assert "an operator: you may do everything" in (await visitor.open("/settings")).text
    again = await Visitor(world).send("/login-link", {"secret": secret})
    assert (again.status, "has been used, or is older than 10 minutes" in again.text) == (401, True)
    late = await sessions.create_link(context)
    await LoginLink.filter(used_at=None).update(expires_at=context.now() - timedelta(seconds=1))
    assert (await Visitor(world).send("/login-link", {"secret": late})).status == 401


async def test_sessions_end_when_unused_for_a_week_or_after_a_month_and_are_deleted_a_week_later(world: World) -> None:
    context = await world.context()
    visitor = Visitor(world)
    await visitor.sign_in("alice")
    now = context.now()
    for used, expires, status in (
        (timedelta(days=6), timedelta(days=1), 200),
        (timedelta(days=7, seconds=1), timedelta(days=1), 303),
        (timedelta(), timedelta(seconds=-1), 303),
    ):
        await Session.all().update(last_used_at=now - used, expires_at=now + expires)
        assert (await visitor.open("/settings")).status == status, used
    await sessions.create_link(context)
    for days, left in ((6, 1), (8, 0)):
        ended = now - timedelta(days=days)
        await Session.all().update(ended_at=ended)
        await LoginLink.all().update(expires_at=ended)
        await world.prune()
        assert (await Session.all().count(), await LoginLink.all().count()) == (left, left)
    assert await User.filter(name="alice").exists()


async def test_without_a_client_id_the_page_says_how_an_operator_gets_in(
    source: Path, database_url: str, aiohttp_server: Serve
) -> None:
    async with running_world(source, database_url, aiohttp_server, github_client_id="") as world:
        visitor = Visitor(world)
        page = await visitor.open("/sign-in")
        assert "longshore login-link" in page.text and "/sign-in/github" not in page.html
        assert (await visitor.open("/sign-in/github")).status == 400
        assert (await visitor.open("/auth/github/callback?code=1&state=2")).status == 400


async def test_github_that_is_down_or_does_not_know_us_is_said_on_the_page(
    source: Path, database_url: str, aiohttp_server: Serve
) -> None:
    async with running_world(source, database_url, aiohttp_server, github_client_secret="x" * 20) as world:
        visitor = Visitor(world)
        refused = await visitor.sign_in("alice")
        assert (refused.status, "LONGSHORE_GITHUB_CLIENT_ID and its secret" in refused.text) == (503, True)
        back = await visitor.ask_github(await visitor.begin_sign_in(), "alice")
        world.github.faults.down()
        assert "GitHub is unavailable" in (await visitor.open(back)).text
        world.github.faults.up()
        assert await Session.all().count() == 0
        assert await fetch("SELECT 1 FROM users WHERE name = 'alice'") == []


async def test_who_cancels_at_github_may_try_again(world: World) -> None:
    visitor = Visitor(world)
    url = await visitor.begin_sign_in("/settings")
    async with world.session.get(url.update_query(sandbox_cancel="yes"), allow_redirects=False) as response:
        back = response.headers["Location"].partition("8080")[2]
    page = await visitor.open(back)
    assert (page.status, "You did not sign in at GitHub." in page.text) == (400, True)
    assert 'href="/sign-in/github?next=/settings"' in page.html
