"""The figures that the demo measures of its job, each with the most that is expected."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stack.job_story import JobStory

_FIRST_LINE_S = 5.0
_LATENESS_S = 4.0
_REQUESTS = 30
_REQUESTS_COVER_S = 20


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured figure.

    Attributes:
        what: What was measured, with its unit.
        measured: The figure; None when it could not be measured.
        most: The most that is expected on a machine that is not busy.
        why: Where that comes from.
    """

    what: str
    measured: float | None
    most: float
    why: str

    def __str__(self) -> str:
        measured = "never seen" if self.measured is None else f"{round(self.measured, 2):g}"
        return f"{self.what}: {measured} (expected: at most {self.most:g}, {self.why})"


def measure(story: JobStory, *, requests: int, runtime: str) -> list[Figure]:
    """Return the figures of a job that has ended."""
    return [_first_line(story, runtime), _lateness(story), _requests(story, requests)]


def _first_line(story: JobStory, runtime: str) -> Figure:
    since, why = story.started_at, "after the 202"
    started_at = _time(story, "containerStarted")
    if runtime != "process" and started_at is not None:
        since, why = started_at, "after the container's start, since an image may take long to pull"
    seen_at = story.first_line_at
    return Figure(
        what="seconds to the first log line",
        measured=None if seen_at is None else seen_at - since,
        most=_FIRST_LINE_S,
        why=why,
    )


def _lateness(story: JobStory) -> Figure:
    # The interval is up to 2.6 s at the age of this job. A median over many jobs is lower: see
    # `make bench-jobs`.
    return Figure(
        what="seconds from the container's end to terminal status",
        measured=story.lateness_s,
        most=_LATENESS_S,
        why="one interval between polls, and the clean-up",
    )


def _requests(story: JobStory, requests: int) -> Figure:
    created_at, ended_at = _time(story, "creating"), _time(story, "containerFinished")
    lasted_s = 0.0 if created_at is None or ended_at is None else ended_at - created_at
    return Figure(
        what="ARM requests for this job, logs included",
        measured=requests,
        most=_REQUESTS + max(0, math.ceil(lasted_s - _REQUESTS_COVER_S)),
        why=f"{_REQUESTS} for the first {_REQUESTS_COVER_S} s, then one a second",
    )


def _time(story: JobStory, name: str) -> float | None:
    """Return when this happened, in seconds since the epoch; None if it did not."""
    text = story.status.get("timeline", {}).get(name)
    return None if text is None else datetime.fromisoformat(text).timestamp()
