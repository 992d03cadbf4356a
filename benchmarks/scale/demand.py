"""What one undisturbed job asks of the engine, of storage and of Azure, by how long it runs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from statistics import median
from typing import Any

from acijobs.domain.policy import PollPolicy
from acijobs.domain.watch import POLLS_PER_GENERATION
from acijobs.orchestrations.watching import OWN_POLLS
from benchmarks.engine.histories import EngineCost
from benchmarks.engine.lone_cost import FIGURES

START_S = 4.0
"""From Azure's acceptance of a group until its container runs: a small image that is cached."""

ACTIVITY_S = 0.4
"""How long a poll takes: a read of a group, and often one of its log, of some 0.2 s each."""

GONE_S = 8.0
"""From the end of a container until its group is gone, once the end was seen."""

_QUIET_LOG_BYTES = 200


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A kind of job.

    Attributes:
        name: Its name.
        run_s: How long its container runs.
        cpu: Its cores.
    """

    name: str
    run_s: float
    cpu: float


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What one job of a shape asks for in all.

    Attributes:
        shape: The shape.
        policy: How it is polled.
    """

    shape: Shape
    policy: PollPolicy = field(default_factory=PollPolicy)

    @cached_property
    def poll_ages_s(self) -> tuple[float, ...]:
        """When it is polled, in seconds since its group was created, until its end is seen."""
        ages: list[float] = []
        age_s, end_s = 0.0, START_S + self.shape.run_s
        while not ages or ages[-1] < end_s:
            age_s += self.policy.delay_s(job_id="", poll=len(ages), age_s=age_s) + ACTIVITY_S
            ages.append(age_s)
        return tuple(ages)

    @property
    def polls(self) -> int:
        """How often its group is read to see how it is."""
        return len(self.poll_ages_s)

    @property
    def log_reads(self) -> int:
        """How often its log is read: at polls while it runs, where the last time is long enough ago."""
        read_at_s, count = None, 0
        for age_s in self.poll_ages_s[:-1]:
            since_s = None if read_at_s is None else age_s - read_at_s
            is_due = self.policy.log_is_due(since_s=since_s, added_bytes=_QUIET_LOG_BYTES)
            if age_s >= START_S and is_due:
                read_at_s, count = age_s, count + 1
        return count + 1  # and once at the end

    @property
    def arm_reads(self) -> int:
        """Reads of Azure Resource Manager: polls, logs, and what the end reads besides."""
        return self.polls + self.log_reads + _reads_at_end()

    @property
    def engine(self) -> EngineCost:
        """What the engine does for it.

        The job starts, creates and ends; each poll is a timer and an activity. A job that polls more
        than twelve times has a watch, a second orchestration that is started and ends, and starts anew
        every so many polls: that costs no message, and is counted as an action.
        """
        polls = self.polls
        watched = max(0, polls - OWN_POLLS)
        generations = -(-watched // POLLS_PER_GENERATION)
        has_watch = int(generations > 0)
        return EngineCost(
            polls=polls,
            control_messages=1 + 2 + 2 * polls + 2 * has_watch,
            work_items=2 + polls,
            actions=1 + 2 * 2 + 3 * polls + generations,
        )

    @property
    def storage_requests(self) -> float:
        """Requests to storage: measured at two lengths, and a straight line through both by polls."""
        (few, least), (many, most) = _measured("short"), _measured("long")
        each = (most - least) / (many - few)
        return least + each * (self.polls - few)


def figures() -> dict[str, Any]:
    """Return what was measured on the extension."""
    found: dict[str, Any] = json.loads(FIGURES.read_text("utf-8"))
    return found


def _measured(length: str) -> tuple[float, float]:
    """Return polls and requests to storage of jobs of this length, the median of each."""
    jobs = figures()[length]["jobs"]
    return median(job["polls"] for job in jobs), median(job["storageRequests"] for job in jobs)


def _reads_at_end() -> int:
    """Return how often a job's group was read once its end had been seen."""
    return int(median(job["readsAtEnd"] for job in figures()["short"]["jobs"]))
