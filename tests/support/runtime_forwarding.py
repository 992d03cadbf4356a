"""The local container engine on a TCP port, for as long as a test likes."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import TYPE_CHECKING

from runtime_trials import require_engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Forwarding:
    """Passes connections on to the engine, and cuts them on demand."""

    def __init__(self) -> None:
        self._path = require_engine().url.partition("://")[2]
        self._connections: set[asyncio.Task[None]] = set()

    async def cut(self) -> None:
        """Every connection there was is closed; new ones are welcome."""
        ended = list(self._connections)
        for task in ended:
            task.cancel()
        await asyncio.gather(*ended)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on until either side closes it."""
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        engine_reader, engine_writer = await asyncio.open_unix_connection(self._path)
        try:
            await asyncio.gather(_pump(reader, engine_writer), _pump(engine_reader, writer))
        except asyncio.CancelledError:
            pass  # cut; a callback of the server may end no other way
        finally:
            for one in (writer, engine_writer):
                one.close()
                with contextlib.suppress(ConnectionError, ssl.SSLError):
                    await one.wait_closed()


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while data := await source.read(1 << 16):
            target.write(data)
            await target.drain()
    target.close()


@contextlib.asynccontextmanager
async def forwarded(context: ssl.SSLContext | None) -> AsyncIterator[tuple[int, Forwarding]]:
    """Offer the local engine on a TCP port of this machine; yield the port and what cuts it."""
    forwarding = Forwarding()
    server = await asyncio.start_server(forwarding.serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1], forwarding
    finally:
        server.close()
        await forwarding.cut()
