"""Bounds how deep JSON data may be nested.

What reads, merges and writes data goes down with it, level by level, and has no more levels than the
interpreter has: data from outside must end long before, or it could not be read, or not stored, later.
"""

from __future__ import annotations

from typing import Any

MAX_LEVELS = 64
"""Most levels of lists and objects within one another; a job has nine."""

TOO_DEEP = f"must have at most {MAX_LEVELS} levels of lists and objects within one another"


def is_too_deep(data: Any) -> bool:
    """Tell whether JSON data has more than `MAX_LEVELS` levels, without going down with it."""
    level = [data]
    for _ in range(MAX_LEVELS):
        level = [
            part
            for whole in level
            if isinstance(whole, dict | list)
            for part in (whole.values() if isinstance(whole, dict) else whole)
            if isinstance(part, dict | list)
        ]
        if not level:
            return False
    return True
