"""Chooses and makes the runtime that really runs containers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from aci_emulator.runtimes.contract import RuntimeRefusalError
from aci_emulator.runtimes.process.runtime import ProcessRuntime

if TYPE_CHECKING:
    from pathlib import Path

    from aci_emulator.runtimes.contract import Runtime

RuntimeChoice = Literal["auto", "process", "docker"]


def choose_runtime(
    choice: RuntimeChoice,
    state_dir: Path,
    *,
    pull_policy: Literal["always", "missing", "never"] = "missing",
) -> tuple[Runtime, str]:
    """Return a runtime that is not yet open, and one sentence that says which and why.

    Takes up to about a second when it looks for an engine, and blocks meanwhile.

    Args:
        choice: `auto` takes docker when an engine answers, else process.
        state_dir: The emulator's state folder.
        pull_policy: For docker: when registries are asked.

    Raises:
        RuntimeRefusalError: `Unsupported`: docker was asked for and no engine answers.
    """
    if choice == "process":
        return ProcessRuntime(state_dir), "Containers run as plain processes, with no isolation."
    # Imported when needed: the SDK takes a quarter of a second, and tests seldom need it.
    from aci_emulator.runtimes.docker.engine import find_engine
    from aci_emulator.runtimes.docker.runtime import DockerRuntime

    engine = find_engine()
    if engine is not None:
        runtime = DockerRuntime(state_dir, engine, pull_policy=pull_policy)
        return runtime, f"Containers run on {engine.product} at {engine.url}."
    asked = os.environ.get("DOCKER_HOST")
    silent = f"no container engine answers at {asked}" if asked else "no container engine answers"
    if choice == "docker":
        instead = "start Docker or Podman, set DOCKER_HOST, or choose the runtime process"
        raise RuntimeRefusalError("Unsupported", f"{silent}: {instead}")
    text = f"Containers run as plain processes, with no isolation: {silent}."
    return ProcessRuntime(state_dir), text
