"""Polls the job's container group until the job has an outcome.

A job polls for itself while it is young, so that most jobs are one instance; it hands over to
WatchOrchestrator, which may continue as new, before its own history grows (docs/adr/0002).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from acijobs.domain.codec import decode, encode
from acijobs.domain.messages import Function, Seen, Watched
from acijobs.domain.outcome import Outcome
from acijobs.domain.reasons import Reason
from acijobs.domain.told import MAX_LOOKS
from acijobs.domain.watch import Change, Watch
from acijobs.orchestrations.calling_back import show
from acijobs.orchestrations.starting import trace_of
from acijobs.orchestrations.waiting import ask, or_look, reply_of, until_look

if TYPE_CHECKING:
    import azure.durable_functions as df

    from acijobs.orchestrations.status import Status
    from acijobs.orchestrations.waiting import Cancellation, Steps

OWN_POLLS = 12
"""Polls that a job makes for itself: 12 polls are at most about 100 history events."""

_OWN_POLLS_LATER = 2
"""Polls that it makes for itself of each later attempt: a history holds all of them."""

LOOK_AGAIN_S = (2.0, 4.0)
"""Pauses before the next two polls after a request to look: Azure shows an end some seconds late."""

_CHILD_FAILURES = 5
"""Times that a watch may be terminated, or lost by the engine, before the job is given up."""


@dataclass(kw_only=True)
class Children:
    """The watches that a job has started.

    Attributes:
        number: Number of the newest one.
        open: Those that were left open.
        looks: Requests to look that were heard: the SDK keeps one that came before anybody waited,
            and takes it for one at every later wait.
    """

    number: int = 0
    open: list[Any] = field(default_factory=list)
    looks: int = 0

    @property
    def looks_left(self) -> int:
        """How many more are heard."""
        return max(0, MAX_LOOKS - self.looks)


def watch_group(
    context: df.DurableOrchestrationContext,
    watch: Watch,
    status: Status,
    children: Children,
    cancellation: Cancellation,
) -> Steps:
    """Return the attempt's outcome; a child that is still open then is left so."""
    own_polls = OWN_POLLS if watch.attempt == 1 else _OWN_POLLS_LATER
    pauses_s: tuple[float, ...] = ()
    while watch.poll < own_polls:
        watch = _soon(watch.sleep(context.current_utc_datetime), context, pauses_s)
        looks_left = min(1, children.looks_left)
        cancel, looks = yield from until_look(context, watch.due, cancellation, looks=looks_left)
        if cancel is not None:
            return Outcome.cancelled(cancel.why)
        watch, change = yield from poll(context, watch)
        heard = sum(look.is_completed for look in looks)
        children.looks += heard
        pauses_s = LOOK_AGAIN_S if heard else pauses_s[1:]
        if change is not None:
            yield from show(context, status, watch)
            if change.outcome is not None:
                return change.outcome
    return (yield from _watch_by_child(context, watch, status, children, cancellation))


def poll(context: df.DurableOrchestrationContext, watch: Watch) -> Steps:
    """Poll once; return the watch after it, and what it changed."""
    request = watch.request(context.current_utc_datetime)
    reply = yield from ask(context, Function.CHECK, request)
    return watch.see(reply, context.current_utc_datetime)


def _watch_by_child(
    context: df.DurableOrchestrationContext,
    watch: Watch,
    status: Status,
    children: Children,
    cancellation: Cancellation,
) -> Steps:
    status.watched(watch)
    failures = 0
    while (cancel := cancellation.heard) is None:
        children.number += 1
        child_id = f"{watch.run.job_id}:{watch.run.offer}.{children.number}"
        asked = encode(replace(watch, trace_parent=trace_of(context)))
        child: Any = context.call_sub_orchestrator(Function.WATCH.value, asked, child_id)
        looking = partial(_look, context, watch, status, child, children)
        looks_left = children.looks_left
        cancel, outcome = yield from or_look(
            context, child, looking, cancellation, looks=looks_left
        )
        if not child.is_completed:
            children.open.append(child)
            return outcome or Outcome.cancelled(cancel.why)
        reply = yield from reply_of(child)
        if not isinstance(reply, Watched):  # the child was terminated, or lost by the engine
            failures += 1
            if failures >= _CHILD_FAILURES:
                return Outcome.failed(Reason.ENGINE_FAILURE, "the watch failed repeatedly")
            continue
        watch, change = decode(Watch, reply.watch), decode(Change, reply.change)
        yield from show(context, status, watch)
        if change.outcome is not None:
            return change.outcome
    return Outcome.cancelled(cancel.why)


def _soon(
    watch: Watch, context: df.DurableOrchestrationContext, pauses_s: tuple[float, ...]
) -> Watch:
    """Return the watch with its next poll due soon, while a request to look is fresh."""
    if not pauses_s:
        return watch
    soon = context.current_utc_datetime + timedelta(seconds=pauses_s[0])
    return replace(watch, due=min(watch.due, soon))


def _look(
    context: df.DurableOrchestrationContext,
    watch: Watch,
    status: Status,
    child: Any,
    children: Children,
) -> Steps:
    """Poll for the child, now and a little later; return how the attempt ended, if it has.

    Nothing else is concluded: the child, which knows more, goes on with its watch.
    """
    children.looks += 1
    for pause_s in (0.0, *LOOK_AGAIN_S):
        if pause_s:
            yield context.create_timer(context.current_utc_datetime + timedelta(seconds=pause_s))
        if child.is_completed:
            return None
        now = context.current_utc_datetime
        request = replace(watch.request(now), log_is_due=False, confirm_absence=False)
        reply = yield from ask(context, Function.CHECK, request)
        if isinstance(reply, Seen) and reply.outcome is not None and not child.is_completed:
            status.watched(watch.see(reply, now)[0])
            return reply.outcome
    return None


def watched(watch: Watch, change: Change) -> Watched:
    """Return what a watch returns to its job."""
    return Watched(watch=encode(watch), change=encode(change))
