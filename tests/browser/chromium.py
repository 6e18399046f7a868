"""Chromium, and what people see in it."""

import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import unquote

import pytest
from playwright import async_api
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, ViewportSize, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
REQUIRED = os.environ.get("LONGSHORE_TEST_CHROMIUM", "") == "required"
HOW = "Chromium is not on PATH. Install it: `apt-get install chromium`; or leave these tests out."
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions")
SECONDS = 20  # that something may take to appear on a busy machine
WIDE, NARROW = ViewportSize(width=1280, height=900), ViewportSize(width=390, height=844)


def executable() -> str:
    """The path of Chromium. Without one, the test is skipped, or fails where LONGSHORE_TEST_CHROMIUM is `required`."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        (pytest.fail if REQUIRED else pytest.skip)(HOW)
    return found


@asynccontextmanager
async def running() -> AsyncIterator[Browser]:
    """A Chromium without a window."""
    path = executable()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Screen:
    """What somebody sees. `errors`: failed scripts and files, and violations of the policy, as Chromium says them."""

    page: Page
    errors: list[str] = field(default_factory=list)

    @classmethod
    async def of(cls, context: BrowserContext) -> "Screen":
        """A new page of a browser's context."""
        context.set_default_timeout(SECONDS * 1000)
        screen = cls(await context.new_page())
        screen.page.on("console", screen._heard)
        screen.page.on("pageerror", lambda error: screen.errors.append(str(error)))
        return screen

    def _heard(self, message: ConsoleMessage) -> None:
        is_refusal = message.text.startswith("Failed to load") and message.location["url"] == self.page.url
        if message.type in ("error", "warning") and not is_refusal:
            self.errors.append(f"{self.page.url}: {message.text}")

    async def open(self, path: str) -> None:
        """Open a page of the service."""
        await self.page.goto(path)

    async def press(self, name: str) -> None:
        """Press a button or follow a link, by its whole name."""
        await (
            self.page.get_by_role("button", name=name, exact=True)
            .or_(self.page.get_by_role("link", name=name, exact=True))
            .first.click()
        )

    async def fill(self, label: str, text: str) -> None:
        """Type into the field that can be seen whose label begins with a text."""
        await self.labelled(label).fill(text)

    def labelled(self, label: str) -> Locator:
        """The field that can be seen whose label begins with a text."""
        return self.page.get_by_label(re.compile(f"^{re.escape(label)}")).locator("visible=true")

    async def see(self, text: str) -> None:
        """Wait until a text stands in the main part of the page."""
        main = self.page.locator("main")
        try:
            await main.filter(has_text=text).wait_for()
        except async_api.TimeoutError:
            pytest.fail(f"{text!r} is not on {self.path}: {' '.join((await main.inner_text()).split())}")

    async def mark(self) -> None:
        """Remember this load of the page, for `is_marked`."""
        await self.page.evaluate("window.marked = true")

    async def is_marked(self) -> bool:
        """Whether the page has not been loaded again since it was marked."""
        return bool(await self.page.evaluate("window.marked === true"))

    @property
    def path(self) -> str:
        """The path of the page."""
        return unquote(re.sub(r"^\w+://[^/]*", "", self.page.url))
