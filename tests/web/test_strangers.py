"""What people without any role can use up of GitHub's limits by the pages and with their tokens."""

from pathlib import Path

from bot.github.repository import SIGNED_IN_ONLY
from bot.github.strangers import MAX_QUESTIONS
from bot.operations.readable import in_turn
from bot.rules.ids import GitHubUserId, InstallationId, RepositoryId
from bot.store.projects import Environment, Repository
from tests.web.browsers import Browser, sign_in
from tests.web.visitors import Visitor
from tests.world import Serve, World, running_world

LEFT = 5


def questions(world: World) -> int:
    """How often GitHub was asked for a role."""
    return len([call for call in world.github.calls if call.route.endswith("/permission")])


def leave(world: World, login: str, left: int = LEFT) -> None:
    """Count so many questions about a stranger that only these are left."""
    account = GitHubUserId(world.github.state.account(login).id)
    for _ in range(MAX_QUESTIONS - left):
        world.service.github.people.strangers.count(account)


async def test_a_stranger_who_signs_in_uses_up_little_and_members_are_asked_about_as_before(world: World) -> None:
    await world.github.set_private(True)
    await world.settle()
    world.github.person("rita", "write")
    sam, rita = await sign_in(world, "sam"), await sign_in(world, "rita")
    for _ in range(3):
        assert (await sam.open("/")).status == 200
    assert questions(world) == 1  # not again within ten minutes
    leave(world, "sam")
    acts = [await sam.send("/projects/site/freeze", reason="mine") for _ in range(LEFT)]
    assert [page.status for page in acts] == [429 if number == LEFT - 1 else 403 for number in range(LEFT)]
    refused = acts[-1]
    assert refused.headers["Retry-After"].isdigit() and "asked too often for somebody without a role" in refused.text
    assert (await sam.open("/")).status == 200
    assert questions(world) == LEFT
    for _ in range(3):
        assert "acme/site" in (await rita.open("/")).text
    assert (await rita.send("/projects/site/cut", version="1.0", commit=world.github.head())).status == 303
    await world.settle()


async def test_who_has_just_been_given_a_role_sees_its_projects_after_signing_in_again(world: World) -> None:
    await world.github.set_private(True)
    await world.settle()
    visitor = Visitor(world)
    world.github.person("sam", "none")
    await visitor.sign_in("sam")
    assert "acme/site" not in (await visitor.open("/")).text
    world.github.person("sam", "write")
    assert "acme/site" not in (await visitor.open("/")).text
    await visitor.sign_in("sam")
    assert "acme/site" in (await visitor.open("/")).text


async def test_the_teams_of_a_stranger_are_asked_for_only_so_often(world: World) -> None:
    await world.cut("1.0.0-rc1")
    rule = {"approvals": {"count": 1, "from": ["team:acme/release"]}}
    await Environment.filter(name="production").update(gate_settings=rule)
    body = {"release_candidate_version": "1.0.0-rc1", "wait": True}
    assert (await world.ask("POST", "/api/releases/site/environments/production/deployments", body)).status == 201
    await world.settle()
    for login, left, asked in (("sam", 1, 0), ("max", 2, 1)):
        stranger = await sign_in(world, login)
        world.github.forget_calls()
        leave(world, login, left)
        assert (await stranger.open("/waiting/count")).status == 200
        assert len([call for call in world.github.calls if "/teams/" in call.path]) == asked, login
    world.expect_unfinished("follow", "expire_deployment")


async def test_a_token_of_a_stranger_uses_up_no_more(world: World) -> None:
    await world.github.set_private(True)
    await world.settle()
    world.github.person("sam", "none")
    sam = Visitor(world)
    await sam.sign_in("sam")
    made = await sam.send("/settings/tokens", {"name": "loop", "lifetime": "7", "grant.freeze:write": "on"})
    token = made.html.partition('<pre id="new-token">')[2].partition("<")[0]
    world.github.forget_calls()
    leave(world, "sam")
    answers = [await world.ask("POST", "/api/projects/site/freezes", {"reason": "x"}, token=token) for _ in range(8)]
    assert [answer.status for answer in answers][: LEFT - 1] == [403] * (LEFT - 1), answers
    assert (answers[-1].status, answers[-1].headers["Retry-After"].isdigit()) == (429, True)
    assert questions(world) <= LEFT


async def test_who_has_used_up_their_questions_still_reads_what_is_public(world: World) -> None:
    sam = await sign_in(world, "sam")
    leave(world, "sam", 0)
    assert (await sam.send("/projects/site/freeze", reason="mine")).status == 429
    assert "acme/site" in (await sam.open("/projects/site")).text
    assert questions(world) == 0


async def test_an_outage_of_github_is_not_counted_against_anybody(world: World) -> None:
    world.github.person("mona", "maintain")
    mona = await sign_in(world, "mona")
    world.github.faults.down()
    assert (await mona.send("/projects/site/freeze", reason="calm")).status == 503
    world.github.faults.up()
    leave(world, "mona", 0)


async def test_who_has_not_signed_in_causes_no_request_to_github_and_is_told_so(
    source: Path, database_url: str, aiohttp_server: Serve
) -> None:
    async with running_world(source, database_url, aiohttp_server, anonymous_read="all") as world:
        world.github.person("rita", "maintain")
        for version in ("1.0-rc1", "1.1-rc1"):
            await world.github.commit(version)
            await world.cut(version)
        await world.complete_deployment("1.0-rc1")
        await Environment.all().update(gate_settings={"checks": ["lint"]})
        stranger, rita = Browser(world), await sign_in(world, "rita")
        world.github.forget_calls()
        pages = (
            "/projects/site/candidates/1.1-rc1",
            "/deployments/1",
            "/search?q=1",
        )
        read = {path: await stranger.open(path) for path in pages}
        assert [page.status for page in read.values()] == [200] * len(pages)
        assert world.github.calls == []
        candidate, deployment = read[pages[0]].text, read[pages[1]].text
        assert "GitHub is asked only for readers who have signed in: gates that depend" in candidate
        assert f"The checks could not be read: {SIGNED_IN_ONLY}" in candidate
        assert f"The changes cannot be shown: {SIGNED_IN_ONLY}" in candidate
        assert f"The jobs cannot be shown now: {SIGNED_IN_ONLY}" in deployment
        told = (await rita.open(pages[0])).text
        assert SIGNED_IN_ONLY not in told and world.github.calls
        world.github.forget_calls()
        remembered = (await stranger.open(pages[0])).text
        assert "The changes cannot be shown" not in remembered and world.github.calls == []


async def test_on_pages_of_public_projects_a_stranger_causes_only_so_many_requests_and_a_member_more(
    world: World,
) -> None:
    world.github.person("mona", "maintain")
    for version in ("1.0-rc1", "1.1-rc1"):
        await world.github.commit(version)
        await world.cut(version)
    await world.complete_deployment("1.0-rc1")
    await Environment.all().update(gate_settings={"checks": ["lint"]})
    path = "/projects/site/candidates/1.1-rc1"
    sam, mona = await sign_in(world, "sam"), await sign_in(world, "mona")
    leave(world, "sam")
    limit = "asked too often for somebody without a role"
    first = (await sam.open(path)).text
    assert limit not in first
    for _ in range(LEFT):
        world.service.github.forget(InstallationId(world.github.installation.id))
        limited = await sam.open(path)
    assert (limited.status, f"The checks could not be read: GitHub was {limit}" in limited.text) == (200, True)
    assert "The changes cannot be shown" in limited.text
    world.github.forget_calls()
    leave(world, "mona", 1)
    assert limit not in (await mona.open(path)).text
    assert world.github.calls


def test_each_of_many_repositories_has_its_turn() -> None:
    repositories = [Repository(github_id=number) for number in (3, 1, 2)]
    for last, expected in ((0, [1, 2, 3]), (1, [2, 3, 1]), (3, [1, 2, 3])):
        assert [each.github_id for each in in_turn(repositories, RepositoryId(last))] == expected
