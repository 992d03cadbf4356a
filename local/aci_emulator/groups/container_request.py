"""From the containers of a PUT's body to `ContainerSpec`s, or the refusal Azure would give."""

from __future__ import annotations

import json
import re
from typing import Any

from aci_emulator.errors import invalid_content
from aci_emulator.groups import errors
from aci_emulator.groups.reading import JsonObject
from aci_emulator.groups.spec import ContainerSpec, EnvironmentVariable
from aci_emulator.runtimes.contract import Mount

_CONTAINER_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}\Z")
_KEPT = ("livenessProbe", "readinessProbe", "securityContext", "configMap")
# Member, name in messages, steps in one: 0.01 cores, 0.1 GB (virtual-kubelet's provider for ACI).
_RESOURCES = (("cpu", "Cpu", 100), ("memoryInGB", "MemoryInGB", 10))
_ROUNDING = 1e-6


def parse_containers(
    properties: JsonObject, key: str, group: str, volumes: set[Any]
) -> tuple[ContainerSpec, ...]:
    """Return the containers, or init containers, of a group.

    Args:
        properties: The group's.
        key: `containers` or `initContainers`.
        group: Its name.
        volumes: The names of its volumes.

    Raises:
        ArmError: the first thing that is wrong with them.
    """
    found = tuple(
        _container(entry, group, volumes, init=key == "initContainers")
        for entry in properties.objects(key)
    )
    if not found and key == "containers":
        raise errors.containers_missing(group)
    return found


def _container(entry: JsonObject, group: str, volumes: set[Any], *, init: bool) -> ContainerSpec:
    name = entry.text("name") or ""
    if not _CONTAINER_NAME.match(name):
        raise errors.invalid_container_name(name)
    properties = entry.member("properties") or JsonObject({}, entry.at("properties"))
    image = properties.text("image")
    if not image:
        raise errors.image_missing(name, group)
    command = properties.texts("command")
    cpu, memory_gb = (0.0, 0.0) if init else _requests(properties, name, group)
    kept = {key: properties.raw[key] for key in _KEPT if properties.raw.get(key)}
    return ContainerSpec(
        name=name,
        image=image,
        command=command or None,
        environment=_environment(properties, name, group),
        cpu=cpu,
        memory_gb=memory_gb,
        mounts=_mounts(properties, name, group, volumes),
        requested={} if init else properties.raw["resources"],
        extra=kept if init else {"ports": properties.values("ports") or [], **kept},
    )


def _requests(properties: JsonObject, container: str, group: str) -> tuple[float, float]:
    resources = properties.member("resources")
    requests = resources.member("requests") if resources else None
    if resources is None or requests is None:
        raise errors.resources_missing(container, group)
    cpu, memory_gb = requests.number("cpu"), requests.number("memoryInGB")
    if cpu is None or memory_gb is None:
        raise errors.some_resources_missing(container, group)
    limits = resources.member("limits") or JsonObject({})
    for (key, what, steps), wanted in zip(_RESOURCES, (cpu, memory_gb), strict=True):
        _check_amount(what, wanted, steps, container, group)
        limit = limits.number(key)
        if limit is not None and limit < wanted:
            shown = json.dumps(resources.raw, separators=(",", ":"))
            raise errors.limit_below_request(shown, container, group, what)
    return cpu, memory_gb


def _check_amount(what: str, value: float, steps: int, container: str, group: str) -> None:
    if value <= 0:
        raise errors.resource_invalid(what, value, container, group)
    if abs(value * steps - round(value * steps)) > _ROUNDING:
        raise errors.resource_uneven(what, value, container, group, 1 / steps)


def _environment(
    properties: JsonObject, container: str, group: str
) -> tuple[EnvironmentVariable, ...]:
    found: dict[str, EnvironmentVariable] = {}
    for entry in properties.objects("environmentVariables"):
        name, value, secret = entry.text("name"), entry.text("value"), entry.text("secureValue")
        wrong = not _VARIABLE_NAME.match(name or "") or (value is not None and secret is not None)
        if name is None or wrong or name in found:
            raise errors.invalid_environment(name or "", container, group)
        found[name] = EnvironmentVariable(
            name=name, value=secret or value or "", secure=secret is not None
        )
    return tuple(found.values())


def _mounts(
    properties: JsonObject, container: str, group: str, volumes: set[Any]
) -> tuple[Mount, ...]:
    found = []
    for entry in properties.objects("volumeMounts"):
        volume, path = entry.text("name") or "", entry.text("mountPath") or ""
        if volume not in volumes:
            raise errors.volume_unknown(volume, container, group)
        if not path.startswith(("/", "\\")) and ":" not in path:
            raise invalid_content(f"{entry.at('mountPath')} must be an absolute path")
        found.append(Mount(volume=volume, path=path, read_only=entry.flag("readOnly")))
    return tuple(found)
