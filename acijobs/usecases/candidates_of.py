"""Finds where a job's group may be asked for, as the settings have it now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acijobs.domain.candidates import candidates

if TYPE_CHECKING:
    from acijobs.domain.candidates import Candidates
    from acijobs.domain.row import Row
    from acijobs.domain.spec.job import JobSpec
    from acijobs.usecases.ports import Outside


def candidates_of(outside: Outside, row: Row, spec: JobSpec) -> Candidates:
    """Return where the job's group may be asked for, the best first.

    Raises:
        InvalidSettingsError: the settings do not say that.
    """
    locations = row.terms.locations or outside.locations()
    return candidates(outside.scopes(), locations, row.job_id, subnet_id=spec.subnet_id or "")
