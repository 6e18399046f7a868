"""The test world: the real application, its database and a sandboxed GitHub, each server on its own port."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.web_app import _cached_build_middleware

from bot.context import Context
from bot.operations import jobs as job_types
from bot.operations import users
from bot.operations.workflows import reconcile
from bot.queue.dead_letters import dead_letters
from bot.queue.jobs import enqueue
from bot.rules.ids import InstallationId
from bot.rules.views import PARTS
from bot.settings import NO_PROXY, Settings, read_settings
from bot.store.audit import AuditEntry
from bot.store.database import dialect_of, execute, fetch
from sandbox import GitHub, template
from server.app import SERVICE, create_app
from server.service import Service
from tests.samples import Sample, take_sample
from tests.servers import Serve as Serve
from tests.servers import serving

PROJECT = "site"
SEARCH_SECONDS = 0.5
MAX_SHOWN = 5  # times that the end of a test looks for what is still to be shown
STATUS_COMMENT = "<!-- longshore:status:"


@dataclass
class Response:
    """A response of Longshore's API."""

    status: int
    json: Any
    headers: Any

    @property
    def error(self) -> str:
        """The error sentence, as the `releases` dialect returns it."""
        return str(self.json["error"])


@dataclass
class World:
    """Longshore and GitHub, with shortcuts for what tests do and inspect."""

    github: GitHub
    service: Service
    url: str
    session: aiohttp.ClientSession
    token: str = ""
    tokens: dict[str, str] = field(default_factory=dict)
    expected_unfinished: set[str] = field(default_factory=set)

    # --- requests to Longshore

    async def ask(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, **options: Any
    ) -> Response:
        """Send a request. `token` defaults to the admin's; "" sends none."""
        secret = self.token if token is None else token
        headers = {**({"Authorization": f"Bearer {secret}"} if secret else {}), **options.pop("headers", {})}
        if body is not None:
            options["json"] = body
        async with self.session.request(method, self.url + path, headers=headers, **options) as response:
            parsed = await response.json() if "json" in response.content_type else None
            return Response(response.status, parsed, response.headers)

    async def cut(self, version: str, commit: str | None = None, *, build: bool = False, **fields: Any) -> Response:
        """Cut a candidate at `commit`, by default the head of `main`."""
        body = {"repo": "acme/site", "commit": commit or self.github.head(), "trigger_build_workflow": build}
        return await self.ask("POST", f"/api/releases/{PROJECT}/releases/{version}", {**body, **fields})

    async def deploy(self, version: str, environment: str = "staging", **options: Any) -> Response:
        """Start a deployment."""
        body = {"release_candidate_version": version}
        return await self.ask(
            "POST", f"/api/releases/{PROJECT}/environments/{environment}/deployments", body, **options
        )

    async def complete_deployment(self, version: str, environment: str = "staging", conclusion: str = "success") -> int:
        """Deploy and finish the run with `conclusion`; returns the deployment's id."""
        response = await self.deploy(version, environment)
        assert response.status == 201, response.json
        await self.settle()
        await self.github.finish(run=len(self.github.runs), conclusion=conclusion)
        await self.settle()
        return int(response.json["id"])

    async def roll_back(self, environment: str = "staging", **body: Any) -> Response:
        """Start a rollback."""
        return await self.ask("POST", f"/api/releases/{PROJECT}/environments/{environment}/rollback", body)

    async def report(self, version: str, status: str, environment: str = "staging", **body: Any) -> Response:
        """Report the status of a deployment, as a pipeline does."""
        fields = {"release_candidate_version": version, "status": status, **body}
        return await self.ask("PATCH", f"/api/releases/{PROJECT}/environments/{environment}/deployments", fields)

    async def create_token(self, *grants: str, project: str | None = None, user: str = "robot") -> str:
        """Create a token with these grants, for all projects or one; returns its secret."""
        context = await self.context()
        _, secret = await users.create_token(context, user, grants=list(grants), project=project)
        return secret

    async def reconcile(self) -> None:
        """Reconcile every unfinished run with GitHub now."""
        await reconcile.reconcile(await self.context(), job_types.Reconcile(), silence=timedelta(seconds=-1))
        await self.settle()

    async def sweep(self) -> None:
        """Look for missed webhook deliveries now."""
        await enqueue(job_types.SweepDeliveries())
        await self.settle()

    async def prune(self) -> None:
        """Delete what is kept for some time only and is older than that."""
        await enqueue(job_types.Prune())
        await self.settle()

    async def expire_deadlines(self) -> None:
        """Move the deadlines of all runs and deployments into the past."""
        for table in ("runs", "deployments"):
            await execute(f"UPDATE {table} SET deadline_at = created_at")

    # --- waiting

    async def show_all(self) -> None:
        """Settle, until everything is shown on GitHub as it is now: texts are not changed more often than they may."""
        await self.settle()
        await execute("UPDATE github_views SET shown_at = NULL")
        await self.settle(skip_delays=True)

    async def settle(self, *, skip_delays: bool = False) -> None:
        """Wait until neither Longshore nor GitHub has work left. With `skip_delays`, delayed jobs run now."""
        quiet = 0
        while quiet < 2:
            # a webhook that waits for the response to a dispatch need not wait out its retry delay
            condition = "" if skip_delays else "AND kind = 'webhook'"
            await execute(f"UPDATE jobs SET run_at = 0 WHERE state = 'queued' AND run_at > 0 {condition}")
            before = len(self.github.calls)
            await self.github.settle()
            await self.service.worker.settle()
            await asyncio.sleep(0)
            quiet = quiet + 1 if len(self.github.calls) == before else 0

    # --- inspection

    async def context(self) -> Context:
        """The context of an operation by Longshore itself."""
        context = self.service.context()
        return context.acting_as(await users.system_actor(context), "test")

    async def candidate(self, version: str) -> Any:
        """A candidate, as the API returns it."""
        response = await self.ask("GET", f"/api/releases/{PROJECT}/releases/{version}")
        assert response.status == 200, response.json
        return response.json

    async def status(self, version: str) -> str:
        """A candidate's status."""
        return str((await self.candidate(version))["status"])

    async def deployments(self, environment: str = "staging") -> list[Any]:
        """An environment's deployments, newest first."""
        path = f"/api/releases/{PROJECT}/environments/{environment}/deployments?per_page=100"
        response = await self.ask("GET", path)
        assert response.status == 200, response.json
        return list(response.json)

    async def statuses(self, environment: str = "staging") -> list[tuple[str, str]]:
        """The candidate and status of each of an environment's deployments, newest first."""
        rows = await self.deployments(environment)
        return [(row["release_candidate_version"], row["status"]) for row in rows]

    async def alarms(self) -> list[str]:
        """The alarms raised so far, oldest first."""
        return [entry.act for entry in await AuditEntry.filter(alarm=True).order_by("id")]

    async def audit(self, act: str) -> list[AuditEntry]:
        """The audit entries with this act, oldest first."""
        return await AuditEntry.filter(act=act).order_by("id")

    def replies(self, number: int) -> list[str]:
        """Longshore's comments on a pull request, without status comments."""
        return [body for body in self.comments(number) if STATUS_COMMENT not in body]

    def comments(self, number: int) -> list[str]:
        """All of Longshore's comments on a pull request."""
        bot = f"{self.github.app_slug}[bot]"
        return [comment["body"] for comment in self.github.comments(number) if comment["user"] == bot]

    async def jobs(self, kind: str) -> list[dict[str, Any]]:
        """All jobs of a kind, oldest first."""
        return await fetch("SELECT key, state, attempts, run_at, error FROM jobs WHERE kind = $1 ORDER BY id", kind)

    async def attempts(self, kind: str) -> list[int]:
        """The number of attempts of each job of a kind, not counting those that a rate limit or an outage postponed."""
        return [row["attempts"] for row in await self.jobs(kind)]

    async def unfinished_jobs(self) -> list[str]:
        """The kind of each queued or running job."""
        return [row["kind"] for row in await fetch("SELECT kind FROM jobs WHERE state IN ('queued', 'running')")]

    def expect_unfinished(self, *kinds: str) -> None:
        """Allow jobs of these kinds to be unfinished or dead letters when the test ends."""
        self.expected_unfinished |= set(kinds)

    async def check_no_jobs_left(self) -> None:
        """Fail on unfinished jobs, dead letters, and requests for what the sandbox does not simulate."""
        await self.settle()
        for _ in range(MAX_SHOWN):  # one is shown while its predecessor is, and then waits for some seconds
            await execute("UPDATE github_views SET shown_at = NULL")
            await execute("UPDATE jobs SET run_at = 0 WHERE state = 'queued' AND kind LIKE 'show_%'")
            await self.settle()
            if not any(kind.startswith("show_") for kind in await self.unfinished_jobs()):
                break
        unfinished = set(await self.unfinished_jobs()) - self.expected_unfinished
        letters = [letter for letter in await dead_letters() if letter.kind not in self.expected_unfinished]
        assert not unfinished, f"unfinished jobs: {unfinished}"
        assert not letters, f"dead letters: {[(letter.kind, letter.error) for letter in letters]}"
        assert not self.github.unknown_routes, self.github.unknown_routes


def settings_for(github: GitHub, api_url: str, database_url: str, **overrides: Any) -> Settings:
    """Settings for a service that talks to the sandbox."""
    settings = {
        "database_url": database_url,
        "github_api_url": api_url,
        "github_proxy": NO_PROXY,
        "github_app_id": str(github.app_id),
        "github_private_key": github.private_key,
        "github_webhook_secret": github.webhook_secret,
        "github_client_id": github.client_id,
        "github_client_secret": github.client_secret,
        "dispatch_search_seconds": SEARCH_SECONDS,
    }
    return read_settings(**{**settings, **overrides})


async def create_sample_project(world: World, *, show: bool = False) -> None:
    """Create an admin token, and a project with a build workflow and two environments.

    Unless `show`, nothing is shown on GitHub but replies: most tests are about something else.
    """
    context = await world.context()
    _, world.token = await users.create_token(context, "root", grants=["admin"])
    project = {"name": PROJECT, "repo": "acme/site", "build_workflow": "build.yml", "show": dict.fromkeys(PARTS, show)}
    assert (await world.ask("POST", "/api/projects", project)).status == 201
    for name, tier in (("staging", "staging"), ("production", "production")):
        body = {"name": name, "tier": tier, "workflow": "deploy.yml"}
        assert (await world.ask("POST", f"/api/projects/{PROJECT}/environments", body)).status == 201
    world.service.github.forget(InstallationId(world.github.installation_id))  # tests begin without tokens


@asynccontextmanager
async def running_world(source: Path, database_url: str, serve: Serve, **settings: Any) -> AsyncIterator[World]:
    """A world with the sample project, which its GitHub was never asked about. `serve` starts a server."""
    sample = await _sample(source, database_url)
    sample.restore_file(database_url)
    async with _empty_world(source, database_url, serve, **settings) as world:
        await sample.restore_rows()
        world.token = sample.token
        yield world
        await world.check_no_jobs_left()


_templates: dict[Path, template.Template] = {}
_samples: dict[str, Sample] = {}
"""The repository and the sample of this process, by its source and by the kind of its database."""


async def _sample(source: Path, database_url: str) -> Sample:
    """The rows of the sample project. The first caller makes them, in its own database."""
    kind = dialect_of(database_url)
    if kind not in _samples:
        async with serving() as serve, _empty_world(source, database_url, serve) as world:
            await create_sample_project(world)
            await world.check_no_jobs_left()
            _samples[kind] = await take_sample(database_url, world.token)
    return _samples[kind]


@asynccontextmanager
async def _empty_world(source: Path, database_url: str, serve: Serve, **settings: Any) -> AsyncIterator[World]:
    if source not in _templates:
        _templates[source] = await template.prepare(source)
    github = await GitHub.create(_templates[source])
    try:
        api = await serve(github.app)
        github.state.learn_address(str(api.make_url("")))
        app = create_app(settings_for(github, str(api.make_url("/")), database_url, **settings), schedule=False)
        server = await serve(app)
        github.webhook_url = str(server.make_url("/webhooks/github"))
        async with aiohttp.ClientSession() as session:
            yield World(github, app[SERVICE], str(server.make_url("/")).rstrip("/"), session)
    finally:
        await github.close()
        _cached_build_middleware.cache_clear()  # it would keep 1,024 handlers alive, and with them their applications
