"""Finding a container engine, and calling its API without blocking the event loop."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

import docker
from docker.errors import APIError, DockerException
from docker.utils import kwargs_from_env
from requests.exceptions import RequestException

from aci_emulator.runtimes.contract import RuntimeRefusalError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_P = ParamSpec("_P")
_R = TypeVar("_R")

_log = logging.getLogger(__name__)
_TCP_PORT = 2375
_ANSWERS_WITHIN_S = 0.9
_ANSWERS_AT_LEAST_S = 0.1
_CALLS_AT_ONCE = 8
_PULLS_AT_ONCE = 4
_CALL_TIMEOUT_S = 120


@dataclass(frozen=True, kw_only=True)
class EngineAddress:
    """Where an engine answered.

    Attributes:
        url: As in DOCKER_HOST.
        product: What it says it is, such as `Podman Engine 4.3.1`.
        settings: Arguments for the SDK's client: the address, and TLS when the environment asks.
    """

    url: str
    product: str
    settings: dict[str, Any] = field(repr=False)


def find_engine() -> EngineAddress | None:
    """Return the engine DOCKER_HOST names, else the first of the usual sockets that answers.

    Returns within about a second; None when no engine answers.
    """
    deadline = time.monotonic() + _ANSWERS_WITHIN_S
    for settings in _candidates():
        address = _ask(settings, within_s=max(deadline - time.monotonic(), _ANSWERS_AT_LEAST_S))
        if address is not None:
            return address
    return None


def _candidates() -> list[dict[str, Any]]:
    if os.environ.get("DOCKER_HOST"):
        return [dict(kwargs_from_env())]
    runtime_dir = Path(os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}"))
    sockets = [
        Path("/var/run/docker.sock"),
        runtime_dir / "docker.sock",
        Path.home() / ".docker/run/docker.sock",
        runtime_dir / "podman/podman.sock",
        Path("/run/podman/podman.sock"),
    ]
    return [{"base_url": f"unix://{path}"} for path in sockets if path.is_socket()]


def _ask(settings: dict[str, Any], *, within_s: float) -> EngineAddress | None:
    if not _answers(settings["base_url"], within_s):
        return None
    try:
        api = docker.APIClient(**settings, version="auto", timeout=_CALL_TIMEOUT_S)
    except (DockerException, OSError, ValueError) as error:
        _log.warning("the engine at %s cannot be used: %s", settings["base_url"], error)
        return None
    try:
        version = api.version(api_version=False)
    finally:
        api.close()
    parts = version.get("Components") or [{"Name": "Docker", "Version": version.get("Version")}]
    product = f"{parts[0].get('Name')} {parts[0].get('Version')}"
    return EngineAddress(url=settings["base_url"], product=product, settings=settings)


def _answers(url: str, within_s: float) -> bool:
    """Return whether an engine lives there, by a ping: the SDK's first question is slow.

    Over TCP, where TLS may come first, that somebody takes the connection must do.
    """
    parts = urlsplit(url)
    try:
        if not parts.scheme.endswith("unix"):
            place = (parts.hostname or "localhost", parts.port or _TCP_PORT)
            with socket.create_connection(place, within_s):
                return True
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(within_s)
            probe.connect(f"/{parts.netloc}{parts.path}".replace("//", "/"))
            probe.sendall(b"GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n")
            return b" 200 " in probe.recv(64)
    except (OSError, ValueError):
        return False


@contextmanager
def as_refusals() -> Iterator[None]:
    """Raise what the engine will not or cannot do in the contract's terms."""
    try:
        yield
    except APIError as error:
        raise RuntimeRefusalError("Unsupported", str(error.explanation or error)) from error
    except RequestException as error:
        text = f"the container engine does not answer: {error}"
        raise RuntimeRefusalError("Unsupported", text) from error


class Engine:
    """The API of one engine, called from a bounded number of threads.

    Nothing that lasts as long as a container runs here: output is read from sockets by the event
    loop, so hundreds of containers need no more threads than one.
    """

    def __init__(self, address: EngineAddress) -> None:
        self._address = address
        self._calls = ThreadPoolExecutor(_CALLS_AT_ONCE, thread_name_prefix="engine-call")
        self._pulls = ThreadPoolExecutor(_PULLS_AT_ONCE, thread_name_prefix="engine-pull")
        self.api: docker.APIClient

    async def open(self) -> None:
        """Connect: the engine has answered, and calls may be made."""
        loop = asyncio.get_running_loop()
        connect = partial(
            docker.APIClient, **self._address.settings, version="auto", timeout=_CALL_TIMEOUT_S
        )
        self.api = await loop.run_in_executor(self._calls, connect)

    async def call(self, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Return what the blocking `function` returns."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._calls, partial(function, *args, **kwargs))

    async def call_long(
        self, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs
    ) -> _R:
        """Return what `function` returns, which may take minutes (a pull), in threads of its own."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pulls, partial(function, *args, **kwargs))

    async def close(self) -> None:
        """Leave no thread and no connection."""
        await asyncio.to_thread(self._calls.shutdown)
        await asyncio.to_thread(self._pulls.shutdown, cancel_futures=True)
        if hasattr(self, "api"):
            self.api.close()
