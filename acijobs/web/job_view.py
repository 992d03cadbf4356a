"""A job as a user sees it: its row, and while it is driven the custom status of that run."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from acijobs.domain.outcome import Phase
from acijobs.domain.progress import CleanUp

if TYPE_CHECKING:
    from acijobs.domain.row import Row
    from acijobs.instances import Instance

_BEFORE_RUNNING = frozenset({Phase.QUEUED.value, Phase.CREATING.value, Phase.PULLING.value})
_BAD_ENDS = frozenset({"Failed", "TimedOut"})


@dataclass(frozen=True, kw_only=True)
class JobView:
    """One job, as the API shows it.

    Attributes:
        state: `Pending`, `Running`, `Succeeded`, `Failed`, `Cancelled` or `TimedOut`.
        fields: All fields but the logs, in wire names.
    """

    state: str
    fields: dict[str, Any]

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.state not in {"Pending", "Running"}

    @property
    def http_status(self) -> HTTPStatus:
        """202 while it runs, 500 when it failed, else 200."""
        if not self.is_over:
            return HTTPStatus.ACCEPTED
        return HTTPStatus.INTERNAL_SERVER_ERROR if self.state in _BAD_ENDS else HTTPStatus.OK


def view_job(row: Row, instance: Instance) -> JobView:
    """Return the job as its row has it, and while it is open as its run shows it."""
    shown = row.progress.shown()
    if not row.is_closed:
        told = instance.custom_status
        if row.claim is not None and told.get("run") == row.claim.execution:
            shown |= {name: value for name, value in told.items() if name in shown}
        shown["cleanUp"] = CleanUp.PENDING.value
    phase = str(shown["phase"])
    running = "Pending" if phase in _BEFORE_RUNNING else "Running"
    state = row.outcome.phase.value if row.outcome is not None else running
    fields = {"id": row.job_id, "state": state} | {
        name: shown[name] for name in shown if name not in {"run", "logs", "group"}
    }
    return JobView(state=state, fields=fields | {"logState": shown["logs"]})
