"""Jobs and their instances, through the app's API and Durable's management API."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from stack.http import send

if TYPE_CHECKING:
    from collections.abc import Iterator

_PAGE = 1000
_END_PHASES = frozenset({"Succeeded", "Failed", "Cancelled", "TimedOut"})
_END_STATUSES = frozenset({"Completed", "Failed", "Terminated", "Canceled"})
_MESSAGES = frozenset(
    {
        "ExecutionStarted",
        "TaskCompleted",
        "TaskFailed",
        "TimerFired",
        "SubOrchestrationInstanceCompleted",
        "SubOrchestrationInstanceFailed",
        "EventRaised",
    }
)
"""Events of a history that came as a message of a control queue."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job as a poll shows it.

    Attributes:
        id: Its instance id.
        has_ended: Whether its phase or its runtime status is an end.
        phase: Its phase; empty when it has no custom status.
        container_end: When its container ended, in seconds since the epoch; None while unknown.
    """

    id: str
    has_ended: bool
    phase: str
    container_end: float | None


class Hub:
    """The jobs of one running app.

    Args:
        url: Where the app answers.
        since: The earliest creation time of instances to list, in seconds since the epoch.
    """

    def __init__(self, url: str, since: float) -> None:
        self._jobs_url = f"{url}/api/jobs"
        self._instances_url = f"{url}/runtime/webhooks/durabletask/instances"
        self._since = datetime.fromtimestamp(since).astimezone().isoformat()

    def start(self, job_id: str, run_s: float, lines: int) -> float:
        """Start a job that runs so long; return how long the request took.

        Raises:
            RuntimeError: the answer is not 202.
        """
        command = ["script", f"run_s={run_s:g}", "exit_code=0", f"lines={lines}"]
        job = {"id": job_id, "image": "any", "command": command}
        began_at = time.monotonic()
        reply = send("POST", self._jobs_url, body=job)
        if reply.status != 202:
            raise RuntimeError(f"{job_id} was answered {reply.status}: {reply.body}")
        return time.monotonic() - began_at

    def poll(self, prefix: str) -> list[Job]:
        """Return the jobs whose ids begin so, with one request per thousand."""
        return [_job(instance) for instance in self._list(instanceIdPrefix=prefix)]

    def children(self) -> dict[str, list[str]]:
        """Return the ids of the child instances of every instance that has any."""
        found: dict[str, list[str]] = {}
        for instance in self._list():
            parent = instance.get("parentInstanceId")
            if parent is not None:
                found.setdefault(parent, []).append(instance["instanceId"])
        return found

    def messages(self, job_id: str, children: dict[str, list[str]]) -> int:
        """Return how many messages the histories of a job and its descendants hold.

        A generation that continued as new has left no history, so its messages are not counted.
        """
        url = f"{self._instances_url}/{quote(job_id, safe='')}?showHistory=true&showInput=false"
        history = send("GET", url).body["historyEvents"]
        own = sum(event["EventType"] in _MESSAGES for event in history)
        return own + sum(self.messages(child, children) for child in children.get(job_id, []))

    def _list(self, **more: str) -> Iterator[dict[str, Any]]:
        query = {"createdTimeFrom": self._since, "top": str(_PAGE), "showInput": "false"} | more
        url = f"{self._instances_url}/?{urlencode(query)}"
        token = ""
        while True:
            headers = {"x-ms-continuation-token": token} if token else {}
            reply = send("GET", url, headers=headers)
            if reply.status != 200:
                raise RuntimeError(f"{url} was answered {reply.status}: {reply.body}")
            yield from reply.body
            token = reply.headers.get("x-ms-continuation-token", "")
            if not token:
                return


def _job(instance: dict[str, Any]) -> Job:
    status = instance.get("customStatus")
    shown = status if isinstance(status, dict) else {}
    phase = str(shown.get("phase") or "")
    finished = (shown.get("timeline") or {}).get("containerFinished")
    return Job(
        id=instance["instanceId"],
        has_ended=phase in _END_PHASES or instance["runtimeStatus"] in _END_STATUSES,
        phase=phase,
        container_end=None if finished is None else datetime.fromisoformat(finished).timestamp(),
    )
