"""Connections: the head of a request arrives in time and is short; what is refused is neither inflated nor read on.

aiohttp bounds each line of a head, but neither all of it nor the time that it takes: a connection that sends a byte now
and then is kept forever.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.hdrs import EXPECT
from aiohttp.http import RawRequestMessage

DirectHandler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

DIRECT = web.AppKey("direct", dict[str, DirectHandler])
"""The handlers of an application that are called without its middlewares, by the path of their POST route."""
OPTIONS: Mapping[str, Any] = {
    "auto_decompress": False,  # who may send a compressed body is decided before it is inflated
    "read_bufsize": 64 * 1024,  # aiohttp's own is so large that a body in tiny chunks stalls the loop
    "lingering_time": 2.0,  # seconds to wait, after an early response, for the rest of a body that nobody reads
}
"""The options of every connection. They are passed to the application, so that servers in tests have them too."""
HEAD_SECONDS = 10.0
"""Seconds for the head of a request to arrive: from the beginning of the connection, or of the head if another."""
MAX_HEAD_BYTES = 64 * 1024
MAX_UNPARSED = 64 * 1024  # bytes; beyond that, nothing more is read
PIECE = 16 * 1024  # bytes that are parsed at once: up to 2,700 chunks, in a few milliseconds


class Connection(web.RequestHandler):
    """A connection that is closed when the head of its next request takes too long, or is too long.

    Between two requests it may be idle.
    """

    __slots__ = ("_head_bytes", "_head_seconds", "_head_timer", "_unparsed")

    def __init__(self, server: web.Server, head_seconds: float, **options: Any) -> None:
        super().__init__(server, **options)
        self._head_seconds, self._head_bytes = head_seconds, 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._unparsed = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        """Parse what arrived, in pieces: a body in tiny chunks would hold up everybody else."""
        if not self._unparsed and len(data) <= PIECE:
            self._parse(data)
            return
        if not self._unparsed:
            self._loop.call_soon(self._parse_piece)
        self._unparsed += data
        if len(self._unparsed) > MAX_UNPARSED:
            self._pause_transport_reading()

    def _parse_piece(self) -> None:
        """Parse the next piece; read on once most is parsed, unless aiohttp has enough for now."""
        piece = bytes(self._unparsed[:PIECE])
        del self._unparsed[:PIECE]
        if self.transport is None or self.transport.is_closing():
            self._unparsed.clear()
            return
        self._parse(piece)
        if self._unparsed:
            self._loop.call_soon(self._parse_piece)
        if not self._reading_paused and not self._buffer_paused:
            self._resume_transport_reading()

    def resume_reading(self, resume_parser: bool = True) -> None:
        """Read on if reading was paused; aiohttp calls it twice for each body, and would each time parse nothing."""
        if self._reading_paused:
            super().resume_reading(resume_parser)

    def _resume_transport_reading(self) -> None:
        """Read on, as aiohttp asks for when the reader of the body wants more, unless enough is unparsed."""
        if len(self._unparsed) <= MAX_UNPARSED:
            super()._resume_transport_reading()

    def _parse(self, data: bytes) -> None:
        """Parse a piece, and see whether it completed a head, or began one."""
        super().data_received(data)
        if self._is_idle():
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self.force_close()
            elif self._head_timer is None:
                self._start_timer()
        elif self._head_timer is not None:
            self._stop_timer()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop waiting."""
        self._unparsed.clear()
        self._stop_timer()
        super().connection_lost(exc)

    def _is_idle(self) -> bool:
        """Whether no request is being handled, and the head of the next one is not complete."""
        return self._waiter is not None and not self._waiter.done()

    def _start_timer(self) -> None:
        self._head_timer = self._loop.call_later(self._head_seconds, self._end)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
        self._head_timer, self._head_bytes = None, 0

    def _end(self) -> None:
        self._stop_timer()
        if self._is_idle():
            self.force_close()


class Server(web.Server):
    """Accepts such connections for an application.

    The handlers in `direct` are called for a POST to exactly their path, without the application's middlewares.
    """

    def __init__(self, made: web.Server, head_seconds: float, direct: dict[str, DirectHandler]) -> None:
        super().__init__(self._handle, request_factory=self._make)
        self._handle_by_route, self._make_for_route = made.request_handler, made.request_factory
        self._head_seconds, self._direct = head_seconds, direct

    def __call__(self) -> Connection:
        """The handler of a new connection."""
        return Connection(self, self._head_seconds, loop=self._loop, access_log=None, **OPTIONS)

    def _make(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: web.RequestHandler,
        writer: AbstractStreamWriter,
        task: asyncio.Task[None],
    ) -> web.BaseRequest:
        """Make a request: one with the parameters of a route, unless its handler is called directly."""
        if message.path not in self._direct or message.method != "POST" or EXPECT in message.headers:
            return self._make_for_route(message, payload, protocol, writer, task)  # a route answers `100 Continue`
        return web.BaseRequest(message, payload, protocol, writer, task, self._loop)

    def _handle(self, request: web.BaseRequest) -> Awaitable[web.StreamResponse]:
        if isinstance(request, web.Request):
            return self._handle_by_route(request)
        return self._direct[request.raw_path](request)


class Runner(web.AppRunner):
    """Runs an application with such connections."""

    def __init__(self, app: web.Application, head_seconds: float = HEAD_SECONDS, **options: Any) -> None:
        super().__init__(app, **options)
        self._head_seconds = head_seconds

    async def _make_server(self) -> Server:
        return Server(await super()._make_server(), self._head_seconds, self.app.get(DIRECT) or {})
