"""Whether the process lives, whether it can serve, and what it counts."""

import time
from collections.abc import Callable

from aiohttp import web
from tortoise.exceptions import OperationalError

from bot.errors import Unavailable
from bot.metrics import Metrics
from bot.queue.jobs import count_dead_letters, depth
from bot.queue.worker import Worker
from bot.store.database import fetch
from bot.store.migrate import pending_migrations

STALLED = 30.0  # seconds without progress of our own worker
BEHIND = 300.0  # seconds that the oldest due job has waited, where others work
BROKEN = (Unavailable, OperationalError)  # away, or there and no database of ours


class Health:
    """`/healthz`, `/readyz` and `/metrics`."""

    def __init__(self, metrics: Metrics, worker: Callable[[], Worker | None]) -> None:
        self._metrics, self._worker = metrics, worker

    async def alive(self, request: web.Request) -> web.Response:
        """200 while the process answers at all."""
        return web.json_response({"status": "ok"})

    async def ready(self, request: web.Request) -> web.Response:
        """200 when database, migrations and worker are well; 503 saying which is not."""
        problems = await self._problems()
        status = 503 if problems else 200
        return web.json_response({"status": "not ready" if problems else "ok", "problems": problems}, status=status)

    async def metrics(self, request: web.Request) -> web.Response:
        """Everything that is counted, for Prometheus."""
        try:
            await self._measure()
        except BROKEN:
            self._metrics.queue_depth.clear()
        return web.Response(body=self._metrics.shown(), headers={"Content-Type": "text/plain; version=0.0.4"})

    async def _problems(self) -> dict[str, str]:
        try:
            await fetch("SELECT 1 AS one")
            missing = await pending_migrations()
            waiting = await depth()
        except BROKEN as broken:
            return {"database": str(broken)}
        problems = {}
        if missing:
            problems["migrations"] = f"run `longshore migrate`: {', '.join(missing)} not applied"
        worker = self._worker()
        if worker is not None and time.monotonic() - worker.last_progress > STALLED:
            problems["worker"] = f"no progress for {time.monotonic() - worker.last_progress:.0f} seconds"
        oldest = max((age for _, age in waiting.values()), default=0.0)
        if oldest > BEHIND:
            problems["worker"] = f"the oldest due job has waited for {oldest:.0f} seconds: is `longshore work` running?"
        return problems

    async def _measure(self) -> None:
        waiting = await depth()
        self._metrics.queue_depth.clear()
        self._metrics.queue_oldest.clear()
        for kind, (count, oldest) in waiting.items():
            self._metrics.queue_depth.labels(kind).set(count)
            self._metrics.queue_oldest.labels(kind).set(oldest)
        self._metrics.dead_letters.set(await count_dead_letters())
