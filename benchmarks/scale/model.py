"""A discrete-event model of many jobs: Azure's limits, the engine's queue, the app's own decisions.

The order of scopes, the polling interval and the pauses after refusals are the app's own code. Jobs
come at random, evenly over the day, and run for up to a fifth more or less than their shape. The model
begins with as many jobs as run at any time, so that a few minutes of it show what days would.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections import deque
from dataclasses import dataclass, field
from statistics import quantiles
from typing import TYPE_CHECKING

from acijobs.domain.candidates import Candidate, Lack, best, candidates, ruled_out
from acijobs.domain.group import Scope
from acijobs.domain.policy import retry_delay_s
from acijobs.orchestrations.watching import OWN_POLLS
from benchmarks.scale.demand import ACTIVITY_S, GONE_S, START_S
from benchmarks.scale.limits import MESSAGES_PER_S, THREADS, Quotas

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.scale.plan import Load

_SETTLE_S = 120.0
_POLLS_WANTED = 20_000
_LONGEST_S, _SHORTEST_S = 864_000.0, 300.0


@dataclass(frozen=True, kw_only=True)
class Means:
    """What the jobs have.

    Attributes:
        subscriptions: Subscriptions, one scope in each.
        regions: Regions, tried in order.
        instances: Instances of the app that work on the engine's queues.
    """

    subscriptions: int
    regions: int = 1
    instances: int = 1


@dataclass(kw_only=True)
class Seen:
    """What the model saw, after it had settled.

    Attributes:
        lasted_s: How long it was watched.
        jobs: Jobs that came.
        refused: Creates that Azure refused.
        waits_s: How long each job waited for a place.
        late_s: How late each end was seen.
        polls: Polls made.
        messages: Control messages worked off.
        most_groups: Most groups at once, in all places.
        waiting: Jobs that had no place at the end.
    """

    lasted_s: float
    jobs: int = 0
    refused: int = 0
    waits_s: list[float] = field(default_factory=list)
    late_s: list[float] = field(default_factory=list)
    polls: int = 0
    messages: int = 0
    most_groups: int = 0
    waiting: int = 0

    @property
    def refused_per_job(self) -> float:
        """Creates that Azure refused, for each that came."""
        return self.refused / max(1, self.jobs)


def percentile(values: list[float], percent: int) -> float:
    """Return the value that so many percent do not exceed; 0 of none."""
    if len(values) < 2:
        return values[0] if values else 0.0
    return quantiles(values, n=100, method="inclusive")[percent - 1]


class Place:
    """One subscription in one region: what is there, and what was created lately."""

    def __init__(self, quotas: Quotas) -> None:
        self._quotas = quotas
        self._created: deque[float] = deque()
        self.groups = 0
        self.cores = 0.0

    def takes(self, now_s: float, cpu: float) -> bool:
        """Create a group if no limit forbids it; tell whether it was."""
        created, quotas = self._created, self._quotas
        while created and created[0] <= now_s - 3_600:
            created.popleft()
        lately = sum(
            1
            for at in itertools.islice(reversed(created), quotas.creates_per_5min)
            if at > now_s - 300
        )
        is_full = (
            self.groups >= quotas.groups
            or self.cores + cpu > quotas.cores
            or len(created) >= quotas.creates_per_h
            or lately >= quotas.creates_per_5min
        )
        if is_full:
            return False
        created.append(now_s)
        self.groups += 1
        self.cores += cpu
        return True

    def frees(self, cpu: float) -> None:
        """Delete a group."""
        self.groups -= 1
        self.cores -= cpu


def _nothing(now_s: float) -> None:
    """Stand for what follows a message that is only work."""
    del now_s


class Server:
    """Serves one thing after another on so many hands, first come, first served."""

    def __init__(self, hands: int, each_s: float) -> None:
        self._free_at = [-math.inf] * hands
        self._each_s = each_s

    def done_at(self, now_s: float) -> float:
        """Take one more; return when it is done."""
        begun_s = max(now_s, self._free_at[0])
        heapq.heapreplace(self._free_at, begun_s + self._each_s)
        return begun_s + self._each_s


@dataclass(kw_only=True)
class Job:
    """One job.

    Attributes:
        id: Its id.
        came_s: When it came.
        run_s: How long its container runs.
        tries: Creates that were put off.
        place: Where its group is.
        created_s: When that was created.
        poll: Polls so far.
        lag_s: How late the engine was at the last one.
    """

    id: str
    came_s: float
    run_s: float
    tries: int = 0
    place: Candidate | None = None
    created_s: float = 0.0
    poll: int = 0
    lag_s: float = 0.0

    @property
    def end_s(self) -> float:
        """When its container ends."""
        return self.created_s + START_S + self.run_s


class Model:
    """So many jobs with these means; `run` lets time pass."""

    def __init__(self, load: Load, means: Means, *, seed: int = 0) -> None:
        self._load, self._means = load, means
        self._random = random.Random(seed)
        self._numbers = itertools.count()
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._scopes = tuple(
            Scope(subscription_id=f"s{number}", resource_group="jobs")
            for number in range(means.subscriptions)
        )
        self._regions = tuple(f"r{number}" for number in range(means.regions))
        everywhere = candidates(self._scopes, self._regions, "")
        self._places = {one: Place(load.quotas) for one in everywhere}
        self._engine = Server(means.instances, 1 / MESSAGES_PER_S)
        self._threads = Server(means.instances * THREADS, ACTIVITY_S)
        polls_per_s = load.per_s * load.demand.polls
        lasts_s = min(max(_POLLS_WANTED / polls_per_s, _SHORTEST_S), _LONGEST_S)
        self.seen = Seen(lasted_s=lasts_s)
        self._groups = 0

    def run(self) -> Seen:
        """Simulate, and return what was seen."""
        # Creates of the last hour count, and so do the groups that are there.
        begins_s = -_SETTLE_S - max(3_600.0, self._load.group_s)
        self._later(begins_s + self._random.expovariate(self._load.per_s), self._arrive)
        while self._events and self._events[0][0] < self.seen.lasted_s:
            at_s, _, happens = heapq.heappop(self._events)
            happens(at_s)
        return self.seen

    def _later(self, at_s: float, happens: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (at_s, next(self._numbers), happens))

    def _arrive(self, now_s: float) -> None:
        self._later(now_s + self._random.expovariate(self._load.per_s), self._arrive)
        job = Job(
            id=f"{self._random.getrandbits(64):x}",
            came_s=now_s,
            run_s=self._load.shape.run_s * self._random.uniform(0.8, 1.2),
        )
        self.seen.jobs += now_s >= 0
        self.seen.waiting += 1
        self._message(now_s, lambda at_s: self._create(job, at_s))
        self._message(now_s, _nothing)  # what the create answers

    def _message(self, now_s: float, then: Callable[[float], None]) -> None:
        """Have a control message worked off; before the model settles, at once."""
        if now_s < -_SETTLE_S:
            then(now_s)
            return
        self.seen.messages += now_s >= 0
        self._later(self._engine.done_at(now_s), then)

    def _create(self, job: Job, now_s: float) -> None:
        """Ask each place in the job's order, as `acijobs.domain.row.moved` goes through them."""
        left = candidates(self._scopes, self._regions, job.id)
        tried: tuple[str, ...] = ()
        while left:
            chosen = best(left, tried, Lack.QUOTA)
            assert chosen is not None
            if self._places[chosen].takes(now_s, self._load.shape.cpu):
                self._created(job, chosen, now_s)
                return
            self.seen.refused += now_s >= 0
            tried += ruled_out(chosen, Lack.QUOTA, left)
            left = tuple(one for one in left if one.name not in tried)
        job.tries += 1
        self._later(now_s + retry_delay_s(job.id, job.tries), lambda at_s: self._create(job, at_s))

    def _created(self, job: Job, place: Candidate, now_s: float) -> None:
        self.seen.waiting -= 1
        job.place, job.created_s = place, now_s
        self._groups += 1
        if now_s >= 0:
            self.seen.waits_s.append(now_s - job.came_s)
            self.seen.most_groups = max(self.seen.most_groups, self._groups)
        end_s = job.end_s
        if end_s < -_SETTLE_S:
            self._gone_later(job, end_s + self._load.late_s + GONE_S)
        elif now_s < -_SETTLE_S:
            self._begin_amid(job)
        else:
            self._poll_later(job, now_s)

    def _begin_amid(self, job: Job) -> None:
        """Begin to poll a job that has run for a while, somewhere within its interval."""
        age_s = -_SETTLE_S - job.created_s
        job.poll = len([at_s for at_s in self._load.demand.poll_ages_s if at_s < age_s]) or 1
        delay_s = self._load.demand.policy.delay_s(job_id=job.id, poll=job.poll, age_s=age_s)
        due_s = -_SETTLE_S + self._random.random() * delay_s
        self._later(due_s, lambda at_s: self._timer(job, at_s))

    def _poll_later(self, job: Job, now_s: float) -> None:
        age_s = now_s - job.created_s
        delay_s = self._load.demand.policy.delay_s(
            job_id=job.id, poll=job.poll, age_s=age_s, lag_s=job.lag_s
        )
        self._later(now_s + delay_s, lambda at_s: self._timer(job, at_s))

    def _timer(self, job: Job, due_s: float) -> None:
        """A poll is due: a message, an activity on a thread, and a message with its reply."""

        def fired(at_s: float) -> None:
            read_s = self._threads.done_at(at_s)
            self._later(read_s, lambda now_s: self._message(now_s, lambda s: replied(read_s, s)))

        def replied(read_s: float, now_s: float) -> None:
            job.poll += 1
            job.lag_s = now_s - due_s
            if job.poll == OWN_POLLS + 1:
                self._message(now_s, _nothing)  # a watch that starts
            self.seen.polls += now_s >= 0
            if read_s < job.end_s:
                self._poll_later(job, now_s)
                return
            if now_s >= 0:
                self.seen.late_s.append(now_s - job.end_s)
            if job.poll > OWN_POLLS:
                self._message(now_s, _nothing)  # the watch's end
            self._message(now_s, lambda at_s: self._gone_later(job, at_s + GONE_S))

        self._message(due_s, fired)

    def _gone_later(self, job: Job, at_s: float) -> None:
        def gone(_: float) -> None:
            assert job.place is not None
            self._places[job.place].frees(self._load.shape.cpu)
            self._groups -= 1

        self._later(at_s, gone)
