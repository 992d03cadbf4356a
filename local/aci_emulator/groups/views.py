"""What the service shows of a container group: ARM's JSON, without secrets.

Source: recorded bodies in tests/fixtures/aci_emulator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aci_emulator.arm_ids import GROUP_TYPE, group_id
from aci_emulator.groups.container import STOPPED_BY_CLIENT
from aci_emulator.identity.directory import identity_view
from aci_emulator.timestamps import moment, precise_moment, whole_second

if TYPE_CHECKING:
    from aci_emulator.groups.container import Container, ContainerState
    from aci_emulator.groups.events import Event, EventList
    from aci_emulator.groups.spec import ContainerSpec, GroupSpec
    from aci_emulator.groups.state import Group

_LOOPBACK = "127.0.0.1"
_NEWER_FROM = "2024-05-01-preview"


def group_view(
    group: Group, *, subscription: str, state: str, api_version: str, instances: bool = True
) -> Any:
    """Return a group as GET shows it, or as lists show it (`instances` False: no instanceView).

    Args:
        group: The group.
        subscription: The id of its subscription.
        state: The group's state as to be shown (it may lag behind the containers).
        api_version: Of the request; newer ones show some members more.
        instances: Whether to show what became of it.
    """
    spec = group.spec
    newer = api_version >= _NEWER_FROM
    properties = {
        **_head(group, newer=newer),
        "containers": [
            _container(c, instances=instances, newer=newer) for c in group.containers.values()
        ],
        "initContainers": [_init(c, instances=instances) for c in group.init_containers.values()],
        **_tail(group, state),
    }
    if instances:
        properties["instanceView"] = {"events": event_views(group.events), "state": state}
    shown = {
        "properties": properties,
        "id": group_id(subscription, group.resource_group, group.name),
        "name": group.name,
        "type": GROUP_TYPE,
        "location": spec.location,
        **_envelope(spec),
    }
    return shown if spec.tags is None else {**shown, "tags": dict(spec.tags)}


def _envelope(spec: GroupSpec) -> dict[str, Any]:
    """Return identity and zones; the identity with the ids the directory gave it."""
    shown = dict(spec.envelope)
    if isinstance(identity := shown.get("identity"), dict):
        shown["identity"] = identity_view(identity, f"{spec.location}/{spec.name}")
    return shown


def _address(spec: GroupSpec, *, running: bool) -> dict[str, Any]:
    shown = dict(spec.extra["ipAddress"])
    if label := shown.get("dnsNameLabel"):
        shown["fqdn"] = f"{label}.{spec.location}.azurecontainer.io"
    return {**shown, "ip": _LOOPBACK} if running else shown


def _head(group: Group, *, newer: bool) -> dict[str, Any]:
    return {
        "sku": group.spec.sku,
        **({"isCreatedFromStandbyPool": False} if newer else {}),
        "provisioningState": group.provisioning,
        "provisioningTimeoutInSeconds": int(group.provisioning_timeout_s),
        "isCustomProvisioningTimeout": group.spec.provisioning_timeout_s is not None,
        **group.spec.extra,
    }


def _tail(group: Group, state: str) -> dict[str, Any]:
    spec = group.spec
    shown: dict[str, Any] = {"osType": spec.os_type}
    if "ipAddress" in spec.extra:
        shown["ipAddress"] = _address(spec, running=state == "Running")
    if spec.policy_given:
        shown["restartPolicy"] = spec.restart_policy
    if spec.priority:
        shown["priority"] = spec.priority
    if spec.credentials_shown:
        shown["imageRegistryCredentials"] = list(spec.credentials_shown)
    if spec.volumes or spec.unsupported_volumes:
        shown["volumes"] = _volumes(group)
    return shown


def _volumes(group: Group) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = [
        {"name": volume.name, volume.kind: {}} for volume in group.spec.volumes
    ]
    for volume in group.spec.unsupported_volumes:
        share = dict(volume.get("azureFile") or {})
        share.pop("storageAccountKey", None)
        shown.append({**volume, **({"azureFile": share} if share else {})})
    return shown


def _container(container: Container, *, instances: bool, newer: bool) -> dict[str, Any]:
    properties = _properties(container.spec)
    if newer:
        properties.setdefault("configMap", {"keyValuePairs": {}})
    properties["resources"] = dict(container.spec.requested)
    return {"name": container.spec.name, "properties": _with_view(container, properties, instances)}


def _init(container: Container, *, instances: bool) -> dict[str, Any]:
    properties = _properties(container.spec)
    return {"name": container.spec.name, "properties": _with_view(container, properties, instances)}


def _properties(spec: ContainerSpec) -> dict[str, Any]:
    properties: dict[str, Any] = {"image": spec.image, **spec.extra}
    if spec.command is not None:
        properties["command"] = list(spec.command)
    properties["environmentVariables"] = [
        {"name": variable.name}
        if variable.secure
        else {"name": variable.name, "value": variable.value}
        for variable in spec.environment
    ]
    if spec.mounts:
        properties["volumeMounts"] = [
            {"name": mount.volume, "mountPath": mount.path}
            | ({"readOnly": True} if mount.read_only else {})
            for mount in spec.mounts
        ]
    return properties


def _with_view(
    container: Container,
    properties: dict[str, Any],
    instances: bool,  # noqa: FBT001 - passed on by its only callers
) -> dict[str, Any]:
    if not instances or not (len(container.events) or container.current.phase != "Waiting"):
        return properties  # the answer to PUT has no container-level instanceView [recorded]
    view: dict[str, Any] = {
        "restartCount": container.restart_count,
        "currentState": _state(container.current),
    }
    if container.previous is not None:
        view["previousState"] = _state(container.previous)
    view["events"] = event_views(container.events)
    properties["instanceView"] = view
    return properties


def _state(state: ContainerState) -> dict[str, Any]:
    shown: dict[str, Any] = {"state": state.phase}
    if state.started_at is not None:
        shown["startTime"] = moment(state.started_at)
    if state.exit_code is not None:
        shown["exitCode"] = state.exit_code
    if state.finished_at is not None:
        by_service = state.detail == STOPPED_BY_CLIENT
        shown["finishTime"] = (precise_moment if by_service else moment)(state.finished_at)
    shown["detailStatus"] = state.detail
    return shown


def event_views(events: EventList) -> list[dict[str, Any]]:
    """Return events as the service shows them."""
    return [_event(event) for event in events]


def _event(event: Event) -> dict[str, Any]:
    return {
        "count": event.count,
        "firstTimestamp": whole_second(event.first_at),
        "lastTimestamp": whole_second(event.last_at),
        "name": event.name,
        "message": event.message,
        "type": "Warning" if event.warning else "Normal",
    }
