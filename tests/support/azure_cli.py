"""The Azure CLI with a configuration of its own, from which nothing reaches beyond loopback."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

_PATIENCE_S = 60.0
_KEPT = ("LANG", "TMPDIR")


def find_az() -> Path | None:
    """Return the path of `az`: ACIJOBS_AZ, or that on PATH."""
    named = os.environ.get("ACIJOBS_AZ") or shutil.which("az")
    return Path(named).absolute() if named else None


class _Refusal(BaseHTTPRequestHandler):
    """A proxy that lets nothing through and remembers what was asked for."""

    def do_CONNECT(self) -> None:
        """Refuse a tunnel."""
        self._refuse()

    def do_GET(self) -> None:
        """Refuse a request."""
        self._refuse()

    def _refuse(self) -> None:
        assert isinstance(self.server, _Network)
        self.server.asked.add(self.path)
        self.send_error(403)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Network(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Refusal)
        self.asked: set[str] = set()


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
        self._network = _Network()
        proxy = f"http://127.0.0.1:{self._network.server_port}"
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        self._environment = {
            **kept,
            "HOME": str(folder),
            "PATH": f"{az.parent}{os.pathsep}{os.environ['PATH']}",
            "HTTP_PROXY": proxy,
            "HTTPS_PROXY": proxy,
            "NO_PROXY": "127.0.0.1",
            **variables,
        }

    def __enter__(self) -> Self:
        threading.Thread(target=self._network.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._network.shutdown()
        self._network.server_close()

    @property
    def asked_network_for(self) -> set[str]:
        """What was asked for that is not on loopback."""
        return self._network.asked

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
