"""The pages of the service: their addresses, and opening them in a browser."""

import webbrowser
from dataclasses import dataclass

from cli.client.caller import Caller
from cli.client.exits import FAILED, Outcome, Usage
from cli.client.service import path


@dataclass(frozen=True)
class Page:
    """A page: of a candidate, an environment or a deployment, or of the project."""

    candidate: str | None = None
    environment: str | None = None
    deployment: int | None = None


async def open_page(caller: Caller, page: Page, *, only_print: bool) -> Outcome:
    """Open a page in the browser, or only print its address."""
    address = f"{caller.service.url}{await _path(caller, page)}"
    if only_print or webbrowser.open(address):
        return Outcome({"url": address}, (address,))
    return Outcome({"url": address}, (address,), FAILED, "There is no browser that could be opened.")


async def _path(caller: Caller, page: Page) -> str:
    if sum(value is not None for value in (page.candidate, page.environment, page.deployment)) > 1:
        raise Usage("--candidate, --environment and --deployment name different pages: give one of them.")
    if page.deployment is not None:
        return path("deployments", page.deployment)
    project = path("projects", await caller.project())
    if page.candidate is not None:
        return f"{project}{path('candidates', page.candidate)}"
    return project if page.environment is None else f"{project}{path('environments', page.environment)}"
