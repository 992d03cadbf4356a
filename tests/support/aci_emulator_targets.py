"""What the contract suite talks to: the emulator, or Azure itself, through the same unmodified SDK."""

from __future__ import annotations

import os
import time
import uuid
from typing import TYPE_CHECKING, Any, Protocol

from azure.identity import DefaultAzureCredential, ManagedIdentityCredential
from azure.identity.aio import ManagedIdentityCredential as AsyncManagedIdentityCredential
from azure.mgmt.containerinstance import ContainerInstanceManagementClient
from azure.mgmt.containerinstance.aio import (
    ContainerInstanceManagementClient as AsyncContainerInstanceManagementClient,
)
from azure.mgmt.containerinstance.models import (
    Container,
    ContainerGroup,
    EnvironmentVariable,
    ResourceRequests,
    ResourceRequirements,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from aci_emulator.in_process import InProcessEmulator

_PATIENCE_S = 240.0


class Target(Protocol):
    """Where container groups live."""

    client: ContainerInstanceManagementClient
    resource_group: str
    location: str
    image: str
    poll_interval_s: float

    def command(self, *, run_s: float, lines: int = 0, exit_code: int = 0) -> list[str]:
        """Return a command that prints `line 1`, … over its run and ends with the exit code."""
        ...

    def pass_time(self, seconds: float) -> None:
        """Return when that much of the target's time has passed."""
        ...


class EmulatorTarget:
    """The emulator in this process, its clock standing still unless told otherwise."""

    poll_interval_s = 0.0
    image = "alpine:3.20"

    def __init__(self, emulator: InProcessEmulator, **client_options: Any) -> None:
        env = emulator.env
        self.emulator = emulator
        self.resource_group = env["RESOURCE_GROUP"]
        self.location = env["LOCATION"]
        self.credential = ManagedIdentityCredential()
        self.client = ContainerInstanceManagementClient(
            self.credential,
            env["AZURE_SUBSCRIPTION_ID"],
            base_url=env["ARM_ENDPOINT"],
            credential_scopes=[env["ARM_SCOPE"]],
            **client_options,
        )

    def command(self, *, run_s: float, lines: int = 0, exit_code: int = 0) -> list[str]:
        """Return a command of the scripted runtime."""
        return ["script", f"run_s={run_s}", f"lines={lines}", f"exit_code={exit_code}"]

    def pass_time(self, seconds: float) -> None:
        """Advance the virtual clock."""
        self.emulator.admin.advance(seconds)

    def close(self) -> None:
        """Close the SDK's connections."""
        self.client.close()
        self.credential.close()


class AzureTarget:
    """A real subscription: the tests that use it cost money and minutes."""

    poll_interval_s = 3.0
    image = "mcr.microsoft.com/azurelinux/base/core:3.0"

    def __init__(self) -> None:
        self.resource_group = os.environ["ACIJOBS_AZURE_RESOURCE_GROUP"]
        self.location = os.environ.get("ACIJOBS_AZURE_LOCATION", "westeurope")
        self.credential = DefaultAzureCredential()
        self.client = ContainerInstanceManagementClient(
            self.credential, os.environ["AZURE_SUBSCRIPTION_ID"]
        )

    def command(self, *, run_s: float, lines: int = 0, exit_code: int = 0) -> list[str]:
        """Return a shell loop."""
        gap_s = run_s / lines if lines else run_s
        loop = f"for i in $(seq 1 {lines}); do echo line $i; sleep {gap_s}; done"
        work = loop if lines else f"sleep {gap_s}"
        return ["/bin/sh", "-c", f"{work}; exit {exit_code}"]

    def pass_time(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def close(self) -> None:
        """Close the SDK's connections."""
        self.client.close()
        self.credential.close()


def async_client(
    emulator: InProcessEmulator, **options: Any
) -> tuple[AsyncContainerInstanceManagementClient, AsyncManagedIdentityCredential]:
    """Return the SDK's asynchronous client and its credential; both are to be closed."""
    env = emulator.env
    credential = AsyncManagedIdentityCredential()
    client = AsyncContainerInstanceManagementClient(
        credential,
        env["AZURE_SUBSCRIPTION_ID"],
        base_url=env["ARM_ENDPOINT"],
        credential_scopes=[env["ARM_SCOPE"]],
        # aiohttp reads SSL_CERT_FILE when it is imported, which here was long before the CA was made.
        connection_verify=env["SSL_CERT_FILE"],
        **options,
    )
    return client, credential


def unique_name(prefix: str = "contract") -> str:
    """Return a group name nobody else uses."""
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


def container(
    *,
    name: str = "main",
    image: str = "alpine:3.20",
    command: list[str] | None = None,
    environment: list[EnvironmentVariable] | None = None,
    cpu: float = 1.0,
    memory_gb: float = 1.0,
) -> Container:
    """Return a container as the SDK's model."""
    requests = ResourceRequests(cpu=cpu, memory_in_gb=memory_gb)
    return Container(
        name=name,
        image=image,
        command=command,
        environment_variables=environment,
        resources=ResourceRequirements(requests=requests),
    )


def group_of(*containers: Container, **properties: Any) -> ContainerGroup:
    """Return a group as the SDK's model, in eastus and with policy Never unless said otherwise."""
    defaults: dict[str, Any] = {
        "location": "eastus",
        "os_type": "Linux",
        "restart_policy": "Never",
        "containers": list(containers) or [container(command=["script", "run_s=5"])],
    }
    return ContainerGroup(**(defaults | properties))


def eventually(target: Target, done: Callable[[], bool], *, step_s: float = 1.0) -> None:
    """Let the target's time pass until something is so.

    Raises:
        AssertionError: it never was.
    """
    passed_s = 0.0
    while not done():
        assert passed_s < _PATIENCE_S, "it never came true"
        target.pass_time(step_s)
        passed_s += step_s
