"""Whatever people do in whatever order: nothing is deployed that the gates forbid, and no deployment waits for ever.

The acts are the real operations, against a model that is told what happened and knows the rules by itself.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.context import Context
from bot.errors import Problem
from bot.operations import (
    approvals,
    bans,
    candidates,
    deploying,
    freezes,
    gate_jobs,
    locks,
    releases,
    rollbacks,
    users,
)
from bot.operations.candidates import CutRequest
from bot.operations.deploying import DeployRequest
from bot.queue.jobs import enqueue
from bot.rules.versions import parse_candidate_version
from bot.rules.views import PARTS
from bot.store.database import execute
from bot.store.deployments import Deployment
from bot.store.projects import Repository
from bot.store.runs import Run
from tests.world import World

PEOPLE = ("ann", "ben", "dora", "cem")
MAINTAINERS = ("ann", "ben", "dora")
ENVIRONMENTS = ("staging", "production")
COMMITS = 4
PRODUCTION_GATES = '{"after": ["staging"], "approvals": {"count": 1, "from": ["role:maintain"]}}'
NUMBERS = count(1)

environments, people = st.sampled_from(ENVIRONMENTS), st.sampled_from(PEOPLE)
which = st.integers(0, 2)  # of the candidates that were cut, counted from the newest
ACTS = st.one_of(
    st.tuples(st.just("cut"), st.integers(0, COMMITS - 1)),
    st.tuples(st.just("deploy"), which, environments, st.sampled_from(("ann", "ben"))),
    st.tuples(st.just("approve"), which, people),
    st.tuples(st.just("withdraw"), which, people),
    st.tuples(st.sampled_from(("freeze", "unfreeze")), environments),
    st.tuples(st.sampled_from(("lock", "unlock")), environments, st.sampled_from(("ann", "ben"))),
    st.tuples(st.sampled_from(("hold", "unhold", "ban", "unban")), which),
    st.tuples(st.just("roll back"), environments),
    st.tuples(st.just("bring"), which),
    st.tuples(st.just("finish"), st.sampled_from(("success", "success", "failure"))),
    st.tuples(st.sampled_from(("demote", "restore")), st.sampled_from(MAINTAINERS)),
)


@dataclass
class Model:
    """What is true, as far as the rules are concerned. Commits are known by their place in the history."""

    cut: list[tuple[str, int]] = field(default_factory=list)
    roles: dict[str, str] = field(default_factory=lambda: {**dict.fromkeys(MAINTAINERS, "maintain"), "cem": "write"})
    approved: set[tuple[str, str]] = field(default_factory=set)
    frozen: set[str] = field(default_factory=set)
    locked: dict[str, str] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    banned: set[str] = field(default_factory=set)
    live: dict[str, int] = field(default_factory=dict)
    proven: set[int] = field(default_factory=set)  # commits that staging has taken, and not rejected since

    def why_not(self, version: str, commit: int, environment: str, requester: str) -> list[str]:
        """The rules that a deployment would break."""
        counted = {person for person in MAINTAINERS if (version, person) in self.approved}
        counted -= {"ann", requester}  # who cut it, and who asked
        broken = {
            "banned": version in self.banned,
            "held": version in self.held,
            "frozen": environment in self.frozen,
            "locked": self.locked.get(environment, requester) != requester,
        }
        if environment == "production":
            broken |= {
                "unapproved": not any(self.roles[person] == "maintain" for person in counted),
                "unordered": commit not in self.proven,
                "older": commit < self.live.get(environment, 0),
                "may not": self.roles[requester] != "maintain",
            }
        return [name for name, is_broken in broken.items() if is_broken]


class Play:
    """A project of its own, in which one sequence of acts happens."""

    def __init__(self, world: World, commits: list[str], number: int) -> None:
        self.world, self.commits, self.model = world, commits, Model()
        self.project, self.dispatched = f"play{number}", len(world.github.dispatches)
        self.deployed: list[str] = []
        self.contexts: dict[str, Context] = {}

    async def begin(self) -> None:
        world, prefix = self.world, self.project
        prefixes = {"tag_prefix": f"{prefix}/", "trigger_tag_prefix": f"{prefix}-v"}
        hidden = {"show": dict.fromkeys(PARTS, False)}  # what is shown would take most of the time
        project = {"name": prefix, "repo": "acme/site", **prefixes, **hidden}
        assert (await world.ask("POST", "/api/projects", project)).status == 201
        for name in ENVIRONMENTS:
            body = {"name": name, "tier": name, "workflow": "deploy.yml"}
            assert (await world.ask("POST", f"/api/projects/{prefix}/environments", body)).status == 201
        sql = "UPDATE environments SET gate_settings = $1 WHERE name = 'production'"
        await execute(sql, PRODUCTION_GATES)
        for person in PEOPLE:
            world.github.person(person, self.model.roles[person])

    async def act(self, name: str, *arguments: object) -> None:
        perform: Callable[..., Awaitable[None]] = getattr(self, name.replace(" ", "_"))
        with suppress(Problem):  # refused, so the model does not change either
            await perform(*arguments)
        await self.world.settle(skip_delays=True)
        await self.check()

    async def check(self) -> None:
        """Hold every workflow that was dispatched since the last act against the model."""
        dispatches = self.world.github.dispatches[self.dispatched :]
        self.dispatched += len(dispatches)
        for dispatch in dispatches:
            run = await Run.get(request_id=dispatch.inputs["deployment_id"])
            row = await Deployment.get(id=run.deployment_id).select_related("candidate", "environment", "actor")
            self.deployed.append(row.environment.name)
            if row.kind == "deploy":
                commit = self.commits.index(row.candidate.commit)
                broken = self.model.why_not(row.candidate.version, commit, row.environment.name, row.actor.name)
                assert not broken, f"{row.candidate.version} was deployed to {row.environment.name}: {broken}"

    async def end(self) -> None:
        """Let time pass: whatever waits has to end, with a reason."""
        past = "UPDATE deployments SET expires_at = created_at, evaluate_at = created_at WHERE waiting"
        await execute(past)
        await enqueue(gate_jobs.SweepWaiting())
        await self.world.settle(skip_delays=True)
        await self.check()
        assert not await Deployment.exists(waiting=True)
        ended = Deployment.filter(wait_outcome__in=["superseded", "refused", "expired", "canceled"])
        assert all(row.error_message for row in await ended)
        while await self.unfinished():
            await self.act("finish", "success")

    async def unfinished(self) -> list[int]:
        return [run.ordinal for run in self.world.github.runs if run.status != "completed"]

    async def by(self, person: str) -> Context:
        context = await self.world.context()
        repository = await Repository.get(full_name="acme/site")
        account = self.world.github.person(person, self.model.roles[person])
        actor = await users.actor_from_github(context, account.id, person, repository)
        return context.acting_as(actor, "test")

    def candidate(self, index: int) -> tuple[str, int]:
        if not self.model.cut:
            raise Problem("Nothing was cut yet.")
        return self.model.cut[-1 - index % len(self.model.cut)]

    # --- acts

    async def cut(self, commit: int) -> None:
        version = f"{len(self.model.cut) + 1}.0-rc1"
        request = CutRequest(version.removesuffix("-rc1"), self.commits[commit], number=1)
        await candidates.cut(await self.by("ann"), self.project, request)
        self.model.cut.append((version, commit))

    async def deploy(self, index: int, environment: str, person: str) -> None:
        version, _ = self.candidate(index)
        request = DeployRequest(parse_candidate_version(version), wait=True)
        await deploying.deploy(await self.by(person), self.project, environment, request)

    async def approve(self, index: int, person: str) -> None:
        version, _ = self.candidate(index)
        await approvals.approve(await self.by(person), self.project, "production", parse_candidate_version(version))
        self.model.approved.add((version, person))

    async def withdraw(self, index: int, person: str) -> None:
        version, _ = self.candidate(index)
        context, parsed = await self.by(person), parse_candidate_version(version)
        await approvals.withdraw_own(context, self.project, "production", parsed)
        self.model.approved.discard((version, person))

    async def freeze(self, environment: str) -> None:
        await freezes.freeze_environment(await self.world.context(), self.project, environment, "a reason")
        self.model.frozen.add(environment)

    async def unfreeze(self, environment: str) -> None:
        self.model.frozen.discard(environment)
        await freezes.end_all_of_environment(await self.world.context(), self.project, environment)

    async def lock(self, environment: str, person: str) -> None:
        await locks.lock(await self.by(person), self.project, environment, "a reason")
        self.model.locked[environment] = person

    async def unlock(self, environment: str, person: str) -> None:
        await locks.unlock(await self.by(person), self.project, environment)
        self.model.locked.pop(environment, None)

    async def hold(self, index: int) -> None:
        version, _ = self.candidate(index)
        await releases.hold(await self.world.context(), self.project, version.removesuffix("-rc1"), "a reason")
        self.model.held.add(version)

    async def unhold(self, index: int) -> None:
        version, _ = self.candidate(index)
        await releases.unhold(await self.world.context(), self.project, version.removesuffix("-rc1"))
        self.model.held.discard(version)

    async def ban(self, index: int) -> None:
        version, _ = self.candidate(index)
        await bans.ban(await self.world.context(), self.project, parse_candidate_version(version), "a reason")
        self.model.banned.add(version)

    async def unban(self, index: int) -> None:
        version, _ = self.candidate(index)
        await bans.unban(await self.world.context(), self.project, parse_candidate_version(version))
        self.model.banned.discard(version)

    async def demote(self, person: str) -> None:
        self.model.roles[person] = "read"
        self.world.github.person(person, "read")

    async def restore(self, person: str) -> None:
        self.model.roles[person] = "maintain"
        self.world.github.person(person, "maintain")

    async def bring(self, index: int) -> None:
        """Do all that production asks for, as far as it is possible now."""
        await self.act("deploy", index, "staging", "ann")
        await self.act("finish", "success")
        await self.act("approve", index, "dora")
        await self.act("deploy", index, "production", "ben")

    async def roll_back(self, environment: str) -> None:
        row = await rollbacks.roll_back(await self.world.context(), self.project, environment)
        if environment == "staging" and environment in self.model.live:
            self.model.proven.discard(self.model.live[environment])
        await self.world.settle(skip_delays=True)
        await execute("UPDATE deployments SET dispatch_after = created_at WHERE id = $1", row.id)
        for run in await self.unfinished():
            await self.world.github.finish(run=run, conclusion="success")
            await self.world.settle(skip_delays=True)
        await self.learn()

    async def finish(self, conclusion: str) -> None:
        for run in (await self.unfinished())[:1]:
            await self.world.github.finish(run=run, conclusion=conclusion)
            await self.world.settle(skip_delays=True)
        await self.learn()

    async def learn(self) -> None:
        """Take note of what has happened on the environments since."""
        rows = Deployment.filter(environment__project__name=self.project)
        happened: list[tuple[datetime, str, str, int]] = []
        for row in await rows.select_related("candidate", "environment", "from_candidate").order_by("id"):
            commit = self.commits.index(row.candidate.commit)
            if row.status in ("success", "failure") and row.deploy_end_at is not None:
                happened.append((row.deploy_end_at, row.environment.name, row.status, commit))
            if row.kind == "rollback" and row.status != "canceled" and row.from_candidate is not None:
                left = self.commits.index(row.from_candidate.commit)
                happened.append((row.created_at, row.environment.name, "rolled back", left))
        self.model.live, self.model.proven = {}, set()
        for _, environment, what, commit in sorted(happened):
            if what == "success":
                self.model.live[environment] = commit
            if environment == "staging":
                (self.model.proven.add if what == "success" else self.model.proven.discard)(commit)


@pytest.fixture
async def commits(world: World) -> list[str]:
    """Commits of which each comes after the one before."""
    shas = [world.github.head()]
    for number in range(1, COMMITS):
        await world.github.commit(f"Change {number}")
        shas.append(world.github.head())
    await world.settle()
    return shas


async def test_no_sequence_of_acts_deploys_what_the_gates_forbid(world: World, commits: list[str]) -> None:
    loop, deployed = asyncio.get_running_loop(), 0

    @settings(max_examples=12, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(ACTS, min_size=12, max_size=30))
    def hold(acts: list[tuple[object, ...]]) -> None:
        async def play() -> None:
            nonlocal deployed
            game = Play(world, commits, next(NUMBERS))
            await game.begin()
            for name, *arguments in (("cut", 1), ("cut", 2), ("bring", 0), *acts):
                await game.act(str(name), *arguments)
            await game.end()
            deployed += game.deployed.count("production")

        asyncio.run_coroutine_threadsafe(play(), loop).result(120)

    await asyncio.to_thread(hold)
    assert deployed > 0


async def test_what_the_gates_ask_for_is_deployed(world: World, commits: list[str]) -> None:
    game = Play(world, commits, next(NUMBERS))
    await game.begin()
    for act in (
        ("cut", 1),
        ("deploy", 0, "production", "ben"),
        ("approve", 0, "dora"),
        ("deploy", 0, "staging", "ben"),
        ("finish", "success"),
        ("finish", "success"),
    ):
        await game.act(str(act[0]), *act[1:])
    assert game.model.live == {"staging": 1, "production": 1}
