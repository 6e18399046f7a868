"""What `longshore serve`, `work`, `migrate` and `openapi` do."""

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from importlib.metadata import version

import orjson
import structlog
from aiohttp import web

from bot import log
from bot.errors import Misconfigured
from bot.rules.addresses import authority
from bot.settings import Settings, read_database_url, read_settings
from bot.store import migrate as migrations
from bot.store.configuration import shown_address
from cli import login_links
from cli.operator import naming_database_setting
from cli.output import show, show_aside
from cli.preparation import prepare
from server.app import SERVICE, create_app, description
from server.connections import Runner
from server.monitoring import Monitoring
from server.service import Service

logger = structlog.get_logger()

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
REQUEST_GRACE = 10.0  # seconds that open requests may go on after a stop signal
START_GRACE = 3.0  # seconds that a start may go on after a stop signal
SET_UP = (
    "\nThere is no GitHub App yet. Set it up at {url}/setup\n"
    "`longshore login-link` prints the address at which you sign in as the operator.\n"
    "Until then webhooks are answered 503, and what needs GitHub is refused.\n"
)
WAITING = "waiting for another process that is migrating the database"


def serve(worker: bool) -> None:
    """Receive webhooks, serve the API and, with `worker`, process the job queue."""
    settings = read_settings()
    log.configure(settings.log_level)
    _run(lambda: _serve(settings, worker))


def work() -> None:
    """Only process the job queue."""
    settings = read_settings()
    log.configure(settings.log_level)
    _run(lambda: _work(settings))


def migrate() -> None:
    """Apply pending migrations to the database."""
    prepare()
    applied = asyncio.run(_migrate(read_database_url(), on_wait=lambda: show_aside(f"{WAITING}.")))
    show("\n".join(f"applied {name}" for name in applied) or "The schema is up to date.")


async def _migrate(url: str, on_wait: Callable[[], object] = lambda: logger.info(WAITING)) -> list[str]:
    with naming_database_setting():
        return await migrations.migrate(url, on_wait=on_wait)


def _log_start(settings: Settings) -> None:
    """Say what starts, on what. No part of it is secret."""
    with naming_database_setting():
        database = shown_address(settings.database_url)
    logger.info("starting", version=version("longshore"), database=database, github=settings.github_api_url)


async def _serve(settings: Settings, worker: bool) -> None:
    stop_requested = _handle_stop_signals()
    _log_start(settings)
    if not await _completed_before(stop_requested, _migrate(settings.database_url)):
        return
    app = create_app(settings, worker=worker)
    runner = Runner(app, shutdown_timeout=REQUEST_GRACE)
    try:
        if await _completed_before(stop_requested, _start(runner, settings)):
            address = authority(settings.host, runner.addresses[0][1])
            logger.info("serving", address=address, url=settings.url, worker=worker)
            await login_links.offer(app[SERVICE], settings)
            if not app[SERVICE].github.is_configured:
                show_aside(SET_UP.format(url=settings.url))
            await stop_requested.wait()
        app[SERVICE].stop()  # its jobs finish while requests do
    finally:
        await runner.cleanup()


async def _start(runner: web.AppRunner, settings: Settings) -> None:
    await runner.setup()
    _tune_garbage_collector()
    await listen(runner, settings.host, settings.port)


async def _work(settings: Settings) -> None:
    stop_requested = _handle_stop_signals()
    _log_start(settings)
    service = Service(settings)
    monitoring = Monitoring(service)
    try:
        address = await monitoring.start()
        if await _completed_before(stop_requested, _open(service)):
            service.watch_app()
            _tune_garbage_collector()
            announcing = asyncio.create_task(_log_working(service, address))
            try:
                await _completed_before(stop_requested, service.work(), cancel=service.stop)
            finally:
                announcing.cancel()
    finally:
        await monitoring.stop()
        await service.close()


async def _log_working(service: Service, address: str | None) -> None:
    """Say that jobs are performed, once they are: a second process on the same SQLite file never gets there."""
    await service.worker.started.wait()
    logger.info("working", address=address)


async def _open(service: Service) -> None:
    await _migrate(service.settings.database_url)
    await service.open()


async def _completed_before(
    stop_requested: asyncio.Event, work: Coroutine[object, object, object], cancel: Callable[[], object] | None = None
) -> bool:
    """Do work until a stop is requested: then cancel it, with `cancel` if it has a way of its own, and return False.

    What is canceled without a way of its own, and hangs in a database that does not answer, is left to itself: the
    process ends as at a second signal. The database undoes a migration that was cut off.
    """
    task = asyncio.create_task(work)
    stopping = asyncio.create_task(stop_requested.wait())
    await asyncio.wait([task, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if completed := task.done():
        await task
    else:
        (cancel or task.cancel)()
        ended, _ = await asyncio.wait([task], timeout=START_GRACE if cancel is None else None)
        if not ended:
            logger.warning("stopped", reason="the start hangs, and is cut off")
            signal.raise_signal(signal.SIGTERM)
        with suppress(asyncio.CancelledError):
            await task
    return completed


def _tune_garbage_collector() -> None:
    """Exclude all objects that exist after startup from garbage collection, and collect less often.

    Otherwise every large request triggers a full collection, which pauses the process for about 40 milliseconds.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)


async def listen(runner: web.AppRunner, host: str, port: int) -> None:
    """Listen on an address; if that fails, raise an error that names the settings."""
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        reason = error.strerror or str(error)
        place = authority(host, port)
        raise Misconfigured(f"LONGSHORE_HOST and LONGSHORE_PORT: cannot listen on {place} ({reason}).") from error


def _handle_stop_signals() -> asyncio.Event:
    """Return an event that the first SIGINT or SIGTERM sets. The second one ends the process at once."""
    stop_requested = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        logger.info("stopping")
        stop_requested.set()
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)

    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stop)
    return stop_requested


def _run(main: Callable[[], Awaitable[None]]) -> None:
    """Run on uvloop if it is installed."""
    factory = None
    with suppress(ImportError):
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())  # type: ignore[arg-type]


def openapi() -> None:
    """Print the OpenAPI 3.1 document of the API, which is also served at /api/openapi.json."""
    prepare()
    show(orjson.dumps(description(), option=orjson.OPT_INDENT_2).decode())
