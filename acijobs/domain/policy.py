"""When to look at a running job again: a pure function of the job's age."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

_MAX_RETRY_AFTER_S = 600.0
"""Longest Retry-After obeyed; a deadline must never wait behind a wrong header."""


@dataclass(frozen=True, kw_only=True)
class WatchPolicy:
    """How often a job is looked at.

    One read every 5 s spends a subscription's read budget (25 per second) at about 125 jobs, so the
    interval grows with the job's age: a job that has run for an hour is seen to end within 30 s.

    Attributes:
        first_look_s: Seconds from the creation of the group to the first look.
        min_interval_s: Shortest interval.
        max_interval_s: Longest interval.
        age_share: Interval as a share of the job's age.
        jitter_share: Each interval is shortened by up to this share, by the job's id, so that jobs
            started together do not look together.
    """

    first_look_s: float = 2.0
    min_interval_s: float = 2.2
    max_interval_s: float = 30.0
    age_share: float = 0.08
    jitter_share: float = 0.1

    def delay_s(
        self, *, job_id: str, look: int, age_s: float, retry_after_s: float | None = None
    ) -> float:
        """Return the seconds to wait before look number `look` (from 0) of a job of this age.

        A Retry-After of the service is obeyed when it is longer, up to ten minutes.
        """
        if look == 0:
            delay_s = self.first_look_s
        else:
            interval_s = min(max(age_s * self.age_share, self.min_interval_s), self.max_interval_s)
            delay_s = interval_s * (1 - self.jitter_share * _fraction(job_id, look))
        if retry_after_s is not None:
            delay_s = max(delay_s, min(retry_after_s, _MAX_RETRY_AFTER_S))
        return round(delay_s, 3)

    def to_json(self) -> dict[str, Any]:
        """Return the policy as JSON data."""
        return asdict(self)


def retry_delay_s(attempt: int, retry_after_s: float | None = None) -> float:
    """Return the seconds before attempt number `attempt` (from 1) of a step the service put off.

    2, 4, 8 … up to ten minutes, or the service's Retry-After where that is longer: the pauses grow with
    the wait, so that a history that holds every attempt stays short.
    """
    delay_s = min(2.0 ** min(attempt, 10), _MAX_RETRY_AFTER_S)
    if retry_after_s is not None:
        delay_s = max(delay_s, min(retry_after_s, _MAX_RETRY_AFTER_S))
    return delay_s


def _fraction(job_id: str, look: int) -> float:
    digest = hashlib.sha256(f"{job_id}:{look}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32
