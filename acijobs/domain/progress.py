"""A job's progress, and the custom status that shows it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from acijobs.domain.codec import iso
from acijobs.domain.outcome import Outcome, Phase
from acijobs.domain.public_text import public_text, shortened

GROUP_CREATED = "groupCreated"
"""The timeline's name of when Azure had accepted the container group."""

MAX_STATUS_BYTES = 16 * 1024
"""Durable fails an orchestration whose custom status is larger, counted in UTF-16."""


class CleanUp(StrEnum):
    """The fate of the container group, which never changes the job's outcome."""

    PENDING = "Pending"
    """Not yet, or not yet confirmed."""
    NOT_NEEDED = "NotNeeded"
    """Nothing was ever asked of Azure."""
    DELETED = "Deleted"
    """Deleted, and confirmed gone."""
    KEPT = "Kept"
    """Stopped, and kept for inspection until the time that the specification asked for."""
    NOT_OURS = "NotOurs"
    """The name belongs to someone else's group, which was left alone."""
    FAILED = "Failed"
    """Not confirmed before the clean-up deadline; the group may still exist and cost money."""


@dataclass(frozen=True, kw_only=True)
class ContainerLog:
    """The state of one container's archived log.

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

    def shown(self) -> dict[str, Any]:
        """Return the state as the API shows it."""
        return {
            "archivedBytes": self.archived_bytes,
            "truncated": self.truncated,
            "complete": self.complete,
            "trouble": shortened(public_text(self.trouble)) or None,
        }


@dataclass(frozen=True, kw_only=True)
class LogState(ContainerLog):
    """The state of a job's archived log: that of its own container, and beside it the others'.

    Attributes:
        containers: The logs of the group's other containers, by name; None where there are none.
    """

    containers: dict[str, ContainerLog] | None = None

    def of(self, container: str) -> ContainerLog:
        """Return the state of another container's log."""
        return (self.containers or {}).get(container, ContainerLog())

    def with_others(self, others: dict[str, ContainerLog]) -> LogState:
        """Return the state with these of other containers' logs."""
        return replace(self, containers=(self.containers or {}) | others) if others else self


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A job's progress, as its custom status shows it.

    Attributes:
        run: The execution of the orchestration that this tells of; another's status is not believed.
        phase: Where the job is.
        attempt: Number of the current attempt, from 1.
        group: Name of its container group; empty before there is one.
        times: When each phase began, by its name in camelCase; also `groupCreated`, and `imagePulling`,
            `imagePulled`, `containerStarted` and `containerFinished` as Azure gave them.
        outcome: How it ended, None before.
        restarts: How often the container was started again.
        log: What has been archived.
        clean_up: What became of the group.
        clean_up_detail: Why the clean-up failed; empty otherwise.
        waiting_for: Why the group could not be created yet; empty once it was.
    """

    run: str = ""
    phase: Phase = Phase.QUEUED
    attempt: int = 1
    group: str = ""
    times: dict[str, datetime] = field(default_factory=dict)
    outcome: Outcome | None = None
    restarts: int = 0
    log: LogState = field(default_factory=LogState)
    clean_up: CleanUp = CleanUp.PENDING
    clean_up_detail: str = ""
    waiting_for: str = ""

    def enter(self, phase: Phase, at: datetime) -> Progress:
        """Return the progress in this phase, which began at this time unless it had already."""
        return replace(self, phase=phase).note({time_name(phase): at} | self.times)

    def note(self, times: dict[str, datetime]) -> Progress:
        """Return the progress with these points in its timeline."""
        return replace(self, times=self.times | times)

    def shown(self) -> dict[str, Any]:
        """Return the fields that a custom status and the API share: at most 16 KB of UTF-16."""
        outcome = self.outcome
        status: dict[str, Any] = {
            "run": self.run,
            "phase": self.phase.value,
            "attempt": self.attempt,
            "group": self.group,
            "exitCode": outcome.exit_code if outcome else None,
            "reason": outcome.shown() if outcome else None,
            "waitingFor": shortened(public_text(self.waiting_for)) or None,
            "restarts": self.restarts,
            "timeline": {name: iso(at) for name, at in self.times.items()},
            "logs": self.log.shown(),
            "cleanUp": self.clean_up.value,
            "cleanUpDetail": shortened(public_text(self.clean_up_detail)) or None,
        }
        assert len(json.dumps(status).encode("utf-16-le")) <= MAX_STATUS_BYTES
        return status


def time_name(phase: Phase) -> str:
    """Return the timeline's name of a phase's beginning."""
    return phase.value[0].lower() + phase.value[1:]
