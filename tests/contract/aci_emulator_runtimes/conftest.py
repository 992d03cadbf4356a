from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from aci_emulator.runtimes.process.runtime import ProcessRuntime
from runtime_trials import Trial, require_engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aci_emulator.runtimes.contract import Runtime


@pytest.fixture(scope="module")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state folder of the module's runtime."""
    return tmp_path_factory.mktemp("state")


@pytest_asyncio.fixture(
    scope="module",
    loop_scope="module",
    params=["process", pytest.param("docker", marks=pytest.mark.docker)],
)
async def runtime(request: pytest.FixtureRequest, state_dir: Path) -> AsyncIterator[Runtime]:
    """Each runtime in turn, open for all tests of a module."""
    made: Runtime
    if request.param == "docker":
        from aci_emulator.runtimes.docker.runtime import DockerRuntime

        made = DockerRuntime(state_dir, require_engine())
    else:
        made = ProcessRuntime(state_dir)
    await made.open()
    try:
        yield made
    finally:
        await made.close()


@pytest_asyncio.fixture(loop_scope="module")
async def trial(runtime: Runtime, request: pytest.FixtureRequest) -> AsyncIterator[Trial]:
    """The runtime with a prepared group of the test's own."""
    trial = Trial(runtime, group=f"trial-{abs(hash(request.node.name)) % 10**8}")
    await trial.prepare()
    try:
        yield trial
    finally:
        await runtime.remove_group(trial.group)
