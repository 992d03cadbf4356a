"""Ends a job: the log collected, the row closed, the group deleted and seen gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from acijobs.domain.messages import (
    LOG_NOT_READ,
    Busy,
    DeleteRequest,
    Deleting,
    Fetched,
    FetchRequest,
    Finished,
    Function,
    merged,
)
from acijobs.domain.outcome import Phase
from acijobs.domain.policy import retry_delay_s
from acijobs.domain.progress import CleanUp
from acijobs.domain.row import CLEAN_UP_TIME
from acijobs.orchestrations.waiting import ask

if TYPE_CHECKING:
    import azure.durable_functions as df

    from acijobs.domain.messages import Reply
    from acijobs.domain.outcome import Outcome
    from acijobs.domain.row import Run
    from acijobs.orchestrations.status import Status
    from acijobs.orchestrations.waiting import Steps

_COLLECT_TIME = timedelta(minutes=5)


def finish(
    context: df.DurableOrchestrationContext, run: Run, status: Status, outcome: Outcome
) -> Steps:
    """End the job with this outcome, and return the reply that says how its row ended.

    Where nothing is refused it is one activity. What fails is tried again, the log for five minutes
    and the clean-up for fifteen; then it is noted, and never changes the job's result.
    """
    progress = status.progress
    status.finishing(outcome)
    request = DeleteRequest(
        run=run,
        outcome=outcome,
        restarts=progress.restarts,
        log=progress.log,
        times=progress.times,
    )
    reply = yield from ask(context, Function.DELETE, request)
    if isinstance(reply, Busy) and reply.code == LOG_NOT_READ:
        log = yield from _collect(context, request)
        request = replace(request, collects_log=False, log=log)
        reply = yield from ask(context, Function.DELETE, request)
    if not isinstance(reply, Finished):
        reply = yield from _clean_up(context, request, status, reply)
    status.finished(reply)
    return reply


def _collect(context: df.DurableOrchestrationContext, request: DeleteRequest) -> Steps:
    """Return what is archived once the log was fetched to its end, or could not be for too long."""
    fetch = FetchRequest(run=request.run, has_ended=request.outcome.has_ended)
    pauses = _Pauses(context, request.run, _COLLECT_TIME)
    while True:
        yield from pauses.next(None)
        reply = yield from ask(context, Function.FETCH, fetch)
        if isinstance(reply, Fetched) or pauses.is_over:
            return merged(request.log, reply, has_ended=request.outcome.has_ended)


def _clean_up(
    context: df.DurableOrchestrationContext, request: DeleteRequest, status: Status, reply: Reply
) -> Steps:
    """Ask until the group is gone; after a quarter of an hour note that it may not be."""
    status.enter(Phase.CLEANING)
    pauses = _Pauses(context, request.run, CLEAN_UP_TIME)
    while not isinstance(reply, Finished):
        if isinstance(reply, Deleting):
            status.closed(reply)
        if request.gives_up:
            return Finished(outcome=request.outcome, clean_up=CleanUp.FAILED, log=request.log)
        yield from pauses.next(reply)
        # A log whose fetching fails in any way must not keep the group in the end.
        collects_log = request.collects_log and not pauses.is_over
        request = replace(request, gives_up=pauses.is_over, collects_log=collects_log)
        reply = yield from ask(context, Function.DELETE, request)
    return reply


class _Pauses:
    """Growing pauses between the attempts of one step, within a time."""

    def __init__(
        self, context: df.DurableOrchestrationContext, run: Run, within: timedelta
    ) -> None:
        self._context = context
        self._run = run
        self._give_up_at = context.current_utc_datetime + within
        self._count = 0

    def next(self, reply: Reply | None) -> Steps:
        """Sleep before the next attempt, as long as the last reply asked for."""
        self._count += 1
        asked_s = getattr(reply, "retry_after_s", None)
        delay_s = retry_delay_s(self._run.job_id, self._count, asked_s)
        due = self._context.current_utc_datetime + timedelta(seconds=delay_s)
        yield self._context.create_timer(min(due, self._give_up_at))

    @property
    def is_over(self) -> bool:
        """Whether no time is left, but for the early second of a timer."""
        return self._context.current_utc_datetime >= self._give_up_at - timedelta(seconds=1)
