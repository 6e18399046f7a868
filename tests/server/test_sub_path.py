"""Behind a proxy that serves the service at a path and takes it off, every reference to the service keeps the path."""

import re
from collections.abc import AsyncIterator, Iterator
from html import unescape
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urljoin

import pytest

from tests.api.helpers import RawResponse, create_project, send_raw
from tests.api.sample_data import create_sample_data
from tests.api.test_anonymous_access import CALLS_BY_GRANT, PDC, WITHOUT_ROWS
from tests.test_documents import application, routed
from tests.world import Serve, World, running_world

HOST = "https://front.example"
BASE = f"{HOST}/tools/longshore"
ROUTES = r"(?:api|projects|rest_api|graphql|webhooks|healthz|readyz|metrics)\b"
ODD_PATHS = (
    "/",
    "/nothing",
    "/api/nothing",
    "/projects/nothing.json",
    PDC,
    f"{PDC}/nothing",
    "/api/releases?package=a+b",
)


class Reference(NamedTuple):
    """A reference to the service in a response, and the URL of the request."""

    text: str
    at: str

    @property
    def url(self) -> str:
        """The URL that a client makes of it."""
        return urljoin(self.at, self.text)


def references(path: str, response: RawResponse) -> Iterator[Reference]:
    """Every reference to the service in the headers and the body of a response."""
    at, body = BASE + path, response.body.decode("utf-8", "replace")
    found = [response.headers.get("Location", ""), *re.findall(r"<([^>]+)>", response.headers.get("Link", ""))]
    if "html" in response.headers.get("Content-Type", ""):
        found += [unescape(text) for text in re.findall(r'(?:href|src|action)="([^"]*)"', body)]
    elif path not in ("/api/openapi.json", "/metrics"):  # they name routes; those of the first are below its `servers`
        found += re.findall(rf'"(/{ROUTES}[^"]*)"', body)
    found += [unescape(text) for text in re.findall(r'https?://[^\s"<>\\]+', body)]
    for text in found:
        if text and (urljoin(at, text).startswith(HOST) or "127.0.0.1" in text):
            yield Reference(text, at)


@pytest.fixture
async def behind(source: Path, database_url: str, aiohttp_server: Serve) -> AsyncIterator[World]:
    """A service that people reach at BASE."""
    async with running_world(source, database_url, aiohttp_server, base_url=f"{BASE}/") as world:
        yield world


async def every_path(world: World) -> list[str]:
    """Every GET path of every dialect, with rows to show; with and without a slash at its end."""
    data = await create_sample_data(seed=7)
    for number in range(3):
        await create_project(world, f"project-{number}")
    templates = [item for items in CALLS_BY_GRANT.values() for item in items if not item.startswith("POST")]
    paths = [template.format(**{"token": 1, **project}) for template in templates for project in data.public]
    paged = [f"{path}?per_page=1" for path in ("/api/projects", "/api/tokens", "/api/announcements")]
    bare = [path.rstrip("/") for path in paths if path.endswith("/")]
    return [*dict.fromkeys([*paths, *bare, *paged, *WITHOUT_ROWS, *ODD_PATHS])]


async def test_every_reference_in_every_response_keeps_the_path_and_leads_somewhere(behind: World) -> None:
    accepts = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
    asked = [(path, accepts if as_page else {}) for path in await every_path(behind) for as_page in (False, True)]
    seen: dict[str, str] = {}
    for path, headers in asked:
        response = await send_raw(behind, "GET", path, headers)
        for reference in references(path, response):
            assert reference.url == BASE or reference.url.startswith((f"{BASE}/", f"{BASE}?")), (path, reference)
            if response.status < 400 and reference.url != BASE:  # where there is no page
                seen[reference.url] = path
    assert len(seen) > 100
    for url, path in seen.items():
        assert (await send_raw(behind, "GET", url.removeprefix(BASE))).status < 400, (url, path)


def test_the_crawl_covers_every_route_that_is_read() -> None:
    templates = [item.partition("?")[0] for items in CALLS_BY_GRANT.values() for item in items]
    crawled = {re.sub(r"\{\w+\}|os-1", "{}", item).rstrip("/") for item in (*templates, *WITHOUT_ROWS)}
    reads = {re.sub(r"\{.*?\}", "{}", path) for method, path in routed(application()) if method == "GET"}
    shown = {path.removesuffix(f".{suffix}") for path in crawled for suffix in ("json", "xml")} | crawled
    assert {path for path in reads if path not in shown and not path.startswith("/api/docs/")} == set()


async def test_redirects_keep_the_path(behind: World) -> None:
    await create_sample_data(seed=7)
    for path, target in (
        ("/api/releases?package=a+b&status=30", "/api/releases/?package=a+b&status=30"),
        ("/api/releases/latest?package=x", "/api/releases/latest/?package=x"),
        (PDC, f"{PDC}/"),
        (f"{PDC}/releases?page=2", f"{PDC}/releases/?page=2"),
        (f"{PDC}/product-versions/os-1", f"{PDC}/product-versions/os-1/"),
    ):
        response = await send_raw(behind, "GET", path)
        assert (response.status, response.headers["Location"]) == (301, f"/tools/longshore{target}")


async def test_the_description_names_the_url_of_the_service(behind: World) -> None:
    assert (await behind.ask("GET", "/api/openapi.json")).json["servers"] == [{"url": BASE}]


async def test_the_page_of_the_api_works_at_any_path(behind: World) -> None:
    response = await send_raw(behind, "GET", "/api/docs")
    found = list(references("/api/docs", response))
    assert len(found) == 5
    for reference in found:
        assert reference.url.startswith(f"{BASE}/api/")
        assert not reference.text.startswith(("/", "http")), "it also works where no base URL is set"
    script = (await send_raw(behind, "GET", "/api/docs/start.js")).body.decode()
    assert 'new URL("openapi.json", document.baseURI)' in script and '"/' not in script


async def test_answers_to_writes_keep_the_path(behind: World) -> None:
    created = await behind.cut("1.0-rc1")
    assert created.json["url"] == f"{BASE}/api/releases/site/releases/1.0-rc1"
    link = {"url": {"label": "Home", "location": "https://site.test"}}
    response = await behind.ask("POST", "/projects/site/urls.json", link)
    assert response.json["url"]["redirector"] == f"{BASE}/projects/site/urls/home"
