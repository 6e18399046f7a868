"""Make the pictures of the documentation, docs/images/*.png, from the demo: `make screenshots`.

Each page is shown in light and in dark. `pngquant` makes the files smaller, if it is installed.
"""

import asyncio
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.async_api import Browser, Page
from rich.console import Console

from cli import demo
from cli.demo_session import DemoSession
from sandbox import make_repository
from tests.browser import chromium

IMAGES = Path(__file__).parent.parent.parent / "docs/images"
WIDTH, LOWEST, HIGHEST = 1180, 300, 760  # pixels
SITE = "/projects/site"
STAGING, PRODUCTION = (f"/api/releases/site/environments/{name}/deployments" for name in ("staging", "production"))


async def main() -> None:
    """Run the demo, have something wait and something under way, and take the pictures."""
    IMAGES.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder:
        repository = Path(folder) / "site"
        await make_repository(repository)
        starting = demo.start_demo(repository, Path(folder), demo.free_port(), Console(quiet=True), True)
        async with chromium.running() as browser, starting as session:
            await demo.run_scenario(session)
            waiting = await prepare(session)
            page = await sign_in(browser, session)
            await take(page, session, waiting)


async def prepare(session: DemoSession) -> int:
    """Cut two more candidates; returns the id of a deployment that waits for an approval."""
    github = session.sandbox.github
    for version, message in (("1.2.0-rc1", "Sort by price"), ("1.2.0-rc2", "Sort by price, then by name")):
        body = {"repo": "acme/site", "commit": await github.commit(message, by="bob"), "trigger_build_workflow": True}
        await session.request("POST", f"/api/releases/site/releases/{version}", body)
        await session.wait_for_status(f"/api/releases/site/releases/{version}", "ready", version)
    body = {"release_candidate_version": "1.2.0-rc1"}
    first = await session.request("POST", STAGING, body)
    await session.wait_for_status(f"{STAGING}/{first['id']}", "success", "1.2.0-rc1 on staging")
    waiting = await session.request("POST", PRODUCTION, {**body, "wait": True})
    return int(waiting["id"])


async def sign_in(browser: Browser, session: DemoSession) -> Page:
    """A page of the operator."""
    context = await browser.new_context(base_url=session.url, viewport={"width": WIDTH, "height": HIGHEST})
    page = await context.new_page()
    await page.goto(await session.new_link())
    await page.get_by_role("heading", name="Board").wait_for()
    return page


async def take(page: Page, session: DemoSession, waiting: int) -> None:
    """Take all pictures."""
    await session.request("POST", STAGING, {"release_candidate_version": "1.2.0-rc2"})
    for name, path in (
        ("board", "/"),
        ("deployment", f"/deployments/{waiting}"),
        ("project", SITE),
        ("candidate", f"{SITE}/candidates/1.2.0-rc1"),
        ("environment", f"{SITE}/environments/production"),
    ):
        await page.goto(path)
        await page.evaluate("document.activeElement.blur()")
        await page.emulate_media(color_scheme="light")
        await save(page, IMAGES / f"{name}-light.png")
        await page.emulate_media(color_scheme="dark")
        await save(page, IMAGES / f"{name}-dark.png")


async def save(page: Page, path: Path) -> None:
    """Save what stands on a page, at most a window full, in few colors."""
    content = await page.evaluate("Math.ceil(document.querySelector('main').getBoundingClientRect().bottom)")
    height = max(LOWEST, min(content, HIGHEST))
    await page.screenshot(path=path, clip={"x": 0, "y": 0, "width": WIDTH, "height": height}, animations="disabled")
    if tool := shutil.which("pngquant"):
        subprocess.run([tool, "--force", "--strip", "--output", path, "48", path], check=True)
    print(f"{path.name}: {path.stat().st_size // 1024} KB")  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main())
