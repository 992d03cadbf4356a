"""What a region has room for, and whether a job's group fits in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acijobs.domain.spec.job import JobSpec

_GROUPS = "ContainerGroups"
_CORES = "StandardCores"
_SPOT_CORES = "StandardSpotCores"
"""The quotas that a job needs, as Azure names them.

Source: tests/fixtures/aci_emulator/usages.json, a recorded answer.
"""
_ANY_OS = "NotSpecified"
_NO_GPU = "None"


@dataclass(frozen=True, kw_only=True)
class Usage:
    """A quota of the subscription in a region.

    Attributes:
        name: Azure's name for it, like `StandardCores`.
        used: What is in use.
        limit: What may be.
    """

    name: str = ""
    used: float = 0
    limit: float = 0


@dataclass(frozen=True, kw_only=True)
class Capability:
    """How large a group of one kind can be in a region.

    Attributes:
        os: `Linux`, `Windows`, or `NotSpecified` for both.
        address: `Public`, or `Private` for groups in a subnet.
        gpu: The GPU that it is with; `None` without.
        max_cpu: Most cores.
        max_memory_gb: Most GB of memory.
    """

    os: str = _ANY_OS
    address: str = "Public"
    gpu: str = _NO_GPU
    max_cpu: float = 0
    max_memory_gb: float = 0


@dataclass(frozen=True, kw_only=True)
class Need:
    """What a job's group takes of a quota.

    Attributes:
        name: The quota, as Azure names it.
        needed: What the group takes.
        used: What is in use now.
        limit: What may be.
    """

    name: str
    needed: float
    used: float
    limit: float

    @property
    def fits(self) -> bool:
        """Whether there is room for it now; where there is none, the job waits until there is."""
        return self.used + self.needed <= self.limit


def needs(spec: JobSpec, usages: tuple[Usage, ...]) -> tuple[Need, ...]:
    """Return what the job's group takes of the quotas that Azure told."""
    cores = _SPOT_CORES if spec.priority == "Spot" else _CORES
    wanted = {_GROUPS: 1.0, cores: spec.resources.cpu}
    return tuple(
        Need(name=usage.name, needed=wanted[usage.name], used=usage.used, limit=usage.limit)
        for usage in usages
        if usage.name in wanted
    )


def largest(spec: JobSpec, capabilities: tuple[Capability, ...]) -> Capability | None:
    """Return how large a group of the job's kind can be; None where Azure does not tell."""
    address = "Public" if spec.subnet_id is None else "Private"
    fitting = [
        capability
        for capability in capabilities
        if capability.os in {spec.os, _ANY_OS}
        and capability.address == address
        and capability.gpu == _NO_GPU
    ]
    return max(fitting, key=lambda c: (c.max_cpu, c.max_memory_gb), default=None)


def is_too_large(spec: JobSpec, most: Capability) -> bool:
    """Tell whether the job's group is larger than any can be."""
    return spec.resources.cpu > most.max_cpu or spec.resources.memory_gb > most.max_memory_gb
