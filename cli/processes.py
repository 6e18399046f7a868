"""`longshore serve`, `work`, `migrate` and `openapi`."""

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Annotated

import orjson
import structlog
import typer
from aiohttp import web

from bot import log
from bot.errors import Misconfigured
from bot.settings import Settings, read_database_url, read_settings
from bot.store import migrate as migrations
from cli.operator import naming_database_setting
from server.app import create_app, description
from server.connections import Runner
from server.service import Service

logger = structlog.get_logger()


def serve(
    worker: Annotated[bool, typer.Option(help="Also process the job queue.")] = True,
) -> None:
    """Receive webhooks, serve the API and process the job queue."""
    settings = read_settings()
    log.configure(settings.log_level)
    _run(lambda: _serve(settings, worker))


def work() -> None:
    """Only process the job queue. With SQLite, only one process can do so at a time."""
    settings = read_settings()
    log.configure(settings.log_level)
    _run(lambda: _work(settings))


def migrate() -> None:
    """Apply pending migrations to the database."""
    applied = asyncio.run(_migrate(read_database_url()))
    typer.echo("\n".join(f"applied {name}" for name in applied) or "The schema is up to date.")


async def _migrate(url: str) -> list[str]:
    with naming_database_setting():
        return await migrations.migrate(url)


async def _serve(settings: Settings, worker: bool) -> None:
    stop_requested = _handle_stop_signals()
    await _migrate(settings.database_url)
    runner = Runner(create_app(settings, worker=worker))
    try:
        await runner.setup()
        _tune_garbage_collector()
        await listen(runner, settings.host, settings.port)
        logger.info("serving", url=settings.url, worker=worker)
        await stop_requested.wait()
    finally:
        await runner.cleanup()


async def _work(settings: Settings) -> None:
    stop_requested = _handle_stop_signals()
    await _migrate(settings.database_url)
    service = Service(settings)
    await service.open()
    try:
        _tune_garbage_collector()
        worker = asyncio.create_task(service.work())
        stopping = asyncio.create_task(stop_requested.wait())
        logger.info("working", database=settings.database_url.partition(":")[0])
        await asyncio.wait([worker, stopping], return_when=asyncio.FIRST_COMPLETED)
        service.worker.stop()
        stopping.cancel()
        await worker
    finally:
        await service.close()


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
        raise Misconfigured(f"LONGSHORE_HOST and LONGSHORE_PORT: cannot listen on {host}:{port} ({reason}).") from error


def _handle_stop_signals() -> asyncio.Event:
    """Return an event that is set by SIGINT and SIGTERM, which then no longer kill the process."""
    stop_requested = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop_requested.set)
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
    typer.echo(orjson.dumps(description(), option=orjson.OPT_INDENT_2).decode())
