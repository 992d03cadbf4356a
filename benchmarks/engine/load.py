"""The load of one side, and what it cost."""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.engine.hub import Job
    from benchmarks.engine.side import Side

Figures = dict[str, float]

_LINES = 10
_POSTERS = 8
_POLL_S = 1.0
_LONE_POLL_S = 0.25
"""The time between polls of jobs in turn: with nothing else to do, a poll disturbs nobody."""
_SETTLE_S = 5.0
_HISTORIES = 5


@dataclass(frozen=True, kw_only=True)
class Load:
    """What to put on a side.

    Attributes:
        warm: How many short jobs go before.
        jobs: How many jobs are measured.
        run_s: How long their containers run.
        lone: Whether each job starts after the end of the one before, instead of all at once.
        timeout_s: How long jobs that started together may take.
    """

    warm: int
    jobs: int
    run_s: float
    lone: bool
    timeout_s: float


def measure(side: Side, load: Load) -> Figures:
    """Warm the side up, run the jobs, and return the figures by name."""
    _Run(side, "warm", load).at_once(range(load.warm), run_s=1.0)
    time.sleep(_SETTLE_S)
    run = _Run(side, "job", load)
    before, began_at = side.spent(), time.monotonic()
    if load.lone:
        run.in_turn(range(load.jobs), run_s=load.run_s)
    else:
        run.at_once(range(load.jobs), run_s=load.run_s)
    lasted_s = time.monotonic() - began_at
    after = side.spent()
    figures = run.figures() | {"whole load s": lasted_s}
    figures |= {f"{name} / job": (after[name] - before[name]) / load.jobs for name in before}
    figures["messages in histories / job"] = _messages(side, run.ids(range(load.jobs)))
    figures["jobs without success"] = load.jobs - run.successes
    return figures


def _messages(side: Side, ids: list[str]) -> float:
    """Return how many messages the histories of a job hold, as the mean of a few jobs."""
    children = side.hub.children()
    picked = ids[:: max(1, len(ids) // _HISTORIES)][:_HISTORIES]
    return statistics.mean(side.hub.messages(job_id, children) for job_id in picked)


class _Run:
    """Jobs of one kind, and what polls have shown of them.

    Attributes:
        seen: Every job as the newest poll showed it, by id.
        ends: When a poll first showed that a job had ended, by id.
    """

    def __init__(self, side: Side, kind: str, load: Load) -> None:
        self.seen: dict[str, Job] = {}
        self.ends: dict[str, float] = {}
        self._side = side
        self._prefix = f"{side.name}-{kind}-"
        self._timeout_s = load.timeout_s
        self._post_s: list[float] = []
        self._poll_s: list[float] = []

    def ids(self, numbers: Iterable[int]) -> list[str]:
        """Return the ids of the jobs with these numbers."""
        return [f"{self._prefix}{number:04}" for number in numbers]

    def at_once(self, numbers: Iterable[int], *, run_s: float) -> None:
        """Start jobs; return once all have ended, or the time is over."""
        ids, first_at = self.ids(numbers), time.monotonic() + run_s
        with ThreadPoolExecutor(_POSTERS) as pool:
            self._post_s += pool.map(lambda job: self._side.hub.start(job, run_s, _LINES), ids)
        self._poll_until_ended(set(ids), self._prefix, first_at, _POLL_S)

    def in_turn(self, numbers: Iterable[int], *, run_s: float) -> None:
        """Start each job once the one before has ended, or its time is over."""
        for job_id in self.ids(numbers):
            first_at = time.monotonic() + run_s
            self._post_s.append(self._side.hub.start(job_id, run_s, _LINES))
            self._poll_until_ended({job_id}, job_id, first_at, _LONE_POLL_S)

    def _poll_until_ended(
        self, ids: set[str], prefix: str, first_at: float, every_s: float
    ) -> None:
        """Poll from `first_at` on: before it, no container can have ended, and polls cost."""
        next_at = max(first_at, time.monotonic())
        give_up_at = next_at + self._timeout_s
        while not self.ends.keys() >= ids and next_at < give_up_at:
            time.sleep(max(0.0, next_at - time.monotonic()))
            self._side.check()
            began_at = time.monotonic()
            self._note(self._side.hub.poll(prefix))
            self._poll_s.append(time.monotonic() - began_at)
            next_at = max(next_at + every_s, time.monotonic())

    def _note(self, jobs: list[Job]) -> None:
        now = time.time()
        for job in jobs:
            self.seen[job.id] = job
            if job.has_ended:
                self.ends.setdefault(job.id, now)

    @property
    def successes(self) -> int:
        """How many jobs have succeeded."""
        return sum(job.has_ended and job.phase == "Succeeded" for job in self.seen.values())

    def figures(self) -> Figures:
        """Return the figures of requests, and of ends whose container's end is known."""
        container_ends = {job.id: job.container_end for job in self.seen.values()}
        late = [at - end for job, at in self.ends.items() if (end := container_ends[job])]
        return {
            "end seen late s, p50": percentile(late, 50),
            "end seen late s, p95": percentile(late, 95),
            "end seen late s, max": percentile(late, 100),
            "POST s, p50": percentile(self._post_s, 50),
            "POST s, p95": percentile(self._post_s, 95),
            "poll of all jobs s, p50": percentile(self._poll_s, 50),
        }


def percentile(values: list[float], percent: int) -> float:
    """Return the value that so many percent of the values do not exceed; NaN of none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
