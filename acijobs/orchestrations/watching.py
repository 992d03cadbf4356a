"""Polls the job's container group until the job has an outcome.

A job polls for itself while it is young, so that most jobs are one instance; it hands over to
WatchOrchestrator, which may continue as new, before its own history grows (docs/adr/0002).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acijobs.domain.codec import decode, encode
from acijobs.domain.messages import Function, Watched
from acijobs.domain.outcome import Outcome
from acijobs.domain.reasons import Reason
from acijobs.domain.watch import Change, Watch
from acijobs.orchestrations.waiting import ask, or_cancel, reply_of, until

if TYPE_CHECKING:
    import azure.durable_functions as df

    from acijobs.orchestrations.status import Status
    from acijobs.orchestrations.waiting import Steps

OWN_POLLS = 12
"""Polls that a job makes for itself: 12 polls are at most about 100 history events."""

_CHILD_FAILURES = 5
"""Times that a watch may be terminated, or lost by the engine, before the job is given up."""


def watch_group(
    context: df.DurableOrchestrationContext, watch: Watch, status: Status, open_watches: list[Any]
) -> Steps:
    """Return the job's outcome; a child that is still open then is left in the list."""
    while watch.poll < OWN_POLLS:
        watch = watch.sleep(context.current_utc_datetime)
        cancel = yield from until(context, watch.due)
        if cancel is not None:
            return Outcome.cancelled(cancel.why)
        watch, change = yield from poll(context, watch)
        if change is not None:
            status.watched(watch)
            if change.outcome is not None:
                return change.outcome
    return (yield from _watch_by_child(context, watch, status, open_watches))


def poll(context: df.DurableOrchestrationContext, watch: Watch) -> Steps:
    """Poll once; return the watch after it, and what it changed."""
    request = watch.request(context.current_utc_datetime)
    reply = yield from ask(context, Function.CHECK, request)
    return watch.see(reply, context.current_utc_datetime)


def _watch_by_child(
    context: df.DurableOrchestrationContext, watch: Watch, status: Status, open_watches: list[Any]
) -> Steps:
    status.watched(watch)
    number = failures = 0
    while True:
        number += 1
        child_id = f"{watch.run.job_id}:{watch.run.offer}.{number}"
        child: Any = context.call_sub_orchestrator(Function.WATCH.value, encode(watch), child_id)
        cancel = yield from or_cancel(context, child)
        if cancel is not None and not child.is_completed:
            open_watches.append(child)
            return Outcome.cancelled(cancel.why)
        reply = yield from reply_of(child)
        if not isinstance(reply, Watched):  # the child was terminated, or lost by the engine
            failures += 1
            if failures >= _CHILD_FAILURES:
                return Outcome.failed(Reason.ENGINE_FAILURE, "the watch failed repeatedly")
            continue
        watch, change = decode(Watch, reply.watch), decode(Change, reply.change)
        status.watched(watch)
        if change.outcome is not None:
            return change.outcome
        if cancel is not None:
            return Outcome.cancelled(cancel.why)


def watched(watch: Watch, change: Change) -> Watched:
    """Return what a watch returns to its job."""
    return Watched(watch=encode(watch), change=encode(change))
