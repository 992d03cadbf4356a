"""What the demo tells of each figure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from stack.figures import measure
from stack.http import Reply
from stack.job_story import JobStory

POSTED_AT = datetime(2026, 1, 1, tzinfo=UTC)


def test_each_figure_says_what_was_measured_and_expected() -> None:
    """What was measured, what is expected on a quiet machine, and why; nothing is gated."""
    figures = measure(_story(), requests=40, runtime="process")
    assert [str(figure) for figure in figures] == [
        "seconds to the first log line: 4 (expected: at most 5, after the 202)",
        (
            "seconds from the container's end to terminal status: 2 "
            "(expected: at most 4, one interval between polls, and the clean-up)"
        ),
        (
            "ARM requests for this job, logs included: 40 "
            "(expected: at most 42, 30 for the first 20 s, then one a second)"
        ),
    ]


def test_the_time_to_pull_an_image_is_not_the_first_lines() -> None:
    """Where images are pulled, the first line is measured from the container's start."""
    story = _story(started_s=60, first_line_s=64, finished_s=90, ended_s=92)
    assert measure(story, requests=40, runtime="docker")[0].measured == 4
    assert measure(story, requests=40, runtime="process")[0].measured == 64


def test_a_container_that_never_ran_has_no_figures() -> None:
    """Without a container there is no lateness, and no more than the first requests."""
    story = _story(started_s=None, first_line_s=None, finished_s=None)
    figures = measure(story, requests=31, runtime="docker")
    assert [figure.measured for figure in figures] == [None, None, 31]
    assert figures[2].most == 30


def _story(
    *,
    started_s: float | None = 2,
    first_line_s: float | None = 4,
    finished_s: float | None = 32,
    ended_s: float = 34,
) -> JobStory:
    times = {"creating": 0, "containerStarted": started_s, "containerFinished": finished_s}
    timeline = {
        name: (POSTED_AT + timedelta(seconds=at)).isoformat()
        for name, at in times.items()
        if at is not None
    }
    posted_at = POSTED_AT.timestamp()
    body = {"customStatus": {"timeline": timeline}}
    return JobStory(
        started=Reply(status=202, headers={}, body={"id": "a"}),
        started_at=posted_at,
        first_line_at=None if first_line_s is None else posted_at + first_line_s,
        ended_at=posted_at + ended_s,
        final=Reply(status=200, headers={}, body=body),
    )
