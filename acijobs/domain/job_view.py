"""A job as a user sees it: its row, and while it is driven the custom status of that run."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

from acijobs.domain import calling_back
from acijobs.domain.outcome import Phase
from acijobs.domain.progress import CleanUp

if TYPE_CHECKING:
    from acijobs.domain.row import Row
    from acijobs.domain.told import Told

_BEFORE_RUNNING = frozenset({Phase.QUEUED.value, Phase.CREATING.value, Phase.PULLING.value})
_BAD_ENDS = frozenset({"Failed", "TimedOut"})
_LIFE = (
    *("queued", "creating", "groupCreated", "pulling", "imagePulling", "imagePulled"),
    *("containerStarted", "running", "containerFinished", "collecting", "cleaning", "deleted"),
)
"""The points of a timeline in the order of a job's life; Azure's clock and ours are not the same."""


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


class Driving(Protocol):
    """What drives a job, as far as it shows how the job is."""

    @property
    def custom_status(self) -> dict[str, Any]:
        """The fields of a `Progress`, and the `run` that they are of; empty where nothing is told."""
        ...


def view_job(row: Row, instance: Driving, told: Told | None = None) -> JobView:
    """Return the job as its row has it, and while it is open as its run, and itself, tell of it."""
    shown = row.progress.shown()
    if not row.is_closed:
        status = instance.custom_status
        if row.claim is not None and status.get("run") == row.claim.execution:
            shown |= {name: value for name, value in status.items() if name in shown}
        shown["cleanUp"] = CleanUp.PENDING.value
    shown["timeline"] = dict(sorted(shown["timeline"].items(), key=_place))
    phase = str(shown["phase"])
    running = "Pending" if phase in _BEFORE_RUNNING else "Running"
    state = row.outcome.phase.value if row.outcome is not None else running
    fields = {"id": row.job_id, "state": state} | {
        name: shown[name] for name in shown if name not in {"run", "logs", "group"}
    }
    own = (told if told is not None and not row.is_closed else row.told).shown()
    others = {name: log.shown() for name, log in (row.log.containers or {}).items()}
    log_state = shown["logs"] | ({"containers": others} if others else {})
    return JobView(state=state, fields=fields | {"logState": log_state} | own | _known(row))


def _place(point: tuple[str, str]) -> int:
    """Return where a point of the timeline is shown: the outcome, which the list lacks, at the end."""
    return _LIFE.index(point[0]) if point[0] in _LIFE else len(_LIFE)


def _known(row: Row) -> dict[str, Any]:
    return {
        "callback": calling_back.shown(row),
        "labels": row.labels,
        "rerunOf": row.rerun_of or None,
        "firstRun": row.first_run or None,
    }
