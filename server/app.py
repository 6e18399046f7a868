"""The one place where parts meet."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import structlog
from aiohttp import web

from api.docs import routes as api_docs
from api.graphql import door as graphql
from api.http import endpoints
from api.http.authentication import Authenticator
from api.http.endpoints import Dialect
from api.pdc import views as pdc
from api.rest import announcement_review, announcements, packages, projects, releases, tokens
from bot.context import Actor, Context
from bot.errors import Problem
from bot.github.app import App, AppKeys
from bot.github.client import GitHub
from bot.log import bind_log_context
from bot.metrics import Metrics
from bot.operations import users
from bot.operations.workflows.dispatch import Dispatcher
from bot.queue import schedule
from bot.queue.intake import Intake
from bot.queue.jobs import Job
from bot.queue.worker import Worker
from bot.settings import Settings, split_list
from bot.store.database import Database, open_database, refuse_in_transaction
from handlers import receive, webhooks
from server import jobs
from server.errors import ErrorPages
from server.health import Health
from server.middleware import HttpMiddleware

log = structlog.get_logger()

JOB_SECONDS = 600


class Service:
    """Everything that one process runs on."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.intake = Intake()
        self.database: Database
        self.github: GitHub
        self.worker = self._make_worker()
        self._session: aiohttp.ClientSession
        self._system: Actor | None = None
        self._about: dict[int, dict[str, Any]] = {}

    def context(self) -> Context:
        """Surroundings for an act, by nobody yet."""
        return Context(github=self.github, actor=users.NO_ACTOR, channel="", metrics=self.metrics)

    async def _acting(self) -> Context:
        """Surroundings for an act of Longshore itself."""
        if self._system is None:
            self._system = await users.system(self.context())
        return self.context().acting_as(self._system, "job")

    async def open(self) -> None:
        """Connect to the database and make the client of GitHub."""
        self.database = await open_database(self.settings.database_url)
        self._session = aiohttp.ClientSession()
        keys = AppKeys(
            app_id=self.settings.github_app_id,
            private_key=self.settings.github_private_key.get_secret_value(),
            api_url=self.settings.github_api_url,
        )
        self.github = GitHub(App(keys, self._session, self.metrics.called, refuse_in_transaction))

    async def close(self) -> None:
        """Close what was opened."""
        await self._session.close()
        await self.database.close()

    async def work(self, *, scheduled: bool = True) -> None:
        """Work on the queue and keep the schedule until cancelled. Refusal when a SQLite file has a worker already."""
        scheduling = asyncio.create_task(schedule.run()) if scheduled else None
        try:
            await self.worker.run()
        finally:
            if scheduling is not None:
                scheduling.cancel()
                await asyncio.wait([scheduling])

    def _make_worker(self) -> Worker:
        dispatcher = Dispatcher(self.settings.dispatch_search_seconds)
        kinds = jobs.table(dispatcher, webhooks.process)

        async def perform(job: Job) -> None:
            bind_log_context(job=job.id, kind=job.kind)
            try:
                await jobs.perform(kinds, await self._acting(), job)
            finally:
                self._about[job.id] = structlog.contextvars.get_contextvars()

        return Worker(
            perform=perform,
            observe=self._observe,
            concurrency=self.settings.worker_concurrency,
            job_timeout=JOB_SECONDS,
            should_yield=self.intake.under_load,
        )

    def _observe(self, job: Job, outcome: str, seconds: float, error: BaseException | None) -> None:
        """One line and one count for each unit of work."""
        self.metrics.jobs.labels(job.kind, outcome).inc()
        self.metrics.job_seconds.labels(job.kind).observe(seconds)
        said = {**self._about.pop(job.id, {}), "job": job.id, "kind": job.kind, "outcome": outcome}
        said |= {"seconds": round(seconds, 4), "attempt": job.attempts, "key": job.key}
        if error is not None:
            said["error"] = f"{type(error).__name__}: {error}"
        level = {"dead": log.error, "failed": log.warning, "lost": log.warning}.get(outcome, log.info)
        if outcome == "later" and error is not None and error.__cause__ is not None:  # something is away
            level = log.warning
        unexpected = outcome in ("dead", "failed") and not isinstance(error, Problem)
        level("job", **said, exc_info=error if unexpected else None)


SERVICE = web.AppKey("service", Service)


def dialects(url: str) -> list[Dialect]:
    """Every dialect that is declared by endpoints, for a service that is reached at an address."""
    ours = (releases, packages, projects, tokens, announcements, announcement_review)
    return [*(each.dialect(url) for each in ours), graphql.dialect()]


def description() -> Any:
    """What the service answers, in OpenAPI 3.1."""
    return api_docs.description(dialects(""))


def create_app(settings: Settings, *, works: bool = True, scheduled: bool = True) -> web.Application:
    """The web application. With `works` it also works on the queue, with `scheduled` it keeps the schedule."""
    service = Service(settings)
    spoken = dialects(settings.url)
    surroundings = [
        HttpMiddleware(split_list(settings.cors_origins)).request_middleware,
        ErrorPages(spoken).error_middleware,
    ]
    app = web.Application(client_max_size=receive.LARGEST + 1, middlewares=surroundings)
    app[SERVICE] = service
    app.cleanup_ctx.append(_opened)
    if works:
        app.cleanup_ctx.append(lambda app: _working(app[SERVICE], scheduled))
    secret = settings.github_webhook_secret.get_secret_value()
    app.router.add_post(receive.PATH, receive.Receiver(secret, service.intake, service.metrics).receive)
    health = Health(service.metrics, lambda: service.worker if works else None)
    app.router.add_get("/healthz", health.alive)
    app.router.add_get("/readyz", health.ready)
    app.router.add_get("/metrics", health.metrics)
    access = Authenticator(settings.anonymous_read, split_list(settings.trusted_proxies))
    serving = endpoints.Serving(service.context, access, settings.base_url)
    for dialect in spoken:
        endpoints.add(app, dialect, serving)
    pdc.add(app, serving)
    api_docs.Documents(spoken).add(app)
    return app


async def _opened(app: web.Application) -> AsyncIterator[None]:
    service = app[SERVICE]
    await service.open()
    try:
        async with service.intake:
            yield
    finally:
        await service.close()


async def _working(service: Service, scheduled: bool) -> AsyncIterator[None]:
    working = asyncio.create_task(service.work(scheduled=scheduled))
    begun = asyncio.create_task(service.worker.begun.wait())
    await asyncio.wait([working, begun], return_when=asyncio.FIRST_COMPLETED)
    begun.cancel()
    if working.done():  # it may not work at all: the application must not start
        await working
    yield
    service.worker.stop()
    await asyncio.wait([working])
