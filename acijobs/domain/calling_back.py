"""What a job's row makes of its callback: whom it still owes a message, and what came of the tries."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from acijobs.domain.outcome import Phase
from acijobs.domain.row import settled_if_done

if TYPE_CHECKING:
    from acijobs.domain.callback.state import Delivery
    from acijobs.domain.row import Row

_EARLY = timedelta(seconds=1)
"""How early a durable timer may fire; a try is not put off for that."""

_NOT_NEEDED = "NotNeeded"


def is_due(row: Row, now: datetime) -> bool:
    """Tell whether whom the job concerns is to be told of its end now."""
    return row.owes_callback and row.callback.is_due(now + _EARLY)


def only_waits(row: Row, now: datetime) -> bool:
    """Tell whether nothing is left to do for the job but its callback, and that not yet."""
    return row.is_clean and row.owes_callback and not is_due(row, now)


def called_back(row: Row, delivery: Delivery, *, now: datetime) -> Row | None:
    """Note what came of a try: from closed, while the callback is owed; the last settles the row."""
    if not row.owes_callback:
        return None
    state = row.callback.after(delivery, job_id=row.job_id, now=now)
    return settled_if_done(replace(row, callback=state))


def owes_running(row: Row) -> bool:
    """Tell whether somebody is to be told that the job runs, and was not before."""
    wants = Phase.RUNNING.value in (row.terms.callback_phases or ())
    return wants and not row.is_closed and row.callback.running_at is None


def told_running(row: Row, *, now: datetime) -> Row | None:
    """Note that the message that the job runs was sent, or tried in vain: once, from open."""
    if not owes_running(row):
        return None
    return replace(row, callback=replace(row.callback, running_at=now))


def shown(row: Row) -> dict[str, Any] | None:
    """Return what the API shows of the job's callback, None for a job without one."""
    phases, outcome = row.terms.callback_phases, row.outcome
    if phases is None:
        return None
    is_asked_for = outcome is None or outcome.phase.value in phases
    return {
        "state": row.callback.status.value if is_asked_for else _NOT_NEEDED,
        "tries": row.callback.tries,
        "trouble": row.callback.trouble or None,
    }
