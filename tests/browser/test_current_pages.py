"""Pages that are kept current lose nothing: no part, no reason of a refusal, and nothing that is being typed."""

import pytest
from playwright.async_api import Request, Route

from bot.store.projects import Environment
from tests.browser.conftest import OpenScreen
from tests.web.browsers import sign_in, sign_in_as_operator
from tests.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")
GATES = {"approvals": {"count": 1, "from": ["role:maintain"]}}


async def fail(route: Route) -> None:
    """Answer as the service does that cannot reach its database."""
    await route.fulfill(status=503, content_type="text/html", body="<h1>Unavailable</h1>")


async def test_every_row_changes_and_one_that_cannot_be_fetched_stays(world: World, screen_of: OpenScreen) -> None:
    for name in ("docs", "shop", "tools"):
        assert (await world.ask("POST", "/api/projects", {"name": name})).status == 201
        body = {"name": "staging", "tier": "staging"}
        assert (await world.ask("POST", f"/api/projects/{name}/environments", body)).status == 201
    operator = await sign_in_as_operator(world)
    screen = await screen_of(operator.secret)
    await screen.open("/")
    await screen.page.route("**/board/tools?*", fail)
    async with screen.page.expect_request("**/board/tools?*"):
        for name in ("docs", "shop", "site", "tools"):
            body = {"reason": "inventory"}
            assert (await world.ask("POST", f"/api/projects/{name}/freezes", body)).status == 201
    for name in ("docs", "shop", "site"):
        await screen.page.locator("tr", has_text=name).filter(has_text="inventory").wait_for()
    await screen.see("tools")


async def test_why_an_act_was_refused_stays_while_the_page_changes(world: World, screen_of: OpenScreen) -> None:
    world.github.person("mona", "write")
    await Environment.filter(name="production").update(gate_settings=GATES)
    await world.cut("1.0.0-rc1")
    mona = await sign_in(world, "mona")
    screen = await screen_of(mona.secret)
    await screen.open("/projects/site/candidates/1.0.0-rc1")
    await screen.press("Approve for production")
    refusal = await screen.page.get_by_role("alert").inner_text()
    hold = await world.ask("POST", "/api/projects/site/releases/1.0.0/hold", {"reason": "a bug"})
    assert hold.status in (200, 201)
    await screen.see("release 1.0.0 held by")
    assert await screen.page.get_by_role("alert").inner_text() == refusal


async def test_what_waits_for_somebody_appears_and_leaves_what_they_have_begun(
    world: World, screen_of: OpenScreen
) -> None:
    world.github.person("mona", "maintain")
    await Environment.all().update(gate_settings=GATES)
    await world.cut("1.0.0-rc1")
    mona = await sign_in(world, "mona")
    screen = await screen_of(mona.secret)
    await screen.open("/waiting")
    await screen.see("Nothing waits for you")
    await wait_for_approval(world, "staging")
    await screen.see("site 1.0.0-rc1 to staging")
    await screen.page.locator("summary", has_text="Ban 1.0.0-rc1").click()
    await wait_for_approval(world, "production")
    await screen.page.wait_for_timeout(3000)
    assert await screen.page.locator("details[open]").count() == 1
    await screen.page.locator("summary", has_text="Ban 1.0.0-rc1").click()
    await screen.see("site 1.0.0-rc1 to production")


async def wait_for_approval(world: World, environment: str) -> None:
    """Ask for a deployment that has to wait."""
    body = {"release_candidate_version": "1.0.0-rc1", "wait": True}
    path = f"/api/releases/site/environments/{environment}/deployments"
    assert (await world.ask("POST", path, body)).status == 201


async def test_a_filtered_board_is_fetched_once_for_a_project_that_it_does_not_show(
    world: World, screen_of: OpenScreen
) -> None:
    assert (await world.ask("POST", "/api/projects", {"name": "docs"})).status == 201
    operator = await sign_in_as_operator(world)
    screen, boards = await screen_of(operator.secret), list[str]()
    await screen.open("/?q=docs")
    screen.page.on("request", lambda request: boards.append(request.url) if "q=docs" in request.url else None)
    for reason in ("inventory", "holidays", "a party"):
        assert (await world.ask("POST", "/api/projects/site/freezes", {"reason": reason})).status == 201
        await screen.page.wait_for_timeout(500)
    assert len(boards) == 1
    assert (await world.ask("POST", "/api/projects/docs/freezes", {"reason": "inventory"})).status == 201
    assert (await world.ask("POST", "/api/projects", {"name": "docs-2"})).status == 201
    await screen.see("docs-2")
    assert len(boards) == 2


async def test_a_comparison_that_github_does_not_give_is_asked_for_less_and_less_often(
    world: World, screen_of: OpenScreen
) -> None:
    await world.cut("1.0.0-rc1")
    await world.complete_deployment("1.0.0-rc1")
    await world.cut("1.1.0-rc1", await world.github.commit("Faster"))
    world.expect_unfinished("count_changes")
    world.github.faults.fail(path="*/compare/*", status=503, times=None)
    operator = await sign_in_as_operator(world)
    screen, rows = await screen_of(operator.secret), list[Request]()
    await screen.page.clock.install()
    await screen.open("/")
    assert await screen.page.locator("tr[data-every]").count() == 1
    screen.page.on("request", lambda request: rows.append(request) if "/board/site" in request.url else None)
    for _ in range(40):
        await screen.page.clock.run_for(60_000)
        await screen.page.wait_for_timeout(20)
    assert 5 <= len(rows) <= 8
    for _ in range(20):
        await screen.page.clock.run_for(600_000)
    assert len(rows) <= 8
