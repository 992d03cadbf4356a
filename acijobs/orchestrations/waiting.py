"""Waits for durable tasks: for a reply, for a pause, and for "this, or Cancel"."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from acijobs.domain.codec import encode
from acijobs.domain.messages import CANCEL_EVENT, LOOK_EVENT, Busy, Function, Superseded, read_reply
from acijobs.domain.nesting import is_too_deep
from acijobs.domain.public_text import public_text, without_paths
from acijobs.domain.row import MAX_CANCEL_CHARS, Cancel
from acijobs.orchestrations.starting import trace_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import azure.durable_functions as df

    from acijobs.domain.messages import Reply

Steps = Generator[Any, Any, Any]
"""A part of an orchestrator: yields durable tasks, and returns what its docstring says."""


class SupersededError(Exception):
    """This run does not drive its job: it ends, and does nothing more."""


def ask(context: df.DurableOrchestrationContext, activity: Function, request: Any) -> Steps:
    """Call an activity and return its reply.

    Raises:
        SupersededError: another run drives the job, or there is none.
    """
    asked = encode(replace(request, trace_parent=trace_of(context)))
    return (yield from reply_of(context.call_activity(activity.value, asked)))


def reply_of(task: Any) -> Steps:
    """Wait for an activity or a child, and return its reply.

    What it raised is a hiccup of the worker or the platform (refusals are replies), so it becomes a
    busy reply: the steps of a job are asked again until a deadline, and no hiccup loses a job.

    Raises:
        SupersededError: another run drives the job, or there is none.
    """
    reply: Reply
    try:
        reply = read_reply((yield task))
    except Exception as error:  # noqa: BLE001 - durable raises nothing narrower
        first, *_ = [*str(error).strip().splitlines(), type(error).__name__]
        reply = Busy(code="ActivityFailed", message=without_paths(public_text(first))[:300])
    if isinstance(reply, Superseded):
        raise SupersededError
    return reply


def settle(children: list[Any]) -> Steps:
    """Wait until children that were left open have ended; an instance ends only when they have."""
    for child in children:
        try:
            yield child
        except Exception:  # noqa: BLE001, S112 - how a child ended changes nothing any more
            continue


class Cancellation:
    """Hears that an orchestration's job is cancelled, whenever the event comes.

    The SDK leaves a wait that was yielded before out of a later task_any, so a pause makes a new one;
    and it gives an event that comes between two pauses, while a step runs, to the wait of the last. So
    all of them are kept, and what came meanwhile is heard before the next pause.

    Args:
        context: The orchestration's.
    """

    def __init__(self, context: df.DurableOrchestrationContext) -> None:
        self._context = context
        self._waits: list[Any] = []

    def wait(self) -> Any:
        """Return a new wait for the event."""
        self._waits.append(self._context.wait_for_external_event(CANCEL_EVENT))
        return self._waits[-1]

    @property
    def heard(self) -> Cancel | None:
        """The request to cancel, if there was one."""
        for event in self._waits:
            if event.is_completed:
                return Cancel(at=self._context.current_utc_datetime, why=_why(event.result))
        return None


def until(
    context: df.DurableOrchestrationContext, due: datetime, cancellation: Cancellation
) -> Steps:
    """Sleep until this time, or until the job is cancelled; return the request to cancel, or None."""
    if cancellation.heard is None:
        timer: Any = context.create_timer(due)
        yield context.task_any([timer, cancellation.wait()])
        if not timer.is_completed:
            timer.cancel()  # an open timer would keep the instance open
    return cancellation.heard


def until_look(
    context: df.DurableOrchestrationContext,
    due: datetime,
    cancellation: Cancellation,
    *,
    looks: int,
) -> Steps:
    """Sleep until this time, the job's cancel, or one of so many requests to look at it.

    Returns:
        The request to cancel, or None; and the waits for requests to look, which may come later still:
        whoever asks while the job is polled is heard after the poll.
    """
    if cancellation.heard is not None:
        return cancellation.heard, []
    timer: Any = context.create_timer(due)
    event, waits = cancellation.wait(), _looks(context, looks)
    yield context.task_any([timer, event, *waits])
    if not timer.is_completed:
        timer.cancel()
    return cancellation.heard, waits


def or_look(
    context: df.DurableOrchestrationContext,
    child: Any,
    look: Callable[[], Steps],
    cancellation: Cancellation,
    *,
    looks: int,
) -> Steps:
    """Wait until the child has ended or the job is cancelled; look at it when that is asked for.

    All waits are made with the first task_any. Those that come later hold nothing but tasks of it, and
    so add no action: the engine, which would wait for what a later one has that is new, and never hear
    of the child, goes by them.

    Returns:
        The request to cancel, or None; and what a look returned that was not None.
    """
    event, waits = cancellation.wait(), _looks(context, looks)
    while True:
        yield context.task_any([child, event, *waits])
        if child.is_completed or event.is_completed:
            return cancellation.heard, None
        waits.remove(next(wait for wait in waits if wait.is_completed))
        found = yield from look()
        if found is not None:
            return None, found


def _looks(context: df.DurableOrchestrationContext, count: int) -> list[Any]:
    """Return new waits for so many requests to look."""
    return [context.wait_for_external_event(LOOK_EVENT) for _ in range(count)]


def _why(data: object) -> str:
    # The SDK encodes an event's data twice, so an object arrives as text; a raw POST arrives decoded.
    reason = _decoded(data) if isinstance(data, str) else data
    if isinstance(reason, dict):
        reason = reason.get("reason")
    if not reason or is_too_deep(reason):  # which has no text
        return ""
    return public_text(str(reason)[:MAX_CANCEL_CHARS])


def _decoded(text: str) -> object:
    try:
        decoded: object = json.loads(text)
    except (ValueError, RecursionError):  # anyone may post anything as the event's data
        return text
    return decoded
