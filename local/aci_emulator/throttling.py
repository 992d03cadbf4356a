"""ARM's token buckets and the resource provider's rates of create and delete.

Source: request-limits-and-throttling of the Resource Manager documentation;
resource-and-quota-limits of the product documentation.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from aci_emulator.errors import ArmError

if TYPE_CHECKING:
    from aci_emulator.clock import Clock
    from aci_emulator.settings import Limits

_FIVE_MINUTES_S = 300.0
_HOUR_S = 3600.0
_KINDS = {"GET": "read", "HEAD": "read", "DELETE": "delete"}


class _Bucket:
    def __init__(self, burst: int, per_s: float, now_s: float) -> None:
        self.burst, self._per_s, self._tokens, self._at_s = burst, per_s, float(burst), now_s

    def take(self, now_s: float) -> float | None:
        """Take a token; return None, or how many seconds until there is one."""
        gained = (now_s - self._at_s) * self._per_s
        self._tokens, self._at_s = min(self.burst, self._tokens + gained), now_s
        if self._tokens >= 1:
            self._tokens -= 1
            return None
        return (1 - self._tokens) / self._per_s if self._per_s else _HOUR_S

    @property
    def remaining(self) -> int:
        return int(self._tokens)


class _Window:
    """How many of something in the last so many seconds."""

    def __init__(self, most: int, length_s: float) -> None:
        self._most, self._length_s = most, length_s
        self._times: deque[float] = deque()

    def wait_s(self, now_s: float) -> float | None:
        """Return None when one more fits, or how many seconds until it does."""
        while self._times and self._times[0] <= now_s - self._length_s:
            self._times.popleft()
        if len(self._times) < self._most:
            return None
        return self._times[0] + self._length_s - now_s if self._times else self._length_s

    def add(self, now_s: float) -> None:
        self._times.append(now_s)

    @property
    def remaining(self) -> int:
        return self._most - len(self._times)


class Throttle:
    """Lets requests pass at the rates of the limits."""

    def __init__(self, clock: Clock, limits: Limits, subscription: str) -> None:
        self._clock = clock
        self._subscription = subscription
        now_s = clock.elapsed_s()
        bursts = {
            "read": (limits.read_burst, limits.reads_per_s),
            "write": (limits.write_burst, limits.writes_per_s),
            "delete": (limits.write_burst, limits.writes_per_s),
        }
        self._buckets = {
            kind: _Bucket(burst, per_s, now_s)
            for kind, (burst, per_s) in bursts.items()
            if burst is not None
        }
        self._windows = {
            "PUT": _windows(limits.creates_per_5_min, limits.creates_per_hour),
            "DELETE": _windows(limits.deletes_per_5_min, limits.deletes_per_hour),
        }

    def pass_arm(self, method: str, actor: str) -> dict[str, str]:
        """Let a request through ARM; return the headers that say what is left.

        Raises:
            ArmError: `SubscriptionRequestsThrottled` with Retry-After.
        """
        kind = _KINDS.get(method, "write")
        bucket = self._buckets.get(kind)
        if bucket is None:
            return {}
        wait_s = bucket.take(self._clock.elapsed_s())
        if wait_s is None:
            left = str(bucket.remaining)
            return {f"x-ms-ratelimit-remaining-subscription-{kind}s": left}
        after_s = max(1, math.ceil(wait_s))
        raise ArmError(
            status=429,
            code="SubscriptionRequestsThrottled",
            message=f"Number of '{kind}' requests for subscription '{self._subscription}' actor "
            f"'{actor}' exceeded. Please try again after '{after_s}' seconds.",
            retry_after_s=after_s,
        )

    def pass_provider(self, method: str) -> dict[str, str]:
        """Let a PUT or DELETE of a group through the resource provider; return its headers.

        Raises:
            ArmError: `TooManyRequests` with Retry-After.
        """
        now_s = self._clock.elapsed_s()
        windows = self._windows.get(method, {})
        for window in windows.values():
            wait_s = window.wait_s(now_s)
            if wait_s is not None:
                raise _too_many(method, max(1, math.ceil(wait_s)))
        for window in windows.values():
            window.add(now_s)
        prefix = "x-ms-ratelimit-remaining-subscription-resource-requests"
        return {f"{prefix}-{name}": str(window.remaining) for name, window in windows.items()}


def _windows(per_5_min: int | None, per_hour: int | None) -> dict[str, _Window]:
    limits = {"pt5m": (per_5_min, _FIVE_MINUTES_S), "pt1h": (per_hour, _HOUR_S)}
    return {
        name: _Window(most, length_s)
        for name, (most, length_s) in limits.items()
        if most is not None
    }


def _too_many(method: str, after_s: int) -> ArmError:
    what = "create" if method == "PUT" else "delete"
    return ArmError(
        status=429,
        code="TooManyRequests",
        message=f"The number of container group {what} requests exceeds the limit of the "
        f"subscription. Please try again after '{after_s}' seconds.",
        retry_after_s=after_s,
    )
