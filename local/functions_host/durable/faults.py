"""Faults of Microsoft's engine, made to happen here: for tests that must be as hard as Azure.

`DurableOptions(faults=…)` arms them; for a host in a process of its own, FUNCTIONS_HOST_FAULTS holds
them as JSON: `[{"fault": "ReplySwallowed", "function": "CheckStatusActivity", "occurrence": 2}]`.
Each strikes once, the `occurrence`-th time that its function and instance come to the place that it
is about; of several of a kind for the same occurrence the first strikes. What they do is kept in
memory: a host that starts again knows of none under way. Times go by the engine's clock.
"""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

_LOG = logging.getLogger("functions_host.durable")
ENVIRONMENT_VARIABLE = "FUNCTIONS_HOST_FAULTS"
_VISIBILITY_TIMEOUT_S = 300.0  # the extension's default for both kinds of queues


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Select where a fault strikes.

    Attributes:
        function: The activity, or the orchestrator for what befalls an instance; empty for any.
        instance_id: The instance, or the one that asked for the activity; empty for any.
        occurrence: Which one of those strikes, from 1.
    """

    function: str = ""
    instance_id: str = ""
    occurrence: int = 1

    def selects(self, function: str, instance_id: str, detail: str) -> bool:
        """Return whether this is one of those that the fault counts.

        Args:
            function: The function's name.
            instance_id: The instance's id.
            detail: What else the kind of fault looks at; empty for most.
        """
        del detail
        is_function = self.function.casefold() in {"", function.casefold()}
        return is_function and self.instance_id in {"", instance_id}


class Redelivery(StrEnum):
    """The moment at which a work item comes again."""

    AT_ONCE = "at_once"
    """As soon as its first reply is on record."""
    AFTER_END = "after_end"
    """Once the instance that asked for it is over."""


@dataclass(frozen=True, kw_only=True)
class ActivityRedelivered(Fault):
    """Run an activity again with the same input, `after_s` after `when`; its second reply is dropped.

    Seen when a host died after it had sent the reply and before it deleted the work item: the item
    came back one visibility timeout later, with the job long over.
    """

    when: Redelivery = Redelivery.AT_ONCE
    after_s: float = 0.0

    def __post_init__(self) -> None:
        Redelivery(self.when)  # the environment's word for it may be none


@dataclass(frozen=True, kw_only=True)
class FirstEpisodeLost(Fault):
    """Start an instance over, with the same ExecutionId and input and a later clock.

    The activities of the lost run were sent and do run; nothing else of it remains. If
    `replies_arrive`, their replies reach the tasks of the same numbers once the second run is on
    record, whatever those tasks are. Until then the instance is Pending; what is sent to it waits,
    unless an `EventDropped` drops it, as Azure does.

    Seen when a host died between the messages of a first episode and its history, which are written
    in this order.
    """

    later_s: float = _VISIBILITY_TIMEOUT_S
    replies_arrive: bool = True


@dataclass(frozen=True, kw_only=True)
class CustomStatusLost(Fault):
    """Record an instance without its custom status: when it ends, or at any episode.

    With `at_end` only ends are counted, else every episode; an orchestrator that goes on sets its
    status again at its next episode.

    Seen when a host died between a history and the instance's row: the row is repaired from the
    history, which has no custom status.
    """

    at_end: bool = True

    def selects(self, function: str, instance_id: str, detail: str) -> bool:
        """Return whether the episode counts; `detail` is `end` if the instance ends with it."""
        is_counted = detail == "end" or not self.at_end
        return is_counted and super().selects(function, instance_id, detail)


@dataclass(frozen=True, kw_only=True)
class EventDropped(Fault):
    """Accept an event and drop it, as its instance has no committed episode yet.

    `event` is the event's name; empty for any. Later events are not counted.

    Seen as "No such instance" in the log, after an answer of 202.
    """

    event: str = ""

    def selects(self, function: str, instance_id: str, detail: str) -> bool:
        """Return whether the event counts; `detail` is its name."""
        is_event = self.event.casefold() in {"", detail.casefold()}
        return is_event and super().selects(function, instance_id, detail)


@dataclass(frozen=True, kw_only=True)
class OrchestratorKilled(Fault):
    """Fail an instance for good at a call of its orchestrator; its custom status is null.

    No code of it runs any more, and a parent sees its child fail. The output is "Non-Deterministic
    workflow detected …" if the history has scheduled anything, else that the worker ended. Calls are
    counted over all executions.

    Seen when the Python worker died, as when out of memory, during the call (durable-extension#2563).
    """


@dataclass(frozen=True, kw_only=True)
class ReplySwallowed(Fault):
    """Let an activity's reply never arrive, or only `arrives_after_s` later.

    The activity stays on record as running: a host that starts again runs it again.

    Seen after a storage outage longer than a visibility timeout: the activity's session leaked, and
    its redeliveries were refused until the host restarted.
    """

    arrives_after_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class StrayReply(Fault):
    """Give a task the reply of another activity: `result`, any JSON value; its own is dropped.

    Seen after a lost first episode: the reply of an activity of the lost run came for another task
    with the same number.
    """

    result: Any = None


@dataclass(frozen=True, kw_only=True)
class TimerEarly(Fault):
    """Fire a timer at its deadline rounded down to a whole second; from `occurrence` on, every one.

    Seen everywhere: the engine sends whole seconds, so a timer fires up to 0.9 s early, and the
    orchestrator's clock is then before the deadline.
    """


_KINDS = {kind.__name__: kind for kind in Fault.__subclasses__()}
_F = TypeVar("_F", bound=Fault)


class Faults:
    """Counts occurrences and tells when a fault strikes; used from the event loop only.

    Args:
        armed: The faults that are to strike; those of the environment if empty.
    """

    def __init__(self, armed: Sequence[Fault] = ()) -> None:
        armed = armed or faults_of(os.environ.get(ENVIRONMENT_VARIABLE, "[]"))
        self._armed: dict[type[Fault], list[Fault]] = {}
        for fault in armed:
            self._armed.setdefault(type(fault), []).append(fault)
        self._seen: dict[int, int] = {}

    def strike(
        self, kind: type[_F], function: str, instance_id: str, detail: str = ""
    ) -> _F | None:
        """Count one occurrence; return the fault of this kind that strikes at it, or None."""
        struck: _F | None = None
        for fault in self._armed.get(kind, ()):
            assert isinstance(fault, kind)
            if not fault.selects(function, instance_id, detail):
                continue
            seen = self._seen[id(fault)] = self._seen.get(id(fault), 0) + 1
            goes_on = kind is TimerEarly and seen > fault.occurrence
            if struck is None and (seen == fault.occurrence or goes_on):
                struck = fault
                _LOG.warning("The fault %s strikes %s of %s.", kind.__name__, function, instance_id)
        return struck


def faults_of(text: str) -> list[Fault]:
    """Return the faults that a JSON list names.

    Raises:
        ValueError: there is no such fault, or it has no such field.
    """
    faults: list[Fault] = []
    for fields in json.loads(text):
        kind = _KINDS.get(fields.pop("fault", None))
        if kind is None:
            raise ValueError(f"{ENVIRONMENT_VARIABLE} knows only {', '.join(sorted(_KINDS))}")
        try:
            faults.append(kind(**fields))
        except TypeError as error:
            raise ValueError(f"{ENVIRONMENT_VARIABLE}: {error}") from error
    return faults
