"""What one look at a container group showed, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from acijobs.domain import wire

MAX_EVENTS = 5
"""Newest events kept in an observation: enough for a reason, small enough for a history."""

_PLATFORM_STOP_CODES = frozenset({7147, 7148})
"""Exit codes of platform maintenance. Source: Azure support article on ACI exit codes."""


@dataclass(frozen=True, kw_only=True)
class ContainerEvent:
    """One event of a container or of its group, as Azure reports it.

    Attributes:
        name: For instance `Pulling`, `Pulled`, `Started`, `Killing`, `Failed`, `BackOff`.
        message: Azure's text, at most 300 characters.
        kind: `Normal` or `Warning`.
        first_at: ISO 8601 time of its first occurrence, None where Azure gave none.
    """

    name: str
    message: str
    kind: str
    first_at: str | None = None


@dataclass(frozen=True, kw_only=True)
class ContainerState:
    """The state of one container.

    Attributes:
        name: The container's name.
        state: `Waiting`, `Running`, `Terminated`, or None where Azure shows no instance view yet.
        exit_code: None when Azure gave none, which is not 0.
        restart_count: How often the platform started it again.
        detail: Azure's `detailStatus`.
        started_at: ISO 8601, None when unknown.
        finished_at: ISO 8601, None when unknown.
    """

    name: str
    state: str | None = None
    exit_code: int | None = None
    restart_count: int = 0
    detail: str = ""
    started_at: str | None = None
    finished_at: str | None = None


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One look at a group.

    Attributes:
        group_state: Azure's instance view state, None when not shown.
        provisioning_state: Azure's provisioning state, None when not shown.
        containers: The group's containers.
        events: The newest events of the group and its containers, oldest first.
    """

    group_state: str | None = None
    provisioning_state: str | None = None
    containers: tuple[ContainerState, ...] = ()
    events: tuple[ContainerEvent, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the observation as JSON data, without what is unknown."""
        return {
            "groupState": self.group_state,
            "provisioningState": self.provisioning_state,
            "containers": [_known(vars(container)) for container in self.containers],
            "events": [_known(vars(event)) for event in self.events[-MAX_EVENTS:]],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Observation:
        """Return the observation that `to_json` wrote."""
        return cls(
            group_state=data["groupState"],
            provisioning_state=data["provisioningState"],
            containers=tuple(wire.read(ContainerState, c) for c in data["containers"]),
            events=tuple(wire.read(ContainerEvent, event) for event in data["events"]),
        )


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What an observation says of a job.

    Attributes:
        stage: `creating` and `pulling` before the container ran, `running` once it has, `ended`.
        exit_code: For `ended`: the first container's non-zero exit code, else 0; None if missing.
        reason_code: For `ended` without success: what went wrong, in one word.
        reason: For `ended` without success: the same in one line.
    """

    stage: Literal["creating", "pulling", "running", "ended"]
    exit_code: int | None = None
    reason_code: str = ""
    reason: str = ""


def judge(seen: Observation, restart_policy: str) -> Verdict:
    """Decide from the containers' own states how far the job is.

    The group's state alone is not trusted: a group has been seen Running while its container was
    Terminated. A container that ended with 0 is never restarted; one that failed is final under
    `Never` (the group is deleted before the platform may rerun it) and under `OnFailure` only once
    the group itself has ended.

    Source: container-instances-restart-policy and container-state, learn.microsoft.com.
    """
    containers = seen.containers
    if containers and all(c.state == "Terminated" for c in containers):
        failed = [c for c in containers if c.exit_code != 0]
        if not failed:
            return Verdict(stage="ended", exit_code=0)
        if restart_policy == "Never" or seen.group_state in {"Failed", "Stopped", "Succeeded"}:
            return _failure(failed[0], seen)
    if any(_has_run(c) for c in containers):
        return Verdict(stage="running")
    if seen.provisioning_state in {"Failed", "Canceled"}:
        return Verdict(
            stage="ended", reason_code=f"Provisioning{seen.provisioning_state}", reason=_why(seen)
        )
    pulling = any(event.name in {"Pulling", "Pulled"} for event in seen.events)
    return Verdict(stage="pulling" if pulling else "creating")


def _has_run(container: ContainerState) -> bool:
    return container.state in {"Running", "Terminated"} or container.restart_count > 0


def _failure(container: ContainerState, seen: Observation) -> Verdict:
    code = container.exit_code
    if code is None:
        detail = container.detail or "it gave none"
        reason = f"the container ended without an exit code: {detail}"
        return Verdict(stage="ended", reason_code="ExitCodeMissing", reason=reason)
    if code in _PLATFORM_STOP_CODES:
        reason = f"Azure stopped the container for maintenance (exit code {code})"
        return Verdict(
            stage="ended", exit_code=code, reason_code="PlatformMaintenance", reason=reason
        )
    told = [container.detail, *_warnings(seen)[-1:]]
    details = ", ".join(text for text in told if text not in {"", "Error"})
    detail = f" ({details})" if details else ""
    return Verdict(
        stage="ended",
        exit_code=code,
        reason_code="NonZeroExitCode",
        reason=f"the container exited with code {code}{detail}",
    )


def _why(seen: Observation) -> str:
    warnings = _warnings(seen)
    return warnings[-1] if warnings else f"provisioning ended as {seen.provisioning_state}"


def _warnings(seen: Observation) -> list[str]:
    return [event.message for event in seen.events if event.kind == "Warning"]


def _known(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
