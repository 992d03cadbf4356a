"""The list of jobs: its order, its keys, and which jobs a question asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_US = 10**17 - 1
"""A time in the year 5138: what is subtracted from it grows shorter the newer a job is."""
_KEY = re.compile(r"[0-9]{17}-[a-z0-9-]{1,59}")

STATES = ("Pending", "Running", "Succeeded", "Failed", "Cancelled", "TimedOut")
DEFAULT_LIMIT = 50
MAX_LIMIT = 200


@dataclass(frozen=True, kw_only=True)
class Question:
    """Which jobs are asked for.

    Attributes:
        states: Those in one of these; all where it is empty.
        labels: Those that have all of these.
        limit: At most so many.
        after: Those that come after this key, which a page before gave; empty for the first page.
    """

    states: frozenset[str] = frozenset()
    labels: dict[str, str] = field(default_factory=dict)
    limit: int = DEFAULT_LIMIT
    after: str = ""

    def asks_for_labels(self, labels: dict[str, str]) -> bool:
        """Tell whether a job with these labels may be meant."""
        return self.labels.items() <= labels.items()

    def asks_for_state(self, state: str) -> bool:
        """Tell whether a job in this state is meant."""
        return not self.states or state in self.states


def list_key(job_id: str, accepted_at: datetime) -> str:
    """Return the key that a job has in the list: the newest job has the least."""
    return f"{_inverted(accepted_at)}-{job_id}"


def first_key_at(moment: datetime) -> str:
    """Return a key that comes before those of all jobs accepted at this time, or earlier."""
    return _inverted(moment)


def is_key(text: str) -> bool:
    """Tell whether this may be a key of the list."""
    return _KEY.fullmatch(text) is not None


def job_of_key(key: str) -> tuple[str, datetime] | None:
    """Return the job that this is the key of, and when it was accepted; None for no key."""
    if not is_key(key):
        return None
    inverted, _, job_id = key.partition("-")
    return job_id, _EPOCH + timedelta(microseconds=_LAST_US - int(inverted))


def _inverted(moment: datetime) -> str:
    microseconds = (moment - _EPOCH) // timedelta(microseconds=1)
    return f"{_LAST_US - microseconds:017d}"
