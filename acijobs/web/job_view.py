"""What a user sees of a job: its orchestration's status, in the words of jobs."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import azure.durable_functions as df

from acijobs.domain.progress import Phase

if TYPE_CHECKING:
    from azure.durable_functions.models.DurableOrchestrationStatus import (
        DurableOrchestrationStatus,
    )

ORCHESTRATOR = "JobOrchestrator"
"""The orchestrator whose instances are jobs."""

_Status = df.OrchestrationRuntimeStatus
_BEFORE_RUNNING = frozenset({Phase.QUEUED, Phase.CREATING, Phase.PULLING})
_BAD_ENDS = frozenset({"Failed", "TimedOut", "Terminated"})


@dataclass(frozen=True, kw_only=True)
class JobView:
    """One job, as the API shows it.

    Attributes:
        state: `Pending`, `Running`, `Succeeded`, `Failed`, `Cancelled`, `TimedOut` or, when its
            orchestration was terminated, `Terminated`.
        fields: All fields but the logs, in wire names.
        is_over: Whether it has ended.
    """

    state: str
    fields: dict[str, Any]
    is_over: bool

    @property
    def may_have_left_a_group(self) -> bool:
        """Whether it is over and its container group was not seen to be gone."""
        return self.is_over and self.fields["cleanUp"] in {None, "Pending", "Failed"}

    @property
    def http_status(self) -> HTTPStatus:
        """202 while it runs, 500 when it failed, else 200."""
        if not self.is_over:
            return HTTPStatus.ACCEPTED
        return HTTPStatus.INTERNAL_SERVER_ERROR if self.state in _BAD_ENDS else HTTPStatus.OK


def view_job(status: DurableOrchestrationStatus) -> JobView | None:
    """Return the job of this status, or None where there is no such instance or it is no job."""
    if not status or status.name != ORCHESTRATOR:
        return None
    shown = status.custom_status if isinstance(status.custom_status, dict) else {}
    phase = Phase(shown.get("phase", Phase.QUEUED))
    state, reason = _state(status, phase), shown.get("reason")
    if reason is None and state in {"Failed", "Terminated"}:
        reason = {"code": f"Orchestration{state}", "message": str(status.output or "")[:600]}
    return JobView(
        state=state,
        is_over=state not in {"Pending", "Running"},
        fields={
            "id": status.instance_id,
            "state": state,
            "phase": phase.value,
            "exitCode": shown.get("exitCode"),
            "reason": reason,
            "waitingFor": shown.get("waitingFor"),
            "restarts": shown.get("restarts", 0),
            "timeline": shown.get("timeline", {}),
            "cleanUp": shown.get("cleanUp"),
            "logState": shown.get("logs"),
        },
    )


def _state(status: DurableOrchestrationStatus, phase: Phase) -> str:
    if phase.is_end:
        return phase.value
    match status.runtime_status:
        case _Status.Failed | _Status.Terminated | _Status.Canceled:
            ended: str = status.runtime_status.value
            return "Terminated" if ended == "Canceled" else ended
        case _:
            return "Pending" if phase in _BEFORE_RUNNING else "Running"
