"""From the body of a PUT to a `GroupSpec`, or the refusal Azure would give."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from aci_emulator.errors import invalid_content
from aci_emulator.groups import errors
from aci_emulator.groups.reading import JsonObject
from aci_emulator.groups.spec import (
    ContainerSpec,
    EnvironmentVariable,
    GroupSpec,
    RestartPolicy,
)
from aci_emulator.runtimes.contract import Mount, RegistryCredential, Volume

MOST_CONTAINERS = 60
MOST_VOLUMES = 20
MOST_CORES = 31
MOST_MEMORY_GB = 240

_GROUP_NAME = re.compile(r"(?!.*--)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
_CONTAINER_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
_VOLUME_NAME = re.compile(r"[a-z0-9][a-z0-9-]{3,61}[a-z0-9]\Z")
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}\Z")
_VOLUME_KINDS = ("azureFile", "emptyDir", "secret", "gitRepo")
_ENVELOPE = ("identity", "zones")
_KEPT_IN_CONTAINER = ("livenessProbe", "readinessProbe", "securityContext", "configMap")
_READ_IN_PROPERTIES = {
    "containers", "initContainers", "imageRegistryCredentials", "restartPolicy", "osType",
    "volumes", "sku", "priority", "instanceView", "provisioningState",
}  # fmt: skip
_POLICIES: dict[str, RestartPolicy] = {
    "always": "Always",
    "onfailure": "OnFailure",
    "never": "Never",
}


def check_group_name(name: str) -> None:
    """Refuse a name outside the rules.

    Raises:
        ArmError: `InvalidContainerGroupName`.
    """
    if not _GROUP_NAME.match(name):
        raise errors.invalid_name("ContainerGroup", name)


def normal_location(location: str) -> str:
    """Return a location as ARM compares it: `East US` is `eastus`."""
    return location.replace(" ", "").lower()


def parse_group(name: str, payload: Any, *, locations: tuple[str, ...]) -> GroupSpec:
    """Return what was asked for.

    Raises:
        ArmError: the first thing that is wrong with it.
    """
    check_group_name(name)
    body = JsonObject(payload)
    location = _location(body, locations)
    properties = body.member("properties") or JsonObject({}, "properties")
    volumes = _volumes(properties, name)
    names = {entry.raw.get("name") for entry in properties.objects("volumes")}
    spec = GroupSpec(
        name=name,
        location=location,
        os_type=_os_type(properties),
        restart_policy=_restart_policy(properties, name),
        containers=_containers(properties, "containers", name, names),
        init_containers=_containers(properties, "initContainers", name, names),
        volumes=volumes,
        unsupported_volumes=_unsupported_volumes(properties),
        credentials=_credentials(properties),
        credentials_shown=_credentials_shown(properties),
        tags=body.text_map("tags") if body.raw.get("tags") is not None else None,
        policy_given=properties.text("restartPolicy") is not None,
        sku=properties.text("sku") or "Standard",
        priority=properties.text("priority"),
        extra={k: v for k, v in properties.raw.items() if k not in _READ_IN_PROPERTIES},
        envelope={key: body.raw[key] for key in _ENVELOPE if body.raw.get(key) is not None},
    )
    _check_whole(spec, properties)
    return spec


def _location(body: JsonObject, locations: tuple[str, ...]) -> str:
    location = body.text("location")
    if not location:
        raise errors.location_required()
    if normal_location(location) not in locations:
        raise errors.location_unavailable(location, locations)
    return normal_location(location)


def _os_type(properties: JsonObject) -> Any:
    os_type = (properties.text("osType") or "").capitalize()
    if os_type not in ("Linux", "Windows"):
        # The live service says <null> here whatever the group's name (azure-dev training material).
        raise errors.invalid_os_type("<null>")
    return os_type


def _restart_policy(properties: JsonObject, name: str) -> RestartPolicy:
    policy = _POLICIES.get((properties.text("restartPolicy") or "Always").lower())
    if policy is None:
        raise errors.invalid_restart_policy(name)
    return policy


def _containers(
    properties: JsonObject, key: str, group: str, volumes: set[Any]
) -> tuple[ContainerSpec, ...]:
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
        raise errors.invalid_name("Container", name)
    properties = entry.member("properties") or JsonObject({}, entry.at("properties"))
    image = properties.text("image")
    if not image:
        raise errors.image_missing(name, group)
    command = properties.texts("command")
    cpu, memory_gb = (0.0, 0.0) if init else _requests(properties, name, group)
    kept = {key: properties.raw[key] for key in _KEPT_IN_CONTAINER if properties.raw.get(key)}
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
    for what, value in (("Cpu", cpu), ("MemoryInGB", memory_gb)):
        if value <= 0:
            raise errors.resource_invalid(what, value, container, group)
    limits = resources.member("limits")
    for key in ("cpu", "memoryInGB") if limits else ():
        assert limits is not None
        limits.number(key)
    return cpu, memory_gb


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
            raise errors.volume_unknown(volume[:100], container, group)
        if not path.startswith(("/", "\\")) and ":" not in path:
            raise invalid_content(f"{entry.at('mountPath')} must be an absolute path")
        found.append(Mount(volume=volume, path=path, read_only=entry.flag("readOnly")))
    return tuple(found)


def _volumes(properties: JsonObject, group: str) -> tuple[Volume, ...]:
    found: list[Volume] = []
    for entry in properties.objects("volumes"):
        name = entry.text("name") or ""
        if not _VOLUME_NAME.match(name):
            raise errors.invalid_name("Volume", name)
        kinds = [kind for kind in _VOLUME_KINDS if entry.raw.get(kind) is not None]
        if len(kinds) != 1:
            raise errors.volume_invalid(name, group)
        if kinds == ["emptyDir"]:
            entry.member("emptyDir")
            found.append(Volume(name=name, kind="emptyDir"))
        elif kinds == ["secret"]:
            found.append(Volume(name=name, kind="secret", files=_secret_files(entry)))
        else:
            entry.member(kinds[0])
    return tuple(found)


def _secret_files(entry: JsonObject) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for file_name, encoded in entry.text_map("secret").items():
        if not file_name or "/" in file_name or "\\" in file_name or file_name in (".", ".."):
            raise invalid_content(f"{entry.at('secret')} has a key that is no file name")
        try:
            files[file_name] = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise invalid_content(f"{entry.at('secret')}.{file_name} is not base64") from None
    return files


def _unsupported_volumes(properties: JsonObject) -> tuple[dict[str, Any], ...]:
    return tuple(
        entry.raw
        for entry in properties.objects("volumes")
        if entry.raw.get("azureFile") is not None or entry.raw.get("gitRepo") is not None
    )


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
        raise errors.too_many("Containers", spec.name, MOST_CONTAINERS)
    if len(spec.volumes) + len(spec.unsupported_volumes) > MOST_VOLUMES:
        raise errors.too_many("Volumes", spec.name, MOST_VOLUMES)
    _refuse_twice("Container", [container.name for container in everyone], spec.name)
    _refuse_twice(
        "Volume", [e.text("name") or "" for e in properties.objects("volumes")], spec.name
    )
    _check_resources(spec, properties)
    address = properties.member("ipAddress")
    if address is not None and not address.objects("ports"):
        raise errors.ip_ports_missing(spec.name)


def _refuse_twice(what: str, names: list[str], group: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise errors.duplicate_name(what, name, group)


def _check_resources(spec: GroupSpec, properties: JsonObject) -> None:
    totals = (("Cpu", spec.cores, MOST_CORES), ("MemoryInGB", spec.memory_gb, MOST_MEMORY_GB))
    for what, total, most in totals:
        if total > most:
            raise errors.resources_too_large(what, total, most, spec.name, spec.location)
    for entry in properties.objects("containers"):
        limits = (JsonObject(entry.raw["properties"]["resources"])).member("limits")
        for key, (what, total, _) in zip(("cpu", "memoryInGB"), totals, strict=True):
            limit = limits.number(key) if limits else None
            if limit is not None and limit > total:
                name = entry.text("name") or ""
                raise errors.limit_above_total(what, limit, name, total, spec.name)


def image_references(spec: GroupSpec) -> list[str]:
    """Return the group's image references, each once, init containers first."""
    images = [container.image for container in (*spec.init_containers, *spec.containers)]
    return list(dict.fromkeys(images))


def parse_tags(payload: Any) -> dict[str, str] | None:
    """Return the tags of a PATCH body, None when it has none.

    Raises:
        ArmError: the body is not an object of that shape.
    """
    body = JsonObject(payload)
    return None if body.raw.get("tags") is None else body.text_map("tags")
