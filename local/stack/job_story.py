"""Follows one job over HTTP and tells what happens, as it happens."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from stack.http import Reply, read_text, send

if TYPE_CHECKING:
    from collections.abc import Callable

    from stack.local_stack import LocalStack

_POLL_S = 0.2


@dataclass(kw_only=True)
class JobStory:
    """The course of one job, as it was seen.

    Attributes:
        started: The 202 answer to the POST.
        started_at: When it came, seconds since the epoch.
        lines: Log lines in the order they arrived.
        first_line_at: When the first line arrived, seconds since the epoch.
        ended_at: When `statusQueryGetUri` was first seen terminal, seconds since the epoch.
        final: The last answer of `statusQueryGetUri`.
        job: The last answer of GET /api/jobs/{id}.
    """

    started: Reply
    started_at: float
    lines: list[str] = field(default_factory=list)
    first_line_at: float | None = None
    ended_at: float | None = None
    final: Reply | None = None
    job: Reply | None = None

    @property
    def job_id(self) -> str:
        """The job's id."""
        return str(self.started.body["id"])

    @property
    def status(self) -> dict[str, Any]:
        """The job's last custom status."""
        assert self.final is not None
        return dict(self.final.body.get("customStatus") or {})

    @property
    def lateness_s(self) -> float | None:
        """Seconds from the container's end to a terminal status; None when it never ran."""
        finished = self.status.get("timeline", {}).get("containerFinished")
        if finished is None or self.ended_at is None:
            return None
        return self.ended_at - datetime.fromisoformat(finished).timestamp()


def start(stack: LocalStack, spec: object = None) -> JobStory:
    """Start a job and return its story so far; without a specification, the default job.

    Raises:
        StoryError: the answer was not 202.
    """
    started = send("POST", f"{stack.base_url}/api/jobs", body=spec)
    if started.status != 202:  # noqa: PLR2004
        raise StoryError(f"POST /api/jobs answered {started.status}: {started.body}")
    return JobStory(started=started, started_at=time.time())


def follow(
    stack: LocalStack, story: JobStory, tell: Callable[[str], None], *, timeout_s: float
) -> None:
    """Follow the job to its end and tell of each phase and each log line when it comes.

    Raises:
        StoryError: it did not end in time, or the stack stopped answering.
    """
    told: set[str] = set()
    give_up_at = time.monotonic() + timeout_s
    while True:
        stack.check()
        final = send("GET", story.started.body["statusQueryGetUri"])
        is_over = final.body["runtimeStatus"] in {"Completed", "Failed", "Terminated"}
        if is_over:
            story.ended_at = time.time()
        story.job = send("GET", story.started.body["jobUrl"])
        _tell_phases(final, told, story, tell)
        _tell_lines(story, tell)
        if is_over:
            story.final = final
            return
        if time.monotonic() > give_up_at:
            raise StoryError(f"the job did not end within {timeout_s:.0f} s: {final.body}")
        time.sleep(_POLL_S)


class StoryError(Exception):
    """The job did not go as it must; the text says how."""


_PHASES = ("creating", "pulling", "running", "collecting", "cleaning")
_ENDS = ("succeeded", "failed", "cancelled", "timedOut")


def _tell_phases(
    final: Reply, told: set[str], story: JobStory, tell: Callable[[str], None]
) -> None:
    timeline = (final.body.get("customStatus") or {}).get("timeline", {})
    for phase in (*_PHASES, *_ENDS):
        if phase in timeline and phase not in told:
            told.add(phase)
            at = datetime.fromisoformat(timeline[phase]).timestamp() - story.started_at
            tell(f"  {max(at, 0):6.2f} s  {phase}")


def _log_of(job: dict[str, Any]) -> str:
    """Return the job's log: the job itself has its last 64 KB only."""
    if not job["logState"]["partial"]:
        return str(job["logs"])
    return read_text(job["logState"]["url"])


def _tell_lines(story: JobStory, tell: Callable[[str], None]) -> None:
    assert story.job is not None
    if story.job.body["logs"] is None:  # the log cannot be read now
        return
    lines = _log_of(story.job.body).splitlines()
    for line in lines[len(story.lines) :]:
        now = time.time()
        story.first_line_at = story.first_line_at or now
        tell(f"  {now - story.started_at:6.2f} s  log | {line}")
    story.lines = lines
