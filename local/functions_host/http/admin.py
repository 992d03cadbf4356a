"""The host's admin API: status, the functions, and starting one by hand.

Source: https://learn.microsoft.com/azure/azure-functions/functions-manually-run-non-http
"""

from __future__ import annotations

import json
import os
import time
import uuid
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from functions_host.loader.app import LoadedApp
    from functions_host.loader.metadata import FunctionMetadata

HOST_VERSION = "4.0.0"


class AdminApi:
    """Answers under `/admin`.

    Args:
        app: The loaded app.
        urls: Each HTTP function's URL template, by name.
        run: Starts a function by hand with an input; returns False for a trigger that cannot be.
    """

    def __init__(
        self,
        app: LoadedApp,
        urls: Mapping[str, str],
        run: Callable[[str, str], Awaitable[bool]],
    ) -> None:
        self._app = app
        self._urls = urls
        self._run = run
        self._started = time.monotonic()
        self._id = uuid.uuid4().hex
        self.state = "Starting"

    def add_routes(self, site: web.Application) -> None:
        """Add the API to a site."""
        site.router.add_get("/admin/host/status", self._status)
        for method in ("GET", "POST"):
            site.router.add_route(method, "/admin/host/ping", self._ping)
        site.router.add_get("/admin/functions", self._list)
        site.router.add_get("/admin/functions/{name}", self._get)
        site.router.add_post("/admin/functions/{name}", self._start)
        site.router.add_get("/admin/functions/{name}/status", self._function_status)

    async def _status(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "id": self._id,
                "state": self.state,
                "version": HOST_VERSION,
                "processUptime": int((time.monotonic() - self._started) * 1000),
                "functionAppContentEditingState": "NotAllowed",
                "processId": os.getpid(),
                "errors": [f"{p.function}: {p.reason}" for p in self._app.problems],
            }
        )

    async def _ping(self, _: web.Request) -> web.Response:
        return web.Response()

    async def _list(self, request: web.Request) -> web.Response:
        return web.json_response([self._describe(m, request) for m in self._all().values()])

    async def _get(self, request: web.Request) -> web.Response:
        metadata = self._find(request.match_info["name"])
        if metadata is None:
            return web.Response(status=404)
        return web.json_response(self._describe(metadata, request))

    async def _function_status(self, request: web.Request) -> web.Response:
        metadata = self._find(request.match_info["name"])
        if metadata is None:
            return web.Response(status=404)
        reasons = [p.reason for p in self._app.problems if p.function == metadata.name]
        return web.json_response({"errors": reasons} if reasons else {})

    async def _start(self, request: web.Request) -> web.Response:
        metadata = self._find(request.match_info["name"])
        if metadata is None:
            return web.Response(status=404)
        if metadata.name not in self._app.functions:
            return web.Response(status=500)
        text = await request.text()
        if not text:
            return web.Response(status=400)
        try:
            given = json.loads(text)
        except ValueError:
            return web.Response(status=400)
        value = given.get("input", "") if isinstance(given, dict) else ""
        started = await self._run(
            metadata.name, value if isinstance(value, str) else json.dumps(value)
        )
        return web.Response(status=202 if started else 400)

    def _all(self) -> dict[str, FunctionMetadata]:
        loaded = {name: f.metadata for name, f in self._app.functions.items()}
        return dict(sorted((loaded | dict(self._app.broken)).items()))

    def _find(self, name: str) -> FunctionMetadata | None:
        folded = name.casefold()
        return next((m for n, m in self._all().items() if n.casefold() == folded), None)

    def _describe(self, metadata: FunctionMetadata, request: web.Request) -> dict[str, Any]:
        origin = f"{request.scheme}://{request.host}"
        path = self._urls.get(metadata.name)
        return {
            "name": metadata.name,
            "script_root_path_href": f"{origin}/admin/vfs/{metadata.name}/",
            "script_href": f"{origin}/admin/vfs/{metadata.name}/{metadata.script_file.name}",
            "config_href": f"{origin}/admin/vfs/{metadata.name}/function.json",
            "test_data_href": None,
            "href": f"{origin}/admin/functions/{metadata.name}",
            "invoke_url_template": None if path is None else f"{origin}/{path}",
            "language": "python",
            "config": dict(metadata.config),
            "files": None,
            "test_data": None,
            "isDisabled": False,
            "isDirect": False,
            "isProxy": False,
        }
