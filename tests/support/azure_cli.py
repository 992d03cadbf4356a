"""The Azure CLI with a configuration of its own, from which nothing reaches beyond loopback."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Self

from network import Network

if TYPE_CHECKING:
    from collections.abc import Mapping

OF_AZ_ITSELF = {"azcliprod.blob.core.windows.net:443"}
"""Where the first command of a new configuration looks for a newer az, whatever its settings."""
_PATIENCE_S = 60.0
_KEPT = ("LANG", "TMPDIR")


def find_az() -> Path | None:
    """Return the path of `az`: ACIJOBS_AZ, or that on PATH."""
    named = os.environ.get("ACIJOBS_AZ") or shutil.which("az")
    return Path(named).absolute() if named else None


class AzureCli:
    """Runs shell commands that call `az`; a proxy that refuses everything stands for the network.

    Args:
        az: Its path.
        folder: Where commands run.
        variables: What they find in their environment.
    """

    def __init__(self, az: Path, folder: Path, variables: Mapping[str, str]) -> None:
        assert az.is_file(), f"ACIJOBS_AZ={az} is no file"
        self.folder = folder
        self._network = Network()
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        self._environment = {
            **kept,
            "HOME": str(folder),
            "PATH": f"{az.parent}{os.pathsep}{os.environ['PATH']}",
            **self._network.variables,
            **variables,
        }

    def __enter__(self) -> Self:
        self._network.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._network.__exit__()

    @property
    def asked_network_for(self) -> set[str]:
        """What was asked for that is not on loopback."""
        return self._network.asked_for

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a shell command and return how it ended."""
        return subprocess.run(
            ["sh", "-c", command],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )

    def read(self, command: str) -> str:
        """Run a command that must go well; return what it wrote to standard output."""
        done = self.run(command)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout
