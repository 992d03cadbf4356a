"""Where a job is, how it ended, and what its custom status shows of that."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

MAX_STATUS_BYTES = 16 * 1024
"""Durable fails an orchestration whose custom status is larger, counted in UTF-16."""

_MAX_TEXT_BYTES = 1_200
"""Most that one text takes of the status, as JSON: four of them and the rest stay under the limit."""

_MAX_WORD_BYTES = 100


class Phase(StrEnum):
    """Where a job is. The last four are ends."""

    QUEUED = "Queued"
    """Accepted; nothing exists in Azure yet."""
    CREATING = "Creating"
    """The container group is being created, or is waiting for capacity or quota."""
    PULLING = "Pulling"
    """Azure is pulling the image."""
    RUNNING = "Running"
    """The container runs, or has run and is being restarted by its restart policy."""
    COLLECTING = "Collecting"
    """The container has ended; the last log lines are fetched."""
    CLEANING = "Cleaning"
    """The group is being deleted."""
    SUCCEEDED = "Succeeded"
    """The container exited with 0."""
    FAILED = "Failed"
    """The container exited with another code, or never could run."""
    CANCELLED = "Cancelled"
    """A user cancelled the job before it ended."""
    TIMED_OUT = "TimedOut"
    """A deadline passed before the container ended."""

    @property
    def is_end(self) -> bool:
        """Whether a job in this phase stays in it."""
        return self in _ENDS


_ENDS = frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED, Phase.TIMED_OUT})


class CleanUp(StrEnum):
    """What became of the container group; reported apart from the job's result."""

    PENDING = "Pending"
    """Not yet, or not yet confirmed."""
    NOT_NEEDED = "NotNeeded"
    """Nothing was ever asked of Azure."""
    DELETED = "Deleted"
    """Deleted, and confirmed gone."""
    NOT_OURS = "NotOurs"
    """The name belongs to someone else's group, which was left alone."""
    FAILED = "Failed"
    """Not confirmed before the clean-up deadline; the group may still exist and cost money."""


@dataclass(frozen=True, kw_only=True)
class LogState:
    """What has been archived of the job's log.

    Attributes:
        archived_bytes: Size in the archive.
        truncated: Lines may be missing, because Azure no longer had them.
        complete: The last lines were fetched after the container's end.
        trouble: Why the last fetch failed; empty if it did not.
    """

    archived_bytes: int = 0
    truncated: bool = False
    complete: bool = False
    trouble: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the state in wire names."""
        return {
            "archivedBytes": self.archived_bytes,
            "truncated": self.truncated,
            "complete": self.complete,
            "trouble": shortened(self.trouble) or None,
        }


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A job's progress, as its custom status shows it.

    Attributes:
        phase: Where it is.
        group: Name of its container group.
        timeline: When each phase began, ISO 8601 in UTC, by the orchestration's clock; also
            `containerStarted` and `containerFinished` as Azure gave them.
        exit_code: The container's, None while unknown.
        reason_code: Why it did not succeed, in one word; empty while it may.
        reason: The same in one line.
        restarts: How often the container was started again.
        logs: What has been archived.
        clean_up: What became of the group.
        clean_up_detail: Why the clean-up failed; empty otherwise.
        waiting_for: Why the group could not be created yet; empty once it was.
    """

    phase: Phase
    group: str
    timeline: dict[str, str] = field(default_factory=dict)
    exit_code: int | None = None
    reason_code: str = ""
    reason: str = ""
    restarts: int = 0
    logs: LogState = field(default_factory=LogState)
    clean_up: CleanUp = CleanUp.PENDING
    clean_up_detail: str = ""
    waiting_for: str = ""

    def enter(self, phase: Phase, at: str) -> Progress:
        """Return the progress in this phase, which began at this time unless it had already."""
        name = phase.value[0].lower() + phase.value[1:]
        return replace(
            self, phase=phase, timeline={**self.timeline, name: self.timeline.get(name, at)}
        )

    def note(self, name: str, at: str | None) -> Progress:
        """Return the progress with one more point in its timeline; None adds nothing."""
        return self if at is None else replace(self, timeline=self.timeline | {name: at})

    def to_json(self) -> dict[str, Any]:
        """Return the custom status: at most 16 KB however long the texts are."""
        status: dict[str, Any] = {
            "phase": self.phase.value,
            "group": self.group,
            "exitCode": self.exit_code,
            "reason": self._reason(),
            "waitingFor": shortened(self.waiting_for) or None,
            "restarts": self.restarts,
            "timeline": self.timeline,
            "logs": self.logs.to_json(),
            "cleanUp": self.clean_up.value,
            "cleanUpDetail": shortened(self.clean_up_detail) or None,
        }
        assert len(json.dumps(status).encode("utf-16-le")) <= MAX_STATUS_BYTES
        return status

    def _reason(self) -> dict[str, str] | None:
        if not self.reason_code:
            return None
        code = shortened(self.reason_code, _MAX_WORD_BYTES)
        return {"code": code, "message": shortened(self.reason)}

    @property
    def summary(self) -> str:
        """The outcome in one line; Durable hangs on failures with very long texts."""
        if self.phase is Phase.SUCCEEDED:
            return "Succeeded: the container exited with code 0"
        code = shortened(self.reason_code, _MAX_WORD_BYTES)
        return " ".join(f"{self.phase.value}: {shortened(self.reason)} [{code}]".split())


def shortened(text: str, max_bytes: int = _MAX_TEXT_BYTES) -> str:
    """Return the beginning of the text that takes at most so many bytes in JSON.

    JSON may write one character as twelve, so a limit in characters would not do.
    """
    text = text[:max_bytes]
    while (over := len(json.dumps(text)) - 2 - max_bytes) > 0:
        text = text[: -max(1, over // 12)]
    return text
