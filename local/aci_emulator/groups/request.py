"""From the body of a PUT to a `GroupSpec`, or the refusal Azure would give."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aci_emulator.arm_ids import normal_location
from aci_emulator.groups import errors
from aci_emulator.groups.combinations import check_combinations
from aci_emulator.groups.container_request import parse_containers
from aci_emulator.groups.reading import JsonObject
from aci_emulator.groups.spec import GroupSpec, RestartPolicy
from aci_emulator.groups.spelling import canonical
from aci_emulator.groups.volume_request import parse_volumes, unsupported_volumes
from aci_emulator.runtimes.contract import RegistryCredential

if TYPE_CHECKING:
    from aci_emulator.errors import Refusal

MOST_CONTAINERS = 60
MOST_VOLUMES = 20
MOST_CORES = 31
MOST_MEMORY_GB = 240

# The specification's pattern has no capitals; the service was recorded to take them (2020).
_GROUP_NAME = re.compile(r"(?!.*--)[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\Z")
_RESERVED_TAG_PREFIXES = ("azure", "microsoft", "windows")
_ENVELOPE = ("identity", "zones")
_READ_IN_PROPERTIES = {
    "containers", "initContainers", "imageRegistryCredentials", "restartPolicy", "osType",
    "volumes", "sku", "priority", "instanceView", "provisioningState", "provisioningTimeoutInSeconds",
}  # fmt: skip
_SECRETS = ("workspaceKey", "protectedSettings")
_POLICIES: dict[str, RestartPolicy] = {
    "always": "Always",
    "onfailure": "OnFailure",
    "never": "Never",
}


def parse_group(name: str, payload: Any, *, locations: tuple[str, ...]) -> GroupSpec:
    """Return what was asked for.

    Raises:
        ArmError: the first thing that is wrong with it.
    """
    if not _GROUP_NAME.match(name):
        raise errors.invalid_group_name(name)
    body = JsonObject(canonical(payload))
    location = _location(body, locations)
    properties = body.member("properties") or JsonObject({}, "properties")
    volumes = parse_volumes(properties, name)
    names = {entry.raw.get("name") for entry in properties.objects("volumes")}
    spec = GroupSpec(
        name=name,
        location=location,
        os_type=_os_type(properties),
        restart_policy=_restart_policy(properties, name),
        containers=parse_containers(properties, "containers", name, names),
        init_containers=parse_containers(properties, "initContainers", name, names),
        volumes=volumes,
        unsupported_volumes=unsupported_volumes(properties),
        credentials=_credentials(properties),
        credentials_shown=_credentials_shown(properties),
        tags=_tags(body),
        policy_given=properties.text("restartPolicy") is not None,
        sku=properties.text("sku") or "Standard",
        priority=properties.text("priority"),
        provisioning_timeout_s=properties.number("provisioningTimeoutInSeconds"),
        extra=_extra(properties),
        envelope={key: body.raw[key] for key in _ENVELOPE if body.raw.get(key) is not None},
    )
    _check_whole(spec, properties)
    return spec


def _location(body: JsonObject, locations: tuple[str, ...]) -> str:
    location = body.text("location")
    if not location:
        raise errors.location_required()
    if normal_location(location) not in locations:
        raise errors.location_unavailable(location, ",".join(locations))
    return normal_location(location)


def _os_type(properties: JsonObject) -> Any:
    os_type = (properties.text("osType") or "").capitalize()
    if os_type not in ("Linux", "Windows"):
        raise errors.invalid_os_type()
    return os_type


def _restart_policy(properties: JsonObject, name: str) -> RestartPolicy:
    policy = _POLICIES.get((properties.text("restartPolicy") or "Always").lower())
    if policy is None:
        raise errors.invalid_restart_policy(name)
    return policy


def _credentials(properties: JsonObject) -> tuple[RegistryCredential, ...]:
    return tuple(
        RegistryCredential(
            server=entry.text("server") or "",
            username=entry.text("username"),
            password=entry.text("password"),
        )
        for entry in properties.objects("imageRegistryCredentials")
    )


def _credentials_shown(properties: JsonObject) -> tuple[dict[str, Any], ...]:
    return tuple(
        {key: value for key, value in entry.raw.items() if key != "password"}
        for entry in properties.objects("imageRegistryCredentials")
    )


def _check_whole(spec: GroupSpec, properties: JsonObject) -> None:
    """Refuse what is wrong only when the group is looked at as a whole."""
    everyone = [*spec.containers, *spec.init_containers]
    if len(everyone) > MOST_CONTAINERS:
        raise errors.too_many_containers(spec.name, MOST_CONTAINERS)
    if len(spec.volumes) + len(spec.unsupported_volumes) > MOST_VOLUMES:
        raise errors.too_many_volumes(spec.name, MOST_VOLUMES)
    _refuse_twice(errors.duplicate_container, [container.name for container in everyone], spec.name)
    _refuse_twice(
        errors.duplicate_volume,
        [e.text("name") or "" for e in properties.objects("volumes")],
        spec.name,
    )
    _check_resources(spec, properties)
    check_combinations(spec, properties)


def _refuse_twice(refusal: Refusal, names: list[str], group: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise refusal(name, group)


def _check_resources(spec: GroupSpec, properties: JsonObject) -> None:
    totals = (("Cpu", spec.cores, MOST_CORES), ("MemoryInGB", spec.memory_gb, MOST_MEMORY_GB))
    for what, total, most in totals:
        if total > most:
            raise errors.resources_too_large(what, total, spec.name, most, spec.location)
    for entry in properties.objects("containers"):
        limits = (JsonObject(entry.raw["properties"]["resources"])).member("limits")
        for key, (what, total, _) in zip(("cpu", "memoryInGB"), totals, strict=True):
            limit = limits.number(key) if limits else None
            if limit is not None and limit > total:
                name = entry.text("name") or ""
                raise errors.limit_above_total(what, limit, name, total, spec.name)


def parse_tags(payload: Any) -> dict[str, str] | None:
    """Return the tags of a PATCH body, None when it has none.

    Raises:
        ArmError: the body is not an object of that shape, or a tag has no permitted name.
    """
    return _tags(JsonObject(canonical(payload)))


def _tags(body: JsonObject) -> dict[str, str] | None:
    if body.raw.get("tags") is None:
        return None
    tags = body.text_map("tags")
    seen: set[str] = set()
    for name in tags:
        if name.lower().startswith(_RESERVED_TAG_PREFIXES):
            raise errors.tag_reserved(name)
        if name.lower() in seen:
            raise errors.tag_twice(name)
        seen.add(name.lower())
    return tags


def _extra(properties: JsonObject) -> Any:
    """Return what the emulator does not act on."""
    unread = properties.raw.keys() - _READ_IN_PROPERTIES
    return _without_secrets({k: v for k, v in properties.raw.items() if k in unread})


def _without_secrets(shown: Any) -> Any:
    """Return what may come back of a part of the request."""
    if isinstance(shown, list):
        return [_without_secrets(entry) for entry in shown]
    if not isinstance(shown, dict):
        return shown
    return {name: _without_secrets(value) for name, value in shown.items() if name not in _SECRETS}
