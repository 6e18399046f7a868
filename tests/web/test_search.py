"""Searches: what is found, where it is live, and that nobody finds what they may not see."""

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

from bot.store.candidates import Candidate
from bot.store.database import dialect, execute, fetch
from bot.store.projects import Environment
from bot.store.search_queries import MAX_READ
from bot.store.users import User
from tests.api.graphql.graphs import recorded_statements
from tests.operations.test_status_comments import cut
from tests.web.browsers import Browser, Page, sign_in
from tests.web.test_hostile_texts import HOSTILE, check
from tests.world import World

AT = datetime(2026, 11, 30, tzinfo=UTC)


async def search(browser: Browser, text: str) -> Page:
    return await browser.open(f"/search?q={quote(text, safe='')}")


@pytest.fixture
async def released(world: World) -> World:
    """A world with 1.0.0-rc1 live on staging, and newer candidates."""
    await world.cut("1.0.0-rc1")
    await world.complete_deployment("1.0.0-rc1")
    await world.github.commit("More")
    await world.cut("1.0.0-rc10")
    await world.cut("1.0.01-rc1")
    return world


async def test_versions_commits_people_and_projects_are_found_with_where_they_are_live(released: World) -> None:
    rita = await sign_in(released, "rita")
    found = (await released.ask("GET", "/api/search?q=1.0.0-rc1")).json
    assert [each["version"] for each in found["versions"]] == ["1.0.0-rc1", "1.0.0-rc10"]
    assert [each["live_on"] for each in found["versions"]] == [["staging"], []]
    of_release = (await released.ask("GET", "/api/search?q=1.0.0")).json["versions"]
    assert [each["version"] for each in of_release] == ["1.0.0-rc10", "1.0.0-rc1", "1.0.01-rc1"]
    assert "1.0.0-rc1 ready" in (await search(rita, "1.0.0-rc1")).text
    commit = (await Candidate.get(version="1.0.0-rc1")).commit
    for sha in (commit[:4], commit.upper(), commit[:12]):
        page = await search(rita, sha)
        assert page.status == 200
        assert 'href="/projects/site/candidates/1.0.0-rc1"' in page.html
        assert "staging" in page.text
    assert "Nothing was found" in (await search(rita, commit[:3])).text
    assert "1.0.0-rc1 on staging" in (await search(rita, "SIT")).text
    person = (await search(rita, "@ro")).text
    assert "cut site 1.0.01-rc1" in person
    assert "deployed site 1.0.0-rc1 to staging" in person
    assert "Nothing was found" in (await search(rita, "@site")).text
    assert "Nothing was found" in (await search(rita, "%")).text
    assert (await search(rita, "a\0b")).status == 400
    assert (await search(rita, "")).status == 200


async def test_people_are_found_by_an_index_in_either_case(released: World) -> None:
    names = ("Robin", "roBIN-2", "rob_in", "zzro", "ro.bot")
    await User.bulk_create([User(name=name, created_at=AT) for name in names])
    await User.bulk_create([User(name=f"somebody-{number}", created_at=AT) for number in range(2000)])
    cutter = await User.get(name="root")
    for name in names:
        await Candidate.filter(version="1.0.0-rc10").update(created_by_id=(await User.get(name=name)).id)
        assert [each["name"] for each in await found_people(released, name.upper()[:4])] == [name]
        assert name in [each["name"] for each in await found_people(released, name.lower()[:2])]
    assert cutter.name in [each["name"] for each in await found_people(released, "RO")]
    await execute("ANALYZE users")
    statements: list[str] = []
    async with recorded_statements(released, statements):
        await found_people(released, "ro")
    (where,) = {each.partition("FROM users u WHERE ")[2].partition("\n")[0] for each in statements} - {""}
    values = iter(("'ro'", "'rozzzz'", "'ro'"))
    where = re.sub(r"\$\d+", lambda _: next(values), where)  # SQLite tells the values by itself
    explain = "EXPLAIN" if dialect() == "postgres" else "EXPLAIN QUERY PLAN"
    plan = str(await fetch(f"{explain} SELECT u.name FROM users u WHERE {where}"))
    assert "users_lower_name" in plan


async def found_people(world: World, text: str) -> list[dict[str, Any]]:
    """The people that a search finds."""
    return list((await world.ask("GET", f"/api/search?q={text}")).json["people"])


async def test_a_pull_request_is_found_by_what_was_cut_there(shown: World) -> None:
    number = await cut(shown, "1.0.0")
    rita = await sign_in(shown, "rita")
    for text in (f"#{number}", str(number)):
        page = await search(rita, text)
        assert "Candidates cut or deployed on this pull request" in page.text
        assert "1.0.0-rc1" in page.text
    assert "Nothing was found" in (await search(rita, f"#{number + 1}")).text


async def test_who_may_not_read_a_project_finds_nothing_of_it(released: World) -> None:
    commit = (await Candidate.get(version="1.0.0-rc1")).commit
    released.github.person("rene", "read")
    reader = await sign_in(released, "rene")
    await released.github.set_private(True)
    await released.settle()
    released.github.person("sam", "none")
    sam = await sign_in(released, "sam")
    for text in ("1.0.0", commit, "@root", "site", "#1"):
        assert "Nothing was found" in (await search(sam, text)).text, text
        assert (await search(Browser(released), text)).status == 303
    assert "Nothing was found" not in (await search(reader, "1.0.0")).text


async def test_results_are_few_and_take_as_many_statements_whatever_is_found(released: World) -> None:
    first = await Candidate.get(version="1.0.0-rc1")
    rows = [
        Candidate(
            project_id=first.project_id,
            release_id=first.release_id,
            repository_id=first.repository_id,
            number=number,
            version=f"1.0.0-rc{number}",
            commit=first.commit,
            branch="main",
            status="ready",
            created_by_id=first.created_by_id,
            created_at=first.created_at,
            updated_at=first.updated_at,
        )
        for number in range(100, 160)
    ]
    await Candidate.bulk_create(rows)
    await Environment.all().update(url="https://example.com")
    counts = []
    for text in ("1.0.0-rc10", "1.0"):
        statements: list[str] = []
        async with recorded_statements(released, statements):
            found = (await released.ask("GET", f"/api/search?q={text}")).json
        counts.append(sum("LIMIT 20" in each or "l.candidate_id" in each for each in statements))
    assert len(found["versions"]) == 20
    assert counts == [5, 5]


MANY = """
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 6000)
INSERT INTO candidates (project_id, release_id, repository_id, number, version, "commit", branch, tagged, status,
    created_by_id, created_at, updated_at)
SELECT project_id, release_id, repository_id, 1000 + n, '7.0.' || n || '-rc1', "commit", branch, tagged, status,
    created_by_id, created_at, updated_at FROM candidates, numbers WHERE version = '1.0.0-rc1'
"""


async def test_of_very_many_versions_the_newest_are_found_by_reading_some(released: World) -> None:
    await execute(MANY)
    statements: list[str] = []
    async with recorded_statements(released, statements):
        found = (await released.ask("GET", "/api/search?q=7")).json["versions"]
    assert [each["version"] for each in found] == [f"7.0.{number}-rc1" for number in range(6000, 5980, -1)]
    exact = (await released.ask("GET", "/api/search?q=7.0.12-rc1")).json["versions"]
    assert [each["version"] for each in exact] == ["7.0.12-rc1"]
    (sql,) = {each for each in statements if "of_release" in each}
    assert [part.count(f"LIMIT {MAX_READ}") for part in sql.split("UNION ALL")] == [0, 0, 1, 0]
    assert f"c.id > (SELECT max(id) FROM candidates) - {MAX_READ}" in sql
    if dialect() == "sqlite":  # whose plans do not depend on the rows, and which tells the values by itself
        plan = [row["detail"] for row in await fetch(f"EXPLAIN QUERY PLAN {sql}")]
        assert [step for step in plan if " c " in f"{step} "] == [
            "SEARCH c USING COVERING INDEX candidates_by_version (version=?)",
            "SEARCH c USING INDEX candidates_by_version (version>? AND version<?)",
            "SEARCH c USING COVERING INDEX candidates_by_version (version>? AND version<?)",
            "SEARCH c USING INTEGER PRIMARY KEY (rowid>?)",
        ]


async def test_what_is_searched_for_and_found_is_text(released: World) -> None:
    await Candidate.all().update(branch=HOSTILE)
    rita = await sign_in(released, "rita")
    for text in ("<script>alert(1)</script>\"'", HOSTILE, "{{7*7}}"):
        page = await search(rita, text)
        check("/search", page.html)
        assert page.status in (200, 400)
