"""The pages for people: what they show, where they lead, and that nothing in them is more than text."""

from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

from tests.api.pdc.calls import SCHEDULES, calendar
from tests.api.pdc.goods import BASE, made
from tests.world import World


class Page(HTMLParser):
    """A page as a browser takes it: its text, its links, and every tag with its attributes."""

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


async def page(world: World, path: str, status: int = 200, **more: Any) -> Page:
    """A page that is read with the admin's token."""
    headers = {"Authorization": f"Token {world.token}", "Accept": "text/html", **more.pop("headers", {})}
    method = more.pop("method", "GET")
    async with world.session.request(method, f"{world.url}{BASE}/{path}", headers=headers, **more) as answer:
        assert (answer.status, answer.content_type, answer.charset) == (status, "text/html", "utf-8")
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "script" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        return Page(await answer.text())


async def test_a_list_is_a_page_with_the_notice_the_answer_and_how_to_ask(world: World) -> None:
    await calendar(world)
    shown = await page(world, SCHEDULES)
    assert "Release Schedule List" in shown.text and "Warning: This is an experimental API" in shown.text
    head = ["HTTP 200 OK", "Allow: GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS", "Content-Type: application/json"]
    assert "\n".join([*head, "Vary: Accept", "", "{"]) in shown.text and '"count": 5' in shown.text
    rows = shown.text.replace("\n", " ")
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
    assert "Warning: This is an experimental API" in (await page(world, "released-files/")).text
    assert "Release Schedule Instance" in (await page(world, f"{SCHEDULES}1/")).text


async def test_addresses_in_an_answer_are_links_that_lead_there(world: World) -> None:
    await calendar(world)
    shown = await page(world, f"{SCHEDULES}?page_size=2&ordering=id&page=2")
    base = f"{world.url}{BASE}"
    for address in (
        f"{base}/releases/foo-1.1-eus/",
        f"{base}/component-sla-types/3/",
        f"{base}/release-schedules/?ordering=id&page_size=2",
        f"{base}/release-schedules/?ordering=id&page=3&page_size=2",
    ):
        assert shown.links[address] == address
    assert shown.links["← Previous"] == f"{base}/release-schedules/?ordering=id&page_size=2"
    assert shown.links["Next →"] == f"{base}/release-schedules/?ordering=id&page=3&page_size=2"
    assert shown.links["REST API"] == f"{base}/" and shown.links["release-schedules"] == f"{base}/release-schedules/"
    assert shown.links["As JSON"] == f"{base}/release-schedules.json?page_size=2&ordering=id&page=2"
    root = await page(world, "")
    assert root.links[f"{base}/arches/"] == f"{base}/arches/"
    for path in ("", f"{SCHEDULES}1/", "arches/?page=2", "release-variants/", "changesets/1/"):
        for link in (await page(world, path)).links.values():
            async with world.session.get(link, headers={"Authorization": f"Token {world.token}"}) as answer:
                assert answer.status == 200, link


async def test_a_long_list_is_shown_to_people_as_far_as_the_longest_page(world: World) -> None:
    await made(world, "component-sla-types", [{"name": f"sla {number}"} for number in range(150)])
    shown = await page(world, "component-sla-types/?page_size=0&ordering=id")
    assert "sla 99" in shown.text and "sla 100" not in shown.text


HOSTILE = [
    *("<script>alert(1)</script>", "</pre></body><script src=//evil.example></script>", "<!--", "]]>", "&lt;b&gt;"),
    *('"><img src=x onerror=alert(1)>', "' onmouseover='alert(1)", '" onclick="alert(1)', "javascript:alert(1)"),
    *("https://evil.example/", "$title", "${answer}", "$$", "\\", "\\u003cscript\\u003e", "&quot;", "%3Cscript%3E"),
]


def check(shown: Page, base: str) -> None:
    """Only what the page itself is made of is markup, and its links stay here."""
    tags = {tag for tag, _ in shown.tags}
    known = {"html", "head", "meta", "title", "style", "body", "nav", "a", "h1", "h2", "p", "pre", "b", "span", "table"}
    assert tags <= {*known, "tr", "td", "th", "code"}, tags - known
    attributes = {name for _, attributes in shown.tags for name in attributes}
    assert attributes <= {"lang", "charset", "name", "content", "href", "class", "rel"}, attributes
    assert all(link.startswith((f"{base}/", "/rest_api/v1/")) for link in shown.links.values()), shown.links


async def test_nothing_that_anybody_sent_is_more_than_text(world: World) -> None:
    base = f"{world.url}{BASE}"
    hostile = [*HOSTILE, *(f"{base}/{text}" for text in HOSTILE), f"{base}/x y", f'{base}/"{base}/']
    rows = await made(world, "component-sla-types", [{"name": text, "description": text} for text in hostile])
    shown = await page(world, "component-sla-types/?page_size=100&ordering=id")
    check(shown, base)
    for text in HOSTILE:
        assert f'"{text}"'.replace("\\", "\\\\") in shown.text or '"' in text, text
    assert shown.links[f"{base}/https://evil.example/"] == f"{base}/https://evil.example/"
    check(await page(world, f"component-sla-types/{rows[1]['id']}/"), base)
    for text in HOSTILE:
        said = quote(text, safe="")
        check(await page(world, f"component-sla-types/?{said}=1", 400), base)
        check(await page(world, f"component-sla-types/?name={said}&page_size=1"), base)
        check(await page(world, f"component-sla-types/?ordering={said}", 400), base)
        check(await page(world, f"releases/{said}/", 404), base)
        check(await page(world, f"{said}/", 404), base)
        check(await page(world, SCHEDULES, 400, method="POST", json={text: text}), base)
        headers = {"PDC-Change-Comment": text}
        check(
            await page(world, "component-sla-types/", 400, method="POST", json={"name": hostile[0]}, headers=headers),
            base,
        )
    check(await page(world, "changesets/"), base)
