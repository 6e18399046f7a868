"""What is at the addresses of acts for who opens them, as by a reload after a refusal."""

import re

from tests.web.browsers import Browser, sign_in_as_operator
from tests.web.visitors import Visitor
from tests.world import World
from web.pages.routes import ROUTES

PAGES = {route.path for route in ROUTES if route.method == "GET"}
ACTS = [route for route in ROUTES if route.method == "POST" and route.path not in PAGES]
PARTS = {"project": "site", "candidate": "1.0.0-rc1", "environment": "pre%2Fprod", "deployment": "1", "job": "7"}


async def test_the_address_of_an_act_leads_to_the_page_with_its_form(world: World) -> None:
    operator, found = await sign_in_as_operator(world), dict[str, str]()
    for route in ACTS:
        if route.again is not None:
            path = re.sub(r"\{(\w+)[^}]*\}", lambda part: PARTS.get(part[1], "1"), route.path)
            answer = await operator.open(path)
            assert answer.status == 303, path
            found[path] = answer.location
            assert (await Browser(world).open(path, Accept="application/json")).status == 405, path
    assert len(found) >= 25
    assert found["/settings/tokens"] == found["/settings/sessions/1/end"] == "/settings"
    assert found["/projects/site/candidates/1.0.0-rc1/ban"] == "/projects/site/candidates/1.0.0-rc1"
    assert found["/projects/site/environments/pre%2Fprod/lock"] == "/projects/site/environments/pre%2Fprod"
    assert found["/waiting/announcements/site/1/1/reject"] == "/waiting"
    assert found["/operations/jobs/7/retry"] == "/operations/jobs/7"


async def test_who_reloads_a_refused_form_finds_its_page_again(world: World) -> None:
    visitor = Visitor(world)
    await visitor.sign_in("alice")
    refused = await visitor.send("/settings/tokens", {"form": "token", "name": "laptop", "lifetime": "7"})
    assert "Choose at least one grant" in refused.text
    again = await visitor.open("/settings/tokens")
    assert (again.status, again.location) == (303, "/settings")
    assert (await visitor.open(again.location)).status == 200
