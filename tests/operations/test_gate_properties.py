"""Whatever people do in whatever order: nothing is deployed that the gates forbid, and no deployment waits for ever.

The acts are the real operations, against a model that is told what happened and knows the rules by itself.
"""

import asyncio

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from tests.operations.gate_play import COMMITS, DEPLOYERS, ENVIRONMENTS, MAINTAINERS, PEOPLE, Act, Play
from tests.world import World

OBSTACLES = (
    *("candidate", "hold", "freeze", "lock", "window", "checks"),
    *("order", "soak", "approvals", "deployers", "busy", "grant"),
)
"""What a candidate that is brought to production may lack, each alone."""
BEGINNING: tuple[Act, ...] = (("cut", 1), ("cut", 2), ("bring", 0, None), ("finish", "production", "success"))
"""Acts after which a commit is live that is neither the oldest nor the newest."""
ONE_BY_ONE: list[Act] = [
    ("bring", 1, None),  # an older commit
    ("bring", 0, None),
    *(("bring", 0, obstacle) for obstacle in reversed(OBSTACLES)),
    ("cut", COMMITS - 1),
    ("bring", 0, "approvals"),
]

environments, people = st.sampled_from(ENVIRONMENTS), st.sampled_from(PEOPLE)
maintainers, deployers = st.sampled_from(MAINTAINERS), st.sampled_from(DEPLOYERS)
which = st.integers(0, 2)  # of the candidates that were cut, counted from the newest
BRING: st.SearchStrategy[Act] = st.tuples(st.just("bring"), which, st.sampled_from((None, None, *OBSTACLES)))
ACTS: st.SearchStrategy[Act] = st.one_of(
    BRING,
    BRING,
    BRING,
    st.tuples(st.just("cut"), st.integers(0, COMMITS - 1)),
    st.tuples(st.just("deploy"), which, environments, maintainers),
    st.tuples(st.just("approve"), which, people),
    st.tuples(st.just("withdraw"), which, people),
    st.tuples(st.sampled_from(("freeze", "unfreeze")), environments),
    st.tuples(st.sampled_from(("lock", "unlock")), environments, maintainers),
    st.tuples(st.sampled_from(("hold", "unhold", "ban", "unban")), which),
    st.tuples(st.sampled_from(("open", "close", "soak"))),
    st.tuples(st.just("report"), which, st.sampled_from(("success", "failure", "in_progress"))),
    st.tuples(st.just("roll back"), environments, deployers),
    st.tuples(st.just("finish"), environments, st.sampled_from(("success", "success", "failure"))),
    st.tuples(st.sampled_from(("demote", "restore")), maintainers),
)


@pytest.fixture
async def commits(world: World) -> list[str]:
    """Commits of which each comes after the one before; the newest is dora's."""
    shas = [world.github.head()]
    for number in range(1, COMMITS):
        await world.github.commit(f"Change {number}", by="dora" if number == COMMITS - 1 else "alice")
        shas.append(world.github.head())
    await world.settle()
    return shas


@pytest.mark.timeout(300)  # on PostgreSQL and a busy machine, it takes several times as long as otherwise
async def test_no_sequence_of_acts_deploys_what_the_gates_forbid(world: World, commits: list[str]) -> None:
    loop, deployed = asyncio.get_running_loop(), 0

    # without the phase that looks for a shorter sequence, which would take minutes: the message has the acts
    @settings(
        max_examples=12,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )
    @example(ONE_BY_ONE)
    @given(st.lists(ACTS, min_size=8, max_size=20))
    def hold(acts: list[Act]) -> None:
        async def play() -> None:
            nonlocal deployed
            game = Play(world, commits)
            await game.begin()
            for name, *arguments in (*BEGINNING, *acts):
                await game.act(str(name), *arguments)
            await game.end()
            deployed += game.deployed.count("production")

        asyncio.run_coroutine_threadsafe(play(), loop).result(120)

    await asyncio.to_thread(hold)
    assert deployed > 0


async def test_what_the_gates_ask_for_is_deployed(world: World, commits: list[str]) -> None:
    game = Play(world, commits)
    await game.begin()
    for act in (
        ("cut", 1),
        ("report", 0, "success"),
        ("deploy", 0, "production", "ben"),
        ("approve", 0, "dora"),
        ("deploy", 0, "staging", "ben"),
        ("finish", "staging", "success"),
        ("soak",),
        ("finish", "production", "success"),
    ):
        await game.act(str(act[0]), *act[1:])
    assert game.model.live == {"staging": 1, "production": 1}
