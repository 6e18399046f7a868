"""Put a database at a distance: a relay that hands on what it receives some milliseconds later, in both directions.

`python -m benchmarks.distance PORT HOST DATABASE_PORT MILLISECONDS` listens on 127.0.0.1 until it is ended.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress

CHUNK = 64 * 1024


async def hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    """Write what is read, in its order, so many seconds later; close at the end."""
    loop = asyncio.get_running_loop()
    with suppress(ConnectionError):
        while data := await reader.read(CHUNK):
            loop.call_later(seconds, writer.write, data)
    loop.call_later(seconds, writer.close)


async def serve(port: int, host: str, database_port: int, seconds: float) -> None:
    """Relay every connection to the database."""

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        database_reader, database_writer = await asyncio.open_connection(host, database_port)
        await asyncio.gather(
            hand_on(reader, database_writer, seconds), hand_on(database_reader, writer, seconds), return_exceptions=True
        )

    server = await asyncio.start_server(relay, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4]) / 1000))
