"""Has whom it concerns told how a job is: a few tries, which never change what becomes of the job."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from acijobs.domain.callback.state import OWN_TRIES, PAUSES_S
from acijobs.domain.messages import CallbackRequest, CalledBack, Function
from acijobs.domain.outcome import Phase
from acijobs.orchestrations.waiting import SupersededError, ask

if TYPE_CHECKING:
    import azure.durable_functions as df

    from acijobs.domain.messages import Finished
    from acijobs.domain.row import Run
    from acijobs.domain.watch import Watch
    from acijobs.orchestrations.status import Status
    from acijobs.orchestrations.waiting import Steps

_OWN_TIME = timedelta(minutes=2)
"""How long a run that has ended its job tries; what is not delivered by then is the Reconciler's."""


def call_back(context: df.DurableOrchestrationContext, run: Run, finished: Finished) -> Steps:
    """Tell how the job ended, where somebody is to be told; a job without that takes no step."""
    if not finished.owes_callback:
        return
    give_up_at = context.current_utc_datetime + _OWN_TIME
    for pause_s in PAUSES_S[: OWN_TRIES - 1]:
        reply = yield from _asked(context, CallbackRequest(run=run))
        if reply.is_over:
            return
        again_at = context.current_utc_datetime + timedelta(seconds=pause_s)
        again_at = reply.again_at or again_at
        if again_at >= give_up_at:
            return
        yield context.create_timer(again_at)
    yield from _asked(context, CallbackRequest(run=run))


def show(context: df.DurableOrchestrationContext, status: Status, watch: Watch) -> Steps:
    """Show what the watch saw; where the job has come to run, tell who wanted to know that."""
    was_running = status.progress.phase is Phase.RUNNING
    status.watched(watch)
    is_told = Phase.RUNNING.value in (watch.terms.callback_phases or ())
    if is_told and not was_running and status.progress.phase is Phase.RUNNING:
        at = context.current_utc_datetime
        yield from _asked(context, CallbackRequest(run=watch.run, phase=Phase.RUNNING, at=at))


def _asked(context: df.DurableOrchestrationContext, request: CallbackRequest) -> Steps:
    """Ask for one try; return what it came to, also where the activity failed or is not ours to ask."""
    try:
        reply = yield from ask(context, Function.CALL_BACK, request)
    except SupersededError:
        return CalledBack(is_over=True)
    return reply if isinstance(reply, CalledBack) else CalledBack()
