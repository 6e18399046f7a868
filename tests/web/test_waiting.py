"""What waits for a person: only what they may approve, with forms that do so."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.store import gate_queries, review_queries
from bot.store.announcements import Announcement
from bot.store.candidates import Candidate
from bot.store.comparisons import StoredComparison
from bot.store.config_files import ConfigChange
from bot.store.database import dialect, fetch
from bot.store.deployments import Deployment
from bot.store.gates import Approval
from bot.store.projects import Environment
from bot.store.users import User
from tests.api.graphql.graphs import recorded_statements
from tests.api.rest.announcement_helpers import submit
from tests.operations.configured import PRODUCTION, SITE, STAGING, gated, push
from tests.web.browsers import Browser, Page, sign_in, sign_in_as_operator
from tests.web.test_hostile_texts import HOSTILE, check
from tests.world import World

AT = datetime(2026, 11, 30, tzinfo=UTC)
NOTHING = "Nothing waits for you"


async def person(world: World, login: str, role: str = "write") -> Browser:
    """The browser of a person with a role in the repository."""
    world.github.person(login, role)
    return await sign_in(world, login)


async def counted(browser: Browser) -> str:
    """What the navigation shows beside the page's name."""
    return (await browser.open("/waiting/count")).text


async def press(browser: Browser, act: str, **fields: str) -> Page:
    """Open the page and send its first form for an act."""
    page = await browser.open("/waiting")
    forms = re.findall(r'<form method="post" action="([^"]*)">(.*?)</form>', page.html, re.DOTALL)
    action, inner = next(found for found in forms if found[0].endswith(f"/{act}"))
    hidden = dict(re.findall(r'type="hidden" name="(form|once)" value="([^"]*)"', inner))
    return await browser.submit(action, {**hidden, **fields})


@pytest.fixture
async def waiting(world: World) -> World:
    """A world in which 1.0.0-rc1 waits for an approval by the role write to be deployed to staging."""
    await Environment.filter(name="staging").update(gate_settings={"approvals": {"count": 1, "from": ["role:write"]}})
    await world.cut("1.0.0-rc1")
    body = {"release_candidate_version": "1.0.0-rc1", "wait": True}
    assert (await world.ask("POST", "/api/releases/site/environments/staging/deployments", body)).status == 201
    await world.settle()
    return world


async def test_who_may_approve_a_deployment_finds_it_and_approves_it_there(waiting: World) -> None:
    dora = await person(waiting, "dora")
    page = await dora.open("/waiting")
    assert "site 1.0.0-rc1 to staging" in page.text
    assert "0 of 1 approval by" in page.text
    assert "Cancel the deployment" in page.text
    assert "Ban 1.0.0-rc1" not in page.text  # which needs the role maintain
    assert await counted(dora) == "1"
    sent = await press(dora, "approve", comment="looks good")
    assert (sent.status, sent.location) == (303, "/waiting")
    await waiting.settle()
    assert [(each.comment, each.channel) for each in await Approval.all()] == [("looks good", "page")]
    assert not (await Deployment.get()).waiting
    assert NOTHING in (await dora.open("/waiting")).text
    assert await counted(dora) == ""


async def test_it_waits_for_nobody_who_may_not_approve_it(waiting: World) -> None:
    reader, operator = await person(waiting, "rene", "read"), await sign_in_as_operator(waiting)
    for browser in (reader, operator):
        assert NOTHING in (await browser.open("/waiting")).text
        assert await counted(browser) == ""
    vera, dora = await person(waiting, "vera"), await person(waiting, "dora")
    assert await counted(vera) == "1"
    assert NOTHING not in (await vera.open("/waiting")).text  # after which it is stored who wrote the commits
    assert await StoredComparison.all().update(author_ids=[waiting.github.state.account("vera").id])
    assert NOTHING in (await vera.open("/waiting")).text
    assert await counted(dora) == "1"
    await Deployment.all().update(actor_id=(await User.get(name="dora")).id)
    assert await counted(dora) == ""
    assert (await Browser(waiting).open("/waiting")).status == 303


async def test_a_refusal_is_shown_even_when_it_waits_for_the_person_no_more(waiting: World) -> None:
    dora, max_ = await person(waiting, "dora"), await person(waiting, "max", "maintain")
    missing = await press(max_, "ban", reason=" ")
    assert missing.status == 400
    assert missing.html.count('role="alert"') == 1
    assert "Approve 1.0.0-rc1 for staging" in missing.text
    assert (await press(max_, "ban", reason="It loses orders")).status == 303
    path = f"/waiting/deployments/site/staging/1.0.0-rc1/{(await Deployment.get()).id}/approve"
    refused = await dora.submit(path, {"form": "approve deployment 99"})
    assert refused.status == 409
    assert "Release candidate is banned" in refused.text
    await waiting.settle()


async def test_texts_of_what_waits_are_texts(waiting: World) -> None:
    dora = await person(waiting, "dora")
    gate = {"gate": "approvals", "verdict": "wait", "sentence": HOSTILE, "who_can_help": [HOSTILE], "facts": {}}
    decision = {"candidate": HOSTILE, "environment": HOSTILE, "gates": [gate]}
    await Deployment.all().update(decision=decision)
    await User.filter(name="root").update(name=HOSTILE)
    page = await dora.open("/waiting")
    check("/waiting", page.html)
    assert "<script>alert(1)" in page.text
    fields = {"form": f"approve deployment {(await Deployment.get()).id}", "comment": HOSTILE}
    check("/waiting", (await dora.submit("/waiting/deployments/site/other/1.0.0-rc1/1/approve", fields)).html)


async def test_it_is_missing_and_says_so_while_github_does_not_answer(waiting: World) -> None:
    dora = await person(waiting, "dora")
    waiting.github.faults.fail(path="*/permission", status=503, times=None)
    page = await dora.open("/waiting")
    assert page.status == 200
    assert "something may be missing here" in page.text
    assert "1.0.0-rc1" not in page.text
    waiting.github.faults.clear()


async def test_pending_announcements_wait_for_those_who_may_approve_them(world: World) -> None:
    await submit(world, "1.0")
    await Announcement.all().update(changelog=HOSTILE)
    await submit(world, "1.1")
    writer, max_ = await person(world, "dora"), await person(world, "max", "maintain")
    assert NOTHING in (await writer.open("/waiting")).text
    page = await max_.open("/waiting")
    check("/waiting", page.html)
    assert "<script>alert(1)" in page.text
    assert await counted(max_) == "2"
    assert (await press(max_, "approve")).status == 303
    assert (await press(max_, "reject", reason="")).status == 400
    assert (await press(max_, "reject", reason="Too early")).status == 303
    found = [(each.version, each.state, each.reason) for each in await Announcement.all().order_by("id")]
    assert found == [("1.0", "approved", None), ("1.1", "rejected", "Too early")]
    assert NOTHING in (await max_.open("/waiting")).text
    await world.settle()


async def test_weaker_changes_of_the_file_wait_for_those_whom_the_old_rule_names(world: World) -> None:
    await gated(world)
    await push(world, SITE + STAGING + f"{PRODUCTION}}}\n")
    carol, dora = await sign_in(world, "carol"), await person(world, "dora", "admin")
    assert NOTHING in (await dora.open("/waiting")).text
    page = await carol.open("/waiting")
    assert 'checks : unset instead of ["ci"]' in page.text
    answer = await world.ask("GET", "/api/waiting")
    assert (answer.status, answer.json) == (
        200,
        {"approvals": [], "announcements": [], "changes": [], "incomplete": False},
    )
    assert await counted(carol) == "1"
    assert (await press(carol, "approve")).status == 303
    await world.settle()
    assert (await ConfigChange.get()).outcome == "applied"


async def test_private_projects_wait_only_for_people_whom_their_environments_name(waiting: World) -> None:
    await waiting.github.set_private(True)
    await waiting.settle()
    waiting.github.person("sam", "none")
    sam = await sign_in(waiting, "sam")
    assert "site" not in (await sam.open("/waiting")).text.replace("opposite", "")
    account = waiting.github.state.account("sam").id
    settings = {"approvals": {"count": 1, "from": ["user:sam"]}}
    await Environment.filter(name="staging").update(gate_settings=settings, listed_users={"sam": account})
    page = await sam.open("/waiting")
    assert "site 1.0.0-rc1 to staging" in page.text
    assert 'href="/projects/site' not in page.html
    assert (await press(sam, "approve")).status == 303
    await waiting.settle()


async def test_the_number_takes_three_statements_whatever_waits(waiting: World) -> None:
    dora = await person(waiting, "dora", "admin")
    for version in ("1.0", "1.1", "1.2"):
        await submit(waiting, version)
    await counted(dora)
    statements: list[str] = []
    async with recorded_statements(waiting, statements):
        assert await counted(dora) == "4"
    waits = [each for each in statements if "sessions" not in each and "audit_entries" not in each]
    assert len([each for each in waits if "SELECT" in each]) <= 3, waits
    await waiting.settle()


async def test_what_waits_is_read_by_indexes_however_much_was_deployed(waiting: World) -> None:
    dora = await person(waiting, "dora")
    first, candidates = await Deployment.get(), []
    for number, name in enumerate(("one", "two")):
        environment = (await Environment.get(name="staging")).clone()
        environment.name = environment.name_key = name
        await environment.save()
        await waiting.github.commit(name)
        await waiting.cut(f"{number}.7-rc1")
        candidates.append(await Candidate.get(version=f"{number}.7-rc1"))
        fields: dict[str, Any] = {"environment": environment, "candidate": candidates[-1], "actor_id": first.actor_id}
        for hours in range(20):
            ended = AT - timedelta(hours=hours + number)
            await Deployment.create(**fields, status="success", deploy_end_at=ended, created_at=ended)
    statements: list[str] = []
    async with recorded_statements(waiting, statements):
        assert await counted(dora) == "1"
    [row] = await review_queries.approvals(first.actor_id)
    assert row["since"] == candidates[0].commit
    assert await gate_queries.newest_success(1, first.id) == candidates[0].commit
    if dialect() == "sqlite":  # whose plans do not depend on the rows, and which tells the values by itself
        (sql,) = {each for each in statements if "waits_for" in each and "comparisons" in each}
        plan = [row["detail"] for row in await fetch(f"EXPLAIN QUERY PLAN {sql}")]
        assert [step for step in plan if step.startswith("SCAN")] == ["SCAN d USING INDEX deployments_due", "SCAN w"]
        assert plan.count("SEARCH live USING COVERING INDEX deployments_status (environment_id=? AND status=?)") == 2
        assert "SEARCH sd USING INTEGER PRIMARY KEY (rowid=?)" in plan
