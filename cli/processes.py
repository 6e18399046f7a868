"""`longshore serve`, `work` and `migrate`: the processes."""

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
from cli.operator import database_named
from server.app import create_app, description
from server.service import Service

logger = structlog.get_logger()


def serve(
    worker: Annotated[bool, typer.Option(help="Also work on the queue in this process.")] = True,
) -> None:
    """Receive webhooks, answer the API, and work on the queue."""
    settings = read_settings()
    log.configure(settings.log_level)
    _run(lambda: _serve(settings, worker))


def work() -> None:
    """Work on the queue only. On SQLite one process works at a time."""
    settings = read_settings()
    log.configure(settings.log_level)
    _run(lambda: _work(settings))


def migrate() -> None:
    """Bring the database's schema up to date."""
    applied = asyncio.run(_migrate(read_database_url()))
    typer.echo("\n".join(f"applied {name}" for name in applied) or "The schema is up to date.")


async def _migrate(url: str) -> list[str]:
    with database_named():
        return await migrations.migrate(url)


async def _serve(settings: Settings, works: bool) -> None:
    asked_to_end = _listen_for_the_end()
    await _migrate(settings.database_url)
    runner = web.AppRunner(create_app(settings, works=works), access_log=None, handle_signals=False)
    try:
        await runner.setup()
        _spare_what_stays()
        await listen(runner, settings.host, settings.port)
        logger.info("serving", url=settings.url, worker=works)
        await asked_to_end.wait()
    finally:
        await runner.cleanup()


async def _work(settings: Settings) -> None:
    asked_to_end = _listen_for_the_end()
    await _migrate(settings.database_url)
    service = Service(settings)
    await service.open()
    try:
        _spare_what_stays()
        working = asyncio.create_task(service.work())
        stopping = asyncio.create_task(asked_to_end.wait())
        logger.info("working", database=settings.database_url.partition(":")[0])
        await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
        service.worker.stop()
        stopping.cancel()
        await working
    finally:
        await service.close()


def _spare_what_stays() -> None:
    """Let the garbage collector look no more at what is there as long as the process is, and less often at the rest.

    A full collection stopped everything for some 40 milliseconds, and large requests brought one each time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)


async def listen(runner: web.AppRunner, host: str, port: int) -> None:
    """Listen, or say which setting stands in the way."""
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        reason = error.strerror or str(error)
        raise Misconfigured(f"LONGSHORE_HOST and LONGSHORE_PORT: cannot listen on {host}:{port} ({reason}).") from error


def _listen_for_the_end() -> asyncio.Event:
    """What is set when somebody asks the process to end; from here on asking does not kill it."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked.set)
    return asked


def _run(main: Callable[[], Awaitable[None]]) -> None:
    """Run on the faster event loop where it is installed."""
    factory = None
    with suppress(ImportError):
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())  # type: ignore[arg-type]


def openapi() -> None:
    """Print the description of the API in OpenAPI 3.1, as a service serves it at /api/openapi.json."""
    typer.echo(orjson.dumps(description(), option=orjson.OPT_INDENT_2).decode())
