"""Named places where the process can be made to die, to prove that nothing is lost there."""

from __future__ import annotations

import os
import signal
from enum import StrEnum

ENVIRONMENT_VARIABLE = "FUNCTIONS_HOST_CRASH_AT"


class CrashPoint(StrEnum):
    """Every place around a commit where `kill -9` must be harmless."""

    CREATE_BEFORE = "create.before"
    """A new instance was accepted, nothing of it is written."""
    CREATE_WRITTEN = "create.written"
    """A new instance is written, its transaction is open."""
    CREATE_COMMITTED = "create.committed"
    """A new instance is durable, nobody was told."""
    MESSAGE_BEFORE = "message.before"
    """An event, termination, suspension or signal was accepted, nothing of it is written."""
    MESSAGE_WRITTEN = "message.written"
    """A message is written, its transaction is open."""
    MESSAGE_COMMITTED = "message.committed"
    """A message is durable, nobody was told and its receiver was not woken."""
    EPISODE_RAN = "episode.ran"
    """The orchestrator returned its decisions, which exist in memory only."""
    EPISODE_BEFORE = "episode.before"
    """An episode is queued for commit."""
    EPISODE_WRITTEN = "episode.written"
    """An episode is written, its transaction is open."""
    EPISODE_COMMITTED = "episode.committed"
    """An episode is durable, its activities, timers and messages were not set going."""
    ACTIVITY_STARTED = "activity.started"
    """An activity was handed to its thread and did not run yet."""
    ACTIVITY_RAN = "activity.ran"
    """An activity returned, its result exists in memory only."""
    RESULT_BEFORE = "result.before"
    """An activity's result is queued for commit."""
    RESULT_WRITTEN = "result.written"
    """An activity's result is written, its transaction is open."""
    RESULT_COMMITTED = "result.committed"
    """An activity's result is durable, its orchestrator was not woken."""
    ENTITY_RAN = "entity.ran"
    """An entity's batch returned, its state and answers exist in memory only."""
    ENTITY_BEFORE = "entity.before"
    """An entity's batch is queued for commit."""
    ENTITY_WRITTEN = "entity.written"
    """An entity's batch is written, its transaction is open."""
    ENTITY_COMMITTED = "entity.committed"
    """An entity's batch is durable, its answers were not delivered."""
    DISCARD_WRITTEN = "discard.written"
    """Messages nobody waits for are deleted, the transaction is open."""
    PURGE_WRITTEN = "purge.written"
    """Instances are deleted, the transaction is open."""
    REWIND_WRITTEN = "rewind.written"
    """A failed instance's history is rewritten, the transaction is open."""
    MIGRATION_WRITTEN = "migration.written"
    """The store's schema is upgraded, the transaction is open."""
    TIMER_DUE = "timer.due"
    """A timer is due, its orchestrator was not woken."""


class CrashSwitch:
    """Kills this process the n-th time an armed point is reached; unarmed, it does nothing.

    Args:
        setting: `<point>` or `<point>:<n>`, as in the environment variable; None disarms.

    Raises:
        ValueError: the setting names no crash point.
    """

    def __init__(self, setting: str | None = None) -> None:
        name, _, count = (setting or "").partition(":")
        self._point = CrashPoint(name) if name else None
        self._left = int(count or 1)

    @classmethod
    def from_environment(cls) -> CrashSwitch:
        """Return a switch armed by FUNCTIONS_HOST_CRASH_AT, or an unarmed one."""
        return cls(os.environ.get(ENVIRONMENT_VARIABLE))

    def reach(self, point: CrashPoint) -> None:
        """Die here if this is the armed point and its turn has come."""
        if point is self._point:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
