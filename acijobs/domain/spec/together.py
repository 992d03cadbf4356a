"""Rules on several fields of a job together.

Each names the fields that it looks at, so that it is asked where those are right, whatever else is
wrong with the request: everything that is wrong is told at once.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from acijobs.domain.errors import Violation
from acijobs.domain.spec.containers import ALSO_IN_ENVIRONMENT
from acijobs.domain.spec.model import pointer
from acijobs.domain.spec.resources import MAX_CPU, MAX_MEMORY_GB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from acijobs.domain.spec.job import JobSpec

MAX_CONTAINERS = 60
"""Source: container-instances-resource-and-quota-limits, learn.microsoft.com."""

_MOST = 100
"""Most violations that are told: a body may have tens of thousands."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule on several fields.

    Attributes:
        fields: Wire names of the job's fields that it looks at.
        check: Returns what breaks it.
    """

    fields: frozenset[str]
    check: Callable[[JobSpec], Iterator[Violation]]


def broken_rules(spec: JobSpec, wrong_fields: set[str]) -> tuple[Violation, ...]:
    """Return what breaks the rules that look at none of the job's fields that are wrong already."""
    found = (
        violation
        for rule in RULES
        if not rule.fields & wrong_fields
        for violation in rule.check(spec)
    )
    return tuple(itertools.islice(found, _MOST))


def _each_variable_once(spec: JobSpec) -> Iterator[Violation]:
    for name in sorted(spec.environment.keys() & spec.secrets.keys()):
        yield Violation(pointer=pointer("secrets", name), detail=ALSO_IN_ENVIRONMENT)


def _each_container_once(spec: JobSpec) -> Iterator[Violation]:
    named = [
        *(("initContainers", at, c.name) for at, c in enumerate(spec.init_containers)),
        *(("sidecars", at, c.name) for at, c in enumerate(spec.sidecars)),
    ]
    counts = Counter(name for _, _, name in named)
    for field, at, name in named:
        if counts[name] > 1:
            detail = "is the name of another container too: each has its own"
            yield Violation(pointer=pointer(field, at, "name"), detail=detail)


def _not_too_many_containers(spec: JobSpec) -> Iterator[Violation]:
    if (count := len(spec.containers)) > MAX_CONTAINERS:
        detail = (
            f"a group has at most {MAX_CONTAINERS} containers, the job's own included, not {count}"
        )
        field = "sidecars" if len(spec.sidecars) > len(spec.init_containers) else "initContainers"
        yield Violation(pointer=pointer(field), detail=detail)


def _cpu_in_sum(spec: JobSpec) -> Iterator[Violation]:
    if spec.sidecars and (cpu := spec.resources.cpu) > MAX_CPU:
        detail = f"with the sidecars it is {cpu:g} cores: a group has at most {MAX_CPU}"
        yield Violation(pointer=pointer("cpu"), detail=detail)


def _memory_in_sum(spec: JobSpec) -> Iterator[Violation]:
    if spec.sidecars and (memory_gb := spec.resources.memory_gb) > MAX_MEMORY_GB:
        detail = f"with the sidecars it is {memory_gb:g} GB: a group has at most {MAX_MEMORY_GB}"
        yield Violation(pointer=pointer("memoryGb"), detail=detail)


def _each_volume_once(spec: JobSpec) -> Iterator[Violation]:
    counts = Counter(volume.name for volume in spec.volumes)
    for at, volume in enumerate(spec.volumes):
        if counts[volume.name] > 1:
            detail = "is the name of another volume too: each has its own"
            yield Violation(pointer=pointer("volumes", at, "name"), detail=detail)


def _volumes_in_known_containers(spec: JobSpec) -> Iterator[Violation]:
    known = frozenset(spec.containers)
    for at, volume in enumerate(spec.volumes):
        for index, name in enumerate(volume.containers or ()):
            if name not in known:
                where = pointer("volumes", at, "containers", index)
                shown = ", ".join(spec.containers[:10])
                yield Violation(pointer=where, detail=f"is no container of the job: it has {shown}")


def _each_mount_path_once(spec: JobSpec) -> Iterator[Violation]:
    taken: dict[tuple[str, str], str] = {}
    for at, volume in enumerate(spec.volumes):
        path = volume.mount_path.rstrip("/")
        mine = [(name, path) for name in spec.containers if volume.is_in(name)]
        other = next((taken[place] for place in mine if place in taken), None)
        if other is not None:
            detail = f"is where '{other}' is mounted in the same container"
            yield Violation(pointer=pointer("volumes", at, "mountPath"), detail=detail)
        taken |= dict.fromkeys(mine, volume.name)


def _spot_has_no_network(spec: JobSpec) -> Iterator[Violation]:
    if spec.priority == "Spot" and spec.subnet_id is not None:
        detail = "Azure runs no Spot group in a subnet: leave it out, or use the priority Regular"
        yield Violation(pointer=pointer("subnetId"), detail=detail)


def _dns_in_a_network(spec: JobSpec) -> Iterator[Violation]:
    if spec.dns is not None and spec.subnet_id is None:
        detail = "needs 'subnetId': Azure resolves names another way in a subnet only"
        yield Violation(pointer=pointer("dns"), detail=detail)


def _subnet_in_one_location(spec: JobSpec) -> Iterator[Violation]:
    if spec.subnet_id is not None and len(spec.locations) > 1:
        detail = "must be the subnet's region alone: a group runs in the region of its subnet"
        yield Violation(pointer=pointer("locations"), detail=detail)


def _windows_stands_alone(spec: JobSpec) -> Iterator[Violation]:
    if spec.os != "Windows":
        return
    for field, given in (
        ("volumes", spec.volumes),
        ("initContainers", spec.init_containers),
        ("sidecars", spec.sidecars),
    ):
        if given:
            detail = "Azure has it for Linux only: leave it out, or use the os Linux"
            yield Violation(pointer=pointer(field), detail=detail)


def _rule(check: Callable[[JobSpec], Iterator[Violation]], *fields: str) -> Rule:
    return Rule(fields=frozenset(fields), check=check)


_CONTAINERS = ("initContainers", "sidecars")

RULES = (
    _rule(_each_variable_once, "environment", "secrets"),
    _rule(_each_container_once, *_CONTAINERS),
    _rule(_not_too_many_containers, *_CONTAINERS),
    _rule(_cpu_in_sum, "cpu", "sidecars"),
    _rule(_memory_in_sum, "memoryGb", "sidecars"),
    _rule(_each_volume_once, "volumes"),
    _rule(_volumes_in_known_containers, "volumes", *_CONTAINERS),
    _rule(_each_mount_path_once, "volumes", *_CONTAINERS),
    _rule(_spot_has_no_network, "priority", "subnetId"),
    _rule(_dns_in_a_network, "dns", "subnetId"),
    _rule(_subnet_in_one_location, "subnetId", "locations"),
    _rule(_windows_stands_alone, "os", "volumes", *_CONTAINERS),
)
