"""Through the doorway containers reach their jobs' capability URLs, and nothing else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from stack.doorway import Doorway, _Server, listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

EVENTS = "/api/jobs/render-42/by/1e-t6w2kd-0-qT3hVw2c9vJ0mB4sX7yLzE5n/events"


class Passage:
    """A host that answers what it was asked, and the doorway before it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, bytes, dict[str, str]]] = []
        self.door = ""

    async def host(self, request: web.BaseRequest) -> web.Response:
        """Answer as the Functions host would."""
        asked = (request.method, request.raw_path, await request.read(), dict(request.headers))
        self.asked.append(asked)
        headers = {"Retry-After": "5", "X-Next-Offset": "7", "Set-Cookie": "a=b"}
        return web.Response(status=202, text="{}", headers=headers)


@pytest.fixture
async def passage() -> AsyncIterator[Passage]:
    made = Passage()
    host = web.ServerRunner(web.Server(made.host))
    await host.setup()
    site = web.TCPSite(host, "127.0.0.1", 0)
    await site.start()
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        to = f"http://127.0.0.1:{host.addresses[0][1]}"
        door = web.ServerRunner(_Server(Doorway(session, to)))
        await door.setup()
        await web.SockSite(door, listening("127.0.0.2", 0)).start()
        made.door = f"http://127.0.0.2:{door.addresses[0][1]}"
        yield made
        await door.cleanup()
    await host.cleanup()


async def ask(
    passage: Passage, method: str, path: str, data: bytes = b""
) -> aiohttp.ClientResponse:
    async with aiohttp.ClientSession() as client:
        headers = {"Content-Type": "application/json", "X-Functions-Key": "k", "Origin": "http://a"}
        url = URL(passage.door + path, encoded=True)
        async with client.request(method, url, data=data, headers=headers) as answer:
            await answer.read()
            return answer


async def test_an_event_is_passed_on_as_it_is(passage: Passage) -> None:
    """With its method, path, query and whole body, to the host's own name; and the answer back."""
    long = b'{"message": "' + b"x" * 200_000 + b'"}'
    await ask(passage, "POST", EVENTS, long)
    assert passage.asked.pop()[2] == long
    answer = await ask(passage, "POST", f"{EVENTS}?a=%20b", b'{"progress": 0.5}')
    (method, path, body, headers) = passage.asked[0]
    assert (method, path, body) == ("POST", f"{EVENTS}?a=%20b", b'{"progress": 0.5}')
    assert headers["Content-Type"] == "application/json"
    assert headers["Host"].startswith("127.0.0.1:")
    assert (answer.status, answer.headers["Retry-After"]) == (202, "5")
    assert answer.headers["X-Next-Offset"] == "7"


async def test_what_else_a_container_sends_with_it_is_not_passed_on(passage: Passage) -> None:
    """Neither keys nor cookies belong there."""
    answer = await ask(passage, "POST", EVENTS)
    assert not {"X-Functions-Key", "Origin"} & set(passage.asked[0][3])
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/api/jobs", "/api/jobs/render-42", "/admin/host/status", "/api/jobs/a/logs"),
        *("/runtime/webhooks/durabletask/instances/", f"{EVENTS}/../../../..", "/api/jobs/a/by/"),
        *(f"/{EVENTS}", EVENTS.replace("/by/", "%2fby%2f"), f"{EVENTS}/x", f"/x{EVENTS}"),
        EVENTS.replace("render-42", ".."),
    ],
)
async def test_nothing_else_is_passed_on(passage: Passage, path: str) -> None:
    """The local host asks for no key, so that a container could start jobs there."""
    for method in ("GET", "POST", "DELETE"):
        assert (await ask(passage, method, path)).status == 404
    assert passage.asked == []


async def test_a_body_that_no_event_has_is_refused(passage: Passage) -> None:
    """The host is not asked to read it."""
    assert (await ask(passage, "POST", EVENTS, b"x" * (256 * 1024 + 1))).status == 413
    assert passage.asked == []


async def test_a_host_that_is_being_started_again_is_told_of(passage: Passage) -> None:
    """502, which every client takes for a reason to try again."""
    door = Doorway(aiohttp.ClientSession(), "http://127.0.0.1:9")
    try:
        runner = web.ServerRunner(_Server(door))
        await runner.setup()
        await web.SockSite(runner, listening("127.0.0.2", 0)).start()
        passage.door = f"http://127.0.0.2:{runner.addresses[0][1]}"
        assert (await ask(passage, "POST", EVENTS)).status == 502
        await runner.cleanup()
    finally:
        await door._session.close()
        await asyncio.sleep(0)


def test_an_address_may_come_after_the_listener() -> None:
    """An engine's bridge is there with its first container."""
    with listening("192.0.2.1", 0) as made:
        assert made.getsockname()[0] == "192.0.2.1"
