"""The response to a delivery that is stored, written as one prebuilt piece: putting it together would cost more."""

import time
from email.utils import formatdate

from aiohttp import ClientConnectionResetError, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import SERVER_SOFTWARE, HttpVersion11


class _Accepted(web.StreamResponse):
    """202 without a body, for a connection of HTTP/1.1 that stays open. It has no state: one serves all requests."""

    def __init__(self) -> None:
        super().__init__(status=202)
        self._keep_alive = True
        self._second, self._head = 0, b""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write the whole response."""
        transport, protocol = request.transport, request.protocol
        if transport is None or transport.is_closing():
            raise ClientConnectionResetError
        transport.write(self._whole())
        if protocol.writing_paused:
            await request.writer.drain()
        return request.writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: `prepare` has written everything."""

    def _whole(self) -> bytes:
        second = int(time.time())
        if second != self._second:
            lines = ("HTTP/1.1 202 Accepted", "Content-Length: 0", f"Date: {formatdate(second, usegmt=True)}")
            self._head = "\r\n".join((*lines, f"Server: {SERVER_SOFTWARE}", "", "")).encode()
            self._second = second
        return self._head


_ACCEPTED = _Accepted()


def accepted(request: web.BaseRequest) -> web.StreamResponse:
    """The response 202 to this request."""
    if request.keep_alive and request.version == HttpVersion11:
        return _ACCEPTED
    return web.Response(status=202)
