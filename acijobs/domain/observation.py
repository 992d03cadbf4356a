"""The observation of a container group by one poll, and the verdict on it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from acijobs.domain.group import MAIN_CONTAINER
from acijobs.domain.outcome import MAX_HAPPENINGS, ContainerEnd, Happening, Outcome
from acijobs.domain.public_text import public_text, shortened
from acijobs.domain.reasons import Reason

_MAINTENANCE_CODES = frozenset({7147, 7148})
"""Exit codes of platform maintenance. Source: Azure support article on ACI exit codes."""

_MAX_DETAIL_BYTES = 300
"""Most that Azure's word on one container takes of a row, as JSON; there may be sixty of them."""

_KILLED = 137
_OUT_OF_MEMORY_WORDS = ("oomkilled", "out of memory", "outofmemory")
_FAILED_PULL_WORDS = (
    "failed to pull",
    "back-off pulling",
    "pull access denied",
    "manifest unknown",
)
_DELETING = "Deleting"
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
        init_containers: Those that run before the others.
    """

    group_state: str | None = None
    provisioning_state: str | None = None
    containers: tuple[ContainerState, ...] = ()
    events: tuple[ContainerEvent, ...] = ()
    init_containers: tuple[ContainerState, ...] = ()

    @property
    def is_being_deleted(self) -> bool:
        """Whether Azure has been asked to delete it, and is at it."""
        return self.provisioning_state == _DELETING

    @property
    def all_containers(self) -> tuple[ContainerState, ...]:
        """All containers, in the order in which they begin."""
        return (*self.init_containers, *self.containers)

    @property
    def main(self) -> ContainerState | None:
        """The container whose end is the job's, None where Azure shows none of that name yet."""
        return next((c for c in self.containers if c.name == MAIN_CONTAINER), None)

    @property
    def times(self) -> dict[str, datetime]:
        """The points that Azure gave for the timeline."""
        first = {event.name: event.first_at for event in reversed(self.events)}
        found = {
            "imagePulling": first.get("Pulling"),
            "imagePulled": first.get("Pulled"),
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
    the group itself has ended. An init container that failed for good ends a job whose container
    waits for it. Other containers of the group are not waited for.

    Source: container-instances-restart-policy and container-state, learn.microsoft.com.
    """
    decided, main = _outcome(seen, restart_policy), seen.main
    outcome = decided and with_details(decided, seen)
    return Verdict(
        stage="ended" if outcome else _stage(seen),
        outcome=outcome,
        restarts=main.restart_count if main else 0,
        times=seen.times,
        hindrance=_hindrance(seen),
    )


def with_details(outcome: Outcome, seen: Observation) -> Outcome:
    """Return the outcome with what Azure showed of the containers, and said of the group."""
    ends = (
        ContainerEnd(
            name=container.name,
            state=container.state or "",
            exit_code=container.exit_code,
            restarts=container.restart_count,
            detail=shortened(public_text(container.detail), _MAX_DETAIL_BYTES),
        )
        for container in seen.all_containers
    )
    said = (
        Happening(
            name=e.name, message=shortened(public_text(e.message)), kind=e.kind, at=e.first_at
        )
        for e in seen.events[-MAX_HAPPENINGS:]
    )
    return replace(outcome, containers=tuple(ends), events=tuple(said))


def _outcome(seen: Observation, restart_policy: str) -> Outcome | None:
    main = seen.main
    if main is not None and main.state == "Terminated":
        if main.exit_code == 0:
            return Outcome.succeeded()
        if restart_policy == "Never" or seen.group_state in _ENDED_GROUP_STATES:
            return _failure(main, seen)
    has_run = main is not None and main.has_run
    broken = None if has_run else _broken_init_container(seen, restart_policy)
    if broken is not None:
        return _failed_init_container(broken)
    if seen.provisioning_state in {"Failed", "Canceled"} and not has_run:
        return _failed_provisioning(seen)
    return None


def _broken_init_container(seen: Observation, restart_policy: str) -> ContainerState | None:
    """Return the init container for whose end the others will wait for ever.

    Source: container-instances-init-container, learn.microsoft.com: it is restarted as the group's
    restart policy says, and the others start only once it has succeeded.
    """
    is_final = restart_policy == "Never" or seen.group_state in _ENDED_GROUP_STATES
    ended = (c for c in seen.init_containers if c.state == "Terminated" and c.exit_code != 0)
    return next(ended, None) if is_final else None


def _failed_init_container(broken: ContainerState) -> Outcome:
    told = f" ({broken.detail})" if broken.detail not in {"", "Error"} else ""
    code = "without an exit code" if broken.exit_code is None else f"with code {broken.exit_code}"
    message = f"the init container '{broken.name}' exited {code}{told}"
    return Outcome.failed(Reason.INIT_CONTAINER, message, has_ended=True)


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
