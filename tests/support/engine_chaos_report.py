"""The report of a chaos run: its figures, and all that is known of each job that went wrong."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from engine_chaos_verdict import Judge

if TYPE_CHECKING:
    from engine_chaos_jobs import Plan
    from engine_chaos_place import Place
    from engine_chaos_storm import Seen

_PROVIDER = "AzureFunctionsJobHost__extensions__durableTask__storageProvider__"
SHORT_TIMEOUTS = {
    f"{_PROVIDER}controlQueueVisibilityTimeout": "00:01:00",
    f"{_PROVIDER}workItemQueueVisibilityTimeout": "00:00:30",
}
"""The shortest that the engine takes; what was in hand when a process died comes back sooner."""


def report(stack: Place, title: str, jobs: list[Plan], seen: Seen) -> str:
    """Judge the jobs, and write the report; return the counts if anything is wrong, else nothing."""
    judge = Judge(stack)
    verdict = judge.judge(jobs, seen)
    _tell(f"\n{title}, {len(jobs)} jobs: {verdict.summary}")
    settled = (
        "not all" if seen.settled_s is None else f"{seen.settled_s:.0f} s after the last fault"
    )
    _tell(
        f"settled: {settled}; slowest GET {seen.slowest_s:.1f} s; faults: {'; '.join(seen.faults)}"
    )
    _tell(f"answers: {dict(sorted(seen.answers.items()))}")
    for job_id, told in verdict.problems.items():
        _tell(f"\n==== {job_id}: {told}\n{judge.tell(job_id)}")
    return verdict.summary if verdict.problems else ""


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
