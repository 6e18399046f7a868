"""Payloads that are too large to be parsed on the event loop: a process of its own reads each of them.

A thread would not do: while it parses JSON, the interpreter runs nothing else, and 25 MB can take it ten seconds and
gigabytes.
"""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping
from typing import Any

import orjson

from bot.queue.jobs import PermanentFailure
from handlers import payloads

TOO_DEMANDING = "The body cannot be read within the limits of memory and time."


class LargePayloads:
    """Reads large payloads, one at a time."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def read(self, body: bytes, content_type: str) -> Mapping[str, Any]:
        """What handlers need of a payload. PermanentFailure when the body cannot be read."""
        async with self._turn:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", payloads.__file__, content_type),
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                env={},
            )
            try:
                output, _ = await process.communicate(body)
            finally:
                if process.returncode is None:
                    process.kill()
        if process.returncode == payloads.UNREADABLE:
            raise PermanentFailure(output.decode())
        if process.returncode != 0:
            raise PermanentFailure(TOO_DEMANDING)
        kept: dict[str, Any] = orjson.loads(output)
        return kept
