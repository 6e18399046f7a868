"""The port of a process that only works: `/healthz`, `/readyz` and `/metrics`, and nothing else."""

import structlog
from aiohttp import web

from api.http.errors import render_problem_details
from bot.rules.addresses import authority
from server import connections
from server.errors import ErrorMiddleware
from server.health import PATHS, Health
from server.middleware import RequestMiddleware
from server.readiness import Readiness
from server.service import Service

GRACE = 1.0  # seconds that open requests may go on once the worker has stopped

log = structlog.get_logger()


def create_app(service: Service) -> web.Application:
    """The web application of a process that only works."""
    health = Health(service.metrics, Readiness(service, works=True, serves=False), service.registry.kinds)
    requests = RequestMiddleware(service.metrics.http, unwrapped=PATHS)
    errors = ErrorMiddleware((), render_problem_details)
    app = web.Application(
        handler_args=connections.OPTIONS, middlewares=[requests.request_middleware, errors.error_middleware]
    )
    health.add_routes(app)
    return app


class Monitoring:
    """Serves the application of a process that only works, if it can: its work does not depend on that."""

    def __init__(self, service: Service) -> None:
        self._settings = service.settings
        self._runner = connections.Runner(create_app(service), shutdown_timeout=GRACE)

    async def start(self) -> str | None:
        """Listen, and return the address; if that fails, log why and return None."""
        host, port = self._settings.host, self._settings.work_port
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            reason = error.strerror or str(error)
            place = authority(host, port)
            log.warning("not monitored", warning=f"LONGSHORE_WORK_PORT: cannot listen on {place} ({reason}).")
            return None
        return authority(host, self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Close the port."""
        await self._runner.cleanup()
