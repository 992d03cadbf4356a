"""Has the job's container group created, however long Azure takes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from acijobs.domain.messages import Busy, Created, CreateRequest, Function, Refused
from acijobs.domain.outcome import Outcome, Phase
from acijobs.domain.policy import retry_delay_s
from acijobs.domain.reasons import Reason, reason_of_azure
from acijobs.domain.row import Cancel
from acijobs.domain.terms import Terms
from acijobs.domain.watch import Watch
from acijobs.orchestrations.waiting import ask, until

if TYPE_CHECKING:
    from datetime import datetime

    import azure.durable_functions as df

    from acijobs.domain.messages import Reply
    from acijobs.domain.row import Run
    from acijobs.orchestrations.status import Status
    from acijobs.orchestrations.waiting import Cancellation, Steps

_DENIED_TIME = timedelta(minutes=5)
"""How long a create that looks denied is tried again: rights take minutes to spread."""

_DENIALS = frozenset({"AuthorizationFailed", "LinkedAuthorizationFailed", "Conflict", "HTTP 403"})

_WAITED_FOR = frozenset({Reason.QUOTA, Reason.CAPACITY, Reason.REGISTRY, Reason.AZURE_UNAVAILABLE})
"""Reasons to repeat a create until the queue deadline; the attempt then ends with this reason."""


def create(
    context: df.DurableOrchestrationContext, run: Run, status: Status, cancellation: Cancellation
) -> Steps:
    """Return the watch over the group once Azure has accepted it, or the outcome of a job without."""
    started = context.current_utc_datetime
    status.enter(Phase.CREATING)
    request, attempt = CreateRequest(run=run), 0
    while True:
        reply = yield from ask(context, Function.CREATE, request)
        status.attempted(getattr(reply, "attempt", 1))
        if isinstance(reply, Created):
            status.created(reply)
            watch = Watch.begin(run, reply, started=started, now=context.current_utc_datetime)
            return Outcome.cancelled(reply.cancel.why) if reply.cancel else watch
        attempt += 1
        trouble = _trouble(reply)
        delay_s = retry_delay_s(run.job_id, attempt, trouble.retry_after_s)
        again_at = context.current_utc_datetime + timedelta(seconds=delay_s)
        outcome = _outcome(reply, started=started, again_at=again_at)
        if outcome is not None:
            return outcome
        status.wait_for_azure(trouble)
        cancel = yield from until(context, again_at, cancellation)
        if cancel is not None:
            return Outcome.cancelled(cancel.why)
        request = CreateRequest(run=run, refused_ask=trouble.refused_ask)


def _trouble(reply: Reply) -> Busy:
    match reply:
        case Busy():
            return reply
        case Refused(code=code, message=message, refused_ask=refused_ask):
            return Busy(code=code, message=message, refused_ask=refused_ask)
    return Busy(code="UnexpectedReply", message=f"the create answered {reply.kind}")


def _outcome(reply: Reply, *, started: datetime, again_at: datetime) -> Outcome | None:
    """Return how a job ends whose group was not created, None while it may still be."""
    match reply:
        case Refused(cancel=Cancel(why=why)) | Busy(cancel=Cancel(why=why)):
            return Outcome.cancelled(why)
        case Refused(code=code, message=message):
            is_over = code not in _DENIALS or again_at >= started + _DENIED_TIME
            return Outcome.refused(code, message) if is_over else None
        case Busy(code=code, message=message, deadline=deadline):
            default = started + timedelta(seconds=Terms().queue_seconds)
            if again_at < (deadline or default):
                return None
            told = reason_of_azure(code)
            reason = told if told in _WAITED_FOR else Reason.QUEUE_TIMEOUT
            return Outcome.timed_out(reason, f"Azure did not take the group: {code}: {message}")
    return None
