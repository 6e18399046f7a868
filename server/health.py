"""Liveness, readiness and metrics, over HTTP."""

import asyncio
import math
from collections.abc import Collection
from functools import partial

from aiohttp import web

from api.http.authentication import Authenticator
from api.http.errors import render_problem_details, status_of
from bot.context import authorize
from bot.errors import DatabaseUnavailable, Refusal
from bot.metrics import CONTENT_TYPE, Depths, Metrics
from bot.queue.dead_letters import count_dead_letters
from bot.queue.retention import depth
from server.readiness import DATABASE_ERRORS, Readiness
from server.readings import SharedReading

PATHS = ("/healthz", "/readyz", "/metrics")


class Health:
    """Serves `/healthz`, `/readyz` and `/metrics`.

    `kinds` are the kinds of jobs. With an `authenticator`, `/metrics` names projects and environments only to callers
    who may see all of them: strangers reach a port that webhooks arrive at. Without one, it names them to everybody.
    """

    def __init__(
        self, metrics: Metrics, readiness: Readiness, kinds: Collection[str], authenticator: Authenticator | None = None
    ) -> None:
        self._metrics, self._readiness, self._kinds = metrics, readiness, kinds
        self._authenticator = authenticator
        self._queue = SharedReading(self._read_queue)
        self._expositions = {
            by_project: SharedReading(partial(asyncio.to_thread, metrics.exposition, by_project=by_project))
            for by_project in (False, True)
        }
        if (worker := readiness.worker) is not None:
            metrics.watch_worker(worker.options.concurrency, lambda: worker.running, readiness.worker_silence)

    def add_routes(self, app: web.Application) -> None:
        """Add the three routes."""
        for path, handler in zip(PATHS, (self.alive, self.ready, self.metrics), strict=True):
            app.router.add_get(path, handler)

    async def alive(self, request: web.Request) -> web.Response:
        """Always 200: the process is responding."""
        return web.json_response({"status": "ok"})

    async def ready(self, request: web.Request) -> web.Response:
        """200 if this process can do its job, else 503 and why. Warnings are listed, but change nothing."""
        report = await self._readiness.examine()
        body: dict[str, object] = {"status": "not ready" if report.problems else "ok", "problems": report.problems}
        if report.warnings:
            body["warnings"] = report.warnings
        return web.json_response(body, status=503 if report.problems else 200)

    async def metrics(self, request: web.Request) -> web.Response:
        """All metrics in the Prometheus text format. Wrong credentials are refused."""
        try:
            by_project = await self._may_see_projects(request)
        except Refusal as refusal:
            return render_problem_details(request, refusal, status_of(refusal))
        report, _ = await asyncio.gather(self._readiness.examine(), self._measure_queue())
        self._metrics.on_readiness(report.problems, report.warnings)
        body = await self._expositions[by_project].result(patience=math.inf)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})

    async def _may_see_projects(self, request: web.Request) -> bool:
        if self._authenticator is None:
            return True
        if "Authorization" not in request.headers:
            return False
        try:
            actor = await SharedReading(partial(self._authenticator.authenticate, request)).result()
        except DATABASE_ERRORS:
            return False
        authorize(actor, "project:read", everywhere=True)
        return True

    async def _measure_queue(self) -> None:
        """Read the size of the queue; if that fails, nothing is shown."""
        try:
            depths, dead = await self._queue.result()
        except DATABASE_ERRORS:
            self._metrics.queue.clear()
        else:
            self._metrics.queue.set(depths, dead, self._kinds)

    async def _read_queue(self) -> tuple[Depths, int]:
        if not self._readiness.is_open:
            raise DatabaseUnavailable("The database has not been opened yet.")
        return await depth(), await count_dead_letters()
