"""`python -m stack.doorway`: lets containers reach their jobs' capability URLs, and nothing else.

The Functions host listens on loopback, which a container's network has one of its own of. This listens
where the container engine's network meets this machine, and passes on what is below
`/api/jobs/{id}/by/`, which the app asks no key for and checks itself.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import signal
import socket
import sys
from http import HTTPStatus

import aiohttp
from aiohttp import web

from loopback.patience import IDLE_S, PatientHandler

_PATH = re.compile(r"/api/jobs/[a-z0-9-]{1,63}/by/[A-Za-z0-9_-]{1,100}(?:/[a-z]{1,20})?")
_MAX_BODY_BYTES = 256 * 1024
_IP_FREEBIND = 15
"""Bind an address that is not there yet: an engine's bridge comes with its first container.

Source: ip(7).
"""

_PASSED_ON = ("Content-Type", "Accept", "If-None-Match", "Range")
_PASSED_BACK = ("Content-Type", "Retry-After", "ETag", "Cache-Control")


class Doorway:
    """Passes requests on to the Functions host.

    Args:
        session: Sends them.
        to: The host's address, like `http://127.0.0.1:7071`.
    """

    def __init__(self, session: aiohttp.ClientSession, to: str) -> None:
        self._session = session
        self._to = to

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer as the host does, or 404 to what is not for containers."""
        if not _PATH.fullmatch(request.rel_url.raw_path):
            return web.Response(status=HTTPStatus.NOT_FOUND, text="not for containers\n")
        body = await _body_of(request)
        if body is None:
            return web.Response(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        url = f"{self._to}{request.rel_url}"
        try:
            async with self._session.request(
                request.method, url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                kept = {n: answer.headers[n] for n in answer.headers if _is_passed_back(n)}
                return web.Response(status=answer.status, body=await answer.read(), headers=kept)
        except aiohttp.ClientError:
            return web.Response(status=HTTPStatus.BAD_GATEWAY, text="the host does not answer\n")


async def _body_of(request: web.BaseRequest) -> bytes | None:
    """Return a request's body, None for one that no event has."""
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            return None
    return bytes(body)


def _is_passed_back(name: str) -> bool:
    return name in _PASSED_BACK or name.startswith("X-")


class _Server(web.Server):
    def __call__(self) -> PatientHandler:
        """Return the protocol of one connection."""
        return PatientHandler(self, idle_s=IDLE_S, **self._kwargs)


def listening(address: str, port: int) -> socket.socket:
    """Return a socket that listens there, though the address may come later."""
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if sys.platform == "linux":
        made.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)
    made.bind((address, port))
    return made


async def _serve(made: socket.socket, to: str) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        runner = web.ServerRunner(_Server(Doorway(session, to)))
        await runner.setup()
        await web.SockSite(runner, made).start()
        await stopped.wait()
        await runner.cleanup()


def main() -> int:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="stack.doorway", description=__doc__)
    parser.add_argument("--address", required=True, help="where containers see this machine")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--to", required=True, help="the Functions host")
    chosen = parser.parse_args()
    asyncio.run(_serve(listening(chosen.address, chosen.port), chosen.to))
    return 0


if __name__ == "__main__":
    sys.exit(main())
