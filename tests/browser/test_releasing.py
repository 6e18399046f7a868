"""People release in a browser: they sign in at GitHub, press buttons, and watch what comes of it."""

import pytest

from bot.store.projects import Environment
from tests.browser.conftest import OpenScreen
from tests.web.browsers import sign_in_as_operator
from tests.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")
GATES = {"approvals": {"count": 1, "from": ["role:maintain"]}}


async def test_two_people_cut_deploy_approve_and_roll_back_and_see_each_change_without_a_reload(
    world: World, screen_of: OpenScreen
) -> None:
    for login in ("mona", "rita"):
        world.github.person(login, "maintain")
    await world.cut("0.9.0-rc1")
    await world.complete_deployment("0.9.0-rc1", "production")
    await Environment.filter(name="production").update(gate_settings=GATES)
    await world.github.commit("Search faster")
    mona, rita = await screen_of(), await screen_of()
    for screen, login in ((mona, "mona"), (rita, "rita")):
        await screen.open("/projects/site")
        assert screen.path == "/sign-in?next=/projects/site"
        await screen.press("Sign in with GitHub")
        await screen.press(login)
        assert screen.path == "/projects/site"

    await mona.press("Cut a candidate")
    await mona.fill("Version", "1.0.0")
    await mona.press("Show what this will do")
    await mona.see("Dispatch build.yml to build it.")
    await mona.press("Cut 1.0.0")
    assert mona.path == "/projects/site/candidates/1.0.0-rc1"
    await mona.mark()
    await world.settle()
    await mona.see("building")
    await world.github.finish(run=2)
    await world.settle()
    await mona.see("ready")
    assert await mona.is_marked()

    await mona.press("Deploy to production")
    await mona.see("Wait for approvals, then deploy 1.0.0-rc1 to production.")
    await mona.press("Deploy 1.0.0-rc1 to production")
    await mona.see("waits")
    await mona.mark()
    await rita.see("1.0.0-rc1 waits")  # her page of the project, which she opened before there was a candidate
    await rita.press("1.0.0-rc1")
    await rita.press("Approve for production")
    await rita.see("1 of 1 approval given")
    await world.settle()
    await mona.see("its gates opened")
    await world.github.finish(run=3)
    await world.settle()
    await mona.see("live now")
    await mona.see("Approved by")
    assert await mona.is_marked()

    await mona.press("Roll back production")
    await mona.see("Roll production back to 0.9.0-rc1.")
    await mona.fill("Why?", "it loses orders")
    await mona.press("Roll back production")
    await mona.see("Rollback of 0.9.0-rc1 to production")
    await mona.mark()
    await world.settle()
    await world.github.finish(run=4)
    await world.settle()
    await mona.see("live now")
    assert await mona.is_marked()
    assert not mona.errors + rita.errors


async def test_a_stranger_is_refused_a_freeze_stops_deployments_and_a_token_is_made_and_revoked(
    world: World, screen_of: OpenScreen
) -> None:
    world.github.person("mona", "maintain")
    world.github.person("mallory", "none")
    await world.github.set_private(True)
    await world.settle()
    mallory, mona = await screen_of(), await screen_of()
    for screen, login in ((mallory, "mallory"), (mona, "mona")):
        await screen.open("/projects/site/environments/production")
        await screen.press("Sign in with GitHub")
        await screen.press(login)
    await mallory.see("You do not have permission to perform this action.")
    await mallory.press("To the board")
    await mallory.see("You have no rights on any repository of a project here.")

    await mona.page.get_by_text("Freeze production").first.click()
    await mona.fill("Why", "inventory")
    await mona.fill("For how long", "a while")
    await mona.press("Freeze production")
    await mona.see("A duration is a number and a unit")
    assert await mona.labelled("Why").input_value() == "inventory"
    await mona.fill("For how long", "2h")
    await mona.press("Freeze production")
    await mona.see("frozen by mona until")

    await mona.press("mona")
    await mona.fill("Name", "laptop")
    await mona.page.get_by_label("project:read").check()
    await mona.press("Make the token")
    secret = await mona.page.locator("#new-token").inner_text()
    assert (await world.ask("GET", "/api/projects/site", token=secret)).status == 200
    await mona.press("Revoke laptop")
    await mona.see("Your valid tokens will stand here")
    assert (await world.ask("GET", "/api/projects/site", token=secret)).status == 401
    await mona.press("Sign out")
    await mona.open("/settings")
    assert mona.path == "/sign-in?next=/settings"
    assert not mona.errors


async def test_a_page_can_be_used_with_the_keyboard_alone(world: World, screen_of: OpenScreen) -> None:
    operator = await sign_in_as_operator(world)
    screen = await screen_of(operator.secret)
    page = screen.page
    await screen.open("/projects/site")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.className") == "skip"
    assert await page.locator(".skip").evaluate("link => link.getBoundingClientRect().left >= 0"), "it can be seen"
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "main"
    await page.keyboard.press("/")
    assert await page.evaluate("document.activeElement.id") == "search"
    await page.keyboard.type("1/2")
    assert await page.locator("#search").input_value() == "1/2", "a slash is typed there as anywhere"

    await screen.open("/projects/site")
    expected = await page.evaluate(f"{FOCUSABLE}.length")
    reached = []
    for _ in range(expected):
        await page.keyboard.press("Tab")
        reached.append(await page.evaluate(f"{FOCUSABLE}.indexOf(document.activeElement)"))
        assert await page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid", reached
    assert reached == list(range(expected))


FOCUSABLE = """[...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, summary")]
    .filter((element) => element.checkVisibility())"""
