"""A job's phase, and its outcome."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from acijobs.domain.public_text import public_text, shortened
from acijobs.domain.reasons import Reason, reason_of_azure

_CANCELLED = "cancelled: "

_MAX_CODE_BYTES = 100

_MAX_MESSAGE_BYTES = 4_000
"""Most that a message takes of a row, as JSON; less of it is shown."""


class Phase(StrEnum):
    """A job's phase; the last four are final."""

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


@dataclass(frozen=True, kw_only=True)
class ContainerEnd:
    """How a container of the group was when the outcome was decided.

    Attributes:
        name: Its name; the main container's is `job`.
        state: `Waiting`, `Running` or `Terminated`; empty where Azure showed none.
        exit_code: None where it has none.
        restarts: How often it was started again.
        detail: Azure's `detailStatus`.
    """

    name: str = ""
    state: str = ""
    exit_code: int | None = None
    restarts: int = 0
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Happening:
    """An event of the group that Azure showed.

    Attributes:
        name: Like `Pulling`, `Started`, `Killing`.
        message: Azure's own, in one line.
        kind: `Normal` or `Warning`.
        at: When it first occurred; None where Azure did not say.
    """

    name: str = ""
    message: str = ""
    kind: str = ""
    at: datetime | None = None


MAX_HAPPENINGS = 30
"""Most events that an outcome keeps: the newest."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A job's outcome; logs and clean-up do not change it.

    Attributes:
        phase: Succeeded, Failed, Cancelled or TimedOut.
        exit_code: The main container's, None when it has none.
        reason: A code of the failure taxonomy (`acijobs.domain.reasons`); empty on success.
        azure_code: Azure's own error code behind it; empty where there is none.
        message: The reason in one line, fit to be public; empty on success.
        has_ended: Whether the container was seen to have ended, so that its log is at its end.
        containers: All containers of the group, as they were then.
        events: What Azure said of the group, oldest first.
    """

    phase: Phase = Phase.FAILED
    exit_code: int | None = None
    reason: str = ""
    azure_code: str = ""
    message: str = ""
    has_ended: bool = False
    containers: tuple[ContainerEnd, ...] = ()
    events: tuple[Happening, ...] = ()

    @classmethod
    def succeeded(cls) -> Outcome:
        """Return the outcome of a container that exited with 0."""
        return cls(phase=Phase.SUCCEEDED, exit_code=0, has_ended=True)

    @classmethod
    def failed(cls, reason: Reason, message: str, **known: Any) -> Outcome:
        """Return the outcome of a job that failed for this reason."""
        told = shortened(public_text(message), _MAX_MESSAGE_BYTES)
        return cls(phase=Phase.FAILED, reason=reason.value, message=told, **known)

    @classmethod
    def refused(cls, code: str, message: str) -> Outcome:
        """Return the outcome of a job that was refused with a code of Azure, or one of ours."""
        reason = reason_of_azure(code)
        azure_code = "" if code == reason.value else shortened(public_text(code), _MAX_CODE_BYTES)
        return cls.failed(reason, message, azure_code=azure_code)

    @classmethod
    def timed_out(cls, reason: Reason, message: str) -> Outcome:
        """Return the outcome of a job whose deadline passed."""
        return replace(cls.failed(reason, message), phase=Phase.TIMED_OUT)

    @classmethod
    def cancelled(cls, why: str = "") -> Outcome:
        """Return the outcome of a job that somebody cancelled, with their reason if they gave one."""
        message = f"{_CANCELLED}{why}" if why else "cancelled on request"
        return replace(cls.failed(Reason.CANCELLED, message), phase=Phase.CANCELLED)

    @property
    def why_cancelled(self) -> str:
        """The reason that was given for a cancel; empty where none was, or for another outcome."""
        return self.message.partition(_CANCELLED)[2] if self.phase is Phase.CANCELLED else ""

    @property
    def in_short(self) -> Outcome:
        """The outcome as it is kept of an attempt that another one follows: as far as it is shown.

        A row has room for all attempts of a job, and not for the events of each.
        """
        return replace(self, message=shortened(self.message), containers=(), events=())

    @property
    def fails_orchestration(self) -> bool:
        """Whether the job's orchestration ends as Failed."""
        return self.phase in {Phase.FAILED, Phase.TIMED_OUT}

    @property
    def summary(self) -> str:
        """The outcome in one line."""
        if self.phase is Phase.SUCCEEDED:
            return "Succeeded: the container exited with code 0"
        return f"{self.phase.value}: {shortened(self.message)} [{shortened(self.reason, 100)}]"

    def shown(self) -> dict[str, Any] | None:
        """Return the reason as the API shows it, None on success."""
        if not self.reason:
            return None
        about = Reason.of_code(self.reason).about
        shown = {
            "code": shortened(self.reason, _MAX_CODE_BYTES),
            "message": shortened(self.message),
            "fault": about.fault.value,
            "retryable": about.is_retryable,
            "advice": about.advice,
        }
        return shown | ({"azureCode": self.azure_code} if self.azure_code else {})
