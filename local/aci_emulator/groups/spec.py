"""A validated container group as requested."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aci_emulator.runtimes.contract import Mount, RegistryCredential, Volume

RestartPolicy = Literal["Always", "OnFailure", "Never"]


@dataclass(frozen=True, kw_only=True)
class EnvironmentVariable:
    """One variable; a secure one is never returned."""

    name: str
    value: str = field(repr=False)
    secure: bool = False


@dataclass(frozen=True, kw_only=True)
class ContainerSpec:
    """One container of a group.

    Attributes:
        command: The exec form, or None for the image's own entry point.
        requested: The `resources` object as given, returned as it came.
        extra: Accepted properties the emulator returns but does not act on (probes, ports,
            securityContext).
    """

    name: str
    image: str
    command: tuple[str, ...] | None = None
    environment: tuple[EnvironmentVariable, ...] = ()
    cpu: float = 1.0
    memory_gb: float = 1.5
    mounts: tuple[Mount, ...] = ()
    requested: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def gpu(self) -> Any:
        """The GPU request as given, None when there is none."""
        return (self.requested.get("requests") or {}).get("gpu")


@dataclass(frozen=True, kw_only=True)
class GroupSpec:
    """A container group.

    Attributes:
        tags: None when the request had none.
        provisioning_timeout_s: None when the request had none.
        policy_given: Whether the request named the restart policy; if not, it is not shown.
        extra: Accepted properties the emulator returns but does not act on (ipAddress, dnsConfig,
            diagnostics, …).
        envelope: Accepted members outside `properties` (identity, zones).
    """

    name: str
    location: str
    os_type: Literal["Linux", "Windows"]
    restart_policy: RestartPolicy
    containers: tuple[ContainerSpec, ...]
    init_containers: tuple[ContainerSpec, ...] = ()
    volumes: tuple[Volume, ...] = ()
    unsupported_volumes: tuple[Mapping[str, Any], ...] = ()
    credentials: tuple[RegistryCredential, ...] = ()
    credentials_shown: tuple[Mapping[str, Any], ...] = ()
    tags: Mapping[str, str] | None = None
    policy_given: bool = True
    sku: str = "Standard"
    priority: str | None = None
    provisioning_timeout_s: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    envelope: Mapping[str, Any] = field(default_factory=dict)

    @property
    def spot(self) -> bool:
        """Whether it runs on capacity that can be taken away, with a quota of its own."""
        return self.priority == "Spot"

    @property
    def cores(self) -> float:
        """Cores the group needs."""
        return sum(container.cpu for container in self.containers)

    @property
    def memory_gb(self) -> float:
        """GB of memory the group needs."""
        return sum(container.memory_gb for container in self.containers)

    @property
    def images(self) -> list[str]:
        """Its image references, each once, init containers first."""
        every = (container.image for container in (*self.init_containers, *self.containers))
        return list(dict.fromkeys(every))
