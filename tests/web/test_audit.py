"""The audit log: who may see which entries, which ones a filter chooses, and all of them as lines of JSON."""

import html
import json
from contextlib import AsyncExitStack, ExitStack
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any

import pytest

from bot.errors import RateLimited, Unavailable
from bot.operations import audit
from bot.rules.audit import AuditFilter
from bot.rules.ids import UserId
from bot.store.audit import AuditEntry
from bot.store.audit_queries import EXAMINED
from tests.api.graphql.graphs import recorded_statements
from tests.web.browsers import Browser, Page, sign_in, sign_in_as_operator
from tests.world import World
from web import cookies
from web.exports import MAX_AT_ONCE, MAX_OF_PERSON, MAX_OF_READERS, Exports

START = datetime(2026, 1, 1, tzinfo=UTC)


async def entries(count: int, **values: Any) -> None:
    """Add entries of the sample project, one an hour."""
    fields = {"actor": "ann", "channel": "rest", "act": "candidate.cut", "project_id": 1, **values}
    await AuditEntry.bulk_create(
        [AuditEntry(at=START + timedelta(hours=number), subject=f"entry {number}", **fields) for number in range(count)]
    )


def lines(page: Page) -> list[Any]:
    return [json.loads(line) for line in page.html.splitlines()]


async def test_readers_see_entries_of_their_projects_and_only_operators_those_of_none(world: World) -> None:
    world.github.person("rita", "read")
    await world.cut("1.0-rc1")
    await world.github.set_private(True)
    await world.settle()
    rita, sam, operator = await sign_in(world, "rita"), await sign_in(world, "sam"), await sign_in_as_operator(world)
    assert (await Browser(world).open("/audit")).location == "/sign-in?next=%2Faudit"
    for browser, cut, token in ((rita, True, False), (sam, False, False), (operator, True, True)):
        for path in ("/audit", "/audit.jsonl"):
            page = await browser.open(path)
            assert page.status == 200
            assert ("1.0-rc1" in page.html, "token.create" in page.html) == (cut, token)
    assert "Nothing has been recorded yet" in (await sam.open("/audit")).text
    robot = await world.create_token("project:read")
    reader = await world.create_token("project:read", project="site")
    everything = (await world.ask("GET", "/api/audit?per_page=100", token=robot)).json
    own = (await world.ask("GET", "/api/audit?per_page=100", token=reader)).json
    assert {None, "site"} == {entry["project"] for entry in everything}
    assert {"site"} == {entry["project"] for entry in own}


async def test_filters_choose_and_pages_follow_each_other_without_gaps(world: World) -> None:
    await entries(130)
    await entries(2, actor="bob", channel="cli", act="gate.weakened", before={"count": 2}, after={"count": 1})
    await entries(
        1, act="tag.moved", channel="github", alarm=True, after={"is": "<b>moved</b> ghp_0123456789abcdefghij"}
    )
    operator = await sign_in_as_operator(world)
    first = await operator.open("/audit?actor=ann&act=candidate.cut")
    assert "entry 129" in first.text and "entry 79 " not in first.text
    link = first.html.partition("Older entries")[0].rpartition('href="')[2].partition('"')[0]
    older = await operator.open(html.unescape(link))
    assert "entry 79 " in older.text and "entry 80 " not in older.text
    weakened = (await operator.open("/audit?channel=cli")).html
    assert "<del>2</del> → 1" in weakened and "gate.weakened" in weakened
    alarm = (await operator.open("/audit?alarm=true")).html
    assert "&lt;b&gt;moved&lt;/b&gt; [redacted]" in alarm
    day = await operator.open("/audit.jsonl?since=2026-01-02&until=2026-01-02&act=candidate.cut")
    assert [line["subject"] for line in lines(day)] == [f"entry {number}" for number in range(47, 23, -1)]
    hour = await operator.open(
        "/audit.jsonl?since=2026-01-02T01:00:00%2B01:00&until=2026-01-02T01:00&act=candidate.cut"
    )
    assert [line["at"] for line in lines(hour)] == ["2026-01-02T00:00:00Z"]
    for query, field in (("since=yesterday", "since must be a day"), ("channel=fax", "channel must be one of")):
        page = await operator.open(f"/audit?{query}")
        assert (page.status, field in page.text) == (400, True)
        assert (await operator.open(f"/audit.jsonl?{query}")).status == 400
        assert (await world.ask("GET", f"/api/audit?{query}")).status in (400, 422)
    listed = await world.ask("GET", "/api/audit?actor=ann&per_page=2&until=2026-01-01T02:00Z")
    assert [entry["subject"] for entry in listed.json] == ["entry 0", "entry 1"]


async def test_an_export_holds_all_entries_a_part_at_a_time(world: World) -> None:
    await entries(25)
    context = await world.context()
    found = [page async for page in await audit.pages(context, AuditFilter(act="candidate.cut"), size=10)]
    assert [len(page) for page in found] == [10, 10, 5]
    page = await (await sign_in_as_operator(world)).open("/audit.jsonl?act=candidate.cut")
    assert len(lines(page)) == 25
    assert page.headers["Content-Type"] == "application/x-ndjson"


async def test_each_statement_of_an_export_reads_a_part_of_the_log(world: World) -> None:
    await entries(3, act="candidate.ban")
    await entries(2 * EXAMINED)
    await entries(2, act="candidate.ban")
    context = await world.context()
    statements: list[str] = []
    async with recorded_statements(world, statements):
        found = [page async for page in await audit.pages(context, AuditFilter(act="candidate.ban"))]
    assert [len(page) for page in found] == [2, 3]
    assert len([each for each in statements if "a.subject" in each]) == 3


async def test_no_more_exports_run_at_once_than_one_person_may_have(world: World) -> None:
    await entries(4_000, after=[token_hex(1500)])  # more than is under way to a browser that does not read
    operator = await sign_in_as_operator(world)
    cookie = {"Cookie": f"{cookies.NAME}={operator.secret}"}
    async with AsyncExitStack() as stack:
        for _ in range(MAX_OF_PERSON):
            request = world.session.get(f"{world.url}/audit.jsonl", headers=cookie)
            assert (await stack.enter_async_context(request)).status == 200
        refused = await operator.open("/audit.jsonl")
        assert (refused.status, refused.headers["Retry-After"]) == (429, "10")
        assert "Two exports of yours are running" in refused.text
        assert (await (await sign_in(world, "alice")).open("/audit.jsonl")).status == 200


def test_readers_leave_exports_for_operators() -> None:
    exports = Exports()
    with ExitStack() as stack:
        for number in range(MAX_OF_READERS):
            stack.enter_context(exports.one_of(UserId(number), is_operator=False))
        with pytest.raises(Unavailable), exports.one_of(UserId(99), is_operator=False):
            pass
        for number in range(MAX_AT_ONCE - MAX_OF_READERS):
            stack.enter_context(exports.one_of(UserId(100 + number), is_operator=True))
        with pytest.raises(Unavailable), exports.one_of(UserId(200), is_operator=True):
            pass
    with ExitStack() as stack:
        for _ in range(MAX_OF_PERSON):
            stack.enter_context(exports.one_of(UserId(99), is_operator=False))
        with pytest.raises(RateLimited):
            stack.enter_context(exports.one_of(UserId(99), is_operator=True))
