"""Tells whom it concerns how a job is: a signed POST to where its submitter asked for."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from acijobs.domain.callback.event import CONTENT_TYPE, JobEvent
from acijobs.domain.callback.signing import read_key, signed
from acijobs.domain.callback.state import PUT_OFF_S, CallbackStatus, Delivery
from acijobs.domain.calling_back import called_back, is_due, owes_running, told_running
from acijobs.domain.codec import iso
from acijobs.domain.errors import BusyError, InvalidSettingsError, RefusedError, StorageError
from acijobs.domain.job_account import account
from acijobs.domain.job_view import view_job
from acijobs.domain.messages import CallbackRequest, CalledBack, Superseded
from acijobs.domain.metrics import CALLBACK_DELIVERIES, Attribute
from acijobs.domain.outcome import Phase
from acijobs.domain.policy import fraction
from acijobs.domain.row import settled_if_done
from acijobs.domain.spec.job import JobSpec
from acijobs.domain.tracing import Parents
from acijobs.log_lines import tell
from acijobs.usecases.changing import change
from acijobs.usecases.secrets import opened
from acijobs.usecases.telemetry import JOB_ID

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from acijobs.domain.messages import Reply
    from acijobs.domain.row import Row
    from acijobs.domain.spec.callback import Callback
    from acijobs.usecases.ports import Outside, StoredRow

_QUICK_PAUSE_S = 1.0
_QUICK_TIME = timedelta(seconds=3)
"""How quickly the message that a job runs must have failed to be tried once more: the job is not
polled meanwhile."""


@dataclass(frozen=True, kw_only=True)
class _Status:
    """What an event tells of a job besides its row."""

    custom_status: dict[str, Any] = field(default_factory=dict)


def send_callback(outside: Outside, request: CallbackRequest) -> Reply:
    """Tell how the job is, for the run that drives it.

    Returns:
        CalledBack, or Superseded.
    """
    found = outside.rows().read_with_spec(request.run.job_id)
    if found is None or not found[0].row.is_driven_by(request.run):
        return Superseded()
    stored, spec = found[0], JobSpec.stored(found[1])
    if request.phase is None:
        return _call_back(outside, stored, spec)
    at = request.at or outside.clock.now()
    return _tell_running(outside, stored, spec, at)


def call_back(outside: Outside, job_id: str) -> CalledBack:
    """Tell how the job ended, whoever drove it, if that is still owed and due."""
    found = outside.rows().read_with_spec(job_id)
    if found is None:
        return CalledBack(is_over=True)
    return _call_back(outside, found[0], JobSpec.stored(found[1]))


def _call_back(outside: Outside, stored: StoredRow, spec: JobSpec) -> CalledBack:
    row = stored.row
    if row.outcome is None or not row.owes_callback:
        change(outside.rows(), stored, settled_if_done)
        return CalledBack(is_over=True)
    phase = row.outcome.phase
    if not is_due(row, outside.clock.now()):
        return CalledBack(again_at=row.callback.next_at)
    at, status = row.closed_at or row.accepted_at, _Status()
    delivery = _tried(outside, row, spec, lambda: _event(outside, row, phase, at, status))
    now = outside.clock.now()
    if not delivery.was_made:
        pause_s = PUT_OFF_S * (1 + fraction(row.job_id))
        return CalledBack(again_at=now + timedelta(seconds=pause_s))
    noted = change(outside.rows(), stored, lambda row: called_back(row, delivery, now=now))
    if noted is None:  # somebody else had told it meanwhile
        return CalledBack(is_over=True)
    _log(noted.row, phase, delivery)
    return CalledBack(is_over=not noted.row.owes_callback, again_at=noted.row.callback.next_at)


def _tell_running(outside: Outside, stored: StoredRow, spec: JobSpec, at: datetime) -> CalledBack:
    """Send it once, and once more where that failed at once; then it counts as told."""
    row, done = stored.row, CalledBack(is_over=True)
    if not owes_running(row):
        return done
    run = row.claim.execution if row.claim is not None else ""
    times = row.progress.shown()["timeline"] | {"running": iso(at)}
    shown = {"run": run, "phase": Phase.RUNNING.value, "timeline": times}
    status = _Status(custom_status=shown)
    since = outside.clock.now()

    def attempt() -> Delivery:
        return _tried(outside, row, spec, lambda: _event(outside, row, Phase.RUNNING, at, status))

    delivery = attempt()
    if not delivery.is_delivered and outside.clock.now() - since < _QUICK_TIME:
        outside.clock.sleep(_QUICK_PAUSE_S)
        delivery = attempt()
    now = outside.clock.now()
    change(outside.rows(), stored, lambda row: told_running(row, now=now))
    _log(row, Phase.RUNNING, delivery)
    return done


def _event(outside: Outside, row: Row, phase: Phase, at: datetime, status: _Status) -> JobEvent:
    fields = view_job(row, status).fields
    fields |= account(row, at, fields["timeline"])
    return JobEvent(
        job_id=row.job_id,
        phase=phase,
        at=at,
        accepted_at=row.accepted_at,
        store=outside.rows().store().id,
        job_url=f"{outside.app_url()}/api/jobs/{row.job_id}",
        job={name: value for name, value in fields.items() if name != "callback"},
    )


def _tried(outside: Outside, row: Row, spec: JobSpec, event: Callable[[], JobEvent]) -> Delivery:
    """Send an event; return what came of it. Only storage that does not answer makes it no try.

    Raises:
        StorageError: it does not.
    """
    if spec.callback is None:
        return Delivery(trouble="the job's specification has no callback")
    # In the job's trace, whoever sends it: the Reconciler's round is in another one.
    telemetry, known = outside.telemetry, {JOB_ID: row.job_id}
    parents = Parents(job=row.trace_parent or "", invocation=telemetry.trace_parent() or "")
    with telemetry.span("acijobs.deliver", parents, attributes=known, is_request=True) as span:
        try:
            delivery = _sent(outside, row, spec.callback, event())
        except StorageError:
            raise
        except (BusyError, RefusedError, InvalidSettingsError) as error:
            delivery = Delivery(trouble=str(error))
        except Exception as error:  # noqa: BLE001 - a defect must be given up some day, like the rest
            delivery = Delivery(trouble=f"the message could not be made: {type(error).__name__}")
        outcome = {Attribute.OUTCOME: delivery.outcome}
        telemetry.record(lambda: [CALLBACK_DELIVERIES.of(attributes=outcome)])
        span.note({Attribute.OUTCOME.value: delivery.outcome})
        if delivery.was_made and not delivery.is_delivered:
            span.fail(delivery.outcome)
        return delivery


def _sent(outside: Outside, row: Row, callback: Callback, event: JobEvent) -> Delivery:
    try:
        key = _key(outside, row, callback)
    except ValueError as error:
        return Delivery(trouble=f"the callback's key {error}")
    body = event.body()
    sent_s = int(outside.clock.now().timestamp())
    headers = {"Content-Type": CONTENT_TYPE} | signed(key, event.id, sent_s, body)
    return outside.callbacks().post(callback.url, body, headers)


def _key(outside: Outside, row: Row, callback: Callback) -> bytes:
    """Return the key that the job's messages are signed with: its own, else the operator's."""
    if callback.secret is None:
        return read_key(outside.callback_secret())
    return read_key(opened(outside, callback.secret, row.job_id, name="#/callback/secret"))


def _log(row: Row, phase: Phase, delivery: Delivery) -> None:
    known: dict[str, Any] = {
        "job": row.job_id,
        "phase": phase.value,
        "tries": row.callback.tries or None,
    }
    if delivery.is_delivered:
        tell("calledBack", **known)
    elif row.callback.status is CallbackStatus.GIVEN_UP:
        tell("callbackGivenUp", level=logging.WARNING, message=delivery.told, **known)
    else:
        tell("callbackFailed", level=logging.WARNING, message=delivery.told, **known)
