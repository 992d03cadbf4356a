"""Runs one activity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from functions_host.contract import UserCodeError
from functions_host.durable.crash import CrashPoint
from functions_host.durable.events import EventType, compact, event, mended, mended_json
from functions_host.durable.replay import wording

if TYPE_CHECKING:
    from datetime import datetime

    from functions_host.contract import DurableFunctions
    from functions_host.durable.crash import CrashSwitch
    from functions_host.durable.events import Event
    from functions_host.durable.store.records import ActivityTask


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The end of an activity: a result (JSON text or None), or a failure's text."""

    task: ActivityTask
    result: str | None = None
    failure: str | None = None
    stack: str = ""

    def to_event(self, now: datetime) -> Event:
        """Return the history event that tells the orchestrator."""
        if self.failure is None:
            return event(
                EventType.TASK_COMPLETED,
                now,
                TaskScheduledId=self.task.task_id,
                Result=self.result,
            )
        details = {
            "$type": "System.Exception, System.Private.CoreLib",
            "ClassName": "System.Exception",
            "Message": f" {wording.truncated(self.failure)}",
        }
        return event(
            EventType.TASK_FAILED,
            now,
            TaskScheduledId=self.task.task_id,
            Reason=wording.activity_failed(self.task.name, self.failure),
            Details=compact(details),
            FailureDetails=None,
        )


class ActivityRunner:
    """Runs activities; one runner serves all threads.

    Args:
        functions: The app's functions.
        crash: Where tests make the process die.
    """

    def __init__(self, functions: DurableFunctions, crash: CrashSwitch) -> None:
        self._functions = functions
        self._crash = crash

    def run(self, task: ActivityTask) -> Answer:
        """Return how the activity ended; never raises."""
        self._crash.reach(CrashPoint.ACTIVITY_STARTED)
        try:
            return Answer(task=task, result=self._call(task))
        except UserCodeError as error:
            return Answer(task=task, failure=mended(str(error)), stack=error.stack)
        except BaseException as error:  # noqa: BLE001 - even SystemExit must not end the thread
            return Answer(task=task, failure=mended(f"{type(error).__name__}: {error}"))

    def _call(self, task: ActivityTask) -> str | None:
        name = wording.own_spelling(task.name, self._functions.activities)
        if name is None:
            raise UserCodeError(
                wording.unknown_function(task.name, "activity", self._functions.activities)
            )
        result = self._functions.run_activity(
            name, task.payload, instance_id=task.instance_id, trace_parent=task.trace_parent
        )
        return None if result is None else mended_json(result)
