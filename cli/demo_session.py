"""What a demo runs on: the service, the simulated GitHub, and the console on which progress is reported."""

import asyncio
import html
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import aiohttp
from rich.console import Console
from rich.text import Text

from bot.errors import Problem
from bot.rules.replies import has_marker
from sandbox.serve import RunningSandbox

TIMEOUT_SECONDS = 60.0
POLL_SECONDS = 0.2
FAILED_STATUSES = ("failed", "failure", "error", "canceled")
STEPS = 15
INDENT = " " * 10  # the width of the time and the check mark

F = TypeVar("F")


class DemoFailed(Problem):
    """The demo did not succeed."""


@dataclass
class DemoSession:
    """A running service and sandbox, and the console to report progress on."""

    sandbox: RunningSandbox
    url: str
    token: str
    http: aiohttp.ClientSession
    console: Console
    new_link: Callable[[], Awaitable[str]] = field(repr=False)  # to sign in to the pages as the operator
    started: float = field(default_factory=time.monotonic)
    step: int = 0

    @property
    def check_mark(self) -> str:
        """A check mark, as far as the console can show one."""
        return "✓" if self.console.encoding.startswith("utf") else "+"

    def log(self, text: str, *, done: bool = False) -> None:
        """Print a line of progress, with a check mark when something is done."""
        elapsed = Text(f"{time.monotonic() - self.started:5.1f}s  ", style="dim")
        mark = Text(f"{self.check_mark} " if done else "  ", style="green")
        self.console.print(elapsed + mark + Text(text))

    def start_step(self, text: str) -> None:
        """Print the title of the next step."""
        self.step += 1
        self.console.print(Text(f"\n{self.step}/{STEPS} {text}", style="bold"))

    def quote(self, text: str) -> None:
        """Print text by people or of the service, one line below the other."""
        for line in text.splitlines():
            self.console.print(Text(f"{INDENT}| {line}".rstrip(), style="dim"))

    async def request(self, method: str, path: str, body: Any = None) -> Any:
        """Log and send a request to the service; return the JSON of the response."""
        self.log(f"{method} {path}")
        status, content = await self._send(method, path, body)
        if status >= 400:
            raise DemoFailed(f"{method} {path} returned {status}: {content}")
        return content

    async def _send(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.http.request(method, self.url + path, json=body, headers=headers) as response:
            return response.status, await response.json()

    async def wait_for_status(self, path: str, expected: str, subject: str) -> Any:
        """Poll a resource until it has the expected status; raise DemoFailed if it fails. Each change is logged."""
        status = ""

        async def look() -> Any:
            nonlocal status
            _, resource = await self._send("GET", path)
            if resource["status"] != status:
                status = resource["status"]
                self.log(f"{subject}: {status.replace('_', ' ')}", done=status == expected)
            if status != expected and status in FAILED_STATUSES:
                why = resource.get("reason") or resource.get("error_message")
                raise DemoFailed(f"{subject} is {status}: {why}")
            return resource if status == expected else None

        return await self.wait_for(look, f"{subject} to be {expected.replace('_', ' ')}")

    async def wait_for(self, look: Callable[[], Awaitable[F | None]], subject: str) -> F:
        """Look until there is something to be found; raise DemoFailed if there is nothing for a minute."""
        for _ in range(int(TIMEOUT_SECONDS / POLL_SECONDS)):
            found = await look()
            if found is not None:
                return found
            await asyncio.sleep(POLL_SECONDS)
        raise DemoFailed(f"Waited for {subject} for {TIMEOUT_SECONDS:.0f} seconds.")

    async def project(self) -> Any:
        """The project as the service shows it."""
        return (await self._send("GET", "/api/projects/site"))[1]

    async def comment(self, pull: int, author: str, body: str) -> str:
        """Comment on a pull request as somebody, and show the reply; returns it as plain text."""
        self.log(f"{author} comments on pull request {pull}:")
        self.quote(body)
        comment = await self.sandbox.github.comment(pull, body, by=author)

        async def look() -> str | None:
            bodies = [each["body"] for each in self.sandbox.github.comments(pull)]
            return next((each for each in bodies if has_marker(each, f"pull-comment:{comment}")), None)

        reply = plain_text(await self.wait_for(look, f"a reply to `{body}`"))
        self.log("Longshore replies:")
        self.quote(reply)
        return reply


def plain_text(markdown: str) -> str:
    """A comment without its markup and its hidden parts, as somebody reads it on GitHub."""
    visible = re.sub("<!--.*?-->|\u200b", "", markdown, flags=re.DOTALL).strip()
    linked = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", visible)
    text = html.unescape(re.sub(r"\\([^\w\s])", r"\1", re.sub(r"\*\*|`", "", linked)))
    return re.sub(r"(?:^\|.*\n?)+", lambda table: _aligned(table[0]), text, flags=re.MULTILINE)


def _aligned(table: str) -> str:
    """A table of Markdown as columns, without the line below its head."""
    lines = [line for line in table.splitlines() if line.strip("|- ")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    shown = ("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "".join(f"{line.rstrip()}\n" for line in shown)
