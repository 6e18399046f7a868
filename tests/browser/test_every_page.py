"""What holds for each page: its markup, colors and policy, on wide and narrow screens, light and dark, and as text."""

import re
from difflib import ndiff
from importlib.resources import files
from typing import Any

import pytest

from bot.store.projects import Environment
from tests.api.pdc.schedules import create_schedules
from tests.api.rest.announcement_helpers import decide, submit
from tests.browser.chromium import NARROW, WIDE, Screen
from tests.browser.conftest import OpenScreen
from tests.web.browsers import sign_in, sign_in_as_operator
from tests.web.test_operations import dead_letter
from tests.world import World
from web.pages.routes import ROUTES

pytestmark = pytest.mark.asyncio(loop_scope="session")
PARTS = {"project": "site", "candidate": "1.0.0-rc2", "environment": "production", "deployment": "3"}
NO_PAGES = {
    *("/announcements.atom", "/schedules.ics", "/audit.jsonl", "/live"),  # for programs
    "/waiting/count",  # a part
    *("/board/{project:[^/]+}", "/projects/{project:[^/]+}/candidates/{candidate:[^/]+}/promote"),  # a part, a redirect
    *("/sign-in/github", "/auth/github/callback", "/setup/callback"),  # steps on a way
}
MORE = (
    "/?wall",
    "/?q=nothing",
    "/setup?repo=acme/site",
    "/projects/site/cut?version=1.2.0&commit=main",
    "/no-such-page",
)
OF_STRANGERS = ("/sign-in", "/announcements", "/login-link")
LONG = "because-" * 30
AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
RUN = "async (only) => (await axe.run(document, only)).violations.map(each => [each.id, each.nodes.map(n => n.html)])"
OVERFLOW = """() => document.scrollingElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll("body *")]
    .filter((each) => each.getBoundingClientRect().right > innerWidth).map((each) => each.outerHTML.slice(0, 120))"""
COLORS = {"runOnly": ["color-contrast"]}
AGES = re.compile(r"just now|(in )?\d+ (s|min)( ago)?|\d\d:\d\d(:\d\d)?")


def addresses(**parts: str) -> list[str]:
    """An address of each page; `parts` are those that differ from run to run."""
    paths = [route.path for route in ROUTES if route.method == "GET" and route.path not in NO_PAGES]
    return [re.sub(r"\{(\w+)[^}]*\}", lambda part: {**PARTS, **parts}[part[1]], path) for path in paths]


async def populate(world: World) -> None:
    """Have something of everything that pages show, with texts that are long and have no spaces."""
    await world.cut("1.0.0-rc1")
    for name in ("staging", "production"):
        await world.complete_deployment("1.0.0-rc1", name)
    rule = {"approvals": {"count": 1, "from": ["role:maintain"]}}
    await Environment.filter(name="production").update(gate_settings=rule)
    await world.cut("1.0.0-rc2", await world.github.commit(f"{LONG} {LONG}"))
    body = {"release_candidate_version": "1.0.0-rc2", "wait": True}
    waiting = await world.ask("POST", "/api/releases/site/environments/production/deployments", body)
    assert waiting.json["id"] == int(PARTS["deployment"]), waiting.json
    await world.cut("1.1.0-rc1", build=True)
    await world.settle()
    site = "/api/projects/site"
    for path in (f"{site}/environments/staging/lock", f"{site}/freezes", f"{site}/releases/1.1.0/hold"):
        assert (await world.ask("POST", path, {"reason": LONG})).status < 300
    await submit(world, "1.0", changelog=f"Faster. {LONG}")
    await decide(world, "1.0", "approve")
    await create_schedules(world)


async def check(screen: Screen, path: str) -> dict[str, Any]:
    """What is wrong with a page."""
    wrong: dict[str, Any] = {}
    await screen.page.set_viewport_size(WIDE)
    await screen.page.emulate_media(color_scheme="light")
    await screen.open(path)
    await screen.page.evaluate(AXE)
    wrong["axe, light"] = await screen.page.evaluate(RUN, {})
    wrong["sideways, wide"] = await overflow(screen)
    await screen.page.emulate_media(color_scheme="dark")
    await screen.page.set_viewport_size(NARROW)
    wrong["axe, dark"] = await screen.page.evaluate(RUN, COLORS)
    wrong["sideways, narrow"] = await overflow(screen)
    wrong["console"] = [*screen.errors]
    screen.errors.clear()
    return {what: found for what, found in wrong.items() if found}


async def overflow(screen: Screen) -> list[str]:
    """The elements that make a page wider than its window."""
    return list(await screen.page.evaluate(OVERFLOW))


async def text_of(screen: Screen) -> str:
    """What stands on the page, without times, which go on meanwhile, and without the head, which counts what waits."""
    return AGES.sub("…", " ".join((await screen.page.locator("main").text_content() or "").split()))


async def difference(plain: Screen, scripted: Screen, path: str) -> list[str]:
    """The words that stand on a page only with scripts (+) or without (-), both times: some things change meanwhile."""
    differs: list[str] = []
    for _ in range(2):
        await plain.open(path)
        without, with_scripts = [(await text_of(screen)).split() for screen in (plain, scripted)]
        differs = [line for line in ndiff(without, with_scripts) if line[0] in "+-"]
        if not differs:
            break
        await scripted.open(path)
    return differs


async def test_the_checks_find_what_is_wrong(screen_of: OpenScreen) -> None:
    screen = await screen_of(viewport=NARROW)
    await screen.page.set_content("<input><p style='width: 500px; color: #bbb'>Pale</p><script>x()</script>")
    await screen.page.evaluate(AXE)
    found = {name for name, _ in await screen.page.evaluate(RUN, {})}
    assert {"label", "color-contrast", "document-title"} <= found
    assert await overflow(screen) and screen.errors


@pytest.mark.timeout(300)
async def test_each_page_is_accessible_fits_obeys_its_policy_and_is_read_without_scripts(
    world: World, screen_of: OpenScreen
) -> None:
    await populate(world)
    world.github.person("ada", "admin")
    person, operator = await sign_in(world, "ada"), await sign_in_as_operator(world)
    for path in ("/", "/projects/site"):
        await operator.open(path)
    await world.settle()  # what these show is counted
    job = await dead_letter()
    visits = [
        (operator.secret, (*addresses(job=str(job)), *MORE)),
        (person.secret, ("/settings", "/projects/site")),
        ("", OF_STRANGERS),
    ]
    wrong = {}
    for secret, paths in visits:
        scripted, plain = await screen_of(secret), await screen_of(secret, java_script_enabled=False)
        for path in paths:
            found = await check(scripted, path)
            if path != "/login-link" and (differs := await difference(plain, scripted, path)):
                found["with scripts"] = differs
            if found:
                wrong[path] = found
        assert not plain.errors
    assert not wrong
    world.expect_unfinished("follow", "expire_deployment", "webhook")
