"""Joins two parts of a log of which one begins within the other's last line.

They share no line's time then. What they share of the line proves the place where it is long, and comes
nowhere else: else one of the lines (or repetitions) that look the same may have been lost between.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

PROOF_BYTES = 64
"""How much of a line, without its time, two parts of a log must share at least."""

STAMP = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)"
"""The time at the start of each line."""

_LONGEST_STAMP = len("2026-01-01T00:00:00.000000000+00:00")
_STAMPED_LINE = re.compile(rb"^" + STAMP, re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Place:
    """The place in one part of a log where an earlier part ends.

    Attributes:
        end: Offset of it.
        is_sure: Whether no other place looks the same.
    """

    end: int
    is_sure: bool


def place_within_line(text: bytes, earlier: bytes) -> Place | None:
    """Return where in `text` the text `earlier` ends, if they share a part of earlier's last line.

    Of several such places the last wins, so that nothing is repeated.
    """
    last_line = earlier[earlier.rfind(b"\n", 0, -1) + 1 :]
    if len(last_line) < PROOF_BYTES:
        return None
    if last_line == earlier and (end := text.rfind(earlier)) >= 0:
        # All that is known of the earlier part is from within one line.
        return Place(end=end + len(earlier), is_sure=text.find(earlier) == end)
    first_line = text[: text.find(b"\n") + 1] or text
    rest = text[len(first_line) :]
    if len(rest) > _LONGEST_STAMP and not _STAMPED_LINE.match(rest):  # a log without times
        return None
    ends = _ends(first_line, last_line)
    if not ends:
        return None
    shared = first_line[: ends[0]]
    is_unlike = earlier.find(shared) == len(earlier) - len(shared) and text.find(shared, 1) < 0
    is_sure = is_unlike or (shared.endswith(b"\n") and _is_steady(last_line, rest, earlier))
    return Place(end=ends[0], is_sure=is_sure and len(ends) == 1)


def _ends(first_line: bytes, last_line: bytes) -> list[int]:
    """Return the ends of at most two beginnings of one line that end the other, the longest first."""
    ends: list[int] = []
    beginning, end = first_line[:PROOF_BYTES], last_line[-PROOF_BYTES:]
    at = last_line.find(beginning)
    while at >= 0 and len(ends) < 2:  # noqa: PLR2004 - one more than is sure
        size = len(last_line) - at
        if first_line[size - PROOF_BYTES : size] == end and first_line.startswith(last_line[at:]):
            ends.append(size)
        at = last_line.find(beginning, at + 1)
    return ends


def _is_steady(last_line: bytes, rest: bytes, earlier: bytes) -> bool:
    """Tell whether a line lost between would have come sooner after another than any that is known."""
    before, after = _times(earlier), _times(rest)
    pauses = [b - a for times in (before, after) for a, b in pairwise(times)]
    if not pauses:
        return True
    if not _STAMPED_LINE.match(last_line) or not before or not after:
        return False
    return after[0] - before[-1] < 2 * min(pauses)


def _times(text: bytes) -> list[datetime]:
    """Return the times of the lines. What begins within a line may look like one, and be none."""
    times = []
    for found in _STAMPED_LINE.findall(text):
        with suppress(ValueError):
            times.append(datetime.fromisoformat(found.decode()))
    return times
