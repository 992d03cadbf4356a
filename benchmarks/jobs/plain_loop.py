"""The peer: what one writes first with azure-mgmt-containerinstance, polling every 5 s."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import ResourceNotFoundError
from azure.identity import ManagedIdentityCredential
from azure.mgmt.containerinstance import ContainerInstanceManagementClient
from azure.mgmt.containerinstance import models as sdk

if TYPE_CHECKING:
    from collections.abc import Mapping

_POLL_S = 5.0


def run_container(env: Mapping[str, str], name: str, command: list[str]) -> float:
    """Run one container to its end and delete its group; return how late the end was known, s."""
    client = ContainerInstanceManagementClient(
        ManagedIdentityCredential(),
        env["AZURE_SUBSCRIPTION_ID"],
        base_url=env["ARM_ENDPOINT"],
        credential_scopes=[env["ARM_SCOPE"]],
    )
    group = env["RESOURCE_GROUP"]
    client.container_groups.begin_create_or_update(
        group, name, _definition(env["LOCATION"], command), polling=False
    )
    while True:
        time.sleep(_POLL_S)
        view: Any = client.container_groups.get(group, name).containers[0].instance_view
        if view is not None and view.current_state.state == "Terminated":
            break
    client.containers.list_logs(group, name, "job")
    client.container_groups.begin_delete(group, name, polling=False)
    try:
        client.container_groups.get(group, name)
    except ResourceNotFoundError:
        ended_at: float = view.current_state.finish_time.timestamp()
        return time.time() - ended_at
    raise RuntimeError(f"{name} is still there")


def _definition(location: str, command: list[str]) -> sdk.ContainerGroup:
    resources = sdk.ResourceRequirements(requests=sdk.ResourceRequests(cpu=1, memory_in_gb=1))
    container = sdk.Container(name="job", image="alpine", command=command, resources=resources)
    return sdk.ContainerGroup(
        location=location, containers=[container], os_type="Linux", restart_policy="Never"
    )
