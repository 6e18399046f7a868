"""The service of one process: its database, GitHub client, webhook intake and worker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

import aiohttp
import structlog

from bot.context import Actor, Context
from bot.errors import Problem, WrongSettings
from bot.events.event import Details, Event
from bot.github.app import AppKeys, GitHub
from bot.log import bind_log_context
from bot.metrics import Metrics
from bot.operations import users, webhooks
from bot.queue.intake import Intake
from bot.queue.jobs import LeasedJob
from bot.queue.outcomes import describe
from bot.queue.schedule import run as run_schedule
from bot.queue.worker import Worker, WorkerOptions
from bot.rules.webhooks import UNSIGNED
from bot.settings import Settings
from bot.store.database import Database, dialect_of, open_database, refuse_in_transaction
from handlers.signatures import SignatureWatch
from server import jobs
from server.app_identity import AppIdentity
from server.app_watch import AppWatch
from server.background import BackgroundTasks

log = structlog.get_logger()

JOB_TIMEOUT = 600  # seconds
LAST_WRITE = 1.0  # seconds, after the grace period, for writing how the last jobs ended
WARNED_OF = timedelta(days=1)  # how long an alarm about refused webhooks is a warning, unless one arrives


def app_keys(settings: Settings) -> AppKeys:
    """The credentials of the GitHub App."""
    return AppKeys(
        app_id=settings.github_app_id,
        private_key=settings.github_private_key.get_secret_value(),
        api_url=settings.github_api_url,
        proxy=settings.proxy,
    )


@asynccontextmanager
async def open_resources(database_url: str, keys: AppKeys, metrics: Metrics) -> AsyncIterator[tuple[Database, GitHub]]:
    """Open the database and a GitHub client, and close both on exit."""
    database = await open_database(database_url)
    try:
        async with aiohttp.ClientSession() as session:
            yield database, GitHub(keys, session, metrics.on_github_call, refuse_in_transaction)
    finally:
        await database.close()


class Service:
    """The resources of one process. `database` and `github` are set while it is open."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.intake = Intake()
        self.signatures = SignatureWatch(self._on_unsigned_webhooks)
        self.database: Database
        self.github: GitHub
        self.identity = AppIdentity(settings, self._on_identity)
        self.registry = jobs.build_registry(settings)
        self.worker = self._make_worker()
        self.metrics.describe(version("longshore"), dialect_of(settings.database_url))
        self._resources = AsyncExitStack()
        self.is_open = False
        """Whether the database can be asked."""
        self._background = BackgroundTasks()
        self._watch: AppWatch | None = None
        self._system: Actor | None = None
        self._log_contexts: dict[int, dict[str, object]] = {}

    def context(self) -> Context:
        """The context of an operation without an actor; see `Context.acting_as`."""
        return Context(
            github=self.github,
            actor=users.NO_ACTOR,
            channel="",
            publish=self._publish,
            operators=self.settings.operator_ids,
        )

    async def open(self) -> None:
        """Open the database and the GitHub client."""
        settings = self.settings
        for warning in settings.warnings:
            log.warning("setting", warning=warning)
        resources = open_resources(settings.database_url, self.identity.keys, self.metrics)
        self.database, self.github = await self._resources.enter_async_context(resources)
        self.is_open = True
        if not settings.names_app:
            await self.identity.begin()
            self._background.start(self.identity.run())

    async def close(self) -> None:
        """Close the database and the GitHub client."""
        await self._background.close()
        self.is_open = False
        await self._resources.aclose()

    def stop(self) -> None:
        """Stop the worker, within its grace period, and then wait no longer for a database that hangs."""
        self.worker.stop()
        if self.is_open:
            self.database.give_up_after(self.worker.options.grace_seconds + LAST_WRITE)

    def watch_app(self) -> None:
        """Ask GitHub about the App, now and from time to time, in the background."""
        self._watch = AppWatch(self.github)
        self._background.start(self._watch.run())

    async def warnings(self) -> dict[str, str]:
        """What an operator should see to although the service works, by subject."""
        found = {}
        if (mistake := self.github.mistake) is not None:
            found["github"] = f"{mistake.sentence} ({mistake.details['reason']})"
        since = max(datetime.fromtimestamp(self.signatures.last_right, UTC), datetime.now(UTC) - WARNED_OF)
        if refused := self.signatures.warning or await webhooks.why_refused_since(since):
            found["webhooks"] = refused
        return found

    async def work(self, *, schedule: bool = True) -> None:
        """Perform jobs, and with `schedule` enqueue the recurring ones, until canceled or the worker is stopped.

        Refuses to start if another process already works on the same SQLite file.
        """
        scheduler = asyncio.create_task(run_schedule(jobs.INTERVALS, jobs.FIRST_DELAYS)) if schedule else None
        try:
            await self.worker.run()
        finally:
            if scheduler is not None:
                scheduler.cancel()
                await asyncio.wait([scheduler])

    def _make_worker(self) -> Worker:
        async def perform(job: LeasedJob) -> None:
            bind_log_context(job=job.id, kind=job.kind)
            try:
                await self.registry.perform(await self._system_context(), job)
            finally:
                self._log_contexts[job.id] = structlog.contextvars.get_contextvars()

        return Worker(
            perform,
            self._on_finished,
            WorkerOptions(concurrency=self.settings.worker_concurrency, job_timeout=JOB_TIMEOUT),
            should_yield=self.intake.under_load,
        )

    def _on_identity(self, keys: AppKeys, why_none: WrongSettings | None) -> None:
        """Act as another App, or with other credentials of it, from now on."""
        self.github.use(keys, why_none)
        self.signatures.use(next(iter(self.identity.webhook_secrets()), None))
        if self._watch is not None:
            self._watch.wake()

    def _on_unsigned_webhooks(self) -> None:
        log.warning("webhooks unsigned", warning=UNSIGNED)
        self._background.start(self._report_unsigned_webhooks())

    async def _report_unsigned_webhooks(self) -> None:
        await webhooks.report_unsigned(await self._system_context())

    def _publish(self, event: Event) -> None:
        """Pass a committed event to the metrics and the log."""
        self.metrics.on_event(event)
        if event.alarm:
            details = {"before": _unwrapped(event.before), "after": _unwrapped(event.after)}
            log.error("alarm", alarm=event.name, subject=event.subject, commit=event.commit, **details)
        else:  # without its details: settings that an operator changed stay in the audit log
            log.info("event", act=event.name, subject=event.subject, commit=event.commit)

    async def _system_context(self) -> Context:
        """The context of a job, in which Longshore itself is the actor."""
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
            fields["error"] = describe(error)
        level = {"dead": log.error, "failed": log.warning, "lost": log.warning}.get(outcome, log.info)
        if outcome == "later" and error is not None and error.__cause__ is not None:  # a dependency is unavailable
            level = log.warning
        unexpected = outcome in ("dead", "failed") and not isinstance(error, Problem)
        level("job", **fields, exc_info=error if unexpected else None)


def _unwrapped(details: Details | None) -> object:
    """The details of an event for the log: a single text as such, where the audit log needs an object."""
    return details["is"] if details is not None and set(details) == {"is"} else details
