"""Durable's local RPC endpoint, as far as the job API uses it, with instances that a test sets.

Source: what `azure-functions-durable` 1.7.0 sends and accepts; the refusal of an id in use by a running
instance as in the extension's own source (500 with an exception's text).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.test_utils import TestServer

if TYPE_CHECKING:
    from collections.abc import Callable

_TIME = "2026-11-23T10:00:00Z"
_OVER = frozenset({"Completed", "Failed", "Terminated", "Canceled"})
_WEBHOOKS = "http://localhost:7071/runtime/webhooks/durabletask"


@dataclass(kw_only=True)
class DurableEndpoint:
    """The endpoint and what it has been asked.

    Attributes:
        instances: Status bodies by instance id.
        started: Ids started, in order.
        events: `(id, name, decoded data)` of each event taken.
        before_start: Called before a start is looked at: for what another client does meanwhile.
        before_event: Called before an event is looked at, likewise.
        before_status: Called before a status is looked at, likewise.
    """

    instances: dict[str, dict[str, Any]] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)
    events: list[tuple[str, str, Any]] = field(default_factory=list)
    before_start: Callable[[], None] = lambda: None
    before_event: Callable[[], None] = lambda: None
    before_status: Callable[[], None] = lambda: None
    _server: TestServer | None = None

    async def start(self) -> None:
        """Serve on a free loopback port."""
        app = web.Application()
        app.router.add_post("/durabletask/orchestrators/{name}/{id}", self._start)
        app.router.add_get("/durabletask/instances/{id}", self._status)
        app.router.add_post("/durabletask/instances/{id}/raiseEvent/{event}", self._event)
        self._server = TestServer(app)
        await self._server.start_server()

    async def stop(self) -> None:
        """Stop serving."""
        assert self._server is not None
        await self._server.close()

    def binding(self) -> str:
        """Return what the `durableClient` binding gives for this endpoint."""
        assert self._server is not None
        links = {
            "id": "INSTANCEID",
            "statusQueryGetUri": f"{_WEBHOOKS}/instances/INSTANCEID?code=K",
        }
        for name in ("sendEventPostUri", "terminatePostUri", "purgeHistoryDeleteUri"):
            links[name] = f"{_WEBHOOKS}/instances/INSTANCEID/{name}?code=K"
        binding = {
            "taskHubName": "hub",
            "creationUrls": {},
            "managementUrls": links,
            "rpcBaseUrl": str(self._server.make_url("/durabletask/")),
        }
        return json.dumps(binding)

    def add(self, job_id: str, **status: Any) -> None:
        """There is an instance of this id, by default a job that has just started."""
        self.instances[job_id] = {
            "name": "JobOrchestrator",
            "instanceId": job_id,
            "runtimeStatus": "Running",
            "input": None,
            "customStatus": None,
            "output": None,
            "createdTime": _TIME,
            "lastUpdatedTime": _TIME,
        } | status

    async def _start(self, request: web.Request) -> web.Response:
        self.before_start()
        job_id = request.match_info["id"]
        existing = self.instances.get(job_id)
        if existing is not None and existing["runtimeStatus"] not in _OVER:
            message = f"An Orchestration instance with the status Running already exists: {job_id}"
            return web.json_response({"Message": message}, status=500)
        # The SDK sends a JSON text within a JSON string.
        data = json.loads(await request.json())
        self.started.append(job_id)
        self.add(job_id, name=request.match_info["name"], runtimeStatus="Pending", input=data)
        return web.json_response({"id": job_id}, status=202)

    async def _status(self, request: web.Request) -> web.Response:
        self.before_status()
        found = self.instances.get(request.match_info["id"])
        if found is None:
            return web.json_response({"Message": "not found"}, status=404)
        shown = found if "showInput" in request.query else found | {"input": None}
        return web.json_response(shown, status=200 if shown["runtimeStatus"] in _OVER else 202)

    async def _event(self, request: web.Request) -> web.Response:
        self.before_event()
        job_id = request.match_info["id"]
        found = self.instances.get(job_id)
        if found is None:
            return web.Response(status=404)
        if found["runtimeStatus"] in _OVER:
            return web.Response(status=410)
        self.events.append((job_id, request.match_info["event"], json.loads(await request.json())))
        return web.Response(status=202)
