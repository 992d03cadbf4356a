"""Waits for durable tasks: for a reply, for a pause, and for "this, or Cancel"."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from acijobs.domain.codec import encode
from acijobs.domain.messages import CANCEL_EVENT, Busy, Function, Superseded, read_reply
from acijobs.domain.public_text import public_text, without_paths
from acijobs.domain.row import MAX_CANCEL_CHARS, Cancel

if TYPE_CHECKING:
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
    return (yield from reply_of(context.call_activity(activity.value, encode(request))))


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


def until(context: df.DurableOrchestrationContext, due: datetime) -> Steps:
    """Sleep until this time, or until the job is cancelled; return the request to cancel, or None."""
    timer: Any = context.create_timer(due)
    cancel = yield from or_cancel(context, timer)
    if cancel is not None and not timer.is_completed:
        timer.cancel()  # an open timer would keep the instance open
    return cancel


def or_cancel(context: df.DurableOrchestrationContext, task: Any) -> Steps:
    """Wait until the task is done or the job is cancelled; return the request to cancel, or None."""
    # A new wait each time: the SDK leaves one that was yielded before out of a later task_any.
    event: Any = context.wait_for_external_event(CANCEL_EVENT)
    yield context.task_any([task, event])
    if not event.is_completed:
        return None
    return Cancel(at=context.current_utc_datetime, why=_why(event.result))


def _why(data: object) -> str:
    # The SDK encodes an event's data twice, so an object arrives as text; a raw POST arrives decoded.
    reason = _decoded(data) if isinstance(data, str) else data
    if isinstance(reason, dict):
        reason = reason.get("reason")
    return public_text(str(reason)[:MAX_CANCEL_CHARS]) if reason else ""


def _decoded(text: str) -> object:
    try:
        decoded: object = json.loads(text)
    except (ValueError, RecursionError):  # anyone may post anything as the event's data
        return text
    return decoded
