"""A running engine behind its two HTTP APIs, on loopback ports of the system's choice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from functions_host.durable.api.links import MANAGEMENT_PATH

if TYPE_CHECKING:
    from functions_host.durable import DurableEngine


class Server:
    """Serves an engine's management API and RPC API."""

    def __init__(self, engine: DurableEngine) -> None:
        self._engine = engine
        self._runners: list[web.AppRunner] = []
        self.origin = ""
        self.rpc_origin = ""
        self.http: aiohttp.ClientSession

    async def start(self) -> None:
        """Both APIs answer."""
        front = web.Application()
        front.add_subapp(MANAGEMENT_PATH, self._engine.management_app())
        self.origin = await self._serve(front)
        self.rpc_origin = await self._serve(self._engine.rpc_app(lambda: self.origin))
        self.http = aiohttp.ClientSession(self.origin + MANAGEMENT_PATH + "/")

    async def _serve(self, app: web.Application) -> str:
        runner = web.AppRunner(app)
        await runner.setup()
        self._runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Nothing listens any more."""
        await self.http.close()
        for runner in self._runners:
            await runner.cleanup()

    @property
    def binding(self) -> str:
        """The durableClient binding for this server."""
        return self._engine.client_binding(self.origin, self.rpc_origin)
