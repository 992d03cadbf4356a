"""What no runtime can pass to a program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aci_emulator.runtimes.contract import RuntimeRefusalError

if TYPE_CHECKING:
    from aci_emulator.runtimes.contract import ContainerLaunch


def check_launchable(launch: ContainerLaunch) -> None:
    """Accept a command and an environment that can be given to a program.

    Raises:
        RuntimeRefusalError: `CommandNotFound`: one of them holds a NUL character.
    """
    texts = (*(launch.command or ()), *launch.environment.keys(), *launch.environment.values())
    if any("\0" in text for text in texts):
        text = f"container '{launch.name}': the command or a variable holds a NUL character"
        raise RuntimeRefusalError("CommandNotFound", text)
