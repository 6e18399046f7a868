"""Who may press which button: every act of the pages of a project, by every role on GitHub, on both kinds of tiers.

The expected roles are written by hand. Each attempt is made for real; a permitted one may be refused for another reason
than the role.
"""

import pytest

from bot.store.database import execute
from bot.store.projects import Environment, Project
from tests.web.browsers import Browser, Page, sign_in
from tests.web.test_project_pages import RULE
from tests.world import World
from web.pages import candidates, deployments, environments, projects

ROLES = ("none", "read", "triage", "write", "maintain", "admin")
SITE, CANDIDATE = "/projects/site", "/projects/site/candidates/1.4.0-rc1"
HERE = f"{SITE}/environments/{{tier}}"
BECAUSE = {"reason": "a test"}

# method, path, fields, the lowest role for it on a staging environment and on a production one; in this order
TABLE: tuple[tuple[str, str, dict[str, str], str, str], ...] = (
    ("GET", SITE, {}, "read", "read"),
    ("GET", CANDIDATE, {}, "read", "read"),
    ("GET", HERE, {}, "read", "read"),
    ("GET", "/deployments/{deployment}", {}, "read", "read"),
    ("GET", f"{SITE}/cut?version=9.0.0&commit=main", {}, "write", "write"),
    ("POST", f"{SITE}/cut", {"version": "9.0.0", "commit": "{head}"}, "write", "write"),
    ("POST", f"{CANDIDATE}/cancel", {}, "write", "write"),
    ("POST", f"{CANDIDATE}/rebuild", {}, "write", "write"),
    ("GET", f"{CANDIDATE}/promote", {}, "write", "write"),
    ("GET", f"{CANDIDATE}/deploy?environment={{tier}}", {}, "write", "maintain"),
    ("GET", f"{CANDIDATE}/deploy?environment={{tier}}&reason=x", {}, "admin", "admin"),
    ("POST", f"{CANDIDATE}/deploy", {"environment": "{tier}"}, "write", "maintain"),
    ("POST", f"{CANDIDATE}/deploy", {"environment": "{tier}", "reason": "a test"}, "admin", "admin"),
    ("POST", "/deployments/{deployment}/cancel", {}, "write", "maintain"),
    ("GET", f"{HERE}/rollback", {}, "write", "maintain"),
    ("GET", f"{HERE}/rollback?force=yes", {}, "admin", "admin"),
    ("POST", f"{HERE}/rollback", {}, "write", "maintain"),
    ("POST", f"{HERE}/rollback", {"force": "yes"}, "admin", "admin"),
    ("POST", f"{HERE}/unlock", {}, "admin", "admin"),  # somebody else's
    ("POST", f"{HERE}/lock", BECAUSE, "write", "maintain"),
    ("POST", f"{HERE}/freeze", BECAUSE, "maintain", "maintain"),
    ("POST", f"{HERE}/unfreeze", {}, "maintain", "maintain"),
    ("POST", f"{SITE}/freeze", BECAUSE, "maintain", "maintain"),
    ("POST", f"{SITE}/unfreeze", {}, "maintain", "maintain"),
    ("POST", f"{SITE}/hold", {"release": "1.4.0", **BECAUSE}, "maintain", "maintain"),
    ("POST", f"{SITE}/unhold", {"release": "1.4.0"}, "maintain", "maintain"),
    ("POST", f"{CANDIDATE}/hold", BECAUSE, "maintain", "maintain"),
    ("POST", f"{CANDIDATE}/unhold", {}, "maintain", "maintain"),
    ("POST", f"{CANDIDATE}/ban", BECAUSE, "maintain", "maintain"),
    ("POST", f"{CANDIDATE}/unban", {}, "maintain", "maintain"),
    ("POST", f"{CANDIDATE}/approve", {"environment": "{tier}"}, "write", "maintain"),
)
OWN = {f"{candidates.CANDIDATE}/withdraw"}
"""Acts that no role decides: one takes back what one has done oneself."""
NOT_THE_ROLE = ("No previous deployment", "The environment is not locked")
PIPELINES = {"workflow": None}


def is_permitted(page: Page) -> bool:
    """Whether an attempt was permitted, whether or not there was something to do."""
    assert page.status in (200, 303, 400, 403, 404, 409), page.text
    return page.status not in (403, 404) or any(text in page.text for text in NOT_THE_ROLE)


async def attempt(browser: Browser, method: str, path: str, fields: dict[str, str]) -> Page:
    return await (browser.open(path) if method == "GET" else browser.submit(path, fields))


@pytest.mark.parametrize("tier", ["staging", "production"])
async def test_who_may_do_what_on_a_page_and_nobody_else(world: World, tier: str) -> None:
    await Project.all().update(build_workflow=None)
    await Environment.all().update(workflow=None)
    for version in ("1.3.0-rc1", "1.4.0-rc1"):
        await world.cut(version)
        assert (await world.report(version, "success", tier)).status == 200
    for role in ROLES:
        world.github.person(f"{role}-ron", role)
    await world.github.set_private(True)
    await world.settle()
    people = [(role, await sign_in(world, f"{role}-ron")) for role in ROLES]
    values = {"tier": tier, "head": world.github.head(), "deployment": "2"}
    for method, path, fields, staging, production in TABLE:
        await _prepare(world, path, tier)
        lowest = ROLES.index(staging if tier == "staging" else production)
        for role, browser in people:
            sent = {name: value.format(**values) for name, value in fields.items()}
            page = await attempt(browser, method, path.format(**values), sent)
            expected = ROLES.index(role) >= lowest
            assert is_permitted(page) is expected, (role, method, path, fields, page.status, page.text)
            assert page.status != 303 or method == "POST" or path.endswith("/promote")


async def _prepare(world: World, path: str, tier: str) -> None:
    if path.endswith("/unlock"):
        answer = await world.ask("POST", f"/api/projects/site/environments/{tier}/lock", {"reason": "mine"})
        assert answer.status < 300
    if path.endswith("/approve"):
        await execute("UPDATE candidates SET status = 'ready'")
        rule = {"approvals": {"count": RULE["approvals"]["count"]}}
        await Environment.filter(name=tier).update(gate_settings=rule)


def test_the_table_has_every_address_of_the_pages_of_a_project() -> None:
    routes = (*projects.ROUTES, *candidates.ROUTES, *environments.ROUTES, *deployments.ROUTES)
    listed = {(method, _written(path.partition("?")[0])) for method, path, *_ in TABLE}
    assert {(route.method, route.path) for route in routes if route.path not in OWN} == listed


def _written(path: str) -> str:
    """A path of the table as a route declares it."""
    for text, pattern in (
        (CANDIDATE, candidates.CANDIDATE),
        (HERE, environments.ENVIRONMENT),
        (SITE, projects.PROJECT),
        ("/deployments/{deployment}", deployments.DEPLOYMENT),
    ):
        if path.startswith(text):
            return pattern + path.removeprefix(text)
    return path
