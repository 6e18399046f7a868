"""How much is asked of GitHub about people without a role, and for how long it is remembered that they have none."""

import pytest

from bot.errors import RateLimited
from bot.github.people import NOTHING_SECONDS, SECONDS, People
from bot.github.repository import RepositoryClient
from bot.github.strangers import KNOWN_SECONDS, MAX_QUESTIONS, WINDOW, Strangers
from bot.rules.ids import GitHubUserId, RepositoryId
from tests.world import World

SAM, RITA = GitHubUserId(7), GitHubUserId(8)


class Time:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def ask(strangers: Strangers, account: GitHubUserId, count: int) -> None:
    for number in range(1, count + 1):
        strangers.count_role(account, RepositoryId(number))


def test_of_each_stranger_so_much_is_asked_within_a_time_and_of_who_has_a_role_more() -> None:
    time = Time()
    strangers = Strangers(time)
    ask(strangers, SAM, MAX_QUESTIONS)
    time.seconds += 10
    with pytest.raises(RateLimited) as refused:
        strangers.count_role(SAM, RepositoryId(999))
    assert refused.value.retry_after == WINDOW - 10
    assert strangers.last_asked(SAM) == MAX_QUESTIONS
    strangers.has_role(RITA)
    ask(strangers, RITA, 3 * MAX_QUESTIONS)
    assert (strangers.is_one(SAM), strangers.is_one(RITA)) == (True, False)
    time.seconds += WINDOW
    ask(strangers, SAM, MAX_QUESTIONS)
    time.seconds += KNOWN_SECONDS
    with pytest.raises(RateLimited):
        ask(strangers, RITA, MAX_QUESTIONS + 1)


@pytest.mark.parametrize(("role", "seconds"), [("none", NOTHING_SECONDS), ("read", SECONDS), ("write", SECONDS)])
async def test_that_somebody_has_no_role_is_remembered_for_longer(
    world: World, client: RepositoryClient, role: str, seconds: float
) -> None:
    await world.github.set_private(True)
    account, time = world.github.person("dora", role).id, Time()
    people = People(time)

    async def own_role(*, fresh: bool = False) -> str:
        return await people.own_role(client, GitHubUserId(account), "dora", fresh=fresh, private=True)

    assert await own_role() == role
    world.github.person("dora", "admin")
    time.seconds += seconds - 1
    assert await own_role() == role
    time.seconds += 2
    assert await own_role() == "admin"
    world.github.person("dora", role)
    assert await own_role(fresh=True) == role


async def test_that_somebody_is_in_no_team_is_remembered_for_longer(world: World, client: RepositoryClient) -> None:
    world.github.team("Release managers")
    team, time = "release-managers", Time()
    people = People(time)
    assert not await people.is_member(client, "acme", team, "alice", fresh=False)
    world.github.add_team_member(team, "alice")
    time.seconds += NOTHING_SECONDS - 1
    assert not await people.is_member(client, "acme", team, "alice", fresh=False)
    time.seconds += 2
    assert await people.is_member(client, "acme", team, "alice", fresh=False)
    world.github.remove_team_member(team, "alice")
    time.seconds += SECONDS + 1
    assert not await people.is_member(client, "acme", team, "alice", fresh=False)


async def test_reading_what_is_public_makes_nobody_known(world: World, client: RepositoryClient) -> None:
    people = People()
    world.github.person("dora", "read")
    account = GitHubUserId(world.github.state.account("dora").id)
    for _ in range(MAX_QUESTIONS):
        assert await people.own_role(client, account, "dora", fresh=True, private=False) == "read"
    with pytest.raises(RateLimited):
        await people.own_role(client, account, "dora", fresh=True, private=False)
