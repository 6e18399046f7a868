"""`longshore status`, `watch` without an environment, and `open`."""

import json
from typing import Any

import pytest

from cli.client import board, deployments, pages
from cli.client.caller import Caller
from cli.client.exits import DONE, Refused, Usage
from cli.client.options import StartOptions
from cli.client.pages import Page
from tests.cli.client.conftest import Client, Line, said
from tests.world import World

SINCE = "2026-11-30T14:02:00Z"
LIVE = {
    "deployment": 7,
    "version": "1.4.0-rc2",
    "commit": "6dcb09b5b57875f334f61aebed695e2e4193db5e",
    "since": SINCE,
    "by": "ada",
    "automatic": True,
    "behind": 3,
}
RUNNING = {
    "deployment": 8,
    "version": "1.4.0-rc1",
    "commit": LIVE["commit"],
    "status": "in_progress",
    "since": SINCE,
    "by": "bob",
    "kind": "rollback",
}
GATE = {"gate": "approvals", "sentence": "It has 0 of 1 approvals", "until": None, "who_can_help": ["ada", "bob"]}
WAITING = {
    "deployment": 9,
    "version": "1.5.0-rc1",
    "commit": LIVE["commit"],
    "since": SINCE,
    "by": "bob",
    "expires_at": SINCE,
    "waits_for": [GATE],
}
FREEZE = {"scope": "project", "by": "ada", "reason": "Holidays.", "since": SINCE, "until": SINCE}
LOCK = {"by": "bob", "reason": "A leak.", "since": SINCE, "until": None}


def environment(name: str, **values: Any) -> dict[str, Any]:
    nothing: dict[str, Any] = {"live": None, "running": None, "waiting": None, "freezes": [], "lock": None}
    return {"name": name, "tier": name, **nothing, **values}


def project(name: str, *environments: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {"name": name, "repository": "acme/site", "newest": None, "environments": environments, "held": [], **values}


NEWEST = {
    "version": "1.5.0-rc1",
    "commit": LIVE["commit"],
    "status": "ready",
    "reason": None,
    "since": SINCE,
    "by": "ada",
}
SITE = project(
    "site",
    environment("staging", live=LIVE, running=RUNNING),
    environment("production", waiting=WAITING, freezes=[FREEZE], lock=LOCK),
    newest=NEWEST,
    held=[{"version": "1.3.0", "by": "ada", "reason": "Legal \x1b[31mhas not agreed."}],
)


@pytest.fixture
async def caller(client: Client, line: Line) -> Caller:
    """Somebody who asks a service with this board."""
    line.answers["/api/board"] = {"projects": [SITE, project("docs", environment("web"))]}
    return await client.caller(line.url)


async def test_the_board_says_what_is_live_under_way_and_waiting_and_for_whom(caller: Caller) -> None:
    outcome = await board.status(caller, all_projects=False)
    lines = [line.split("  ") for line in said(outcome)]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert cells[:3] == [
        ["project", "environment", "live", "since", "by", "behind", "now"],
        [
            *("site", "staging", "1.4.0-rc2 (6dcb09b)", "2026-11-30 14:02Z", "ada (automatic)", "3"),
            "rollback to 1.4.0-rc1 in progress since 2026-11-30 14:02Z",
        ],
        [
            *("site", "production", "-", "-", "-", "-"),
            "1.5.0-rc1 waits for approvals (ask ada, bob); "
            "frozen by ada until 2026-11-30 14:02Z: Holidays; locked by bob: A leak",
        ],
    ]
    assert said(outcome)[3:] == [
        "site: the newest candidate is 1.5.0-rc1 (6dcb09b), ready.",
        "site: 1.3.0 is held by ada: Legal \x1b[31mhas not agreed.",
    ]


async def test_all_projects_are_shown_outside_of_a_repository_or_when_asked_for(caller: Caller, line: Line) -> None:
    everywhere = Caller(caller.service, caller.progress, caller.folder)
    for asked, all_projects in ((everywhere, False), (caller, True)):
        lines = said(await board.status(asked, all_projects=all_projects))
        assert lines[-1] == "docs: nothing was cut yet." and len(lines) == 7
    line.answers["/api/board"] = {"projects": []}
    assert said(await board.status(everywhere, all_projects=False)) == ["There is no project that you can see."]


async def test_what_others_wrote_is_not_obeyed_by_the_terminal(client: Client, line: Line, caller: Caller) -> None:
    result = await client.run("status", LONGSHORE_URL=line.url)
    assert "Legal \\x1b[31mhas not agreed." in result.assert_succeeded() and "\x1b" not in result.out
    as_json = await client.run("status", "--json", LONGSHORE_URL=line.url)
    assert json.loads(as_json.assert_succeeded())["projects"][0]["name"] == "site"


async def test_what_goes_on_is_found_on_the_board(world: World, caller: Caller, line: Line) -> None:
    with pytest.raises(Usage, match=r"Several environments of site are busy: name one of staging, production."):
        await deployments.watch(caller, None, None, None)
    line.answers["/api/board"] = {"projects": [project("site", environment("staging", running=RUNNING))]}
    await world.cut("1.4.0-rc1")
    await world.complete_deployment("1.4.0-rc1")
    assert (await deployments.watch(caller, None, None, None)).code == DONE
    line.answers["/api/board"] = {"projects": [project("site", environment("staging"))]}
    quiet = await deployments.watch(caller, None, None, None)
    assert said(quiet) == ["Nothing is under way in site, and nothing waits."]


async def test_the_board_of_the_service_is_shown(world: World, client: Client) -> None:
    for version in ("1.3.0-rc1", "1.4.0-rc1", "1.4.0-rc2"):
        await world.cut(version)
    await world.complete_deployment("1.4.0-rc1")
    rule = {"approvals": {"count": 1}}
    await world.ask("PATCH", "/api/projects/site/environments/production", rule)
    await world.deploy("1.4.0-rc2", "staging")
    caller = await client.caller()
    await deployments.deploy(caller, "1.4.0-rc2", "production", StartOptions(wait=True, timeout="0s"))
    await world.settle()
    for place in ("environments/staging/freezes", "releases/1.3.0/hold", "environments/production/lock"):
        await world.ask("POST", f"/api/projects/site/{place}", {"reason": "Holidays."})
    _, staging, production, *remarks = said(await board.status(caller, all_projects=False))
    assert " 1.4.0-rc1 (" in staging and " root " in staging
    assert "1.4.0-rc2 pending since 20" in staging and "frozen by root: Holidays" in staging
    assert "1.4.0-rc2 waits for approvals (ask role:maintain)" in production
    assert "locked by root: Holidays" in production
    commit = world.github.head()[:7]
    with pytest.raises(Refused, match=r"Did you mean `site`\?"):
        await board.status(await client.caller(named="sit"), all_projects=False)
    assert remarks == [
        f"site: the newest candidate is 1.4.0-rc2 ({commit}), ready.",
        "site: 1.3.0 is held by root: Holidays.",
    ]


@pytest.mark.parametrize(
    ("page", "path"),
    [
        (Page(), "/projects/site"),
        (Page(candidate="1.4.0-rc1"), "/projects/site/candidates/1.4.0-rc1"),
        (Page(environment="EU West/1"), "/projects/site/environments/EU%20West%2F1"),
        (Page(environment=".."), "/projects/site/environments/%2E%2E"),
        (Page(deployment=7), "/deployments/7"),
    ],
)
async def test_pages_have_addresses(client: Client, page: Page, path: str) -> None:
    outcome = await pages.open_page(await client.caller(), page, only_print=True)
    assert said(outcome) == [f"{client.url}{path}"]
    with pytest.raises(Usage, match="name different pages"):
        await pages.open_page(await client.caller(), Page("1.4.0-rc1", "staging"), only_print=True)
