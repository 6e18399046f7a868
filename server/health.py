"""Liveness, readiness and metrics."""

import time
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from tortoise.exceptions import OperationalError

from bot.errors import Unavailable
from bot.metrics import Metrics
from bot.queue.dead_letters import count_dead_letters
from bot.queue.retention import depth
from bot.queue.worker import Worker
from bot.store.database import fetch
from bot.store.migrate import pending_migrations
from server.readings import SharedReading
from server.write_probe import WriteProbe

MAX_WORKER_SILENCE = 30.0  # seconds without progress of this process's worker
MAX_JOB_DELAY = 300.0  # seconds that the oldest due job may wait
DATABASE_ERRORS = (Unavailable, OperationalError)  # the database is unreachable, or has no tables yet


async def _read_state() -> tuple[list[str], dict[str, tuple[int, float]]]:
    """Read the missing migrations, and the depth of the queue; raise one of DATABASE_ERRORS."""
    await fetch("SELECT 1 AS one")
    return await pending_migrations(), await depth()


class Health:
    """Serves `/healthz`, `/readyz` and `/metrics`.

    `worker` returns this process's worker, or None if it has none; `warnings` what an operator should see to although
    the service is ready.
    """

    def __init__(
        self,
        metrics: Metrics,
        worker: Callable[[], Worker | None],
        warnings: Callable[[], Awaitable[Mapping[str, str]]],
    ) -> None:
        self._metrics, self._worker = metrics, worker
        self._writes = WriteProbe()
        self._state = SharedReading(_read_state)
        self._warnings = SharedReading(warnings)
        self._measurement = SharedReading(self._measure)

    def add_routes(self, app: web.Application) -> None:
        """Add the three routes."""
        app.router.add_get("/healthz", self.alive)
        app.router.add_get("/readyz", self.ready)
        app.router.add_get("/metrics", self.metrics)

    async def alive(self, request: web.Request) -> web.Response:
        """Always 200: the process is responding."""
        return web.json_response({"status": "ok"})

    async def ready(self, request: web.Request) -> web.Response:
        """200 if the database takes writes, its schema is current and the queue is healthy; else 503 and why.

        Warnings are listed, but change nothing.
        """
        warnings: Mapping[str, str] = {}
        try:
            problems = await self._problems()
            if "database" not in problems:
                warnings = await self._warnings.result()
        except DATABASE_ERRORS as error:
            problems = {"database": str(error)}
        body: dict[str, object] = {"status": "not ready" if problems else "ok", "problems": problems}
        if warnings:
            body["warnings"] = dict(warnings)
        return web.json_response(body, status=503 if problems else 200)

    async def metrics(self, request: web.Request) -> web.Response:
        """All metrics in the Prometheus text format."""
        try:
            await self._measurement.result()
        except DATABASE_ERRORS:
            self._metrics.queue_depth.clear()
        return web.Response(body=self._metrics.exposition(), headers={"Content-Type": "text/plain; version=0.0.4"})

    async def _problems(self) -> dict[str, str]:
        pending, queues = await self._state.result()
        problems = {}
        if pending:
            problems["migrations"] = f"run `longshore migrate`: {', '.join(pending)} not applied"
        worker = self._worker()
        if worker is not None and time.monotonic() - worker.last_progress > MAX_WORKER_SILENCE:
            problems["worker"] = f"no progress for {time.monotonic() - worker.last_progress:.0f} seconds"
        if not pending and (refused := await self._writes.problem()):
            problems["database"] = refused
        oldest = max((age for _, age in queues.values()), default=0.0)
        if oldest > MAX_JOB_DELAY:
            problems["worker"] = f"the oldest due job has waited for {oldest:.0f} seconds: is `longshore work` running?"
        return problems

    async def _measure(self) -> None:
        queues = await depth()
        self._metrics.queue_depth.clear()
        self._metrics.queue_oldest.clear()
        for kind, (count, oldest) in queues.items():
            self._metrics.queue_depth.labels(kind).set(count)
            self._metrics.queue_oldest.labels(kind).set(oldest)
        self._metrics.dead_letters.set(await count_dead_letters())
