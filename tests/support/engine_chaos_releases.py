"""Jobs in flight while another release of the app is put in place of the one that began them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine_chaos_jobs import MIXED, SECRET_SETTINGS, plans
from engine_chaos_place import rows_of
from engine_chaos_report import report
from engine_chaos_storm import Storm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine_chaos_jobs import Plan
    from engine_chaos_place import Place

GONE_S = 3.0
"""How long a deleted group is still shown."""

SETTINGS = SECRET_SETTINGS
_POSTED_WITHIN_S = 4.0
_IN_HAND_S = 3.0
_SEED = 11


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change of releases.

    Attributes:
        title: What it is called in the report, and in the ids of its jobs.
        jobs: How many jobs are posted before it.
        run_s: How long their containers run, at least and at most.
        bound_s: How long after it all must be settled.
        least_in_flight: How many of them must not be over when it comes.
        reconciles: Whether rounds of the Reconciler are asked for.
    """

    title: str
    jobs: int
    run_s: tuple[float, float]
    bound_s: float
    least_in_flight: int
    reconciles: bool = True

    def plans(self) -> list[Plan]:
        """Return its jobs: of each kind that users have."""
        return plans(
            _SEED,
            self.jobs,
            within_s=_POSTED_WITHIN_S,
            prefix=f"{self.title}-",
            shares=MIXED,
            run_s=self.run_s,
        )


def run_through(place: Place, change: Change, deploy: Callable[[], None]) -> str:
    """Post the jobs, deploy the other release while they run; return what is wrong, or nothing."""
    jobs = change.plans()
    storm = Storm(place, _SEED, reconciles=change.reconciles, pause_s=(0, 0))
    in_flight: list[int] = []

    def deploys() -> Iterator[str]:
        time.sleep(_POSTED_WITHIN_S + _IN_HAND_S)
        in_flight.append(count_unsettled(place))
        deploy()
        yield f"{change.title} of {in_flight[0]} jobs"

    seen = storm.run(jobs, deploys(), change.bound_s)
    problems = report(place, f"{change.title}, {storm.runs_for_s:.0f} s", jobs, seen)
    if in_flight[0] < change.least_in_flight:
        problems += f"; only {in_flight[0]} jobs were in flight"
    return problems


def count_unsettled(place: Place) -> int:
    """Return how many jobs are not over, or not cleaned up."""
    rows = rows_of(place)
    try:
        return len(rows.unsettled())
    finally:
        rows.close()
