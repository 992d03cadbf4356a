"""`python -m benchmarks.emulator`: one emulator process, this process as its only client.

The emulator runs the scripted runtime over HTTPS with real time. First 5,000 groups are created; then
a mix of requests as a job runner sends them goes over a few connections for some seconds, each
connection waiting for its answer before it asks again. Measured are the answers a second and the time
each took, as the client sees it.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import signal
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

_API = "api-version=2023-05-01"
_START_PATIENCE_S = 30.0
_MIX = {"get": 70, "logs": 15, "operation": 5, "put": 4, "delete": 4, "list": 2}


def _body(run_s: str) -> dict[str, Any]:
    return {
        "location": "eastus",
        "tags": {"job": "bench"},
        "properties": {
            "osType": "Linux",
            "restartPolicy": "Never",
            "containers": [
                {
                    "name": "main",
                    "properties": {
                        "image": "alpine:3.20",
                        "command": ["script", f"run_s={run_s}", "lines=20"],
                        "environmentVariables": [{"name": "A", "value": "1"}],
                        "resources": {"requests": {"cpu": 1, "memoryInGB": 1.5}},
                    },
                }
            ],
        },
    }


@dataclass(kw_only=True)
class Client:
    """A caller of the ARM endpoint that remembers how long each answer took."""

    session: aiohttp.ClientSession
    base: str
    headers: dict[str, str]
    latencies_ms: dict[str, list[float]] = field(default_factory=dict)
    failures: int = 0

    async def ask(self, kind: str, method: str, path: str, body: Any = None) -> str:
        """Send one request and return the operation URL it names, if any."""
        began_s = time.perf_counter()
        url = path if path.startswith("https://") else f"{self.base}{path}"
        async with self.session.request(method, url, headers=self.headers, json=body) as reply:
            await reply.read()
        took_ms = (time.perf_counter() - began_s) * 1000
        self.latencies_ms.setdefault(kind, []).append(took_ms)
        if reply.status >= 400:
            self.failures += 1
        return reply.headers.get("Azure-AsyncOperation", "")


def _start(state: Path) -> subprocess.Popen[bytes]:
    config = state / "bench.toml"
    # Lists as long as ARM's own pages; no quota and no throttle, which would measure themselves.
    config.write_text("[delays]\npull_s = 0.05\nstart_s = 0.05\n[limits]\npage_size = 100\n")
    arguments = [
        "--port",
        "0",
        "--control-port",
        "0",
        "--state",
        str(state),
        "--runtime",
        "scripted",
    ]
    local = str(Path(__file__).parents[2] / "local")
    environment = {**os.environ, "PYTHONPATH": local}
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "aci_emulator",
            *arguments,
            "--profile",
            "instant",
            "--config",
            str(config),
        ],
        stdout=subprocess.DEVNULL,
        env=environment,
    )


def _environment(state: Path) -> dict[str, str]:
    deadline_s = time.monotonic() + _START_PATIENCE_S
    while not (state / "env").exists():
        if time.monotonic() > deadline_s:
            raise TimeoutError("the emulator did not start")
        time.sleep(0.05)
    lines = (state / "env").read_text().splitlines()
    return dict(line.partition("=")[::2] for line in lines)


def _token(env: dict[str, str]) -> str:
    url = f"{env['IDENTITY_ENDPOINT']}?api-version=2019-08-01&resource=https://management.azure.com"
    request = urllib.request.Request(url, headers={"X-IDENTITY-HEADER": env["IDENTITY_HEADER"]})
    with urllib.request.urlopen(request, timeout=10) as reply:
        return str(json.loads(reply.read())["access_token"])


async def _create(client: Client, groups: str, count: int, connections: int) -> list[str]:
    """Create the groups and return their operations' URLs."""
    numbers = iter(range(count))
    urls: list[str] = []

    async def work() -> None:
        for number in numbers:
            path = f"{groups}/bench-{number}?{_API}"
            # Half run on, half end soon: both kinds are what a job runner polls.
            body = _body("forever" if number % 2 else "2")
            urls.append(await client.ask("create", "PUT", path, body))

    await asyncio.gather(*(work() for _ in range(connections)))
    return urls


async def _load(
    client: Client, groups: str, *, urls: list[str], seconds: float, connections: int
) -> float:
    """Send the mix for some seconds; return how long it really took."""
    dice = random.Random(7)
    kinds = dice.choices(list(_MIX), weights=list(_MIX.values()), k=10_000)
    ends_s = time.perf_counter() + seconds

    async def work(worker: int) -> None:
        step = worker * 997
        own = itertools.count()
        alive: deque[str] = deque()
        while time.perf_counter() < ends_s:
            step += 1
            kind = kinds[step % len(kinds)]
            name = f"{groups}/bench-{dice.randrange(len(urls))}"
            if kind == "get":
                await client.ask(kind, "GET", f"{name}?{_API}")
            elif kind == "logs":
                await client.ask(kind, "GET", f"{name}/containers/main/logs?{_API}&timestamps=true")
            elif kind == "operation":
                await client.ask(kind, "GET", urls[dice.randrange(len(urls))])
            elif kind == "delete" and alive:
                await client.ask(kind, "DELETE", alive.popleft())
            elif kind == "list":
                await client.ask(kind, "GET", f"{groups}?{_API}")
            else:
                alive.append(f"{groups}/churn-{worker}-{next(own)}?{_API}")
                await client.ask("put", "PUT", alive[-1], _body("forever"))

    began_s = time.perf_counter()
    await asyncio.gather(*(work(number) for number in range(connections)))
    return time.perf_counter() - began_s


def _p(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1] if len(values) > 1 else values[0]


def _resident_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


async def _measure(env: dict[str, str], options: argparse.Namespace, pid: int) -> str:
    groups = (
        f"/subscriptions/{env['AZURE_SUBSCRIPTION_ID']}/resourceGroups/{env['RESOURCE_GROUP']}"
        "/providers/Microsoft.ContainerInstance/containerGroups"
    )
    tls = ssl.create_default_context(cafile=env["REQUESTS_CA_BUNDLE"])
    connector = aiohttp.TCPConnector(ssl=tls, limit=options.connections)
    async with aiohttp.ClientSession(connector=connector) as session:
        headers = {"Authorization": f"Bearer {_token(env)}"}
        client = Client(session=session, base=env["ARM_ENDPOINT"], headers=headers)
        began_s = time.perf_counter()
        urls = await _create(client, groups, options.groups, options.connections)
        took_s = time.perf_counter() - began_s
        print(f"{len(urls)} groups created in {took_s:.1f} s ({len(urls) / took_s:.0f}/s)")
        print(f"emulator's memory: {_resident_mb(pid):.0f} MB")
        await asyncio.sleep(3)  # let every container start, and half of them end
        client.latencies_ms.clear()
        took_s = await _load(
            client, groups, urls=urls, seconds=options.seconds, connections=options.connections
        )
    return _report(client, took_s)


def _report(client: Client, took_s: float) -> str:
    """Print a line for each kind of request and return the last line."""
    for kind, values in sorted(client.latencies_ms.items()):
        print(
            f"  {kind:<10} {len(values):>6}  p50 {_p(values, 50):6.2f} ms  p99 {_p(values, 99):6.2f} ms"
        )
    every = [value for values in client.latencies_ms.values() for value in values]
    if client.failures:
        sys.exit(f"{client.failures} of {len(every)} answers were errors")
    return f"requests/s: {len(every) / took_s:.0f}  p99 ms: {_p(every, 99):.1f}"


def main() -> None:
    """Measure and print; fails when an answer was an error."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.emulator")
    parser.add_argument("--groups", type=int, default=5_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--connections", type=int, default=8)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        process = _start(Path(folder))
        try:
            print(asyncio.run(_measure(_environment(Path(folder)), options, process.pid)))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


if __name__ == "__main__":
    main()
