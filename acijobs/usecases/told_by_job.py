"""Keeps what a job tells of itself beside its row, which is to be written a few times only."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from acijobs.domain.errors import AcijobsError, BusyError, RowConflictError
from acijobs.domain.told import Told, ToldProgress, asked_to_look, is_newer, with_outputs

if TYPE_CHECKING:
    from acijobs.usecases.ports import Outside

_TRIES = 8


class OutputsTooLargeError(AcijobsError):
    """With these, a job's outputs would be larger than they may be."""


def keep_outputs(outside: Outside, job_id: str, outputs: dict[str, object], *, asks: bool) -> bool:
    """Merge the outputs into those of the job, by name; count that it asks to be looked at.

    Returns:
        Whether it is to be looked at: where it asks, and has not done so too often.

    Raises:
        OutputsTooLargeError: they would be too large, and none of them was kept.
        BusyError: others changed them at every try.
    """
    rows = outside.rows()
    for _ in range(_TRIES):
        stored = rows.told(job_id)
        told = with_outputs(stored.told, outputs)
        if told is None:
            raise OutputsTooLargeError
        looked = asked_to_look(told) if asks else None
        changed = looked or told
        if changed == stored.told:
            return False
        try:
            rows.swap_told(job_id, stored, changed)
        except RowConflictError:
            continue
        return looked is not None
    raise BusyError("ToldContended", "what the job tells was changed by others again and again")


def keep_progress(outside: Outside, job_id: str, value: float | None, message: str | None) -> None:
    """Note how far the job is; what it does not say stays as it was said last."""
    rows, now = outside.rows(), outside.clock.now()
    known: ToldProgress | None = None
    if value is None or message is None:
        known = rows.told(job_id).told.progress
    before = known or ToldProgress()
    progress = ToldProgress(
        value=before.value if value is None else value,
        message=before.message if message is None else message,
        at=now,
    )
    if is_newer(progress, known):
        rows.tell_progress(job_id, progress)


def told_so_far(outside: Outside, job_id: str) -> Told:
    """Return what the job has told, fit for its row: its looks are over."""
    return replace(outside.rows().told(job_id).told, looks=0)
