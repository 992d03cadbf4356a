"""Separate emulator programs, reached by the official SDK as any program reaches them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from azure.identity import ManagedIdentityCredential
from azure.mgmt.containerinstance import ContainerInstanceManagementClient

from runtime_trials import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class EmulatorProgram:
    """A serving emulator.

    Attributes:
        process: The program.
        client: An unmodified SDK client of it.
        resource_group: The group it knows.
        location: A location it knows.
    """

    process: subprocess.Popen[bytes]
    client: ContainerInstanceManagementClient
    resource_group: str
    location: str

    def create(self, name: str, body: Any) -> None:
        """The group has been accepted and its operation has succeeded."""
        groups = self.client.container_groups
        groups.begin_create_or_update(
            self.resource_group, name, body, polling_interval=0.2
        ).result()

    def get(self, name: str) -> Any:
        """Return the group as the SDK shows it."""
        return self.client.container_groups.get(self.resource_group, name)

    def logs(self, name: str, container: str) -> str:
        """Return a container's log."""
        found = self.client.containers.list_logs(self.resource_group, name, container)
        return str(found.content or "")

    def delete(self, name: str) -> None:
        """The group is gone."""
        groups = self.client.container_groups
        groups.begin_delete(self.resource_group, name, polling_interval=0.2).result()

    def state_of(self, name: str, container: str) -> Any:
        """Return the container's current state, or None before there is one."""
        for found in self.get(name).containers:
            if found.name == container and found.instance_view is not None:
                return found.instance_view.current_state
        return None


def eventually(what: Callable[[], Any], *, within_s: float = PATIENCE_S) -> Any:
    """Return the first truthy answer; polling, because that is all ACI offers."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        answer = what()
        if answer:
            return answer
        time.sleep(0.2)
    raise AssertionError(f"it did not come true within {within_s} s")


@contextmanager
def emulator_program(state_dir: Path, runtime: str) -> Iterator[EmulatorProgram]:
    """Run an emulator; at the end it has stopped by itself after SIGTERM."""
    (state_dir / "env").unlink(missing_ok=True)
    options = [
        "--port",
        "0",
        "--control-port",
        "0",
        "--runtime",
        runtime,
        "--state",
        str(state_dir),
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "aci_emulator", *options],
        env={**os.environ, "PYTHONPATH": str(ROOT / "local")},
        stdout=subprocess.DEVNULL,
    )
    try:
        env = eventually(lambda: _environment(process, state_dir / "env"))
        with mock.patch.dict(os.environ, env), ManagedIdentityCredential() as credential:
            client = ContainerInstanceManagementClient(
                credential,
                env["AZURE_SUBSCRIPTION_ID"],
                base_url=env["ARM_ENDPOINT"],
                credential_scopes=[env["ARM_SCOPE"]],
            )
            with client:
                yield EmulatorProgram(
                    process=process,
                    client=client,
                    resource_group=env["RESOURCE_GROUP"],
                    location=env["LOCATION"],
                )
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _environment(process: subprocess.Popen[bytes], path: Path) -> dict[str, str]:
    assert process.poll() is None, "the emulator ended instead of serving"
    if not path.exists():
        return {}
    lines = path.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)
