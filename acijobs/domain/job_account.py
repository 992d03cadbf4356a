"""The account of a job: its attempts, how long it waited and ran, and what that cost."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from acijobs.domain.attempt import Attempt, billed_seconds
from acijobs.domain.codec import encode, iso
from acijobs.domain.outcome import Outcome
from acijobs.domain.progress import CleanUp

if TYPE_CHECKING:
    from acijobs.domain.row import Row


def account(row: Row, now: datetime, timeline: dict[str, str]) -> dict[str, Any]:
    """Return what is known of the job beyond its state: `attempts`, `containers`, `events`, `usage`.

    Args:
        row: The job's row.
        now: The time, until which an open job is counted.
        timeline: The current attempt's, as it is shown: of an open job, the row knows little of it.
    """
    times = {name: datetime.fromisoformat(at) for name, at in timeline.items()}
    outcome = row.outcome or Outcome()
    ended = [_ended(row, attempt, number) for number, attempt in enumerate(row.attempts, 1)]
    last = [_ended(row, _last(row), row.attempt)] if row.is_closed else []
    return {
        "attempts": ended + last,
        "containers": encode(outcome.containers),
        "events": encode(outcome.events),
        "keptUntil": iso(row.kept_until) if row.kept_until and not row.settled else None,
        "usage": _usage(row, now, times),
    }


def total_usd(row: Row) -> float:
    """Return what a closed job has cost at list prices, all its attempts together."""
    return _usd(row, row.billed_s + sum(attempt.billed_s for attempt in row.attempts))


def _last(row: Row) -> Attempt:
    """Return the attempt with which a closed job ended."""
    return Attempt(
        group=row.group,
        outcome=row.outcome or Outcome(),
        ended_at=row.closed_at,
        clean_up=row.clean_up if row.asked_at is not None else CleanUp.NOT_NEEDED,
        restarts=row.restarts,
        log=row.log,
        times=row.times,
        billed_s=row.billed_s,
    )


def _ended(row: Row, attempt: Attempt, number: int) -> dict[str, Any]:
    times = attempt.times
    return {
        "attempt": number,
        "state": attempt.outcome.phase.value,
        "exitCode": attempt.outcome.exit_code,
        "reason": attempt.outcome.shown(),
        "counted": attempt.counts,
        "group": attempt.group.name if attempt.group is not None else None,
        "location": attempt.location or None,
        "startedAt": iso(times["containerStarted"]) if "containerStarted" in times else None,
        "endedAt": iso(attempt.ended_at) if attempt.ended_at is not None else None,
        "restarts": attempt.restarts,
        "logState": attempt.log.shown(),
        "cleanUp": attempt.clean_up.value,
        "costUsd": _usd(row, attempt.billed_s),
    }


def _usage(row: Row, now: datetime, times: dict[str, datetime]) -> dict[str, Any]:
    """Return how long the job waited and ran, and what its groups are billed for, about."""
    until = row.closed_at or now
    started = times.get("containerStarted")
    finished = times.get("containerFinished", until)
    open_s = billed_seconds(row.created_at, times, until=now)
    billed_s = row.billed_s if row.is_closed else open_s
    billed_s += sum(attempt.billed_s for attempt in row.attempts)
    return {
        "waitingSeconds": _seconds(row.due_at or row.accepted_at, started or until),
        "runningSeconds": _seconds(started, finished) if started is not None else 0.0,
        "billedSeconds": round(billed_s, 1),
        "vcpuSeconds": round(billed_s * row.terms.cpu, 1),
        "memoryGbSeconds": round(billed_s * row.terms.memory_gb, 1),
        "costUsd": _usd(row, billed_s),
    }


def _seconds(since: datetime, until: datetime) -> float:
    return max(0.0, round((until - since).total_seconds(), 1))


def _usd(row: Row, seconds: float) -> float:
    return round(row.terms.usd_per_second * seconds, 6)
