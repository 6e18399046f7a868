"""The service of one process: its database, its client of GitHub, its queue and its worker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import structlog

from bot.context import Actor, Context
from bot.errors import Problem
from bot.events.event import Details, Event
from bot.github.app import AppKeys, GitHub
from bot.log import bind_log_context
from bot.metrics import Metrics
from bot.operations import users
from bot.operations.workflows.dispatch import Dispatcher
from bot.queue import schedule
from bot.queue.intake import Intake
from bot.queue.jobs import LeasedJob
from bot.queue.worker import Worker, WorkerOptions
from bot.settings import Settings
from bot.store.database import Database, open_database, refuse_in_transaction
from handlers import webhooks
from server import jobs

log = structlog.get_logger()

JOB_SECONDS = 600


def app_keys(settings: Settings) -> AppKeys:
    """The credentials of the GitHub App."""
    return AppKeys(
        app_id=settings.github_app_id,
        private_key=settings.github_private_key.get_secret_value(),
        api_url=settings.github_api_url,
    )


@asynccontextmanager
async def open_resources(database_url: str, keys: AppKeys, metrics: Metrics) -> AsyncIterator[tuple[Database, GitHub]]:
    """Open the database and a client of GitHub; close both in the end."""
    database = await open_database(database_url)
    try:
        async with aiohttp.ClientSession() as session:
            yield database, GitHub(keys, session, metrics.on_github_call, refuse_in_transaction)
    finally:
        await database.close()


class Service:
    """Everything that one process runs on. `database` and `github` are set while it is open."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.intake = Intake()
        self.database: Database
        self.github: GitHub
        self.worker = self._make_worker()
        self._resources = AsyncExitStack()
        self._system: Actor | None = None
        self._log_contexts: dict[int, dict[str, object]] = {}

    def context(self) -> Context:
        """The context of an operation without an actor; see `Context.acting_as`."""
        return Context(github=self.github, actor=users.NO_ACTOR, channel="", publish=self._publish)

    async def open(self) -> None:
        """Connect to the database and make the client of GitHub."""
        settings = self.settings
        resources = open_resources(settings.database_url, app_keys(settings), self.metrics)
        self.database, self.github = await self._resources.enter_async_context(resources)

    async def close(self) -> None:
        """Close what was opened."""
        await self._resources.aclose()

    async def work(self, *, scheduled: bool = True) -> None:
        """Work on the queue, and keep the schedule if `scheduled`, until cancelled.

        Refuses to start where a SQLite file already has a worker.
        """
        scheduling = asyncio.create_task(schedule.run(jobs.EVERY, jobs.FIRST_AFTER)) if scheduled else None
        try:
            await self.worker.run()
        finally:
            if scheduling is not None:
                scheduling.cancel()
                await asyncio.wait([scheduling])

    def _make_worker(self) -> Worker:
        registry = jobs.registry(Dispatcher(self.settings.dispatch_search_seconds), webhooks.process)

        async def perform(job: LeasedJob) -> None:
            bind_log_context(job=job.id, kind=job.kind)
            try:
                await registry.perform(await self._system_context(), job)
            finally:
                self._log_contexts[job.id] = structlog.contextvars.get_contextvars()

        return Worker(
            perform,
            self._on_finished,
            WorkerOptions(concurrency=self.settings.worker_concurrency, job_timeout=JOB_SECONDS),
            should_yield=self.intake.under_load,
        )

    def _publish(self, event: Event) -> None:
        """Pass a committed event on to the metrics and the log."""
        self.metrics.on_event(event)
        if event.alarm:
            details = {"before": _unwrapped(event.before), "after": _unwrapped(event.after)}
            log.error("alarm", alarm=event.name, subject=event.subject, commit=event.commit, **details)
        else:  # without its details: settings that an operator changed stay in the audit log
            log.info("event", act=event.name, subject=event.subject, commit=event.commit)

    async def _system_context(self) -> Context:
        """The context of an operation by Longshore itself."""
        if self._system is None:
            self._system = await users.system_actor(self.context())
        return self.context().acting_as(self._system, "job")

    def _on_finished(self, job: LeasedJob, outcome: str, seconds: float, error: BaseException | None) -> None:
        """Count a job and log its outcome."""
        self.metrics.jobs.labels(job.kind, outcome).inc()
        self.metrics.job_seconds.labels(job.kind).observe(seconds)
        fields = {**self._log_contexts.pop(job.id, {}), "job": job.id, "kind": job.kind, "outcome": outcome}
        fields |= {"seconds": round(seconds, 4), "attempt": job.attempts, "key": job.key}
        if error is not None:
            fields["error"] = f"{type(error).__name__}: {error}"
        level = {"dead": log.error, "failed": log.warning, "lost": log.warning}.get(outcome, log.info)
        if outcome == "later" and error is not None and error.__cause__ is not None:  # a dependency is unavailable
            level = log.warning
        unexpected = outcome in ("dead", "failed") and not isinstance(error, Problem)
        level("job", **fields, exc_info=error if unexpected else None)


def _unwrapped(details: Details | None) -> object:
    """The details of an event for the log: a single text as such, where the audit log needs an object."""
    return details["is"] if details is not None and set(details) == {"is"} else details
