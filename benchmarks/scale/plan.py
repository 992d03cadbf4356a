"""How much of everything so many jobs need: arithmetic on means."""

from __future__ import annotations

import math
from dataclasses import dataclass

from benchmarks.scale.demand import GONE_S, START_S, Demand, Shape
from benchmarks.scale.limits import (
    DEFAULT,
    FULL_ENOUGH,
    MESSAGES_PER_S,
    PARTITIONS,
    READS_PER_S,
    TABLE_REQUESTS_PER_S,
    Quotas,
)

_DAY_S, _HOUR_S = 86_400, 3_600


@dataclass(frozen=True, kw_only=True)
class Load:
    """So many jobs of a shape a day, spread evenly over it.

    Attributes:
        demand: What one asks for.
        jobs_per_day: How many.
        quotas: What one subscription may have in one region.
    """

    demand: Demand
    jobs_per_day: int
    quotas: Quotas = DEFAULT

    @property
    def shape(self) -> Shape:
        """The shape."""
        return self.demand.shape

    @property
    def per_s(self) -> float:
        """Jobs in a second."""
        return self.jobs_per_day / _DAY_S

    @property
    def group_s(self) -> float:
        """How long a job's group is there: its run, and until its end is seen and it is gone."""
        return START_S + self.shape.run_s + self.late_s + GONE_S

    @property
    def late_s(self) -> float:
        """How late an end is seen on average: half of the last interval."""
        ages = self.demand.poll_ages_s
        return (ages[-1] - ages[-2]) / 2

    @property
    def at_once(self) -> float:
        """Groups at once."""
        return self.per_s * self.group_s

    @property
    def cores(self) -> float:
        """Cores at once."""
        return self.at_once * self.shape.cpu

    @property
    def creates_per_h(self) -> float:
        """Groups created in an hour."""
        return self.per_s * _HOUR_S

    @property
    def reads_per_s(self) -> float:
        """Reads of Azure Resource Manager in a second."""
        return self.per_s * self.demand.arm_reads

    @property
    def messages_per_s(self) -> float:
        """Control messages of the engine in a second."""
        return self.per_s * self.demand.engine.control_messages

    @property
    def storage_per_s(self) -> float:
        """Requests to storage in a second."""
        return self.per_s * self.demand.storage_requests

    @property
    def shares(self) -> dict[str, float]:
        """How much of each limit is used by one instance, one subscription and one region."""
        return {
            "creates per hour": self.creates_per_h / self.quotas.creates_per_h,
            "groups": self.at_once / self.quotas.groups,
            "cores": self.cores / self.quotas.cores,
            "ARM reads": self.reads_per_s / READS_PER_S,
            "engine messages": self.messages_per_s / MESSAGES_PER_S,
            "storage requests": self.storage_per_s / TABLE_REQUESTS_PER_S,
        }

    @property
    def binds_first(self) -> str:
        """The limit of which most is used."""
        return max(self.shares, key=lambda name: self.shares[name])

    @property
    def places(self) -> int:
        """Pairs of subscription and region: of groups, cores and creates, the one that needs most."""
        used = max(self.shares[name] for name in ("creates per hour", "groups", "cores"))
        return _enough(used)

    @property
    def subscriptions(self) -> int:
        """The subscriptions that these need at least, for their reads."""
        return _enough(self.shares["ARM reads"])

    @property
    def instances(self) -> int:
        """Instances of the app that the engine's messages need."""
        return _enough(self.shares["engine messages"])

    @property
    def partitions(self) -> int:
        """Partitions of the task hub: one for each instance, and no fewer than by default."""
        return max(PARTITIONS, self.instances)


def _enough(used: float) -> int:
    return max(1, math.ceil(used / FULL_ENOUGH))
