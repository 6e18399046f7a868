"""What waits for a person: only what they may approve, with forms that do so."""

import re
from typing import Any

import pytest

from bot.store.announcements import Announcement
from bot.store.audit import AuditEntry
from bot.store.comparisons import StoredComparison
from bot.store.deployments import Deployment
from bot.store.gates import Approval
from bot.store.projects import Environment, Repository
from tests.api.graphql.graphs import recorded_statements
from tests.api.rest.announcement_helpers import submit
from tests.operations.test_configuration import FILE, PRODUCTION, RULE, SITE, STAGING, gated, push
from tests.web.browsers import Browser, Page, sign_in, sign_in_as_operator
from tests.world import World

NOTHING = "Nothing waits for you"


async def person(world: World, login: str, role: str = "write") -> Browser:
    """The browser of a person with a role in the repository."""
    world.github.person(login, role)
    return await sign_in(world, login)


async def counted(browser: Browser) -> str:
    """What the navigation shows beside the page's name."""
    return (await browser.open("/waiting/count")).text


def form_of(page: Page, act: str) -> tuple[str, dict[str, str]]:
    """The address and the fields of the page's first form for an act."""
    (action, inner) = next(
        found
        for found in re.findall(r'<form method="post" action="([^"]*)">(.*?)</form>', page.html, re.DOTALL)
        if found[0].endswith(act)
    )
    return action, dict(re.findall(r'type="hidden" name="(form|once)" value="([^"]*)"', inner))


async def press(browser: Browser, act: str, **fields: str) -> Page:
    """Open the page and send its first form for an act."""
    action, hidden = form_of(await browser.open("/waiting"), act)
    return await browser.submit(action, {**hidden, **fields})


@pytest.fixture
async def waiting(world: World) -> World:
    """A world in which 1.0.0-rc1 waits for an approval by the role write to be deployed to staging."""
    await Environment.filter(name="staging").update(gate_settings={"approvals": {"count": 1, "from": ["role:write"]}})
    await world.cut("1.0.0-rc1")
    assert (await world.deploy("1.0.0-rc1", wait=True)).status in (201, 202)
    await world.settle()
    return world


async def test_who_may_approve_a_deployment_finds_it_and_approves_it_there(waiting: World) -> None:
    dora = await person(waiting, "dora")
    page = await dora.open("/waiting")
    assert "site 1.0.0-rc1 to staging" in page.text
    assert "0 of 1 approval by" in page.text
    assert await counted(dora) == "1"
    sent = await press(dora, "/approve", comment="looks good")
    assert (sent.status, sent.location) == (303, "/waiting")
    await waiting.settle()
    assert [(each.comment, each.channel) for each in await Approval.all()] == [("looks good", "page")]
    assert not (await Deployment.get()).waiting
    assert NOTHING in (await dora.open("/waiting")).text
    assert await counted(dora) == ""


async def test_it_waits_for_nobody_who_may_not_approve_it(waiting: World) -> None:
    reader, operator = await person(waiting, "rene", "read"), await sign_in_as_operator(waiting)
    author = await person(waiting, "vera")
    for browser in (reader, operator):
        assert NOTHING in (await browser.open("/waiting")).text
    assert await counted(author) == "1"  # who wrote the commits is not known yet
    await StoredComparison.all().delete()
    await author.open("/waiting")
    ids = [waiting.github.state.account("vera").id]
    assert await StoredComparison.all().update(author_ids=ids)
    assert NOTHING in (await author.open("/waiting")).text
    requester = await person(waiting, "rick")
    account = waiting.github.state.account("rick").id
    row = await Deployment.get().select_related("actor")
    row.actor.github_id = account
    assert NOTHING not in (await requester.open("/waiting")).text
    await Deployment.all().update(actor_id=(await requester_id(requester)))
    assert NOTHING in (await requester.open("/waiting")).text
    assert (await Browser(waiting).open("/waiting")).status == 303


async def requester_id(browser: Browser) -> int:
    from bot.store.users import User

    return int((await User.get(name="rick")).id)
