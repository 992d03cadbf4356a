"""Ends a job: the log collected, the row closed, the group deleted and seen gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from acijobs.domain.messages import (
    LOG_NOT_READ,
    STOPPING,
    Busy,
    DeleteRequest,
    Deleting,
    Fetched,
    FetchRequest,
    Finished,
    Function,
    Retrying,
    merged,
)
from acijobs.domain.outcome import Phase
from acijobs.domain.policy import retry_delay_s
from acijobs.domain.progress import CleanUp
from acijobs.orchestrations.calling_back import call_back
from acijobs.orchestrations.waiting import ask

if TYPE_CHECKING:
    import azure.durable_functions as df

    from acijobs.domain.messages import Reply
    from acijobs.domain.outcome import Outcome
    from acijobs.domain.row import Run
    from acijobs.orchestrations.status import Status
    from acijobs.orchestrations.waiting import Steps

_COLLECT_TIME = timedelta(minutes=5)
_CLEAN_UP_TIME = timedelta(minutes=15)
"""How long the clean-up is tried where no reply has said it."""

_LONGEST_GRACE = timedelta(minutes=11)
_GRACE_PAUSE_S = 2.0


def finish(
    context: df.DurableOrchestrationContext, run: Run, status: Status, outcome: Outcome
) -> Steps:
    """End the attempt with this outcome, and return the reply that says what became of the job.

    It is Finished, or Retrying where another attempt follows. Where nothing is refused it is one
    activity. What fails is tried again, the log for five minutes and the clean-up for as long as the
    job's terms say; then it is noted, and never changes the job's result. Whom it concerns is
    told last.
    """
    progress = status.progress
    status.finishing(outcome)
    request = DeleteRequest(
        run=run,
        attempt=progress.attempt,
        outcome=outcome,
        restarts=progress.restarts,
        log=progress.log,
        times=progress.times,
    )
    reply = yield from _ask_with_grace(context, request)
    if isinstance(reply, Busy) and reply.code == LOG_NOT_READ:
        log = yield from _collect(context, request)
        request = replace(request, collects_log=False, log=log)
        reply = yield from ask(context, Function.DELETE, request)
    if not _is_done(reply):
        reply = yield from _clean_up(context, request, status, reply)
    if isinstance(reply, Finished):
        status.finished(reply)
        yield from call_back(context, run, reply)
    return reply


def _ask_with_grace(context: df.DurableOrchestrationContext, request: DeleteRequest) -> Steps:
    """Ask for the end, again and again while a cancelled container has time to end by itself."""
    give_up_at = context.current_utc_datetime + _LONGEST_GRACE
    while True:
        reply = yield from ask(context, Function.DELETE, request)
        is_stopping = isinstance(reply, Busy) and reply.code == STOPPING
        if not is_stopping or context.current_utc_datetime >= give_up_at:
            return reply
        pause = timedelta(seconds=reply.retry_after_s or _GRACE_PAUSE_S)
        yield context.create_timer(context.current_utc_datetime + pause)


def _is_done(reply: Reply) -> bool:
    return isinstance(reply, Finished) or (isinstance(reply, Retrying) and reply.is_clean)


def _collect(context: df.DurableOrchestrationContext, request: DeleteRequest) -> Steps:
    """Return what is archived once the log was fetched to its end, or could not be for too long."""
    has_ended = request.outcome.has_ended
    fetch = FetchRequest(run=request.run, attempt=request.attempt, has_ended=has_ended)
    pauses = _Pauses(context, request.run, _COLLECT_TIME)
    while True:
        yield from pauses.next(None)
        reply = yield from ask(context, Function.FETCH, fetch)
        if isinstance(reply, Fetched) or pauses.is_over:
            return merged(request.log, reply, has_ended=has_ended)


def _clean_up(
    context: df.DurableOrchestrationContext, request: DeleteRequest, status: Status, reply: Reply
) -> Steps:
    """Ask until the groups are gone; in the end note that one may not be."""
    status.enter(Phase.CLEANING)
    give_up_at = getattr(reply, "give_up_at", None)
    within = give_up_at - context.current_utc_datetime if give_up_at else _CLEAN_UP_TIME
    pauses = _Pauses(context, request.run, within)
    while not _is_done(reply):
        if isinstance(reply, Deleting):
            status.closed(reply)
        if request.gives_up and isinstance(reply, Retrying):
            return reply
        if request.gives_up:
            return Finished(outcome=request.outcome, clean_up=CleanUp.FAILED, log=request.log)
        yield from pauses.next(reply)
        # A log whose fetching fails in any way must not keep the group in the end.
        is_over = pauses.is_over
        request = replace(
            request,
            gives_up=is_over,
            collects_log=request.collects_log and not is_over,
            gives_grace=request.gives_grace and not is_over,
        )
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
