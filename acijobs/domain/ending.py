"""How a job ends."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from acijobs.domain.progress import Phase

if TYPE_CHECKING:
    from acijobs.domain.watch import Change

_MAX_REASON_CHARS = 200


@dataclass(frozen=True, kw_only=True)
class Ending:
    """The result of a job, decided; logs and clean-up do not change it.

    Attributes:
        phase: Succeeded, Failed, Cancelled or TimedOut.
        exit_code: The container's, None when it has none.
        code: Why it did not succeed, in one word; empty on success.
        message: The same in one line.
        has_ended: Whether the container was seen to have ended, so that its log is at its end.
    """

    phase: Phase
    exit_code: int | None = None
    code: str = ""
    message: str = ""
    has_ended: bool = False

    @classmethod
    def cancelled(cls, event_input: object) -> Ending:
        """Return the end of a job that was cancelled, with the reason the event carried, if any."""
        reason = _reason(event_input)
        message = f"cancelled: {reason}" if reason else "cancelled on request"
        return cls(phase=Phase.CANCELLED, code="Cancelled", message=message)

    @classmethod
    def refused(cls, reply: dict[str, Any]) -> Ending:
        """Return the end of a job that Azure refused to run."""
        return cls(phase=Phase.FAILED, code=reply["code"], message=reply["message"])

    @classmethod
    def of_change(cls, change: Change, stage: str) -> Ending | None:
        """Return the end that this change means, or None when the job goes on."""
        match change.what:
            case "ended" if not change.code:
                return cls(phase=Phase.SUCCEEDED, exit_code=change.exit_code, has_ended=True)
            case "ended" | "refused":
                return cls(
                    phase=Phase.FAILED,
                    exit_code=change.exit_code,
                    code=change.code,
                    message=change.message,
                    has_ended=change.what == "ended",
                )
            case "gone":
                message = "the container group is gone, though the job had not deleted it"
                return cls(phase=Phase.FAILED, code="GroupDisappeared", message=message)
            case "late" if stage == "running":
                return cls.timed_out("RunTimeout", "the container ran longer than runSeconds")
            case "late":
                return cls.timed_out(
                    "ProvisionTimeout", "the container did not start within provisionSeconds"
                )
        return None

    @classmethod
    def timed_out(cls, code: str, message: str) -> Ending:
        """Return the end of a job whose deadline passed."""
        return cls(phase=Phase.TIMED_OUT, code=code, message=message)


def _reason(event_input: object) -> str:
    # The SDK encodes an event's data twice, so an object arrives as text; a raw POST arrives decoded.
    reason = _decoded(event_input) if isinstance(event_input, str) else event_input
    if isinstance(reason, dict):
        reason = reason.get("reason")
    return " ".join(str(reason)[:_MAX_REASON_CHARS].split()) if reason else ""


def _decoded(text: str) -> object:
    try:
        decoded: object = json.loads(text)
    except (ValueError, RecursionError):  # anyone may post anything as the event's data
        return text
    return decoded
