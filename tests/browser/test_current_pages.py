"""Pages that are kept current lose nothing: no part, no reason of a refusal, and nothing that is being typed."""

import pytest
from playwright.async_api import Route

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
