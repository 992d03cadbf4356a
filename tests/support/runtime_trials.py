"""Running containers in tests, the same way on every runtime."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from aci_emulator.runtimes.contract import (
    ContainerExit,
    ContainerLaunch,
    GroupLaunch,
    RunningContainer,
    Runtime,
    Volume,
)
from aci_emulator.runtimes.process import proctree

if TYPE_CHECKING:
    from datetime import datetime

    from aci_emulator.runtimes.docker.engine import EngineAddress

IMAGE = os.environ.get("ACIJOBS_TEST_IMAGE", "localhost/acijobs/busybox:latest")
PATIENCE_S = 30.0


@cache
def engine_or_reason() -> EngineAddress | str:
    """Return an engine that has the test image, or why there is none."""
    import docker

    from aci_emulator.runtimes.docker.engine import find_engine

    address = find_engine()
    if address is None:
        return "no container engine answers (start one with .ci/podman.sh, and set DOCKER_HOST)"
    api = docker.APIClient(**address.settings, version="auto")
    try:
        api.inspect_image(IMAGE)  # type: ignore[no-untyped-call]
    except docker.errors.ImageNotFound:
        return f"the engine has no image {IMAGE} (.ci/podman.sh imports it)"
    finally:
        api.close()
    return address


def require_engine() -> EngineAddress:
    """Return an engine; skip the test when there is none, or fail it where one is required."""
    found = engine_or_reason()
    if isinstance(found, str):
        if os.environ.get("ACIJOBS_REQUIRE_DOCKER"):
            pytest.fail(found)
        pytest.skip(found)
    return found


async def gone(*pids: int) -> None:
    """Return once none of the processes lives; a zombie nobody reaps counts as gone."""
    async with asyncio.timeout(PATIENCE_S):
        for pid in pids:
            while proctree.start_ticks(pid) is not None and not proctree.is_zombie(pid):  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.01)


@dataclass
class Output:
    """A sink that keeps everything, and lets a test wait for a text."""

    chunks: list[bytes] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)
    grew: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, chunk: bytes, at: datetime) -> None:
        """Keep one chunk."""
        self.chunks.append(chunk)
        self.times.append(at)
        self.grew.set()

    @property
    def data(self) -> bytes:
        """All bytes so far."""
        return b"".join(self.chunks)

    @property
    def text(self) -> str:
        """All bytes so far, as UTF-8."""
        return self.data.decode()

    async def until(self, wanted: bytes) -> None:
        """Return once the output holds `wanted`."""
        async with asyncio.timeout(PATIENCE_S):
            while wanted not in self.data:
                self.grew.clear()
                await self.grew.wait()


@dataclass
class Trial:
    """A runtime with one prepared group."""

    runtime: Runtime
    group: str = "trial"
    starts: int = 0

    async def prepare(self, *volumes: Volume) -> None:
        """The group exists, with these volumes."""
        await self.runtime.prepare_group(GroupLaunch(key=self.group, volumes=volumes))

    async def start(self, *command: str, **settings: Any) -> tuple[RunningContainer, Output]:
        """Start a container that runs `command`; its name is new each time."""
        self.starts += 1
        settings.setdefault("name", f"c{self.starts}")
        output = settings.pop("sink", None) or Output()
        launch = ContainerLaunch(group=self.group, image=IMAGE, command=command or None, **settings)
        return await self.runtime.start(launch, output), output

    async def run(self, *command: str, **settings: Any) -> tuple[ContainerExit, Output]:
        """Run `command` to its end."""
        container, output = await self.start(*command, **settings)
        async with asyncio.timeout(PATIENCE_S):
            return await container.wait(), output
