"""The decisions of an episode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class ScheduleTask:
    """Run an activity; `payload` is its input as JSON text."""

    number: int
    name: str
    payload: str | None


@dataclass(frozen=True, slots=True)
class CreateTimer:
    """Fire a timer at a time."""

    number: int
    fire_at: datetime


@dataclass(frozen=True, slots=True)
class CreateSubOrchestration:
    """Start a child orchestration; `payload` is its input as JSON text."""

    number: int
    name: str
    child_id: str
    payload: str | None
    version: str


@dataclass(frozen=True, slots=True)
class SendEvent:
    """Send a message to an entity; `body` is its JSON."""

    number: int
    target_id: str
    name: str
    body: str


Decision = ScheduleTask | CreateTimer | CreateSubOrchestration | SendEvent
