"""The world of a test: the real application, a database, and a GitHub in a box, each on a port of its own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.web_app import _cached_build_middleware

from bot.context import Context
from bot.operations import jobs as job_types
from bot.operations import users
from bot.operations.workflows import reconcile
from bot.queue.dead_letters import dead_letters
from bot.queue.jobs import enqueue
from bot.settings import Settings, read_settings
from bot.store.audit import AuditEntry
from bot.store.database import execute, fetch
from sandbox import GitHub
from server.app import SERVICE, create_app
from server.service import Service

PROJECT = "site"
SEARCH_SECONDS = 0.5

Serve = Callable[[web.Application], Awaitable[Any]]


@dataclass
class Answer:
    """What our service answered."""

    status: int
    json: Any
    headers: Any

    @property
    def error(self) -> str:
        """The sentence of a refusal in the dialect `releases`."""
        return str(self.json["error"])


@dataclass
class World:
    """Everything that a test says and looks at."""

    github: GitHub
    service: Service
    url: str
    session: aiohttp.ClientSession
    token: str = ""
    tokens: dict[str, str] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)

    # --- said

    async def ask(self, method: str, path: str, body: Any = None, *, token: str | None = None, **more: Any) -> Answer:
        """One request to our service, with the admin's token unless another (or "" for none) is given."""
        secret = self.token if token is None else token
        headers = {**({"Authorization": f"Bearer {secret}"} if secret else {}), **more.pop("headers", {})}
        if body is not None:
            more["json"] = body
        async with self.session.request(method, self.url + path, headers=headers, **more) as response:
            kind = response.content_type
            return Answer(response.status, await response.json() if "json" in kind else None, response.headers)

    async def cut(self, version: str, commit: str | None = None, *, build: bool = False, **more: Any) -> Answer:
        """Cut a candidate at the head of `main`, or at a commit."""
        body = {"repo": "acme/site", "commit": commit or self.github.head(), "trigger_build_workflow": build}
        return await self.ask("POST", f"/api/releases/{PROJECT}/releases/{version}", {**body, **more})

    async def deploy(self, version: str, environment: str = "staging", **more: Any) -> Answer:
        """Ask for a deployment."""
        body = {"release_candidate_version": version}
        return await self.ask("POST", f"/api/releases/{PROJECT}/environments/{environment}/deployments", body, **more)

    async def live(self, version: str, environment: str = "staging", conclusion: str = "success") -> int:
        """Deploy and let the run end; gives the deployment's number."""
        answer = await self.deploy(version, environment)
        assert answer.status == 201, answer.json
        await self.settle()
        await self.github.finish(run=len(self.github.runs), conclusion=conclusion)
        await self.settle()
        return int(answer.json["id"])

    async def roll_back(self, environment: str = "staging", **body: Any) -> Answer:
        """Ask for a rollback."""
        return await self.ask("POST", f"/api/releases/{PROJECT}/environments/{environment}/rollback", body)

    async def report(self, version: str, status: str, environment: str = "staging", **body: Any) -> Answer:
        """Say how a deployment stands, as a pipeline does."""
        said = {"release_candidate_version": version, "status": status, **body}
        return await self.ask("PATCH", f"/api/releases/{PROJECT}/environments/{environment}/deployments", said)

    async def with_grants(self, *grants: str, project: str | None = None, user: str = "robot") -> str:
        """A token."""
        context = await self.context()
        _, secret = await users.create_token(context, user, grants=list(grants), project=project)
        return secret

    async def reconcile(self) -> None:
        """Ask GitHub now for every run that has not ended."""
        await reconcile.reconcile(await self.context(), job_types.Reconcile(), silence=timedelta(seconds=-1))
        await self.settle()

    async def sweep(self) -> None:
        """Look now for deliveries that were missed."""
        await enqueue(job_types.SweepDeliveries())
        await self.settle()

    async def late(self, **values: Any) -> None:
        """Let every deadline of runs and deployments be past."""
        for table in ("runs", "deployments"):
            await execute(f"UPDATE {table} SET deadline_at = created_at")

    # --- settled

    async def settle(self, *, hurry: bool = False) -> None:
        """Wait until nobody has anything to do. With `hurry`, what waits for a later moment is done now."""
        quiet = 0
        while quiet < 2:
            # a webhook that waits for our own answer to be stored need not wait its whole quarter of a second
            which = "" if hurry else "AND kind = 'webhook'"
            await execute(f"UPDATE jobs SET run_at = 0 WHERE state = 'queued' AND run_at > 0 {which}")
            before = len(self.github.calls)
            await self.github.settle()
            await self.service.worker.settle()
            await asyncio.sleep(0)
            quiet = quiet + 1 if len(self.github.calls) == before else 0

    # --- looked at

    async def context(self) -> Context:
        """Surroundings for an act by Longshore itself."""
        context = self.service.context()
        return context.acting_as(await users.system(context), "test")

    async def candidate(self, version: str) -> Any:
        """A candidate as the API shows it."""
        answer = await self.ask("GET", f"/api/releases/{PROJECT}/releases/{version}")
        assert answer.status == 200, answer.json
        return answer.json

    async def status(self, version: str) -> str:
        """The status of a candidate."""
        return str((await self.candidate(version))["status"])

    async def deployments(self, environment: str = "staging") -> list[Any]:
        """An environment's deployments, newest first."""
        path = f"/api/releases/{PROJECT}/environments/{environment}/deployments?per_page=100"
        answer = await self.ask("GET", path)
        assert answer.status == 200, answer.json
        return list(answer.json)

    async def statuses(self, environment: str = "staging") -> list[tuple[str, str]]:
        """What an environment's deployments are of and how they stand, newest first."""
        rows = await self.deployments(environment)
        return [(row["release_candidate_version"], row["status"]) for row in rows]

    async def alarms(self) -> list[str]:
        """The alarms that were raised."""
        return [entry.act for entry in await AuditEntry.filter(alarm=True).order_by("id")]

    async def audit(self, act: str) -> list[AuditEntry]:
        """The audit entries of an act, oldest first."""
        return await AuditEntry.filter(act=act).order_by("id")

    def replies(self, number: int) -> list[str]:
        """What we answered on a pull request."""
        bot = f"{self.github.app_slug}[bot]"
        return [said["body"] for said in self.github.comments(number) if said["user"] == bot]

    async def jobs(self, kind: str) -> list[dict[str, Any]]:
        """All jobs of a kind, oldest first."""
        return await fetch("SELECT key, state, attempts, run_at, error FROM jobs WHERE kind = $1 ORDER BY id", kind)

    async def attempts(self, kind: str) -> list[int]:
        """How often each job of a kind has been tried; waiting for a limit does not count."""
        return [row["attempts"] for row in await self.jobs(kind)]

    async def waiting(self) -> list[str]:
        """The kinds of jobs that are not done."""
        return [row["kind"] for row in await fetch("SELECT kind FROM jobs WHERE state IN ('queued', 'running')")]

    def leaves(self, *kinds: str) -> None:
        """Say that jobs of these kinds are left or given up when this test ends."""
        self.left |= set(kinds)

    async def check_nothing_is_left(self) -> None:
        """After every test: no job is left or given up unless the test said so, and no route was asked for in vain."""
        await self.settle()
        waiting = set(await self.waiting()) - self.left
        dead = {letter.kind: letter.error for letter in await dead_letters() if letter.kind not in self.left}
        assert not waiting, f"jobs are left: {waiting}"
        assert not dead, f"jobs were given up: {dead}"
        assert not self.github.unknown_routes, self.github.unknown_routes


def settings_for(github: GitHub, api_url: str, database_url: str, **more: Any) -> Settings:
    """The settings of a service that uses a sandbox."""
    return read_settings(
        database_url=database_url,
        github_api_url=api_url,
        github_app_id=str(github.app_id),
        github_private_key=github.private_key,
        github_webhook_secret=github.webhook_secret,
        **{"dispatch_search_seconds": SEARCH_SECONDS, **more},
    )


async def furnish(world: World) -> None:
    """A project with a build and two environments, and a token that may do everything."""
    context = await world.context()
    _, world.token = await users.create_token(context, "root", grants=["admin"])
    project = {"name": PROJECT, "repo": "acme/site", "build_workflow": "build.yml"}
    assert (await world.ask("POST", "/api/projects", project)).status == 201
    for name, tier in (("staging", "staging"), ("production", "production")):
        body = {"name": name, "tier": tier, "workflow": "deploy.yml"}
        assert (await world.ask("POST", f"/api/projects/{PROJECT}/environments", body)).status == 201


@asynccontextmanager
async def a_world(source: Path, database_url: str, serve: Serve, **settings: Any) -> AsyncIterator[World]:
    """A furnished world; `serve` puts an application on a port."""
    github = await GitHub.create(source)
    try:
        api = await serve(github.app)
        app = create_app(settings_for(github, str(api.make_url("/")), database_url, **settings), schedule=False)
        ours = await serve(app)
        github.webhook_url = str(ours.make_url("/webhooks/github"))
        async with aiohttp.ClientSession() as session:
            world = World(github, app[SERVICE], str(ours.make_url("/")).rstrip("/"), session)
            await furnish(world)
            yield world
            await world.check_nothing_is_left()
    finally:
        await github.close()
        _cached_build_middleware.cache_clear()  # which keeps the handlers of 1,024 calls, and with them their apps
