"""Sequences of acts about gates, played by the real operations against a model that knows the rules by itself.

The model is told what happened. After each act, whatever was dispatched is held against it.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import NamedTuple

from bot.context import Context
from bot.errors import Problem
from bot.operations import (
    approvals,
    bans,
    candidates,
    deploying,
    environments,
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
from bot.rules.versions import CandidateVersion, parse_candidate_version
from bot.rules.views import PARTS
from bot.store.database import execute
from bot.store.deployments import Deployment
from bot.store.projects import Repository
from bot.store.runs import Run
from sandbox.records import Dispatch
from tests.world import World

MAINTAINERS = ("ann", "ben", "dora", "eve")
PEOPLE = (*MAINTAINERS, "cem")
ENVIRONMENTS = ("staging", "production")
COMMITS = 4
AUTHORS = {COMMITS - 1: ("dora",)}
"""Who of these people wrote which commit: the newest, so that every deployment of it brings it, or finds it there."""
DEPLOYERS = ("ben", "dora")
SOAK = timedelta(hours=1)
GATES = {
    "after": ["staging"],
    "soak": "1h",
    "approvals": {"count": 1, "from": ["role:maintain"]},
    "deployers": [f"user:{person}" for person in DEPLOYERS],
}
CLOSED = {"windows": [{"deny": "FREQ=DAILY", "for": "24h"}]}
ROLLBACK_RULES = ("candidate", "hold", "freeze", "lock", "window", "deployers", "grant")
NUMBERS = count(1)

Act = tuple[object, ...]


class Candidate(NamedTuple):
    """A candidate that was cut; `commit` is the place of its commit in the history."""

    version: str
    commit: int

    @property
    def release(self) -> str:
        """The version of its release."""
        return self.version.removesuffix("-rc1")

    @property
    def parsed(self) -> CandidateVersion:
        """Its version, as operations take it."""
        return parse_candidate_version(self.version)


class Broken(NamedTuple):
    """A rule that a deployment would break. Unless it `refuses`, the deployment may wait."""

    rule: str
    why: str
    refuses: bool = True

    def __str__(self) -> str:
        """The rule, and why it is broken."""
        return f"{self.rule} ({self.why})"


@dataclass
class Model:
    """What is true, as far as the rules are concerned."""

    cut: list[Candidate] = field(default_factory=list)
    roles: dict[str, str] = field(default_factory=lambda: {**dict.fromkeys(MAINTAINERS, "maintain"), "cem": "write"})
    approved: set[tuple[str, str]] = field(default_factory=set)
    frozen: set[str] = field(default_factory=set)
    closed: bool = False  # production, by its calendar
    locked: dict[str, str] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    banned: set[str] = field(default_factory=set)
    checks: dict[int, str] = field(default_factory=dict)
    live: dict[str, int] = field(default_factory=dict)
    proven: dict[int, datetime] = field(default_factory=dict)  # since when commits are on staging, without a failure

    def why_not(
        self, candidate: Candidate, environment: str, requester: str, *, busy: bool, rollback: bool = False
    ) -> list[Broken]:
        """The rules that a deployment would break now."""
        rules = [*self._anywhere(candidate, environment, requester, busy=busy)]
        if environment == "production":
            rules += self._on_production(candidate, requester)
        judged = [each for is_broken, each in rules if is_broken]
        return [each for each in judged if not rollback or each.rule in ROLLBACK_RULES]

    def _anywhere(
        self, candidate: Candidate, environment: str, requester: str, *, busy: bool
    ) -> Iterator[tuple[bool, Broken]]:
        owner, role = self.locked.get(environment, requester), self.roles[requester]
        may_deploy = role == "maintain" or (role == "write" and environment == "staging")
        yield candidate.version in self.banned, Broken("candidate", "it is banned")
        yield candidate.version in self.held, Broken("hold", "its release is held")
        yield environment in self.frozen, Broken("freeze", f"{environment} is frozen")
        yield owner != requester, Broken("lock", f"{environment} is locked by {owner}")
        yield busy, Broken("busy", "another deployment is under way", refuses=False)
        yield not may_deploy, Broken("grant", f"{requester} has the role {role}")

    def _on_production(self, candidate: Candidate, requester: str) -> Iterator[tuple[bool, Broken]]:
        commit, live = candidate.commit, self.live.get("production", 0)
        check, proven = self.checks.get(commit), self.proven.get(commit)
        soaks = proven is not None and proven + SOAK > datetime.now(UTC)
        approved = self._approvers(candidate, requester)
        yield self.closed, Broken("window", "the calendar is closed", refuses=False)
        yield requester not in DEPLOYERS, Broken("deployers", f"{requester} is not one of them")
        yield commit < live, Broken("downgrade", "a newer commit is live")
        yield check != "success", Broken("checks", f"its check is {check}", refuses=check == "failure")
        yield proven is None, Broken("order", "it is not on staging, or failed there", refuses=False)
        yield soaks, Broken("soak", f"it is on staging only since {proven}", refuses=False)
        yield not approved, Broken("approvals", "nobody whose approval counts gave it", refuses=False)

    def _approvers(self, candidate: Candidate, requester: str) -> set[str]:
        """Whose approval counts: of a maintainer who neither cut nor wrote it, nor asked for the deployment."""
        maintainers = {person for person in PEOPLE if self.roles[person] == "maintain"}
        approved = {person for person in maintainers if (candidate.version, person) in self.approved}
        return approved - {"ann", requester, *AUTHORS.get(candidate.commit, ())}


class Play:
    """A project of its own, in which one sequence of acts happens."""

    def __init__(self, world: World, commits: list[str]) -> None:
        self.world, self.commits, self.model = world, commits, Model()
        self.project, self.seen = f"play{next(NUMBERS)}", len(world.github.dispatches)
        self.check_name = f"test of {self.project}"
        self.runs: dict[str, list[int]] = {name: [] for name in ENVIRONMENTS}  # ids on GitHub
        self.deployed: list[str] = []
        self.acts: list[str] = []

    async def begin(self) -> None:
        world, prefix = self.world, self.project
        for person in PEOPLE:
            world.github.person(person, self.model.roles[person])
        body = {"name": prefix, "repo": "acme/site", "tag_prefix": f"{prefix}/", "trigger_tag_prefix": f"{prefix}-v"}
        hidden = {"show": dict.fromkeys(PARTS, False)}  # which would be most of the work
        assert (await world.ask("POST", "/api/projects", {**body, **hidden})).status == 201
        for name in ENVIRONMENTS:
            gates = {**GATES, "checks": [self.check_name]} if name == "production" else {}
            answer = await world.ask(
                "POST",
                f"/api/projects/{prefix}/environments",
                {"name": name, "tier": name, "workflow": "deploy.yml", **gates},
            )
            assert answer.status == 201, answer.json

    async def act(self, name: str, *arguments: object) -> None:
        """Do something, wait, and hold what was dispatched against the model. Refusals change nothing there."""
        self.acts.append(" ".join(map(str, (name, *arguments))))
        perform: Callable[..., Awaitable[None]] = getattr(self, name.replace(" ", "_"))
        with suppress(Problem):
            await perform(*arguments)
        await self.world.settle(skip_delays=True)
        await self.check()

    async def check(self) -> None:
        """Hold every workflow that was dispatched since the last act against the model."""
        dispatches = self.world.github.dispatches[self.seen :]
        self.seen += len(dispatches)
        for dispatch in dispatches:
            await self._check(dispatch)

    async def _check(self, dispatch: Dispatch) -> None:
        run = await Run.get(request_id=dispatch.inputs["deployment_id"])
        row = await Deployment.get(id=run.deployment_id).select_related("candidate", "environment", "actor")
        candidate = Candidate(row.candidate.version, self.commits.index(row.candidate.commit))
        environment, requester = row.environment.name, row.actor.name
        busy, is_rollback = bool(self.unfinished(environment)), row.kind == "rollback"
        broken = self.model.why_not(candidate, environment, requester, busy=busy, rollback=is_rollback)
        self.runs[environment].append(dispatch.run_id)
        self.deployed.append(environment)
        done = f"{environment} was rolled back to" if is_rollback else f"{environment} has got"
        assert not broken, self.told(f"{done} {candidate.version}, which {requester} asked for, against", broken)

    def told(self, what: str, broken: list[Broken]) -> str:
        """The message of a broken promise, with the last acts before it."""
        return f"{what}: {', '.join(map(str, broken)) or 'no rule'}; after: {'; '.join(self.acts[-12:])}"

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
        await self.finish_all()

    def unfinished(self, *environments: str) -> list[int]:
        """The runs that have not ended, by their places."""
        ids = {run for name in environments or ENVIRONMENTS for run in self.runs[name]}
        return [run.ordinal for run in self.world.github.runs if run.id in ids and run.status != "completed"]

    async def finish_all(self) -> None:
        while self.unfinished():
            for name in ENVIRONMENTS:
                await self.act("finish", name, "success")

    async def by(self, person: str) -> Context:
        context = await self.world.context()
        repository = await Repository.get(full_name="acme/site")
        account = self.world.github.person(person, self.model.roles[person])
        actor = await users.actor_from_github(context, account.id, person, repository)
        return context.acting_as(actor, "test")

    def candidate(self, index: int) -> Candidate:
        """One of the candidates, counted from the newest."""
        if not self.model.cut:
            raise Problem("Nothing was cut yet.")
        return self.model.cut[-1 - index % len(self.model.cut)]

    # --- acts of one person

    async def cut(self, commit: int) -> None:
        candidate = Candidate(f"{len(self.model.cut) + 1}.0-rc1", commit)
        request = CutRequest(candidate.release, self.commits[commit], number=1)
        await candidates.cut(await self.by("ann"), self.project, request)
        self.model.cut.append(candidate)

    async def deploy(self, index: int, environment: str, person: str) -> None:
        """Ask for a deployment that may wait. It is refused, waits and begins as the model says."""
        candidate, busy = self.candidate(index), bool(self.unfinished(environment))
        broken = self.model.why_not(candidate, environment, person, busy=busy)
        what, request = (
            f"{candidate.version} on {environment}, which {person} asks for,",
            DeployRequest(candidate.parsed, wait=True),
        )
        context, refusal = await self.by(person), None
        try:
            row, is_new = await deploying.deploy(context, self.project, environment, request)
        except Problem as problem:
            refusal = problem
        if refusal is not None:
            assert any(each.refuses for each in broken), self.told(f"{what} may not wait ({refusal}) for", broken)
            return
        assert broken or not row.waiting or not is_new, self.told(f"{what} waits for {row.waits_for} against", broken)

    async def approve(self, index: int, person: str) -> None:
        candidate = self.candidate(index)
        await approvals.approve(await self.by(person), self.project, "production", candidate.parsed)
        self.model.approved.add((candidate.version, person))

    async def withdraw(self, index: int, person: str) -> None:
        candidate = self.candidate(index)
        await approvals.withdraw_own(await self.by(person), self.project, "production", candidate.parsed)
        self.model.approved.discard((candidate.version, person))

    async def freeze(self, environment: str) -> None:
        await freezes.freeze_environment(await self.world.context(), self.project, environment, "a reason")
        self.model.frozen.add(environment)

    async def unfreeze(self, environment: str) -> None:
        self.model.frozen.discard(environment)
        await freezes.end_all_of_environment(await self.world.context(), self.project, environment)

    async def close(self) -> None:
        await environments.change(await self.world.context(), self.project, "production", gates=CLOSED)
        self.model.closed = True

    async def open(self) -> None:
        self.model.closed = False
        await environments.change(await self.world.context(), self.project, "production", gates={"windows": []})

    async def lock(self, environment: str, person: str) -> None:
        await locks.lock(await self.by(person), self.project, environment, "a reason")
        self.model.locked[environment] = person

    async def unlock(self, environment: str, person: str) -> None:
        await locks.unlock(await self.by(person), self.project, environment)
        self.model.locked.pop(environment, None)

    async def hold(self, index: int) -> None:
        candidate = self.candidate(index)
        await releases.hold(await self.world.context(), self.project, candidate.release, "a reason")
        self.model.held.add(candidate.version)

    async def unhold(self, index: int) -> None:
        candidate = self.candidate(index)
        await releases.unhold(await self.world.context(), self.project, candidate.release)
        self.model.held.discard(candidate.version)

    async def ban(self, index: int) -> None:
        candidate = self.candidate(index)
        await bans.ban(await self.world.context(), self.project, candidate.parsed, "a reason")
        self.model.banned.add(candidate.version)

    async def unban(self, index: int) -> None:
        candidate = self.candidate(index)
        await bans.unban(await self.world.context(), self.project, candidate.parsed)
        self.model.banned.discard(candidate.version)

    async def report(self, index: int, conclusion: str) -> None:
        """Report the check that production requires."""
        commit = self.candidate(index).commit
        await self.world.github.report_check(self.check_name, self.commits[commit], conclusion)
        self.model.checks[commit] = conclusion

    async def demote(self, person: str) -> None:
        self.model.roles[person] = "read"
        self.world.github.person(person, "read")

    async def restore(self, person: str) -> None:
        self.model.roles[person] = "maintain"
        self.world.github.person(person, "maintain")

    async def soak(self) -> None:
        """Let an hour pass: whatever has happened did so that much earlier."""
        for row in await Deployment.filter(environment__project__name=self.project):
            row.created_at -= SOAK
            row.deploy_end_at = None if row.deploy_end_at is None else row.deploy_end_at - SOAK
            await row.save(update_fields=["created_at", "deploy_end_at"])
        await execute("UPDATE deployments SET evaluate_at = created_at WHERE waiting")
        await enqueue(gate_jobs.SweepWaiting())
        await self.learn()

    async def roll_back(self, environment: str, person: str) -> None:
        row = await rollbacks.roll_back(await self.by(person), self.project, environment)
        await self.learn()
        await self.world.settle(skip_delays=True)
        await execute("UPDATE deployments SET dispatch_after = created_at WHERE id = $1", row.id)
        await self.check()
        while runs := self.unfinished(environment):
            await self.world.github.finish(run=runs[0], conclusion="success")
            await self.world.settle(skip_delays=True)
            await self.learn()
            await self.check()

    async def finish(self, environment: str, conclusion: str) -> None:
        """Let the run end that is under way on an environment."""
        for run in self.unfinished(environment):
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
        self.model.live, self.model.proven = {}, {}
        for at, environment, what, commit in sorted(happened):
            if what == "success":
                self.model.live[environment] = commit
            if environment == "staging" and what == "success":
                self.model.proven[commit] = at
            elif environment == "staging":
                self.model.proven.pop(commit, None)

    # --- acts of several people

    async def bring(self, index: int, obstacle: str | None) -> None:
        """Do all that production asks for, put one obstacle in the way, and ask for the deployment."""
        requester, approver = "ben", "eve"
        uncounted = ["ann", requester, "cem", *AUTHORS.get(self.candidate(index).commit, ())]
        await self.clear(index, requester, approver)
        obstacles: dict[str | None, list[Act]] = {
            "candidate": [("ban", index)],
            "hold": [("hold", index)],
            "freeze": [("freeze", "production")],
            "lock": [("lock", "production", approver)],
            "window": [("close",)],
            "checks": [("report", index, "failure")],
            "order": [("deploy", index, "staging", "ann"), ("finish", "staging", "failure")],
            "soak": [("deploy", index, "staging", "ann"), ("finish", "staging", "success")],
            "approvals": [("withdraw", index, approver), *(("approve", index, person) for person in uncounted)],
            "busy": [("deploy", index, "production", requester)],
            "grant": [
                ("report", index, "in_progress"),
                ("deploy", index, "production", requester),
                ("demote", requester),
                ("report", index, "success"),
            ],
        }
        for name, *arguments in obstacles.get(obstacle, []):
            await self.act(str(name), *arguments)
        await self.act("deploy", index, "production", "ann" if obstacle == "deployers" else requester)

    async def clear(self, index: int, requester: str, approver: str) -> None:
        """Remove all that keeps a candidate from production, as far as anybody can."""
        remedies: dict[str, list[Act]] = {
            "candidate": [("unban", index)],
            "hold": [("unhold", index)],
            **{rule: self._remedies(rule, "production", requester) for rule in ("freeze", "lock", "busy", "grant")},
            "window": [("open",)],
            "checks": [("report", index, "success")],
            "order": [("stage", index)],
            "soak": [("soak",)],
            "approvals": [("restore", approver), ("approve", index, approver)],
        }
        await self._remedy(index, "production", requester, remedies)

    async def stage(self, index: int) -> None:
        """Have staging take a candidate."""
        remedies = {rule: self._remedies(rule, "staging", "ann") for rule in ("freeze", "lock", "busy", "grant")}
        await self._remedy(index, "staging", "ann", remedies)
        await self.act("deploy", index, "staging", "ann")
        await self.act("finish", "staging", "success")

    def _remedies(self, rule: str, environment: str, requester: str) -> list[Act]:
        remedies: dict[str, Act] = {
            "freeze": ("unfreeze", environment),
            "lock": ("unlock", environment, self.model.locked.get(environment, requester)),
            "busy": ("finish", environment, "success"),
            "grant": ("restore", requester),
        }
        return [remedies[rule]]

    async def _remedy(self, index: int, environment: str, requester: str, remedies: dict[str, list[Act]]) -> None:
        for rule, acts in 2 * list(remedies.items()):  # once more for what has waited, and begins without an obstacle
            busy = bool(self.unfinished(environment))
            broken = self.model.why_not(self.candidate(index), environment, requester, busy=busy)
            for name, *arguments in acts if rule in {each.rule for each in broken} else ():
                await self.act(str(name), *arguments)
