"""What a job's row says in numbers, once it is decided how the job, or an attempt of it, ended."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from acijobs.domain import metrics
from acijobs.domain.job_account import total_usd
from acijobs.domain.metrics import Attribute
from acijobs.domain.outcome import Outcome, Phase
from acijobs.domain.progress import GROUP_CREATED
from acijobs.domain.reasons import Fault, Reason
from acijobs.domain.tracing import Parents, PastSpan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from acijobs.domain.metrics import Measurement
    from acijobs.domain.row import Row

_NONE = "none"
_STARTED, _FINISHED = "containerStarted", "containerFinished"
_SHOWN = (GROUP_CREATED, "imagePulling", _STARTED, _FINISHED)
_RESULTS = {
    Phase.SUCCEEDED: "success",
    Phase.CANCELLED: "cancellation",
    Phase.TIMED_OUT: "timeout",
}


class State(StrEnum):
    """The state of a job that is not settled, as a value of `cicd.pipeline.run.state`."""

    PENDING = "pending"
    """Azure has not accepted a container group of its current attempt."""
    EXECUTING = "executing"
    """It has."""
    FINALIZING = "finalizing"
    """The job is closed, and something is left to clean up or to tell."""
    UNKNOWN = "unknown"
    """Its row was not read, and it may have a group in a scope that could not be listed."""


def state_of(row: Row) -> State:
    """Return the state of an unsettled job."""
    if row.is_closed:
        return State.FINALIZING
    return State.PENDING if row.created_at is None else State.EXECUTING


def result_of(outcome: Outcome) -> str:
    """Return the outcome as a value of `cicd.pipeline.result`.

    A failure is the job's own fault; an error is the platform's, the operator's or ours.
    """
    if outcome.phase in _RESULTS:
        return _RESULTS[outcome.phase]
    return "failure" if fault_of(outcome) == Fault.JOB.value else "error"


def reason_of(outcome: Outcome) -> str:
    """Return the code of the outcome's reason, one of this release's; `none` for a success."""
    return Reason.of_code(outcome.reason).value if outcome.reason else _NONE


def fault_of(outcome: Outcome) -> str:
    """Return who has to act; `none` for a success."""
    return Reason.of_code(outcome.reason).about.fault.value if outcome.reason else _NONE


def of_attempt(outcome: Outcome) -> Measurement:
    """Return what is counted of an attempt that ended like this."""
    return metrics.ATTEMPT_ENDED.of(
        attributes={
            Attribute.REASON: reason_of(outcome),
            Attribute.FAULT: fault_of(outcome),
            Attribute.RESULT: result_of(outcome),
        }
    )


def of_end(row: Row) -> Iterator[Measurement]:
    """Give all that is measured of a job that has just been closed."""
    outcome = row.outcome or Outcome()
    result = {Attribute.RESULT: result_of(outcome)}
    about = {
        Attribute.PHASE: outcome.phase.value,
        Attribute.REASON: reason_of(outcome),
        Attribute.FAULT: fault_of(outcome),
    }
    yield metrics.JOB_ENDED.of(attributes=result | about)
    yield of_attempt(outcome)
    yield metrics.JOB_COST.of(total_usd(row), dict(result))
    yield from _times(row, result)


def span_of(row: Row) -> PastSpan:
    """Return what a trace shows of a job that has just been closed: its whole life, as one span."""
    outcome, ended_at = row.outcome or Outcome(), row.closed_at or row.accepted_at
    result = result_of(outcome)
    group = {"acijobs.group.name": row.group.name} if row.group is not None else {}
    return PastSpan(
        name="acijobs.job",
        started_at=row.accepted_at,
        ended_at=ended_at,
        parents=Parents(job=row.trace_parent or ""),
        attributes={
            "cloud.platform": "azure.container_instances",
            "acijobs.job.id": row.job_id,
            "acijobs.attempt": row.attempt,
            Attribute.RESULT.value: result,
            Attribute.PHASE.value: outcome.phase.value,
            Attribute.REASON.value: reason_of(outcome),
            Attribute.FAULT.value: fault_of(outcome),
        }
        | group,
        events={name: at for name, at in row.times.items() if name in _SHOWN},
        failure=reason_of(outcome) if result in {"failure", "error", "timeout"} else "",
    )


def _times(row: Row, result: dict[Attribute, str]) -> Iterator[Measurement]:
    started, finished = row.times.get(_STARTED), row.times.get(_FINISHED)
    starts = [attempt.times[_STARTED] for attempt in row.attempts if _STARTED in attempt.times]
    first = next(iter(starts), started)
    if first is not None:
        yield metrics.JOB_WAIT.of(_seconds(row.accepted_at, first))
    if started is not None:
        until = finished or row.closed_at or started
        yield metrics.JOB_RUN.of(_seconds(started, until), dict(result))
    if finished is not None and row.closed_at is not None:
        yield metrics.JOB_DETECTION.of(_seconds(finished, row.closed_at))


def _seconds(since: datetime, until: datetime) -> float:
    """Return the time between the two, which may be two clocks'."""
    return max(0.0, (until - since).total_seconds())
