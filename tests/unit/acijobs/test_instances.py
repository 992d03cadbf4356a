"""What the engine's answers are taken for: only a literal 404 says that there is no orchestration."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from azure.durable_functions.models.utils import http_utils

from acijobs.instances import Instance, Instances

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

STATUS = {"runtimeStatus": "Running", "lastUpdatedTime": "2026-11-23T10:00:00Z", "output": None}
UPDATED_AT = datetime(2026, 11, 23, 10, tzinfo=UTC)


class Engine:
    """An engine that answers every question alike."""

    def __init__(self) -> None:
        self.status, self.body = 200, ""
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        """Answer."""
        self.asked.append(request.path_qs)
        return web.Response(status=self.status, text=self.body, content_type="application/json")


@pytest.fixture
def engine() -> Engine:
    """Return the engine."""
    return Engine()


@pytest.fixture
async def instances(engine: Engine) -> AsyncIterator[Instances]:
    """Return a client of it."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", engine.answer)
    async with TestServer(app) as server:
        rpc_url = str(server.make_url("/durabletask/"))
        binding = {"taskHubName": "h", "creationUrls": {}, "managementUrls": {}}
        yield Instances(json.dumps(binding | {"rpcBaseUrl": rpc_url}))
        await (
            http_utils._close_session()
        )  # shared by all clients of a process, but bound to this loop


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (202, STATUS, Instance(runtime_status="Running", updated_at=UPDATED_AT)),
        (200, STATUS | {"output": "why"}, None),
        (404, "", Instance()),
        (404, STATUS, Instance()),
        *((code, {}, Instance(answered=False)) for code in (200, 202, 400, 403, 429, 500, 503)),
        (200, [], Instance(answered=False)),
        (200, {"runtimeStatus": None}, Instance(answered=False)),
        (200, "no JSON", Instance(answered=False)),
    ],
)
async def test_what_a_status_is_taken_for(
    engine: Engine, instances: Instances, status: int, body: Any, expected: Instance | None
) -> None:
    """An error, or an answer without a status, is no answer."""
    engine.status, engine.body = status, body if isinstance(body, str) else json.dumps(body)
    found = await instances.find("j")
    if expected is None:
        assert (found.output, found.answered) == ("why", True)
    else:
        assert found == expected


@pytest.mark.parametrize(
    ("status", "body", "count"),
    [(200, [STATUS, STATUS], 2), (200, [], 0), (500, [], None), (404, [], None), (200, {}, None)],
)
async def test_what_a_list_of_watches_is_taken_for(
    engine: Engine, instances: Instances, status: int, body: Any, count: int | None
) -> None:
    """A list that cannot be had is not an empty one: a job must not look dead because of it."""
    engine.status, engine.body = status, json.dumps(body)
    found = await instances.find_children("j", 3)
    assert (None if found is None else len(found)) == count
    assert (
        "instanceIdPrefix=j%3A3." in engine.asked[0] or "instanceIdPrefix=j:3." in engine.asked[0]
    )
    assert "top=1000" in engine.asked[0]


async def test_all_watches_of_a_job_are_found_and_no_others(
    engine: Engine, instances: Instances
) -> None:
    """By their whole id: what else begins with the job's id is somebody else's."""
    names = ["j:1.1", "j:12.30", "j:1.1:x", "j:1", "j:x.1", "j", "jj:1.1", "@j:1.1@k"]
    engine.body = json.dumps([STATUS | {"instanceId": name} for name in names])
    found = await instances.find_all_children("j")
    assert found is not None
    assert set(found) == {"j:1.1", "j:12.30"}
    assert "showInput=false" in engine.asked[0]
    engine.status = 500
    assert await instances.find_all_children("j") is None


@pytest.mark.parametrize(
    ("status", "is_gone"), [(200, True), (404, True), (412, False), (500, False), (503, False)]
)
async def test_a_history_is_purged_by_its_id(
    engine: Engine, instances: Instances, status: int, *, is_gone: bool
) -> None:
    """Never by a filter. 412 is the engine's word for one that runs."""
    engine.status, engine.body = status, json.dumps({"instancesDeleted": 1})
    assert await instances.purge("j:1.2") is is_gone
    assert engine.asked in (["/durabletask/instances/j%3A1.2"], ["/durabletask/instances/j:1.2"])
