"""Decides whether a job is attempted again after an attempt that ended badly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from acijobs.domain.outcome import Phase
from acijobs.domain.policy import fraction
from acijobs.domain.reasons import Fault, Reason

if TYPE_CHECKING:
    from acijobs.domain.attempt import Attempt
    from acijobs.domain.outcome import Outcome
    from acijobs.domain.terms import RetryTerms, Terms

_OF_THE_WORK = frozenset(
    {
        Reason.CRASH_LOOP,
        Reason.EXIT_CODE,
        Reason.INIT_CONTAINER,
        Reason.OUT_OF_MEMORY,
        Reason.RUN_TIMEOUT,
        Reason.NO_OUTPUT,
    }
)
"""Ends of the container itself, which another attempt may do better: they use up an attempt."""

_MOST_MOVES = 10
"""How many attempts at most are followed by one elsewhere: each of them has created a group."""


@dataclass(frozen=True, kw_only=True)
class Again:
    """Another attempt.

    Attributes:
        delay_s: Seconds until it may begin.
        counts: Whether the attempt that ended uses up one of the user's.
        is_elsewhere: Whether it goes to another scope or region, because there was no capacity: so that
            the one that ended uses up none of the platform's either.
    """

    delay_s: float = 0.0
    counts: bool = True
    is_elsewhere: bool = False


def another_attempt(
    terms: Terms,
    job_id: str,
    earlier: tuple[Attempt, ...],
    ended: Outcome,
    *,
    has_room_elsewhere: bool = False,
) -> Again | None:
    """Return the attempt that follows one that ended like this, None where none does.

    Args:
        terms: The job's.
        job_id: The job, for the jitter.
        earlier: The attempts before the one that ended.
        ended: How it ended.
        has_room_elsewhere: Whether Azure had accepted its group and had no capacity for it, and another
            candidate may have that.
    """
    if ended.phase in {Phase.SUCCEEDED, Phase.CANCELLED}:
        return None
    stayed = [attempt for attempt in earlier if not attempt.moved]
    if has_room_elsewhere and len(earlier) - len(stayed) < _MOST_MOVES:
        return Again(counts=False, is_elsewhere=True)
    counts = _counts(terms.retry, ended) if terms.retry is not None else None
    if terms.retry is None or counts is None or not _is_left(terms.retry, stayed, counts=counts):
        return None
    return Again(delay_s=_pause_s(terms.retry, job_id, len(stayed)), counts=counts)


def _is_left(retry: RetryTerms, stayed: list[Attempt], *, counts: bool) -> bool:
    """Tell whether another attempt is left after these and one more, which counts or does not."""
    counted = sum(attempt.counts for attempt in stayed)
    ignored = len(stayed) - counted
    return counted + 1 < retry.attempts if counts else ignored < retry.platform_attempts


def _counts(retry: RetryTerms, ended: Outcome) -> bool | None:
    """Tell whether such an end uses up an attempt; None where it is not tried again."""
    for rule in retry.rules:
        if rule.fits(ended.exit_code, ended.reason):
            return {"retry": True, "ignore": False}.get(rule.action)
    reason = Reason.of_code(ended.reason)
    if reason in _OF_THE_WORK:
        return True
    is_platforms = reason.about.fault is Fault.PLATFORM and reason.about.is_retryable
    return False if is_platforms else None


def _pause_s(retry: RetryTerms, job_id: str, number: int) -> float:
    """Return the seconds before the next attempt: doubled each time, and up to a fifth longer."""
    pause_s = min(retry.backoff_seconds * 2.0 ** min(number, 20), retry.max_backoff_seconds)
    return round(pause_s * (1 + fraction(f"{job_id}:attempt:{number}") / 5), 3)
