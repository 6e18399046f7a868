"""Run until a signal asks to stop, and leave nothing behind."""

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import suppress


def run_until_stopped(work: Coroutine[object, object, None]) -> None:
    """Run until the work ends, or until SIGINT, SIGTERM or SIGHUP: these cancel it, and it cleans up.

    Further signals are ignored from then on: what cleans up takes a few seconds at most. A SIGHUP that the process was
    started to ignore, as `nohup` does, stays ignored.
    """
    asyncio.run(_run(work))


async def _run(work: Coroutine[object, object, None]) -> None:
    task, loop, stopped = asyncio.create_task(work), asyncio.get_running_loop(), False
    hang_up = () if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else (signal.SIGHUP,)
    numbers = (signal.SIGINT, signal.SIGTERM, *hang_up)

    def stop() -> None:
        nonlocal stopped
        stopped = True
        for number in numbers:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)
        task.cancel()

    for number in numbers:
        loop.add_signal_handler(number, stop)
    with suppress(asyncio.CancelledError):
        await task
    if not stopped:
        for number in numbers:
            loop.remove_signal_handler(number)
