"""Azurite, Microsoft's storage emulator, as the storage of one engine."""

from __future__ import annotations

import base64
import os
import re
import secrets
import subprocess
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from stack.child import Child, free_port, is_listening

if TYPE_CHECKING:
    from typing import Self

ACCOUNT = "bench"
_SCRIPT = Path(__file__).resolve().parents[2] / ".ci" / "azurite.sh"
_START_TIMEOUT_S = 30.0
_REQUEST = re.compile(r'"(?P<method>[A-Z]+) /' + ACCOUNT + r'/(?P<path>[^ "?]*)')


class Azurite:
    """A running Azurite with an account of its own; ended at the end of the `with` block.

    Args:
        state: Where it keeps what is stored; made if missing.
        key: The account's key, in base64; a new one by default.
        first_port: The port of its blobs; queues and tables have the two after it. Any free ones by
            default.

    Attributes:
        connection: The account's connection string.
    """

    def __init__(self, state: Path, *, key: str = "", first_port: int = 0) -> None:
        services = ("blob", "queue", "table")
        ports = {
            service: first_port + place if first_port else free_port()
            for place, service in enumerate(services)
        }
        key = key or base64.b64encode(secrets.token_bytes(64)).decode()
        # Without --silent it writes one line per request, which `requests` counts.
        options = ["--skipApiVersionCheck", "--disableTelemetry", "--location", str(state)]
        for service, port in ports.items():
            options += [f"--{service}Host", "127.0.0.1", f"--{service}Port", str(port)]
        endpoints = "".join(
            f"{service.capitalize()}Endpoint=http://127.0.0.1:{port}/{ACCOUNT};"
            for service, port in ports.items()
        )
        self.connection = (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={key};{endpoints}"
        )
        self._ports = ports
        state.mkdir(parents=True, exist_ok=True)
        self._command = [_executable(), *options]
        self._environment = {**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{key}"}
        self._log = state / "azurite.log"
        self._program = self._spawn()

    def __enter__(self) -> Self:
        self._wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._program.stop()

    def stop(self) -> None:
        """Begin an outage: nobody answers, and what was acknowledged stays on disk."""
        self._program.stop()

    def start(self) -> None:
        """End an outage: answer again, on the same ports, with what was stored before.

        Raises:
            ChildError: it ended, or did not listen in time.
        """
        self._program = self._spawn()
        self._wait()

    @property
    def log(self) -> str:
        """What it has written since the start: one line for each request."""
        return self._program.output

    @property
    def pid(self) -> int:
        """The process id."""
        return self._program.pid

    def requests(self, hub: str) -> Counter[str]:
        """Return how many requests came since the start.

        `all` counts every request; `control` and `work` the messages put into the control queues
        and the work item queue of this hub.
        """
        counts: Counter[str] = Counter()
        control, work = f"{hub}-control-", f"{hub}-workitems"
        for request in _REQUEST.finditer(self.log):
            counts["all"] += 1
            if request["method"] == "POST" and request["path"].endswith("/messages"):
                counts["control"] += request["path"].startswith(control)
                counts["work"] += request["path"].startswith(work)
        return counts

    def _spawn(self) -> Child:
        return Child("Azurite", self._command, environment=self._environment, log=self._log)

    def _wait(self) -> None:
        try:
            self._program.wait_until(
                lambda: all(is_listening(port) for port in self._ports.values()),
                timeout_s=_START_TIMEOUT_S,
            )
        except BaseException:
            self._program.stop()
            raise


def _executable() -> str:
    """Return Azurite's path, installed by npx if needed.

    Started by its path, since npx would stand between it and a signal.
    """
    version = re.search(r"^version=(\S+)$", _SCRIPT.read_text("utf-8"), re.MULTILINE)
    assert version is not None, f"{_SCRIPT} names no version"
    found = subprocess.run(  # noqa: S603 - our own words, no shell
        ["npx", "--yes", "--package", f"azurite@{version[1]}", "-c", "command -v azurite"],  # noqa: S607
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return found.stdout.strip()
