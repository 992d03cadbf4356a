"""A program that starts containers and waits to be killed.

    python runtime_victim.py process|docker STATE_DIR COMMAND...

It prints one JSON line once the command's first output line has arrived, and then sleeps.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from aci_emulator.runtimes.contract import Mount, Runtime, Volume
from aci_emulator.runtimes.process.runtime import ProcessRuntime
from runtime_trials import Trial, require_engine


async def main() -> None:
    """Containers run; the parent has their output; nothing ends before this is killed."""
    kind, state_dir, *command = sys.argv[1:]
    trial = Trial(runtime_for(kind, Path(state_dir)))
    await trial.runtime.open()
    volumes: tuple[Volume, ...] = ()
    mounts: tuple[Mount, ...] = ()
    if kind == "docker":
        volumes = (Volume(name="work", kind="emptyDir"),)
        mounts = (Mount(volume="work", path="/mnt/work"),)
    await trial.prepare(*volumes)
    _, output = await trial.start(*command, mounts=mounts)
    await output.until(b"\n")
    print(json.dumps({"output": output.text, "pid": os.getpid()}), flush=True)  # noqa: T201 - it
    await asyncio.Event().wait()


def runtime_for(kind: str, state_dir: Path) -> Runtime:
    """Return a runtime of this kind."""
    if kind == "process":
        return ProcessRuntime(state_dir)
    from aci_emulator.runtimes.docker.runtime import DockerRuntime

    return DockerRuntime(state_dir, require_engine())


if __name__ == "__main__":
    asyncio.run(main())
