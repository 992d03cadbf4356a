"""Capabilities: tokens that let whoever holds them do some things with one job, and nothing else.

    1rlc-t6w2kd-0-qT3hVw2c9vJ0mB4sX7yLzE5n
    ││   │      │ └ HMAC-SHA256, cut to 144 bits, of the job's id and of what stands before it
    ││   │      └ when it expires, in seconds since 1970 and base 36; 0 for never
    ││   └ when its job was submitted, likewise: the next job of this id has other capabilities
    │└ one letter for each verb
    └ the version

A token is stored nowhere. It is good while the key that signed it is a current one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

PURPOSE = "acijobs capability 1"
"""What its keys are derived for."""

_VERSION = "1"
_MAC_BYTES = 18
_TOKEN = re.compile(
    r"(?P<told>1(?P<verbs>[a-z]{1,8})-(?P<born>[0-9a-z]{1,9})-(?P<expires>[0-9a-z]{1,9}))"
    r"-(?P<mac>[A-Za-z0-9_-]{24})",
    re.ASCII,
)
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Verb(StrEnum):
    """What may be done with a job; each is a letter of the token."""

    READ = "r"
    LOGS = "l"
    CANCEL = "c"
    EVENT = "e"
    RERUN = "n"


@dataclass(frozen=True, kw_only=True)
class Capability:
    """A capability that was found genuine, and has not expired.

    Attributes:
        job_id: The job.
        born_s: When that job was submitted, in whole seconds since 1970.
        verbs: What it allows.
    """

    job_id: str
    born_s: int
    verbs: frozenset[Verb]

    def is_of(self, accepted_at: datetime) -> bool:
        """Tell whether it is of the job that was submitted then, not of an earlier one of its id."""
        return self.born_s == int(accepted_at.timestamp())


class Capabilities:
    """Makes capabilities with the newest key, and knows those made with any of them.

    Args:
        keys: Keys of 32 bytes, the newest first.
        days: How long a capability is good, None for as long as its key.
    """

    def __init__(self, keys: tuple[bytes, ...], *, days: float | None = None) -> None:
        self._keys = keys
        self._days = days

    def token(
        self, job_id: str, accepted_at: datetime, verbs: Iterable[Verb], *, now: datetime
    ) -> str:
        """Return a capability for these verbs on the job that was submitted then."""
        expires = 0
        if self._days is not None:
            expires = int((now + timedelta(days=self._days)).timestamp())
        letters = "".join(verb.value for verb in Verb if verb in set(verbs))
        born = _base36(int(accepted_at.timestamp()))
        told = f"{_VERSION}{letters}-{born}-{_base36(expires)}"
        return f"{told}-{_mac(self._keys[0], told, job_id)}"

    def read(self, token: str, job_id: str, *, now: datetime) -> Capability | None:
        """Return what the token allows with this job; None where it is not genuine, or has expired.

        Every key is tried, and each code compared to its end, so that the time tells nothing.
        """
        parts = _TOKEN.fullmatch(token)
        if parts is None:
            return None
        shown, told = parts["mac"].encode(), parts["told"]
        genuine = [
            hmac.compare_digest(shown, _mac(key, told, job_id).encode()) for key in self._keys
        ]
        expires = int(parts["expires"], 36)
        if not any(genuine) or (expires and now.timestamp() >= expires):
            return None
        known = set(parts["verbs"])
        verbs = frozenset(verb for verb in Verb if verb.value in known)
        return Capability(job_id=job_id, born_s=int(parts["born"], 36), verbs=verbs)


def capability_path(job_id: str, token: str, part: str = "") -> str:
    """Return the path of a job by capability, below the API's own: the job, or this part of it."""
    return f"jobs/{job_id}/by/{token}" + (f"/{part}" if part else "")


def _mac(key: bytes, told: str, job_id: str) -> str:
    code = hmac.new(key, f"{told}\0{job_id}".encode("utf-8", "surrogatepass"), hashlib.sha256)
    return base64.urlsafe_b64encode(code.digest()[:_MAC_BYTES]).decode("ascii")


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"
