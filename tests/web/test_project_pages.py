"""Pages about a project: the project, its candidates, environments and deployments."""

import re
from datetime import timedelta
from typing import Any

import pytest

from bot.operations import deployment_details
from bot.rules.ids import DeploymentId
from bot.store.candidates import Candidate
from bot.store.comparisons import StoredComparison
from bot.store.database import execute
from bot.store.deployments import Deployment
from bot.store.projects import Environment, Project
from bot.store.releases import Release
from bot.store.users import User
from tests.api.graphql.graphs import recorded_statements
from tests.web.browsers import Browser, sign_in, sign_in_as_operator
from tests.world import World

RULE = {"approvals": {"count": 1, "from": ["role:read"]}}
PATHS = ("/projects/site", "/projects/site/candidates/1.0.0-rc1", "/projects/site/environments/staging")


@pytest.fixture
async def released(world: World) -> World:
    """A world with 1.0.0-rc1 live on both environments, and 1.1.0-rc1 on staging."""
    await world.cut("1.0.0-rc1")
    for environment in ("staging", "production"):
        await world.complete_deployment("1.0.0-rc1", environment)
    await world.github.commit("Checkout survives a lost session")
    await world.cut("1.1.0-rc1")
    await world.complete_deployment("1.1.0-rc1")
    return world


async def test_a_project_says_what_is_where_and_what_differs(released: World) -> None:
    operator = await sign_in_as_operator(released)
    await operator.open("/projects/site")
    await released.settle()  # the commits are compared
    page = await operator.open("/projects/site")
    assert page.status == 200
    assert "1.1.0-rc1 ready" in page.text
    assert "Promote 1.1.0-rc1 to production" in page.text
    assert re.search(
        r'href="[^"]*/acme/site/compare/\w{40}\.\.\.\w{40}"[^>]*>Compare with production on GitHub', page.html
    )
    await StoredComparison.all().update(status="behind", ahead_by=0)
    behind = await operator.open("/projects/site")
    assert "nothing: production is ahead" in behind.text
    assert "Promote 1.1.0-rc1" not in behind.text
    await Project.all().update(archived=True)
    archived = await operator.open("/projects/site")
    assert "archived : nothing is cut or deployed" in archived.text
    assert "Cut a candidate" not in archived.text


async def test_a_candidate_says_what_it_would_bring_even_when_github_does_not_answer(released: World) -> None:
    operator = await sign_in_as_operator(released)
    path = "/projects/site/candidates/1.1.0-rc1"
    released.github.faults.fail(path="*/compare/*", status=503, times=None)
    silent = await operator.open(path)
    assert silent.status == 200
    assert "The changes cannot be shown" in silent.text
    released.github.faults.clear()
    page = await operator.open(path)
    assert "Checkout survives a lost session" in page.text
    assert "Since 1.0.0-rc1 , which is live on production" in page.text
    released.github.forget_calls()
    assert "Checkout survives a lost session" in (await operator.open(path)).text
    assert not released.github.calls


async def test_a_deployment_shows_the_jobs_that_github_tells_of_and_asks_once_for_all_viewers(world: World) -> None:
    await world.cut("1.0.0-rc1")
    assert (await world.deploy("1.0.0-rc1")).status == 201
    await world.settle()
    viewers = [await sign_in_as_operator(world), await sign_in_as_operator(world)]
    world.github.forget_calls()
    pages = [await viewer.open("/deployments/1") for viewer in viewers]
    assert all("Set up job" in page.text and 'data-every="10"' in page.html for page in pages)
    assert sum(call.path.endswith("/jobs") for call in world.github.calls) == 1
    canceled = await viewers[0].send("/deployments/1/cancel", form="cancel")
    assert (canceled.status, canceled.location) == (303, "/deployments/1")
    await world.settle()
    page = await viewers[0].open("/deployments/1")
    assert "canceled" in page.text
    assert "Deploy it again" in page.text
    again = await viewers[0].send("/deployments/1/cancel", form="cancel")
    assert again.status == 409
    assert "Deployment has ended" in again.text


async def test_nobody_waits_long_for_jobs_that_github_does_not_tell_and_a_cancellation_not_at_all(world: World) -> None:
    await world.cut("1.0.0-rc1")
    await world.deploy("1.0.0-rc1")
    await world.settle()
    operator = await sign_in_as_operator(world)
    world.github.faults.slow(5, path="*/jobs")
    found = await deployment_details.show(await world.context(), DeploymentId(1), max_wait=0.1)
    assert found.jobs is not None and found.jobs.problem == "GitHub has not answered within 0.1 seconds"
    world.github.forget_calls()
    assert (await operator.send("/deployments/1/cancel", form="cancel")).status == 303
    assert not any(call.path.endswith("/jobs") for call in world.github.calls)
    world.github.faults.clear()
    await world.settle()


async def test_who_may_not_read_a_project_finds_none_of_its_pages(released: World) -> None:
    released.github.person("rita", "read")
    await released.github.set_private(True)
    await released.settle()
    rita, sam = await sign_in(released, "rita"), await sign_in(released, "sam")
    for path in (*PATHS, "/deployments/1"):
        seen, hidden, strange = [await browser.open(path) for browser in (rita, sam, Browser(released))]
        assert seen.status == 200, path
        assert seen.html.count('method="post"') == 1, path  # to sign out
        assert hidden.status in (403, 404), path
        assert (strange.status, strange.location[:8]) == (303, "/sign-in"), path
    assert (await rita.open("/deployments/999")).status in (403, 404)


async def test_an_environment_says_how_long_deployments_took_in_a_chart_with_a_table(released: World) -> None:
    await Environment.filter(name="production").update(gate_settings=RULE)
    operator = await sign_in_as_operator(released)
    page = await operator.open("/projects/site/environments/staging")
    assert re.search(r'<svg class="chart"[^>]* role="img" aria-label="How long the last 2 deployments took', page.html)
    assert "after 1.0.0-rc1" in page.text
    gated = await operator.open("/projects/site/environments/production")
    assert "1 person of role:read have to approve" in gated.text


async def test_an_environment_says_who_weakened_its_gates_last_over_rest_when_and_which_settings(world: World) -> None:
    operator, path = await sign_in_as_operator(world), "/projects/site/environments/production"
    environment = "/api/projects/site/environments/production"
    assert (await world.ask("PATCH", environment, json={"after": ["staging"], "soak": "2h", **RULE})).status == 200
    assert "weakened" not in (await operator.open(path)).text  # so far, its gates only ask for more
    assert (await world.ask("PATCH", environment, json={"soak": None, "approvals": None})).status == 200
    page = await operator.open(path)
    gates = page.text.partition("Gates as set")[2]
    assert re.search(r"weakened over REST by root just now : approvals.count, .*soak", gates.replace(" ,", ",")), gates
    assert "weakened" not in (await operator.open("/projects/site/environments/staging")).text


async def add_candidates(count: int) -> None:
    """Add candidates that are as old as the first one, each with two deployments, and compared with what is live."""
    first, user = await Candidate.get(version="1.0.0-rc1"), await User.get(name="root")
    environment, at = await Environment.get(name="staging"), first.created_at
    values: dict[str, Any] = {"project_id": first.project_id, "created_at": at, "updated_at": at}
    for live in await Candidate.filter(id__lte=2) if count else ():
        pair = {"base": live.commit, "head": f"{count - 1:040x}"}
        values_of_pair: dict[str, Any] = {"repository_id": live.repository_id, **pair, "status": "ahead"}
        await StoredComparison.create(**values_of_pair, ahead_by=count, asked_at=at)
    for number in range(count):
        version = f"2.{number}.0"
        release = await Release.create(version=version, release_id=f"site-{version}", **values)
        candidate = await Candidate.create(
            release=release,
            repository_id=first.repository_id,
            number=1,
            version=f"{version}-rc1",
            commit=f"{number:040x}",
            branch="main",
            status="ready",
            created_by=user,
            **values,
        )
        for row in (candidate, first):
            await Deployment.create(
                environment=environment,
                candidate=row,
                status="success",
                actor=user,
                created_at=at,
                deploy_start_at=at,
                deploy_end_at=at - timedelta(days=1),
            )


async def count_statements(world: World, browser: Browser, path: str) -> int:
    """Count the statements of a page, and whatever the service does by itself meanwhile."""
    statements: list[str] = []
    async with recorded_statements(world, statements):
        assert (await browser.open(path)).status == 200
    return sum(re.search(r"\b(jobs|audit_entries)\b", each) is None for each in statements)


async def test_the_number_of_statements_does_not_grow_with_the_rows_and_lists_are_paged(released: World) -> None:
    operator, counts = await sign_in_as_operator(released), []
    for count in (0, 30):
        await add_candidates(count)
        for path in (*PATHS, "/deployments/1"):
            await operator.open(path)
            await released.settle()
            counts.append(min([await count_statements(released, operator, path) for _ in range(3)]))
    few, many = counts[:4], counts[4:]
    assert few == many
    assert max(many) < 60, many
    for path in ("/projects/site", "/projects/site/environments/staging"):
        page = await operator.open(path)
        older = re.search(r'href="([^"#]*\?before=\d+)', page.html)
        assert older, path
        assert (await operator.open(older[1])).status == 200
    last = await operator.open("/projects/site?before=2")
    assert "1.0.0-rc1" in last.text and "2.0.0-rc1" not in last.text.partition("Candidates, newest first")[2]
    await execute("DELETE FROM deployments WHERE candidate_id > 2")


async def test_the_gates_of_all_environments_are_read_at_once(released: World) -> None:
    rule = {"approvals": {"count": 1, "from": ["role:read"]}, "after": ["staging"], "soak": "1h"}
    await Environment.filter(name="production").update(gate_settings=rule)
    operator, counts = await sign_in_as_operator(released), []
    path = "/projects/site/candidates/1.1.0-rc1"
    for names in (range(1), range(1, 15)):
        for number in names:
            body = {"name": f"customer-{number:02}", "tier": "production", **rule}
            assert (await released.ask("POST", "/api/projects/site/environments", body)).status == 201
        await operator.open(path)
        page = await operator.open(path)
        counts.append(min([await count_statements(released, operator, path) for _ in range(3)]))
    assert page.text.count("0 of 1 approval by") == 16
    assert page.text.count("It would have to wait.") == 16
    assert counts[0] == counts[1], counts
