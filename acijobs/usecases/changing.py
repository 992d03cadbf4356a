"""Changes a row by compare-and-swap, judging its fields again whenever somebody else was first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acijobs.domain.errors import BusyError, RowConflictError

if TYPE_CHECKING:
    from collections.abc import Callable

    from acijobs.domain.row import Row
    from acijobs.usecases.ports import Rows, StoredRow

_TRIES = 8


def change(
    rows: Rows, stored: StoredRow, transition: Callable[[Row], Row | None]
) -> StoredRow | None:
    """Make a transition; return the row after it, or None where the row does not allow it.

    Raises:
        BusyError: others changed the row at every try.
    """
    current: StoredRow | None = stored
    for _ in range(_TRIES):
        if current is None:
            return None
        changed = transition(current.row)
        if changed is None or changed == current.row:
            return None if changed is None else current
        try:
            return rows.swap(current, changed)
        except RowConflictError:
            current = rows.read(stored.row.job_id)
    raise BusyError("RowContended", "the job's row was changed by others again and again")
