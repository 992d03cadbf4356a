"""HTTP connections that do not wait for ever for the rest of a request."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

IDLE_S = 30.0
"""How long a connection may be silent within a request, in seconds."""


class PatientHandler(RequestHandler):
    """One connection, which is cut when the rest of a request does not come.

    Neither a connection between two requests nor one that waits for its answer is cut.

    Args:
        server: The server.
        idle_s: How long it may be silent within a request, in seconds.
        options: aiohttp's own.
    """

    __slots__ = ("_heard_at", "_idle_s", "_is_within_head", "_look")

    def __init__(self, server: web.Server, *, idle_s: float, **options: Any) -> None:
        super().__init__(server, loop=asyncio.get_running_loop(), **options)
        self._idle_s = idle_s
        self._heard_at = self._loop.time()
        self._is_within_head = True  # a new connection begins with a request
        self._look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to watch the connection."""
        super().connection_made(transport)
        self._look_after(self._idle_s)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Watch it no more."""
        if self._look is not None:
            self._look.cancel()
            self._look = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Note that the caller is there."""
        self._heard_at = self._loop.time()
        before, was_body = self._request_count, self._is_within_body()
        super().data_received(data)
        if data:
            self._is_within_head = self._request_count == before and not was_body

    def _is_within_body(self) -> bool:
        request = self._current_request
        if request is not None and not request.content.is_eof():
            return True
        return any(not body.is_eof() for _, body in self._messages)

    def _is_within_request(self) -> bool:
        is_answering = self._current_request is not None
        return self._is_within_body() or (self._is_within_head and not is_answering)

    def _look_after(self, delay_s: float) -> None:
        self._look = self._loop.call_later(delay_s, self._cut_if_silent)

    def _cut_if_silent(self) -> None:
        left_s = self._heard_at + self._idle_s - self._loop.time()
        if left_s > 0:
            self._look_after(left_s)
        elif self.transport is not None and self._is_within_request():
            self.transport.abort()
        else:
            self._look_after(self._idle_s)


class PatientServer(web.Server):
    """An aiohttp server whose connections are cut when the rest of a request does not come.

    Args:
        made: The server as aiohttp makes it.
        idle_s: How long a connection may be silent within a request, in seconds.
    """

    def __init__(self, made: web.Server, idle_s: float) -> None:
        vars(self).update(vars(made))
        self._idle_s = idle_s

    def __call__(self) -> RequestHandler:
        """Return the protocol of one connection."""
        return PatientHandler(self, idle_s=self._idle_s, **self._kwargs)


class PatientRunner(web.AppRunner):
    """Serves an application with patience, within limits.

    Args:
        app: The application.
        idle_s: How long a connection may be silent within a request, in seconds.
        options: aiohttp's own.
    """

    __slots__ = ("_idle_s",)

    def __init__(self, app: web.Application, *, idle_s: float, **options: Any) -> None:
        super().__init__(app, **options)
        self._idle_s = idle_s

    async def _make_server(self) -> web.Server:
        return PatientServer(await super()._make_server(), self._idle_s)
