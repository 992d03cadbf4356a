"""The observation of a container group by one poll, and the verdict on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from acijobs.domain.group import MAIN_CONTAINER
from acijobs.domain.outcome import Outcome
from acijobs.domain.reasons import Reason

_MAINTENANCE_CODES = frozenset({7147, 7148})
"""Exit codes of platform maintenance. Source: Azure support article on ACI exit codes."""

_KILLED = 137
_OUT_OF_MEMORY_WORDS = ("oomkilled", "out of memory", "outofmemory")
_FAILED_PULL_WORDS = (
    "failed to pull",
    "back-off pulling",
    "pull access denied",
    "manifest unknown",
)
_UNHEALTHY_STATES = frozenset({"Unhealthy", "Repairing"})
_ENDED_GROUP_STATES = frozenset({"Failed", "Stopped", "Succeeded"})

Stage = Literal["creating", "pulling", "running", "ended"]


@dataclass(frozen=True, kw_only=True)
class ContainerEvent:
    """One event of a container or of its group, as Azure shows it.

    Attributes:
        name: For instance `Pulling`, `Pulled`, `Started`, `Killing`, `Failed`, `BackOff`.
        message: Azure's text, at most 300 characters.
        kind: `Normal` or `Warning`.
        first_at: When it first occurred, None where Azure did not say.
    """

    name: str
    message: str
    kind: str
    first_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class ContainerState:
    """The state of one container.

    Attributes:
        name: The container's name.
        state: `Waiting`, `Running`, `Terminated`, or None where Azure shows no instance view yet.
        exit_code: None when Azure gave none, which is not 0.
        restart_count: How often the platform started it again.
        detail: Azure's `detailStatus`.
        started_at: None when unknown.
        finished_at: None when unknown.
        has_run_before: Whether Azure shows an earlier run of it that ended.
    """

    name: str
    state: str | None = None
    exit_code: int | None = None
    restart_count: int = 0
    detail: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    has_run_before: bool = False

    @property
    def has_run(self) -> bool:
        """Whether it runs, or has run; restarts alone are attempts, all of which may have failed.

        Source: azure-cli#24159, azure-container-apps#1034.
        """
        if self.state in {"Running", "Terminated"} or self.started_at is not None:
            return True
        return self.has_run_before

    @property
    def is_in_crash_loop(self) -> bool:
        """Whether the platform holds the next start back, because the others ended too soon."""
        return self.state == "Waiting" and "crashloopbackoff" in self.detail.lower()


@dataclass(frozen=True, kw_only=True)
class Observation:
    """A container group, as one poll showed it.

    Attributes:
        group_state: Azure's instance view state, None when not shown.
        provisioning_state: Azure's provisioning state, None when not shown.
        containers: The group's containers, without its init containers.
        events: The events of the group and its containers, oldest first.
    """

    group_state: str | None = None
    provisioning_state: str | None = None
    containers: tuple[ContainerState, ...] = ()
    events: tuple[ContainerEvent, ...] = ()

    @property
    def main(self) -> ContainerState | None:
        """The container whose end is the job's, None where Azure shows none of that name yet."""
        return next((c for c in self.containers if c.name == MAIN_CONTAINER), None)

    @property
    def times(self) -> dict[str, datetime]:
        """The points that Azure gave for the timeline."""
        pulling = next((e.first_at for e in self.events if e.name == "Pulling"), None)
        found = {
            "imagePulling": pulling,
            "containerStarted": self.main.started_at if self.main else None,
            "containerFinished": self.main.finished_at if self.main else None,
        }
        return {name: at for name, at in found.items() if at is not None}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The meaning of an observation for its job.

    Attributes:
        stage: `creating` and `pulling` before the main container ran, `running` once it has, `ended`.
        outcome: For `ended`: how.
        restarts: How often the main container was started again.
        times: The points that Azure gave for the timeline.
        hindrance: What keeps the container from running now, for a deadline that passes meanwhile.
    """

    stage: Stage
    outcome: Outcome | None = None
    hindrance: Reason | None = None
    restarts: int = 0
    times: dict[str, datetime] = field(default_factory=dict)


def judge(seen: Observation, restart_policy: str) -> Verdict:
    """Decide from the main container's own state how far the job is.

    The group's state alone is not trusted: a group has been seen Running while its container was
    Terminated. A container that ended with 0 is never restarted; one that failed is final under
    `Never` (the group is deleted before the platform may rerun it) and under `OnFailure` only once
    the group itself has ended. Other containers of the group are not waited for.

    Source: container-instances-restart-policy and container-state, learn.microsoft.com.
    """
    outcome = _outcome(seen, restart_policy)
    main = seen.main
    return Verdict(
        stage="ended" if outcome else _stage(seen),
        outcome=outcome,
        restarts=main.restart_count if main else 0,
        times=seen.times,
        hindrance=_hindrance(seen),
    )


def _outcome(seen: Observation, restart_policy: str) -> Outcome | None:
    main = seen.main
    if main is not None and main.state == "Terminated":
        if main.exit_code == 0:
            return Outcome.succeeded()
        if restart_policy == "Never" or seen.group_state in _ENDED_GROUP_STATES:
            return _failure(main, seen)
    has_run = main is not None and main.has_run
    if seen.provisioning_state in {"Failed", "Canceled"} and not has_run:
        return _failed_provisioning(seen)
    return None


def _stage(seen: Observation) -> Stage:
    main = seen.main
    if main is not None and main.has_run:
        return "running"
    if any(event.name in {"Pulling", "Pulled"} for event in seen.events):
        return "pulling"
    return "creating"


def _hindrance(seen: Observation) -> Reason | None:
    if seen.main is not None and seen.main.is_in_crash_loop:
        return Reason.CRASH_LOOP
    is_running = seen.main is not None and seen.main.state == "Running"
    is_unhealthy = seen.provisioning_state in _UNHEALTHY_STATES
    return Reason.UNHEALTHY if is_unhealthy and not is_running else None


def _failure(main: ContainerState, seen: Observation) -> Outcome:
    code = main.exit_code
    if code is None:
        detail = main.detail or "it gave none"
        message = f"the container ended without an exit code: {detail}"
        return Outcome.failed(Reason.EXIT_CODE_MISSING, message, has_ended=True)
    reason, message = Reason.EXIT_CODE, f"the container exited with code {code}"
    told = [text for text in (main.detail, *_warnings(seen)[-1:]) if text not in {"", "Error"}]
    if code in _MAINTENANCE_CODES:
        reason, told = Reason.MAINTENANCE, []
        message = f"Azure stopped the container for maintenance (exit code {code})"
    elif code == _KILLED and _says(_OUT_OF_MEMORY_WORDS, main.detail, *_warnings(seen)):
        reason = Reason.OUT_OF_MEMORY
    details = f" ({', '.join(told)})" if told else ""
    return Outcome.failed(reason, message + details, exit_code=code, has_ended=True)


def _failed_provisioning(seen: Observation) -> Outcome:
    warnings = _warnings(seen)
    message = warnings[-1] if warnings else f"provisioning ended as {seen.provisioning_state}"
    reason = Reason.PROVISIONING_FAILED
    if _says(("not available in the location", "insufficientcapacity"), *warnings):
        reason = Reason.CAPACITY
    elif _says(_FAILED_PULL_WORDS, *warnings):
        reason = Reason.IMAGE_PULL
    return Outcome.failed(reason, message, has_ended=True)


def _says(words: tuple[str, ...], *texts: str) -> bool:
    return any(word in text.lower() for word in words for text in texts)


def _warnings(seen: Observation) -> list[str]:
    return [event.message for event in seen.events if event.kind == "Warning"]
