"""The polling interval: a pure function of a job's age and of what polling it costs."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

MAX_RETRY_AFTER_S = 600.0
"""Longest Retry-After obeyed; a deadline must never wait behind a wrong header."""

_LAG_FACTOR = 2.0
"""Least interval, as a multiple of the engine's lag at the last poll; bounded by the next two."""

_MOST_FOR_LAG_S = 8.0
_MOST_AGE_SHARE_FOR_LAG = 0.4
"""Longest interval for the sake of lag: so many seconds, or this share of the job's age. A burst's lag
soon passes, and must not make the end of a short job as late as the job is long."""

_LOG_LAG_FACTOR = 4.0
"""Least time between two fetches of a quiet log, as a multiple of that lag."""

_MOST_APPENDS = 50_000
"""Most appends that a blob takes. Source: Scalability targets for Blob storage, learn.microsoft.com."""

_APPENDS_OF_FIRST_POLLS = 1_000
_LEAST_FOLLOWED = 4_000

_NOISY_LOG_BYTES = 2_000
"""A log that gained more at its last fetch is fetched at every poll: its window may roll on soon."""


@dataclass(frozen=True, kw_only=True)
class PollPolicy:
    """The rules for a job's polling interval.

    One read every 5 s spends a subscription's read budget (25 per second) at about 125 jobs, so the
    interval grows with the job's age: a job that has run for an hour is seen to end within 30 s. It
    also grows with the engine's own lag: polls that come faster than the engine can make them only
    make every job's end late.

    Attributes:
        first_poll_s: Seconds from the creation of the group to the first poll.
        min_interval_s: Shortest interval.
        max_interval_s: Longest interval.
        age_share: Interval as a share of the job's age.
        jitter_share: Each interval is shortened by up to this share, by the job's id, so that jobs
            started together are not polled together.
        log_interval_s: Seconds between two fetches of a quiet log.
    """

    first_poll_s: float = 2.0
    min_interval_s: float = 2.2
    max_interval_s: float = 30.0
    age_share: float = 0.08
    jitter_share: float = 0.1
    log_interval_s: float = 4.0

    def delay_s(
        self,
        *,
        job_id: str,
        poll: int,
        age_s: float,
        lag_s: float = 0.0,
        retry_after_s: float | None = None,
    ) -> float:
        """Return the seconds to wait before poll number `poll` (from 0) of a job of this age.

        Args:
            job_id: The job, for the jitter.
            poll: The poll's number.
            age_s: Seconds since the group was created.
            lag_s: How late the engine was at the last poll.
            retry_after_s: What the service asked for, obeyed up to ten minutes.
        """
        if poll == 0:
            interval_s = self.first_poll_s
        else:
            interval_s = min(max(age_s * self.age_share, self.min_interval_s), self.max_interval_s)
        interval_s = max(interval_s, self._least_for_lag_s(lag_s, age_s))
        delay_s = interval_s * (1 - self.jitter_share * fraction(f"{job_id}:{poll}"))
        if retry_after_s is not None:
            delay_s = max(delay_s, min(retry_after_s, MAX_RETRY_AFTER_S))
        return round(delay_s, 3)

    def _least_for_lag_s(self, lag_s: float, age_s: float) -> float:
        most_s = max(_MOST_FOR_LAG_S, age_s * _MOST_AGE_SHARE_FOR_LAG)
        return min(lag_s * _LAG_FACTOR, most_s, self.max_interval_s)

    def log_is_due(self, *, since_s: float | None, added_bytes: int, lag_s: float = 0.0) -> bool:
        """Tell whether a poll fetches the log, too: less often where everything is late anyway.

        Args:
            since_s: Seconds since the last fetch, None before the first.
            added_bytes: What that added.
            lag_s: How late the engine was at the last poll.
        """
        if since_s is None or added_bytes > _NOISY_LOG_BYTES:
            return True
        return since_s >= max(self.log_interval_s, lag_s * _LOG_LAG_FACTOR)

    def most_followed_appends(self, run_seconds: int) -> int:
        """Return how often a log may have been appended to before only polls go on with that.

        Whoever follows a log has it appended to once a second. What is left of a blob's appends is for
        the polls, until the container's time is over: first those that come close together, then one
        each longest interval. Where an operator has jobs polled so often that these may be too many by
        themselves, an hour is followed all the same.
        """
        shortest_s = self.max_interval_s * (1 - self.jitter_share)
        of_polls = _APPENDS_OF_FIRST_POLLS + math.ceil(run_seconds / shortest_s)
        return max(_LEAST_FOLLOWED, _MOST_APPENDS - of_polls)


def retry_delay_s(job_id: str, attempt: int, retry_after_s: float | None = None) -> float:
    """Return the seconds before attempt number `attempt` (from 1) of a step the service put off.

    2, 4, 8 … up to ten minutes, or the service's Retry-After where that is longer, each lengthened by
    up to a quarter by the job's id: the pauses grow with the wait, so that a history that holds
    every attempt stays short, and jobs that were put off together do not come back together.
    """
    delay_s = min(2.0 ** min(attempt, 10), MAX_RETRY_AFTER_S)
    if retry_after_s is not None:
        delay_s = max(delay_s, min(retry_after_s, MAX_RETRY_AFTER_S))
    return round(delay_s * (1 + fraction(f"{job_id}:{attempt}") / 4), 3)


def fraction(seed: str) -> float:
    """Return a number from 0 up to 1 that follows from this text."""
    digest = hashlib.sha256(seed.encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:4], "big") / 2**32
