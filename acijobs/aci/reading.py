"""Translates what Azure shows, as the SDK's models have it, into an observation."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from acijobs.domain.observation import ContainerEvent, ContainerState, Observation
from acijobs.domain.regions import Capability, Usage

_MAX_MESSAGE_CHARS = 300


def observation(group: Any) -> Observation:
    """Return what a group that was read shows."""
    view = group.instance_view
    containers = group.containers or []
    everyone = [*(group.init_containers or []), *containers]
    views = [c.instance_view for c in everyone if c.instance_view is not None]
    events = [event for v in [*views, view] if v is not None for event in v.events or []]
    return Observation(
        group_state=view.state if view is not None else None,
        provisioning_state=group.provisioning_state,
        containers=tuple(_container(c.name, c.instance_view) for c in containers),
        init_containers=tuple(
            _container(c.name, c.instance_view) for c in group.init_containers or []
        ),
        events=tuple(
            ContainerEvent(
                name=event.name or "",
                message=(event.message or "")[:_MAX_MESSAGE_CHARS],
                kind=event.type or "",
                first_at=event.first_timestamp,
            )
            for event in sorted(events, key=_first_at)
        ),
    )


def usage(found: Any) -> Usage:
    """Return a quota of a region."""
    name = found.name.value if found.name is not None else ""
    return Usage(name=name or "", used=found.current_value or 0, limit=found.limit or 0)


def capability(found: Any) -> Capability:
    """Return how large a group of one kind can be in a region."""
    most = found.capabilities
    return Capability(
        os=found.os_type or "",
        address=found.ip_address_type or "",
        gpu=found.gpu or "",
        max_cpu=(most.max_cpu if most is not None else None) or 0,
        max_memory_gb=(most.max_memory_in_gb if most is not None else None) or 0,
    )


def _container(name: str, view: Any) -> ContainerState:
    if view is None or view.current_state is None:
        return ContainerState(name=name)
    current = view.current_state
    return ContainerState(
        name=name,
        state=current.state,
        exit_code=current.exit_code,
        restart_count=view.restart_count or 0,
        detail=current.detail_status or "",
        started_at=current.start_time,
        finished_at=current.finish_time,
        has_run_before=_has_ended(view.previous_state),
    )


def _has_ended(state: Any) -> bool:
    return state is not None and (state.state == "Terminated" or state.start_time is not None)


def _first_at(event: Any) -> datetime:
    return event.first_timestamp or datetime.min.replace(tzinfo=UTC)
