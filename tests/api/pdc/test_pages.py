"""HTML pages: content, links, and escaping."""

from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

from tests.api.pdc.content import BASE, create
from tests.api.pdc.schedules import SCHEDULES, create_schedules
from tests.world import World


class Page(HTMLParser):
    """A parsed page: its text, its links, and every tag with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text, self.links, self.tags = "", dict[str, str](), list[tuple[str, dict[str, str | None]]]()
        self._link = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._link = str(dict(attrs).get("href")) if tag == "a" else ""

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._link:
            self.links[data], self._link = self._link, ""


async def fetch_page(world: World, path: str, status: int = 200, **more: Any) -> Page:
    """Fetch a page with the admin's token."""
    headers = {"Authorization": f"Token {world.token}", "Accept": "text/html", **more.pop("headers", {})}
    method = more.pop("method", "GET")
    async with world.session.request(method, f"{world.url}{BASE}/{path}", headers=headers, **more) as answer:
        assert (answer.status, answer.content_type, answer.charset) == (status, "text/html", "utf-8")
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "script" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        return Page(await answer.text())


async def test_the_page_of_a_list_has_the_warning_the_response_and_the_documentation(world: World) -> None:
    await create_schedules(world)
    page = await fetch_page(world, SCHEDULES)
    assert "Release Schedule List" in page.text and "Warning: This is an experimental API" in page.text
    head = ["HTTP 200 OK", "Allow: GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS", "Content-Type: application/json"]
    assert "\n".join([*head, "Vary: Accept", "", "{"]) in page.text and '"count": 5' in page.text
    rows = page.text.replace("\n", " ")
    for parameter in (
        "activeboolean",
        "datedate",
        "date_afterdate",
        "product_versionstring",
        "releasestring",
        "slastring",
    ):
        assert parameter in rows
    for parameter in ("ordering", "page", "page_size", "fields", "exclude_fields"):
        assert parameter in rows
    for field in ("idintegerread-only", "releasestringrequired", "datedaterequired", "release_urlstringread-only"):
        assert field in rows
    assert f"DELETE{BASE}/release-schedules/{{id}}/" in rows
    assert "Warning: This is an experimental API" in (await fetch_page(world, "released-files/")).text
    assert "Release Schedule Instance" in (await fetch_page(world, f"{SCHEDULES}1/")).text


async def test_urls_in_a_response_are_links(world: World) -> None:
    await create_schedules(world)
    page = await fetch_page(world, f"{SCHEDULES}?page_size=2&ordering=id&page=2")
    base = f"{world.url}{BASE}"
    for address in (
        f"{base}/releases/foo-1.1-eus/",
        f"{base}/component-sla-types/3/",
        f"{base}/release-schedules/?ordering=id&page_size=2",
        f"{base}/release-schedules/?ordering=id&page=3&page_size=2",
    ):
        assert page.links[address] == address
    assert page.links["← Previous"] == f"{base}/release-schedules/?ordering=id&page_size=2"
    assert page.links["Next →"] == f"{base}/release-schedules/?ordering=id&page=3&page_size=2"
    assert page.links["REST API"] == f"{base}/" and page.links["release-schedules"] == f"{base}/release-schedules/"
    assert page.links["As JSON"] == f"{base}/release-schedules.json?page_size=2&ordering=id&page=2"
    root = await fetch_page(world, "")
    assert root.links[f"{base}/arches/"] == f"{base}/arches/"
    for path in ("", f"{SCHEDULES}1/", "arches/?page=2", "release-variants/", "changesets/1/"):
        for link in (await fetch_page(world, path)).links.values():
            async with world.session.get(link, headers={"Authorization": f"Token {world.token}"}) as answer:
                assert answer.status == 200, link


async def test_an_unpaged_list_is_shown_up_to_the_largest_page(world: World) -> None:
    await create(world, "component-sla-types", [{"name": f"sla {number}"} for number in range(150)])
    page = await fetch_page(world, "component-sla-types/?page_size=0&ordering=id")
    assert "sla 99" in page.text and "sla 100" not in page.text


HOSTILE = [
    *("<script>alert(1)</script>", "</pre></body><script src=//evil.example></script>", "<!--", "]]>", "&lt;b&gt;"),
    *('"><img src=x onerror=alert(1)>', "' onmouseover='alert(1)", '" onclick="alert(1)', "javascript:alert(1)"),
    *("https://evil.example/", "$title", "${answer}", "$$", "\\", "\\u003cscript\\u003e", "&quot;", "%3Cscript%3E"),
]


def check_markup(page: Page, base: str) -> None:
    """Check that a page has only known tags and attributes, and that its links stay on the service."""
    tags = {tag for tag, _ in page.tags}
    known = {"html", "head", "meta", "title", "style", "body", "nav", "a", "h1", "h2", "p", "pre", "b", "span", "table"}
    assert tags <= {*known, "tr", "td", "th", "code"}, tags - known
    attributes = {name for _, attributes in page.tags for name in attributes}
    assert attributes <= {"lang", "charset", "name", "content", "href", "class", "rel"}, attributes
    assert all(link.startswith((f"{base}/", "/rest_api/v1/")) for link in page.links.values()), page.links


async def test_sent_values_are_escaped(world: World) -> None:
    base = f"{world.url}{BASE}"
    hostile = [*HOSTILE, *(f"{base}/{text}" for text in HOSTILE), f"{base}/x y", f'{base}/"{base}/']
    rows = await create(world, "component-sla-types", [{"name": text, "description": text} for text in hostile])
    page = await fetch_page(world, "component-sla-types/?page_size=100&ordering=id")
    check_markup(page, base)
    for text in HOSTILE:
        assert f'"{text}"'.replace("\\", "\\\\") in page.text or '"' in text, text
    assert page.links[f"{base}/https://evil.example/"] == f"{base}/https://evil.example/"
    check_markup(await fetch_page(world, f"component-sla-types/{rows[1]['id']}/"), base)
    for text in HOSTILE:
        quoted = quote(text, safe="")
        check_markup(await fetch_page(world, f"component-sla-types/?{quoted}=1", 400), base)
        check_markup(await fetch_page(world, f"component-sla-types/?name={quoted}&page_size=1"), base)
        check_markup(await fetch_page(world, f"component-sla-types/?ordering={quoted}", 400), base)
        check_markup(await fetch_page(world, f"releases/{quoted}/", 404), base)
        check_markup(await fetch_page(world, f"{quoted}/", 404), base)
        check_markup(await fetch_page(world, SCHEDULES, 400, method="POST", json={text: text}), base)
        headers = {"PDC-Change-Comment": text}
        check_markup(
            await fetch_page(
                world, "component-sla-types/", 400, method="POST", json={"name": hostile[0]}, headers=headers
            ),
            base,
        )
    check_markup(await fetch_page(world, "changesets/"), base)
