"""What became of a job's callback, and what its next try depends on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from acijobs.domain.policy import fraction
from acijobs.domain.public_text import public_text, shortened

PAUSES_S = (5.0, 20.0, 60.0, 300.0, 900.0, 3_600.0, 7_200.0, 14_400.0, 28_800.0, 28_800.0)
"""Seconds between two tries, each lengthened by up to a tenth: 11 tries within a day. The first four,
within two minutes, are the orchestration's own; the others are the Reconciler's."""

PUT_OFF_S = 5.0
"""Seconds until a try that was not made is made."""

OWN_TRIES = 4
"""Tries that the job's own orchestration makes."""

_MAX_RETRY_AFTER_S = 14_400.0
"""Longest Retry-After obeyed: a receiver may ask for hours, and not for ever."""

_JITTER_SHARE = 0.1
_MAX_TROUBLE_BYTES = 300
_GONE = 410


class CallbackStatus(StrEnum):
    """What became of the message of a job's end."""

    PENDING = "Pending"
    """Not delivered yet; or the job has not ended."""
    DELIVERED = "Delivered"
    """The receiver took it."""
    REFUSED = "Refused"
    """The receiver wants no more of them: it answered 410."""
    GIVEN_UP = "GivenUp"
    """It was not delivered within a day."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What came of one try.

    Attributes:
        was_made: Whether it was made; not where too many others were under way.
        status: What the receiver answered; None where it did not.
        retry_after_s: Seconds to wait as it asked, None where it did not say.
        trouble: Why there was no answer; empty where there was one.
    """

    was_made: bool = True
    status: int | None = None
    retry_after_s: float | None = None
    trouble: str = ""

    @property
    def is_delivered(self) -> bool:
        """Whether the receiver took the message: any 2xx."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004

    @property
    def outcome(self) -> str:
        """What is counted of it: `delivered`, `failed` or `postponed`."""
        if not self.was_made:
            return "postponed"
        return "delivered" if self.is_delivered else "failed"

    @property
    def told(self) -> str:
        """What went wrong, in one line; empty where nothing did."""
        if self.status is None:
            return shortened(public_text(self.trouble), _MAX_TROUBLE_BYTES)
        if self.is_delivered:
            return ""
        is_redirect = 300 <= self.status < 400  # noqa: PLR2004
        hint = ", and redirects are not followed" if is_redirect else ""
        return f"the receiver answered {self.status}{hint}"


@dataclass(frozen=True, kw_only=True)
class CallbackState:
    """What became of a job's callback; at its default for a job without one.

    Attributes:
        status: What became of the message of the job's end.
        tries: How often that was tried.
        next_at: Before when it is not tried again; None: at once.
        delivered_at: When the receiver took it.
        trouble: Why the last try failed; empty if it did not.
        running_at: When the message that the job runs was sent, or tried in vain; None: not yet.
    """

    status: CallbackStatus = CallbackStatus.PENDING
    tries: int = 0
    next_at: datetime | None = None
    delivered_at: datetime | None = None
    trouble: str = ""
    running_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Whether the message of the end is not sent any more."""
        return self.status is not CallbackStatus.PENDING

    def is_due(self, now: datetime) -> bool:
        """Tell whether it may be tried now."""
        return not self.is_over and (self.next_at is None or now >= self.next_at)

    def after(self, delivery: Delivery, *, job_id: str, now: datetime) -> CallbackState:
        """Return the state after one more try."""
        tries = self.tries + 1
        tried = replace(self, tries=tries, next_at=None, trouble=delivery.told)
        if delivery.is_delivered:
            return replace(tried, status=CallbackStatus.DELIVERED, delivered_at=now)
        if delivery.status == _GONE:
            return replace(tried, status=CallbackStatus.REFUSED)
        if tries > len(PAUSES_S):
            return replace(tried, status=CallbackStatus.GIVEN_UP)
        pause_s = PAUSES_S[tries - 1] * (1 + _JITTER_SHARE * fraction(f"{job_id}:{tries}"))
        pause_s = max(pause_s, min(delivery.retry_after_s or 0.0, _MAX_RETRY_AFTER_S))
        return replace(tried, next_at=now + timedelta(seconds=pause_s))
