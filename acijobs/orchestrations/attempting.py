"""Attempts of a job: one after the other, each with a group of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acijobs.domain.outcome import Outcome
from acijobs.domain.reasons import Reason
from acijobs.orchestrations.creating import create
from acijobs.orchestrations.waiting import SupersededError, until
from acijobs.orchestrations.watching import watch_group

if TYPE_CHECKING:
    import azure.durable_functions as df

    from acijobs.domain.messages import Retrying
    from acijobs.domain.row import Run
    from acijobs.orchestrations.status import Status
    from acijobs.orchestrations.waiting import Cancellation, Steps
    from acijobs.orchestrations.watching import Children


def attempt(
    context: df.DurableOrchestrationContext,
    run: Run,
    status: Status,
    children: Children,
    cancellation: Cancellation,
) -> Steps:
    """Return the outcome of one attempt, whose group may still be there.

    No attempt is begun if the job was cancelled since the previous one.
    """
    cancel = cancellation.heard
    if cancel is not None:
        return Outcome.cancelled(cancel.why)
    try:
        created = yield from create(context, run, status, cancellation)
        if isinstance(created, Outcome):
            return created
        return (yield from watch_group(context, created, status, children, cancellation))
    except SupersededError:
        raise
    except Exception as error:  # noqa: BLE001 - a defect must not leave a group behind
        return Outcome.failed(Reason.INTERNAL, f"{type(error).__name__}: {error}")


def wait_for_next(
    context: df.DurableOrchestrationContext,
    status: Status,
    reply: Retrying,
    cancellation: Cancellation,
) -> Steps:
    """Sleep until the next attempt may begin, or until the job is cancelled."""
    status.retrying(reply)
    due_at = reply.due_at
    if due_at is not None and due_at > context.current_utc_datetime:
        yield from until(context, due_at, cancellation)
