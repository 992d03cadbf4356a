"""How long a job is kept after its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acijobs.domain.row import Row

SETTLE_TIME = timedelta(hours=1)
"""How long an orchestration that has ended is left alone: a message for one that is gone would be tried
again and again. Source: durabletask#1398."""


@dataclass(frozen=True, kw_only=True)
class Retention:
    """How long jobs are kept.

    Attributes:
        days: After their end; 0 keeps them for ever.
    """

    days: int = 30

    def cutoff(self, now: datetime) -> datetime | None:
        """Return the time before which a job must have ended; None where all jobs are kept."""
        return now - timedelta(days=self.days) if self.days else None


def is_expired(row: Row, cutoff: datetime) -> bool:
    """Tell whether nothing is left to do for the job, and its end was before this time."""
    if not row.settled or row.closed_at is None:
        return False
    return max(row.closed_at, row.times.get("deleted", row.closed_at)) < cutoff


def may_be_purged(*, is_alive: bool, updated_at: datetime | None, now: datetime) -> bool:
    """Tell whether an orchestration may be purged: it has ended, and not lately."""
    return not is_alive and (updated_at is None or now - updated_at >= SETTLE_TIME)
