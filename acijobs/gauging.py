"""Tells how many jobs and groups there are: a part of the Reconciler's round.

The round knows the rows that it has looked at; of the other jobs it knows that they are not settled,
and whether they have a container group, unless that may be in a scope that could not be listed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from acijobs.domain import metrics
from acijobs.domain.errors import UnreadableRowError
from acijobs.domain.measuring import State, state_of
from acijobs.domain.metrics import Attribute

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from acijobs.domain.metrics import Measurement
    from acijobs.domain.row import Row
    from acijobs.usecases.ports import Outside

MOST_READS = 50
"""Most rows that are read to find the oldest job without a group."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a round has seen of jobs and groups.

    Attributes:
        unsettled: The jobs that are not settled, and when each was submitted.
        looked_at: The rows of those that the round has looked at.
        groups: The job of each of this app's groups, by the path of its scope: of each scope that
            could be listed.
        knows_all: Whether these are all scopes.
        now: The time.
    """

    unsettled: Mapping[str, datetime | None]
    looked_at: Mapping[str, Row]
    groups: Mapping[str, Sequence[str]]
    knows_all: bool = True
    now: datetime

    @property
    def with_group(self) -> frozenset[str]:
        """The jobs that have a group."""
        return frozenset(job_id for jobs in self.groups.values() for job_id in jobs)


def oldest_pending_s(outside: Outside, seen: Seen) -> float | None:
    """Return the age of the oldest job that is seen never to have had a group; 0 where there is none.

    A job that nobody has looked at may have had one, and be over: its row is read, of the oldest ones
    only. Where no job is seen to wait and rows are left unread, it is not known whether one does.

    Returns:
        The age in seconds; None where it is not known.

    Raises:
        StorageError: storage did not answer.
    """
    with_group, reads, knows_all = seen.with_group, 0, True
    by_age = sorted((at, job) for job, at in seen.unsettled.items() if at is not None)
    for _, job_id in by_age:
        if job_id in with_group:
            continue
        row = seen.looked_at.get(job_id)
        if row is None and reads < MOST_READS:
            reads += 1
            row = _read(outside, job_id)
        elif row is None:
            knows_all = False
        if row is not None and state_of(row) is State.PENDING and not row.attempts:
            return max(0.0, (seen.now - row.accepted_at).total_seconds())
    return 0.0 if knows_all else None


def gauged(seen: Seen, oldest_s: float | None) -> Iterator[Measurement]:
    """Give the gauges of jobs and groups, and nothing for a scope that could not be listed.

    Args:
        seen: What the round has seen.
        oldest_s: What `oldest_pending_s` has found.
    """
    with_group, without = seen.with_group, State.PENDING if seen.knows_all else State.UNKNOWN
    states = Counter(dict.fromkeys(State, 0))
    for job_id in seen.unsettled:
        unread = State.EXECUTING if job_id in with_group else without
        row = seen.looked_at.get(job_id)
        states[unread if row is None else state_of(row)] += 1
    for state, count in states.items():
        yield metrics.JOB_ACTIVE.of(count, {Attribute.STATE: state.value})
    for scope, jobs in seen.groups.items():
        yield metrics.GROUP_ALIVE.of(len(jobs), {Attribute.SCOPE: scope})
    if oldest_s is not None:
        yield metrics.JOB_OLDEST_PENDING.of(oldest_s)


def _read(outside: Outside, job_id: str) -> Row | None:
    try:
        stored = outside.rows().read(job_id)
    except UnreadableRowError:  # the others' age is to be told all the same
        return None
    return None if stored is None else stored.row
