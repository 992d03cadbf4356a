"""Times as the service writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


def moment(at: datetime) -> str:
    """Return a time as the service writes what the engine told it: UTC, milliseconds [recorded]."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def precise_moment(at: datetime) -> str:
    """Return a time as the service writes those it takes itself: UTC, seven decimals [recorded]."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond:06d}0Z"


def whole_second(at: datetime) -> str:
    """Return a time as the service writes those of events: UTC, seconds."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
