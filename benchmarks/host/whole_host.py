"""The same load through the whole host: loader, HTTP front, console log and all.

Usage: python whole_host.py COUNT
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import aiohttp

HERE = Path(__file__).parent
LOCAL = HERE.parents[1] / "local"
START = "/runtime/webhooks/durabletask/orchestrators/Chain?timeout=200&pollingInterval=1"


async def load(port: int, count: int) -> float:
    """Return how many orchestrations per second were started and answered over HTTP."""
    origin = f"http://127.0.0.1:{port}"
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(origin, connector=connector) as session:
        await until_running(session)

        async def one() -> None:
            async with session.post(START) as answer:
                assert await answer.json() == 5

        await one()
        began = time.perf_counter()
        await asyncio.gather(*(one() for _ in range(count)))
        return count / (time.perf_counter() - began)


async def until_running(session: aiohttp.ClientSession) -> None:
    """Wait until the host answers that it runs."""
    for _ in range(300):
        try:
            async with session.get("/admin/host/status") as answer:
                if answer.status == 200:
                    return
        except aiohttp.ClientError:
            pass
        await asyncio.sleep(0.1)
    raise TimeoutError("the host did not start")


def main(count: int) -> None:
    """Print the rate as JSON."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as state, Path(os.devnull).open("wb") as nowhere:
        command = [sys.executable, "-W", "ignore", "-m", "functions_host", str(HERE / "app")]
        host = subprocess.Popen(
            [*command, "--port", str(port), "--state", state],
            env={**os.environ, "PYTHONPATH": str(LOCAL)},
            stdout=nowhere,
            stderr=nowhere,
        )
        try:
            rate = asyncio.run(load(port, count))
        finally:
            host.send_signal(signal.SIGTERM)
            host.wait(60)
    print(json.dumps({"per_s": rate}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
