"""An attempt of a job that has ended, as the job's row remembers it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from acijobs.domain.group import GroupRef
from acijobs.domain.outcome import Outcome
from acijobs.domain.progress import CleanUp, LogState

GONE = frozenset({CleanUp.DELETED, CleanUp.NOT_OURS, CleanUp.NOT_NEEDED})
"""Clean-ups after which no group of the attempt is left to care for."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One attempt that was followed by another.

    Attributes:
        group: Its container group; None where Azure was never asked for one.
        outcome: How it ended.
        counts: Whether it used up one of the user's attempts.
        moved: Whether the next one went to another scope or region, because there was no capacity.
        ended_at: When that was noted.
        clean_up: What became of its group.
        restarts: How often its container was started again.
        log: What is archived of its log.
        times: Its own timeline.
        billed_s: Seconds that its group is billed for, about.
    """

    group: GroupRef | None = None
    outcome: Outcome = Outcome()
    counts: bool = True
    moved: bool = False
    ended_at: datetime | None = None
    clean_up: CleanUp = CleanUp.PENDING
    restarts: int = 0
    log: LogState = LogState()
    times: dict[str, datetime] = field(default_factory=dict)
    billed_s: float = 0.0

    @property
    def in_short(self) -> Attempt:
        """The attempt with what is shown of it, and no more: a row may hold thirty of them."""
        log = replace(self.log, containers=None)
        return replace(self, outcome=self.outcome.in_short, log=log)

    @property
    def location(self) -> str:
        """Where its group was; empty for the operator's own location."""
        return self.group.location if self.group is not None else ""

    @property
    def is_gone(self) -> bool:
        """Whether no group of it is left."""
        return self.clean_up in GONE


def billed_seconds(
    created_at: datetime | None, times: dict[str, datetime], *, until: datetime
) -> float:
    """Return the seconds that a group with this timeline is billed for, if it stopped then.

    Source: container-instances-faq, learn.microsoft.com: from the start of the image pull until all of
    the group has stopped.
    """
    if created_at is None:
        return 0.0
    return max(0.0, (until - times.get("imagePulling", created_at)).total_seconds())
