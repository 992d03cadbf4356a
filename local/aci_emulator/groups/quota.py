"""The subscription's quotas of groups and cores, and how much of them is used.

An ended or stopped group counts against the quota of groups, not of cores.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aci_emulator.groups import errors

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aci_emulator.groups.spec import GroupSpec
    from aci_emulator.groups.state import Group
    from aci_emulator.settings import Limits


@dataclass(frozen=True, kw_only=True)
class Usage:
    """One quota of a location; `limit` is None when there is none."""

    id: str
    name: str
    used: float
    limit: float | None


class Quota:
    """The quotas.

    Args:
        groups: Every group there is, whenever it is asked.
        limits: What is allowed.
    """

    def __init__(self, groups: Iterable[Group], limits: Limits) -> None:
        self._groups = groups
        self._limits = limits

    def check(self, spec: GroupSpec) -> None:
        """Accept a group that is to be created.

        Raises:
            ArmError: `ContainerGroupQuotaReached`.
        """
        location, limit = spec.location, self._limits.groups
        if limit is not None and (count := self._count(location)) + 1 > limit:
            raise errors.quota_reached("ContainerGroups", location, limit, count, 1)
        self.check_cores(spec)

    def check_cores(self, spec: GroupSpec) -> None:
        """Accept a group that is to run.

        Raises:
            ArmError: `ContainerGroupQuotaReached`.
        """
        limit = self._limits.cores
        if limit is None:
            return
        used = self._cores(spec.location, spot=spec.spot)
        if used + spec.cores > limit:
            quota = "StandardSpotCores" if spec.spot else "StandardCores"
            raise errors.quota_reached(quota, spec.location, limit, used, spec.cores)

    def usages(self, location: str) -> list[Usage]:
        """Return the quotas of a location."""
        groups, cores = self._limits.groups, self._limits.cores
        count = self._count(location)
        standard, spot = self._cores(location, spot=False), self._cores(location, spot=True)
        return [
            Usage(id="ContainerGroups", name="ContainerGroups", used=count, limit=groups),
            Usage(id="standardCores", name="StandardCores", used=standard, limit=cores),
            Usage(id="standardSpotCores", name="StandardSpotCores", used=spot, limit=cores),
        ]

    def _count(self, location: str) -> int:
        return sum(1 for group in self._groups if group.spec.location == location)

    def _cores(self, location: str, *, spot: bool) -> float:
        return sum(
            group.spec.cores
            for group in self._groups
            if group.spec.location == location
            and group.spec.spot == spot
            and not group.finished
            and not group.stopped
        )
